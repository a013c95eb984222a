package goods

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"rostrum/internal/fault"
	"rostrum/internal/money"
)

var areaCode = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,31}$`)

// CheckArea says what is wrong with an area, all at once; nil for nothing.
func CheckArea(a Area) []fault.Field {
	var wrong []fault.Field
	if !areaCode.MatchString(a.Code) {
		wrong = append(wrong, fault.Field{Name: "code", Detail: "is not an area code", Remedy: "send 2 to 32 of a-z, 0-9 and -"})
	}
	return append(wrong, Text("name", a.Name, 1, MaxName)...)
}

// Check says what is wrong with an item as its owner describes it, all at once; nil for nothing.
func (i Item) Check() []fault.Field {
	wrong := Text("number", i.Number, 1, MaxNumber)
	wrong = append(wrong, Text("name", i.Name, 1, MaxName)...)
	wrong = append(wrong, Text("description", i.Description, 0, MaxDescription)...)
	wrong = append(wrong, Price("price", i.PriceMinor, i.Currency)...)
	if !areaCode.MatchString(i.Area) {
		wrong = append(wrong, fault.Field{Name: "area", Detail: "is not an area code", Remedy: "send the code of one of GET /api/v1/areas"})
	}
	for _, t := range []struct {
		name string
		us   int64
	}{{"show_from", i.ShowFromUS}, {"trade_from", i.TradeFromUS}} {
		if t.us < 0 || t.us > money.MaxMinor {
			wrong = append(wrong, fault.Field{Name: t.name, Detail: "is out of range", Remedy: "send an RFC 3339 time after 1970"})
		}
	}
	return wrong
}

// Text says what is wrong with a text field: its length in characters, or characters that no reader sees (controls but
// for line breaks and tabs). Emoji, right-to-left text and markup are texts like any other.
func Text(field, s string, shortest, longest int) []fault.Field {
	n := utf8.RuneCountInString(s)
	switch {
	case !utf8.ValidString(s):
		return []fault.Field{{Name: field, Detail: "is not UTF-8", Remedy: "send valid UTF-8"}}
	case n > longest:
		return []fault.Field{{Name: field, Detail: fmt.Sprintf("has %d characters", n), Remedy: fmt.Sprintf("send at most %d", longest)}}
	case len(strings.TrimSpace(s)) < shortest:
		return []fault.Field{{Name: field, Detail: "is empty", Remedy: fmt.Sprintf("send %d to %d characters", shortest, longest)}}
	case strings.ContainsFunc(s, hidden):
		return []fault.Field{{Name: field, Detail: "has control characters", Remedy: "send text without them"}}
	}
	return nil
}

func hidden(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }

// Price says what is wrong with a price in minor units and its currency.
func Price(field string, minor int64, currency string) []fault.Field {
	var wrong []fault.Field
	if minor < 1 || minor > money.MaxMinor {
		wrong = append(wrong, fault.Field{Name: field, Detail: fmt.Sprintf("is %d", minor), Remedy: "send minor units from 1 to 9007199254740991"})
	}
	if !money.Known(currency) {
		wrong = append(wrong, fault.Field{Name: "currency", Detail: "is not a currency sold in", Remedy: "send an ISO 4217 code such as EUR"})
	}
	return wrong
}
