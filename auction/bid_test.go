package auction_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rostrum/auction"
)

// The shard of a lot is written into Redis, Kafka and MySQL; these values can never change.
func TestShardOfGoldenValues(t *testing.T) {
	lot := uuid.MustParse("0197f7a1-7a10-7b6f-8d52-0a4f6e2b9c11")
	group := uuid.MustParse("0197f7a1-6c00-7e21-9c3b-52d0a1b2c3d4")
	for _, c := range []struct {
		lot, group uuid.UUID
		shards     int
		want       int
	}{
		{lot, uuid.Nil, 16, 1}, {lot, uuid.Nil, 1, 0}, {lot, uuid.Nil, 1024, 113},
		{lot, group, 16, 15}, {lot, group, 1024, 431},
		{uuid.UUID{}, uuid.Nil, 1024, 101}, // FNV-1a 64 of sixteen zero bytes
	} {
		if got := auction.ShardOf(c.lot, c.group, c.shards); got != c.want {
			t.Errorf("ShardOf(%s, %s, %d) = %d, want %d", c.lot, c.group, c.shards, got, c.want)
		}
	}
}

func TestAGroupLiesInOneShard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		group := id(others, rapid.IntRange(1, 1<<20).Draw(t, "group"))
		shards := rapid.IntRange(1, auction.MaxShards).Draw(t, "shards")
		want := auction.ShardOf(group, uuid.Nil, shards)
		if got := auction.ShardOf(id(lots, rapid.IntRange(0, 1<<20).Draw(t, "lot")), group, shards); got != want || got < 0 || got >= shards {
			t.Fatalf("shard %d of %d, the group's is %d", got, shards, want)
		}
	})
}

func TestShardsAreEven(t *testing.T) {
	const each = 1000
	for _, shards := range []int{2, 16, 100} {
		count := make([]int, shards)
		for n := range shards * each {
			count[auction.ShardOf(id(lots, n), uuid.Nil, shards)]++
		}
		for k, n := range count {
			if n < each*8/10 || n > each*12/10 {
				t.Errorf("%d shards: shard %d has %d lots, %d would be even", shards, k, n, each)
			}
		}
	}
}

func TestCodeWellFormed(t *testing.T) {
	for text, want := range map[string]bool{
		code: true, code2: true, strings.Repeat("0", 22): true,
		"": false, code[1:]: false, code + "0": false, "0123456789ABCDEFGHabc-": false, "0123456789ABCDEFGHabc ": false,
		"0123456789ABCDEFGHabc\n": false, "0123456789ABCDEFGHab" + "é": false, "0123456789ABCDEFGHab/c": false,
		"0123456789ABCDEFGHab@c": false, "0123456789ABCDEFGHab[c": false, "0123456789ABCDEFGHab`c": false,
		"0123456789ABCDEFGHab{c": false, "0123456789ABCDEFGHab:c": false, strings.Repeat("\x00", 22): false,
	} {
		if got := auction.CodeWellFormed(text); got != want {
			t.Errorf("%q is a code: %v", text, got)
		}
	}
}

func drawBid(t *rapid.T) auction.Bid {
	return auction.Bid{
		Quantity: rapid.Int64Range(1, 12).Draw(t, "quantity"),
		Kind:     rapid.SampledFrom([]auction.BidKind{"", auction.BidMax, auction.BidExact}).Draw(t, "kind"),
		Amount:   rapid.SampledFrom([]int64{0, 1, 11, 12}).Draw(t, "amount"),
		Seen:     rapid.SampledFrom([]int64{0, 1, 11, 12}).Draw(t, "seen"),
		Currency: rapid.SampledFrom([]string{"", "EUR", "USD", "a1", "1 s1"}).Draw(t, "currency"),
	}
}

// Two bids have one content exactly when they ask for the same; what is not content does not count.
func TestContentTellsBidsApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawBid(t), drawBid(t)
		if same := a == b; same != (a.Content() == b.Content()) {
			t.Fatalf("%+v %q\n%+v %q", a, a.Content(), b, b.Content())
		}
		c := a
		c.ID, c.Buyer, c.Order, c.Code, c.Area, c.Trace = id(bids, 9), id(buyers, 9), id(orderIDs, 9), code2, "south", "req"
		if a.Content() != c.Content() {
			t.Fatalf("%q and %q", a.Content(), c.Content())
		}
		r := auction.Record{Quantity: a.Quantity, BidKind: a.Kind, Amount: a.Amount, Seen: a.Seen, CurrencySeen: a.Currency,
			PriceMinor: 7, Currency: "CHF"}
		if r.Content() != a.Content() {
			t.Fatalf("the record's content %q, the bid's %q", r.Content(), a.Content())
		}
	})
}

// Contents are compared with those that a database has kept for years.
func TestContentGoldenValues(t *testing.T) {
	for want, b := range map[string]auction.Bid{
		"q1":                         {Quantity: 1},
		"q2 kmax a100":               {Quantity: 2, Kind: auction.BidMax, Amount: 100},
		"q1 kexact a100 s99 cEUR":    {Quantity: 1, Kind: auction.BidExact, Amount: 100, Seen: 99, Currency: "EUR"},
		"q64 s9007199254740991 cJPY": {Quantity: 64, Seen: 9007199254740991, Currency: "JPY"},
	} {
		if got := b.Content(); got != want {
			t.Errorf("content %q, want %q", got, want)
		}
	}
}
