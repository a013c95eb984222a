package edge

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/internal/money"
)

// MaxText bounds what is searched for, characters.
const MaxText = 100

// LotFilter narrows a goods page; zero fields do not. It is comparable.
type LotFilter struct {
	Area      string // the lot's
	State     string // as LotState says it, now
	PriceFrom int64  // minor units, inclusive
	PriceTo   int64  // 0: no bound
	Text      string // part of the title, whatever its case
}

// String gives a text that no other filter has.
func (f LotFilter) String() string {
	return fmt.Sprintf("%q %q %d %d %q", f.Area, f.State, f.PriceFrom, f.PriceTo, f.Text)
}

var lotStates = []string{"scheduled", "live", "over", "paused", "closed", "withdrawn"}

// LotStates gives the states that a lot can be looked for in.
func LotStates() []string { return slices.Clone(lotStates) }

// Checked gives the filter as it is used, text folded; Invalid with every wrong field.
func (f LotFilter) Checked() (LotFilter, error) {
	var wrong []fault.Field
	say := func(bad bool, field, detail, remedy string) {
		if bad {
			wrong = append(wrong, fault.Field{Name: field, Detail: detail, Remedy: remedy})
		}
	}
	say(f.State != "" && !slices.Contains(lotStates, f.State), "state", "is no state of a lot", "send one of "+strings.Join(lotStates, ", "))
	say(f.PriceFrom != 0 && !money.Valid(f.PriceFrom), "price_from", fmt.Sprintf("is %d", f.PriceFrom), "send an integer from 0 to 9007199254740991")
	say(f.PriceTo != 0 && !money.Valid(f.PriceTo), "price_to", fmt.Sprintf("is %d", f.PriceTo), "send an integer from 0 to 9007199254740991")
	say(f.PriceTo != 0 && f.PriceFrom > f.PriceTo, "price_to", fmt.Sprintf("is %d, below price_from", f.PriceTo), "send price_from or more, or leave it out")
	length := utf8.RuneCountInString(f.Text)
	say(length > MaxText, "text", fmt.Sprintf("has %d characters", length), fmt.Sprintf("send a text of at most %d characters", MaxText))
	say(!utf8.ValidString(f.Text), "text", "is not UTF-8", "send UTF-8, percent-encoded")
	f.Text = fold(strings.TrimSpace(f.Text))
	return f, fault.Invalids(wrong)
}

// passes says whether a lot is wanted at a moment.
func (f LotFilter) passes(l *auction.Lot, nowUS int64) bool {
	return (f.Area == "" || f.Area == l.Area) && (f.State == "" || f.State == LotState(l, nowUS)) &&
		l.PriceMinor >= f.PriceFrom && (f.PriceTo == 0 || l.PriceMinor <= f.PriceTo) &&
		(f.Text == "" || strings.Contains(fold(l.Title), f.Text))
}

// fold makes texts that differ in nothing but the case of letters, in whatever script, the same.
func fold(text string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf {
			if 'A' <= r && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return r
		}
		least := r
		for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
			least = min(least, next)
		}
		if 'A' <= least && least <= 'Z' { // of the Kelvin sign and the long s
			return least + 'a' - 'A'
		}
		return least
	}, text)
}
