package money

import "testing"

func TestAmountPrintsForPeople(t *testing.T) {
	for want, a := range map[string]Amount{
		"0.00 EUR":                  {0, "EUR"},
		"0.05 EUR":                  {5, "EUR"},
		"-0.05 EUR":                 {-5, "EUR"},
		"1,234.50 USD":              {123450, "USD"},
		"1,234,567 JPY":             {1234567, "JPY"},
		"1.234 KWD":                 {1234, "KWD"},
		"90,071,992,547,409.91 CHF": {MaxMinor, "CHF"},
		"12 XXX":                    {12, "XXX"},
		"-1,000.00 GBP":             {-100000, "GBP"},
	} {
		if got := a.String(); got != want {
			t.Errorf("%+v prints %q, want %q", a, got, want)
		}
	}
}

func TestBounds(t *testing.T) {
	for minor, want := range map[int64]bool{-1: false, 0: true, MaxMinor: true, MaxMinor + 1: false} {
		if got := Valid(minor); got != want {
			t.Errorf("Valid(%d) = %v, want %v", minor, got, want)
		}
	}
	if Known("EUR") != true || Known("eur") != false || Known("") != false {
		t.Error("Known must take exact upper-case codes only")
	}
}
