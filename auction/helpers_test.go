package auction_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rostrum/auction"
)

// id makes an id that a reader of a failure can tell from others: its kind and its number.
func id(kind byte, n int) uuid.UUID {
	u := uuid.UUID{0: 0x01, 6: 0x70, 8: 0x80, 9: kind}
	binary.BigEndian.PutUint32(u[12:], uint32(n))
	return u
}

const (
	lots byte = iota + 1
	buyers
	bids
	orderIDs
	others
)

var deployment = id(others, 1)

const (
	code  = "0123456789ABCDEFGHabcd"
	code2 = "zzzzzzzzzzzzzzzzzzzzzz"

	opensUS  = int64(1_000_000)
	closesUS = int64(2_000_000)
)

// aLot is a flash lot of 3 units, one a buyer, open from opensUS to closesUS.
func aLot(n int) auction.Lot {
	return auction.Lot{ID: id(lots, n), Session: id(others, 2), Item: id(others, 100+n), Seller: id(buyers, 99), Area: "north",
		Format: auction.Flash, PriceMinor: 1990, Currency: "EUR", Stock: 3, PerBuyer: 1, Code: code, State: auction.LotOpen,
		OpensUS: opensUS, ClosesUS: closesUS}
}

// aBid is a bid of one unit that lot n admits while it is open.
func aBid(lot, buyer, bid int) auction.Bid {
	return auction.Bid{ID: id(bids, bid), Lot: id(lots, lot), Buyer: id(buyers, buyer), Area: "north",
		Order: id(orderIDs, bid), Code: code, Quantity: 1}
}

// aBook is a book in its first epoch, after genesis and cut.
func aBook(lots ...auction.Lot) *auction.Book {
	b := auction.NewBook(deployment, 0)
	b.Epoch, b.Seq = 1, 2
	for _, l := range lots {
		b.Add(l)
	}
	return b
}

// rawOf is a record's JSON.
func rawOf(t interface{ Fatalf(string, ...any) }, r auction.Record) []byte {
	raw, err := r.JSON()
	if err != nil {
		t.Fatalf("%v", err)
	}
	return raw
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func TestHelpersTellIDsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n, m := rapid.IntRange(0, 1<<20).Draw(t, "n"), rapid.IntRange(0, 1<<20).Draw(t, "m")
		a, b := id(lots, n), id(buyers, m)
		if bytes.Equal(a[:], b[:]) || (n != m) != (id(lots, n) != id(lots, m)) {
			t.Fatalf("%s and %s", a, b)
		}
	})
}
