// Package money holds amounts as integers of minor units. There is no float here and none may be made from it: Lua and
// JSON keep integers exact below 2^53, so that is the bound everywhere.
package money

import (
	"fmt"
	"strconv"
	"strings"
)

// MaxMinor is the largest amount, exclusive bound 2^53 of exact integers in Lua and in JSON readers.
const MaxMinor int64 = 1<<53 - 1

// Amount is an integer of minor units with its ISO 4217 code.
type Amount struct {
	Minor    int64  `json:"minor"`
	Currency string `json:"currency"`
}

// exponents lists the currencies Rostrum sells in, with their number of decimals (ISO 4217).
var exponents = map[string]int{
	"AUD": 2, "BRL": 2, "CAD": 2, "CHF": 2, "CNY": 2, "CZK": 2, "DKK": 2, "EUR": 2, "GBP": 2, "HKD": 2, "HUF": 2,
	"IDR": 2, "ILS": 2, "INR": 2, "JPY": 0, "KRW": 0, "KWD": 3, "MXN": 2, "MYR": 2, "NOK": 2, "NZD": 2, "PHP": 2,
	"PLN": 2, "SEK": 2, "SGD": 2, "THB": 2, "TND": 3, "TRY": 2, "TWD": 2, "USD": 2, "VND": 0, "ZAR": 2,
}

// Known says whether code is a currency that Rostrum sells in.
func Known(code string) bool { _, ok := exponents[code]; return ok }

// Valid says whether minor is an amount that can be carried: 0 … 2^53-1.
func Valid(minor int64) bool { return minor >= 0 && minor <= MaxMinor }

// String prints the amount for people, e.g. "1,234.50 EUR"; an unknown currency prints minor units.
func (a Amount) String() string {
	digits, sign := strconv.FormatInt(a.Minor, 10), ""
	if a.Minor < 0 {
		digits, sign = digits[1:], "-"
	}
	exponent := exponents[a.Currency]
	if pad := exponent + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	whole, part := digits[:len(digits)-exponent], digits[len(digits)-exponent:]
	if part != "" {
		part = "." + part
	}
	return fmt.Sprintf("%s%s%s %s", sign, thousands(whole), part, a.Currency)
}

func thousands(whole string) string {
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return whole
}
