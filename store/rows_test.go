package store

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/orders"
	"rostrum/store/db"
)

func TestLiteralsNeedNoEscape(t *testing.T) {
	for value, want := range map[string]string{
		"":                   "''",
		"EUR":                "'EUR'",
		`{"seq":7,"n":[1]}`:  `'{"seq":7,"n":[1]}'`,
		"it's":               "x'69742773'",
		`a\`:                 "x'615c'",
		"ä":                  "x'c3a4'",
		"\x00":               "x'00'",
		"'); DROP TABLE x--": "x'27293b2044524f50205441424c4520782d2d'",
	} {
		if got := string(appendLiteral([]byte("("), value)); got != "("+want {
			t.Errorf("%q: %s, want (%s", value, got, want)
		}
		if got := string(appendLiteral(nil, []byte(value))); got != want {
			t.Errorf("bytes of %q: %s, want %s", value, got, want)
		}
	}
}

// textsOf gives the statements that write bids' rows as text.
func textsOf(b *batch, f form, maxRows int, row func(to *rows, n int)) (texts []string, err error) {
	r := b.rowsInto(context.Background(), f)
	r.each = func(text string) error {
		texts = append(texts, text)
		if len(texts) > maxRows {
			return errors.New("refused")
		}
		return nil
	}
	for n := range 3000 {
		row(r.begin(), n)
	}
	return texts, r.write(context.Background(), b)
}

// TestTextAndArgumentsAreTheSameRows: both ways write the same values, in the order of the statement's columns, and as
// many as it has.
func TestTextAndArgumentsAreTheSameRows(t *testing.T) {
	s := &Store{options: Options{}.withDefaults(), literal: true}
	bid := auction.Record{Deployment: uuid.UUID{1}, Shard: 3, Epoch: 2, Seq: 9, Kind: auction.KindBid, Lot: uuid.UUID{2}, Version: 7, TimeUS: 11,
		Bid: uuid.UUID{3}, Buyer: uuid.UUID{4}, Order: uuid.UUID{5}, Quantity: 2, Nth: []int{1, 64}, PriceMinor: 500, Currency: "EUR", Trace: "it's"}
	b := &batch{store: s, shard: 3, lots: map[uuid.UUID]*lot{bid.Lot: {Lot: db.Lot{Title: "Ding"}}}}
	delivery := auction.Delivery{Record: bid, Raw: []byte(`{"seq":9}`), Offset: 17}
	for name, c := range map[string]struct {
		form form
		row  func(to *rows)
	}{
		"records": {insertRecords, func(to *rows) { recordRow(to, delivery).end() }},
		"orders":  {insertOrders, func(to *rows) { b.orderRow(to, bid, orders.PendingPayment, "", 0).end() }},
	} {
		if tuple := "(?" + strings.Repeat(", ?", c.form.width-1) + ")"; c.form.texts[len(sizes)-1] != c.form.head+tuple {
			t.Errorf("%s: a row is not only parameters: %s", name, c.form.texts[len(sizes)-1])
		}
		plain := &rows{form: c.form}
		c.row(plain.begin())
		if len(plain.args) != c.form.width {
			t.Errorf("%s: %d arguments for %d columns", name, len(plain.args), c.form.width)
		}
		var want rows
		want.literal, want.first = true, true
		for _, v := range plain.args {
			switch v := v.(type) {
			case int64:
				want.int(v)
			case db.ID:
				want.id(v)
			case string:
				want.string(v)
			case []byte:
				want.bytes(v)
			default:
				t.Fatalf("%s: a value of type %T", name, v)
			}
		}
		texts, err := textsOf(b, c.form, 1000, func(to *rows, _ int) { c.row(to) })
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, text := range texts {
			tuples, ok := strings.CutPrefix(text, c.form.head)
			found += strings.Count(tuples, string(want.text)+")")
			if !ok || len(text) > maxText+8192 || strings.HasSuffix(text, ",") {
				t.Errorf("%s: a statement of %d bytes: %.80s … %s", name, len(text), text, text[len(text)-20:])
			}
		}
		if found != 3000 {
			t.Errorf("%s: %d rows in %d statements, want 3000", name, found, len(texts))
		}
		if name == "records" {
			continue
		}
		if texts, err := textsOf(b, c.form, 0, func(to *rows, _ int) { c.row(to) }); err == nil || len(texts) != 1 {
			t.Errorf("%s: %d statements after one was refused: %v", name, len(texts), err)
		}
	}
}
