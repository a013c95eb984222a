package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/internal/fault"
	"rostrum/web/edge"
)

const id1 = "6d3f2b9e-5c1a-4f7e-9a53-0c9a4f1d2e11"

func TestParseBid(t *testing.T) {
	full := edge.Wish{ID: uuid.MustParse(id1), Code: "0123456789abcdefghijkl", Quantity: 2, Kind: "max", Amount: 9007199254740991, Seen: 4500, Currency: "EUR", Again: true}
	for _, tc := range []struct {
		name, body string
		want       edge.Wish
		plain      bool // the fast reader takes it
	}{
		{"nothing but the id", `{"bid_id":"` + id1 + `"}`, edge.Wish{ID: full.ID, Quantity: 1}, true},
		{"empty", `{}`, edge.Wish{Quantity: 1}, true},
		{"everything", `{"bid_id":"` + id1 + `","code":"0123456789abcdefghijkl","quantity":2,"kind":"max","amount":9007199254740991,"price_seen":4500,"currency":"EUR","again":true}`, full, true},
		{"spread out", " {\n\t\"again\" : true , \"quantity\" : 2 } ", edge.Wish{Quantity: 2, Again: true}, true},
		{"escapes", `{"c\u006fde":"\u0041"}`, edge.Wish{Code: "A", Quantity: 1}, false},
		{"negative", `{"amount":-7}`, edge.Wish{Quantity: 1, Amount: -7}, true},
		{"19 digits", `{"amount":9223372036854775807}`, edge.Wish{Quantity: 1, Amount: 9223372036854775807}, false},
		{"upper case id", `{"bid_id":"` + strings.ToUpper(id1) + `"}`, edge.Wish{ID: full.ID, Quantity: 1}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := parseBid([]byte(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
			if _, ok := plain([]byte(tc.body)); ok != tc.plain {
				t.Errorf("the fast reader took it: %t", ok)
			}
		})
	}
}

func TestParseBidRefuses(t *testing.T) {
	for _, tc := range []struct{ name, body, code, field string }{
		{"nothing", ``, "broken_json", "body"},
		{"half", `{"bid_id":"`, "broken_json", "body"},
		{"a comma too many", `{"quantity":1,}`, "broken_json", "body"},
		{"a comma first", `{,"quantity":1}`, "broken_json", "body"},
		{"two", `{}{}`, "broken_json", "body"},
		{"text after", `{} x`, "broken_json", "body"},
		{"not UTF-8", "{\"code\":\"\xff\"}", "broken_json", "body"},
		{"leading zero", `{"quantity":01}`, "broken_json", "body"},
		{"plus", `{"quantity":+1}`, "broken_json", "body"},
		{"a list", `[]`, "invalid", "body"},
		{"null", `null`, "invalid", "body"},
		{"another case", `{"Quantity":1}`, "invalid", "Quantity"},
		{"minus zero", `{"quantity":-0}`, "invalid", "quantity"},
		{"too many digits", `{"amount":9223372036854775808}`, "invalid", "amount"},
		{"exponent", `{"amount":1e3}`, "invalid", "amount"},
		{"id in braces", `{"bid_id":"{` + id1 + `}"}`, "invalid", "bid_id"},
		{"id as urn", `{"bid_id":"urn:uuid:` + id1 + `"}`, "invalid", "bid_id"},
		{"a long code", `{"code":"` + strings.Repeat("x", 65) + `"}`, "invalid", "code"},
		{"twice", `{"again":true,"again":true}`, "invalid", "again"},
		{"twice, once escaped", `{"again":true,"\u0061gain":true}`, "invalid", "again"},
		{"a long unknown name", `{"` + strings.Repeat("n", 90) + `":1}`, "invalid", strings.Repeat("n", 40) + "…"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := parseBid([]byte(tc.body))
			p := ProblemOf(err)
			if err == nil || p.Code != tc.code {
				t.Fatalf("%v", err)
			}
			if tc.field != "" && (len(p.Errors) != 1 || p.Errors[0].Name != tc.field || p.Errors[0].Remedy == "") {
				t.Errorf("fields: %+v", p.Errors)
			}
		})
	}
}

func BenchmarkParseBid(b *testing.B) {
	body := []byte(`{"bid_id":"` + id1 + `","code":"0123456789abcdefghijkl","quantity":1,"price_seen":4500,"currency":"EUR"}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := parseBid(body); err != nil {
			b.Fatal(err)
		}
	}
}

// lenient is what encoding/json makes of a bid when it is told to refuse unknown fields: it forgives cases, repetitions
// and nulls.
type lenient struct {
	BidID     string `json:"bid_id"`
	Code      string `json:"code"`
	Quantity  int64  `json:"quantity"`
	Kind      string `json:"kind"`
	Amount    int64  `json:"amount"`
	PriceSeen int64  `json:"price_seen"`
	Currency  string `json:"currency"`
	Again     bool   `json:"again"`
}

func library(body []byte) (lenient, error) {
	l := lenient{Quantity: 1}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return l, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return l, errors.New("more")
	}
	return l, nil
}

// FuzzParseBid holds the two readers to each other, and both to the library: what they take, it takes and reads the
// same; broken_json is what it cannot read at all.
func FuzzParseBid(f *testing.F) {
	for _, seed := range []string{`{}`, `{"bid_id":"` + id1 + `","code":"0123456789abcdefghijkl","quantity":1,"kind":"exact","amount":5,"price_seen":4500,"currency":"EUR","again":false}`,
		`{"quantity":-0}`, `{"quantity":01}`, `{"amount":1e3}`, `{"amount":99999999999999999999}`, `{"again":"true"}`, `{"AGAIN":true}`, `{"again":null}`,
		`{"quantity":1,"quantity":2}`, "{\"code\":\"\xff\"}", `{"code":"\ud800"}`, `[{}]`, `{"x":{"y":[1,2,{"z":null}]}}`, ` { "code" : "a\"b" } `, `{"a":1`, `nul`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		slow, slowErr := careful(body)
		if fast, ok := plain(body); ok && (slowErr != nil || fast != slow) {
			t.Fatalf("%q: the fast reader gives %+v, the careful one %+v, %v", body, fast, slow, slowErr)
		}
		want, err := library(body)
		if slowErr == nil {
			same := err == nil && want.Code == slow.Code && want.Quantity == slow.Quantity && want.Kind == string(slow.Kind) && want.Amount == slow.Amount &&
				want.PriceSeen == slow.Seen && want.Currency == slow.Currency && want.Again == slow.Again && (want.BidID == "" || uuid.MustParse(want.BidID) == slow.ID)
			if !same {
				t.Fatalf("%q: read as %+v, by the library as %+v, %v", body, slow, want, err)
			}
			return
		}
		p := ProblemOf(slowErr)
		if p.Code == "broken_json" && json.Valid(body) && isText(body) {
			t.Fatalf("%q is JSON, and refused as none: %v", body, slowErr)
		}
		if p.Code == "invalid" && len(p.Errors) == 0 || fault.ClassOf(slowErr) == fault.Internal && p.Code == "internal" {
			t.Fatalf("%q: %v says nothing", body, slowErr)
		}
	})
}
