package pages

import "testing"

func TestMinorOf(t *testing.T) {
	for _, tc := range []struct {
		text, currency string
		minor          int64
		ok             bool
	}{
		{"45", "EUR", 4500, true}, {"45.5", "EUR", 4550, true}, {" 45.05 ", "EUR", 4505, true}, {"0.01", "EUR", 1, true},
		{"45", "JPY", 45, true}, {"1.234", "KWD", 1234, true}, {"9007199254740991", "JPY", 9007199254740991, true},
		{"45.5", "JPY", 0, false}, {"45.005", "EUR", 0, false}, {"45,00", "EUR", 0, false}, {"-1", "EUR", 0, false}, {"", "EUR", 0, false},
		{".5", "EUR", 0, false}, {"1e3", "EUR", 0, false}, {"45", "XXX", 0, false}, {"99999999999999999", "EUR", 0, false}, {"4.5.0", "EUR", 0, false},
	} {
		if minor, ok := minorOf(tc.text, tc.currency); ok != tc.ok || ok && minor != tc.minor {
			t.Errorf("%q %s: %d, %t", tc.text, tc.currency, minor, ok)
		}
	}
}

func TestLocal(t *testing.T) {
	for next, want := range map[string]string{"/orders?x=1": "/orders?x=1", "/": "/", "": "/", "orders": "/", "//x": "/", "/\\x": "/", "/a\nb": "/", "http://x/": "/"} {
		if got := local(next); got != want {
			t.Errorf("%q leads to %q, want %q", next, got, want)
		}
	}
}
