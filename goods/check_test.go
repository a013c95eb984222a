package goods

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"rostrum/internal/fault"
	"rostrum/internal/money"
)

func anItem() Item {
	return Item{Number: "A-1", Name: "Cup", Description: "A cup.", PriceMinor: 1990, Currency: "EUR", Area: "north", Auctionable: true}
}

func names(wrong []fault.Field) string {
	var all []string
	for _, f := range wrong {
		if f.Detail == "" || f.Remedy == "" {
			all = append(all, "UNEXPLAINED")
		}
		all = append(all, f.Name)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// Texts are for people: whatever people write is taken as it is, and what nobody can read is not.
var textsTaken = map[string]string{
	"emoji":          "Cup ☕ 👩‍👩‍👧‍👦 🏳️‍🌈",
	"right to left":  "كوب من الخزف — כוס",
	"both ways":      "Cup \u202eكوب\u202c end",
	"Chinese":        "青花瓷茶杯",
	"SQL":            `Robert'); DROP TABLE items;-- " OR 1=1`,
	"HTML":           `<script>alert("x")</script><img src=x onerror=alert(1)>&amp;`,
	"templates":      "{{.}} ${jndi:ldap://x} %s %00",
	"line breaks":    "one\r\ntwo\tthree",
	"combining":      "e\u0301\u0301\u0301",
	"one character":  "x",
	"200 characters": strings.Repeat("é", 200),
}

var textsRefused = map[string]string{
	"nothing":        "",
	"blanks":         " \t\n",
	"other blanks":   "\u00a0\u2003",
	"201 characters": strings.Repeat("é", 201),
	"300 characters": strings.Repeat("x", 300),
	"NUL":            "a\x00b",
	"escape":         "a\x1b[31mb",
	"delete":         "a\x7fb",
	"C1 control":     "a\u0085b",
	"not UTF-8":      "a\xffb",
	"half a rune":    "é"[:1],
	"a surrogate":    "\xed\xa0\x80",
	"overlong slash": "\xc0\xaf",
	"vertical tabs":  "a\vb",
}

func TestText(t *testing.T) {
	for name, s := range textsTaken {
		if wrong := Text("name", s, 1, MaxName); wrong != nil {
			t.Errorf("%s: refused %+v", name, wrong)
		}
	}
	for name, s := range textsRefused {
		if got := names(Text("name", s, 1, MaxName)); got != "name" {
			t.Errorf("%s: wrong is %q", name, got)
		}
	}
	if wrong := Text("description", "", 0, MaxDescription); wrong != nil {
		t.Errorf("an empty text that may be empty: %+v", wrong)
	}
}

func TestItemCheck(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Item)
		wrong  string
	}{
		"as it should be":            {func(i *Item) {}, ""},
		"no number":                  {func(i *Item) { i.Number = "" }, "number"},
		"a number of 64":             {func(i *Item) { i.Number = strings.Repeat("9", 64) }, ""},
		"a number of 65":             {func(i *Item) { i.Number = strings.Repeat("9", 65) }, "number"},
		"no description":             {func(i *Item) { i.Description = "" }, ""},
		"a description of 4000":      {func(i *Item) { i.Description = strings.Repeat("字", 4000) }, ""},
		"a description of 4001":      {func(i *Item) { i.Description = strings.Repeat("字", 4001) }, "description"},
		"a description with control": {func(i *Item) { i.Description = "a\x00" }, "description"},
		"price 0":                    {func(i *Item) { i.PriceMinor = 0 }, "price"},
		"price negative":             {func(i *Item) { i.PriceMinor = -1 }, "price"},
		"price 1":                    {func(i *Item) { i.PriceMinor = 1 }, ""},
		"price 2^53-1":               {func(i *Item) { i.PriceMinor = money.MaxMinor }, ""},
		"price 2^53":                 {func(i *Item) { i.PriceMinor = money.MaxMinor + 1 }, "price"},
		"no currency":                {func(i *Item) { i.Currency = "" }, "currency"},
		"currency in small letters":  {func(i *Item) { i.Currency = "eur" }, "currency"},
		"no area":                    {func(i *Item) { i.Area = "" }, "area"},
		"shown before 1970":          {func(i *Item) { i.ShowFromUS = -1 }, "show_from"},
		"shown after 2^53":           {func(i *Item) { i.ShowFromUS = money.MaxMinor + 1 }, "show_from"},
		"traded before 1970":         {func(i *Item) { i.TradeFromUS = -1 }, "trade_from"},
		"traded at 2^53-1":           {func(i *Item) { i.TradeFromUS = money.MaxMinor }, ""},
		"everything": {func(i *Item) {
			*i = Item{Description: "\xff", PriceMinor: -1, ShowFromUS: -1, TradeFromUS: -1}
		}, "area currency description name number price show_from trade_from"},
	} {
		i := anItem()
		c.change(&i)
		if got := names(i.Check()); got != c.wrong {
			t.Errorf("%s: wrong is %q, want %q", name, got, c.wrong)
		}
	}
}

func TestCheckArea(t *testing.T) {
	for code, good := range map[string]bool{
		"de": true, "north-2": true, "0a": true, strings.Repeat("a", 32): true,
		"": false, "a": false, "-a": false, "North": false, "north_2": false, "nörth": false, "no rth": false, "north\n": false,
		strings.Repeat("a", 33): false, "../x": false, "%6e": false,
	} {
		if got := names(CheckArea(Area{Code: code, Name: "x"})); (got == "") != good || got != "" && got != "code" {
			t.Errorf("area %q: wrong is %q", code, got)
		}
	}
	if got := names(CheckArea(Area{})); got != "code name" {
		t.Errorf("an empty area: wrong is %q", got)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range textsTaken {
		f.Add(s)
	}
	for _, s := range textsRefused {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		wrong := Text("name", s, 1, MaxName)
		if len(wrong) > 1 {
			t.Fatalf("%q: one field is wrong in %d ways", s, len(wrong))
		}
		if len(wrong) == 0 && (!utf8.ValidString(s) || utf8.RuneCountInString(s) > MaxName || strings.ContainsAny(s, "\x00\x1b\x7f") || strings.TrimSpace(s) == "") {
			t.Fatalf("took %q", s)
		}
	})
}
