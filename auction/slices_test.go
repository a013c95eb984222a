package auction_test

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rostrum/auction"
)

// draws are random bytes that differ from one another.
type draws struct{ n uint64 }

func (d *draws) Read(p []byte) (int, error) {
	clear(p)
	d.n++
	binary.BigEndian.PutUint64(p, d.n)
	return len(p), nil
}

func drawID(t *rapid.T, name string) uuid.UUID {
	var id uuid.UUID
	copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, name))
	return id
}

// A published lot of many units in any number of slices: nothing of it is lost or doubled, and all that the slices share
// is the lot's.
func TestSplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		shards := rapid.IntRange(2, 64).Draw(t, "shards")
		whole := aLot(1)
		whole.ID = drawID(t, "lot")
		whole.Slices = rapid.IntRange(2, shards).Draw(t, "slices")
		whole.Stock = rapid.Int64Range(int64(whole.Slices*auction.MinSliceStock), auction.MaxStock).Draw(t, "stock")
		whole.Shard = auction.ShardOf(whole.ID, uuid.Nil, shards)
		other := aLot(2)
		open, err := auction.Split([]auction.Lot{whole, other}, shards, &draws{})
		if err != nil || len(open) != whole.Slices+1 {
			t.Fatalf("%d lots, %v", len(open), err)
		}
		if rest := open[whole.Slices]; rest.SliceOf != uuid.Nil || rest.ID != other.ID || rest.Stock != other.Stock {
			t.Fatalf("the lot beside became %+v", rest)
		}
		sum, in, codes, least := int64(0), map[int]bool{}, map[string]bool{}, open[0].Stock
		for n, l := range open[:whole.Slices] {
			sum, in[l.Shard], codes[l.Code], least = sum+l.Stock, true, true, min(least, l.Stock)
			if l.Slice != n || l.SliceOf != whole.ID || l.Shard != auction.ShardOf(l.ID, uuid.Nil, shards) || l.ID != whole.Sibling(0, shards) && n == 0 {
				t.Fatalf("slice %d is %+v", n, l)
			}
			if got := open[0].Sibling(n, shards); got != l.ID {
				t.Fatalf("the first slice believes that slice %d is %s, it is %s", n, got, l.ID)
			}
			l.ID, l.Shard, l.Slice, l.SliceOf, l.Stock, l.Code, l.Salt, l.Rev = whole.ID, whole.Shard, 0, uuid.Nil, whole.Stock, whole.Code, whole.Salt, whole.Rev
			if l.Title != whole.Title || l.PerBuyer != whole.PerBuyer || l.PriceMinor != whole.PriceMinor || l.Item != whole.Item || l.ClosesUS != whole.ClosesUS {
				t.Fatalf("slice %d has other terms: %+v", n, l)
			}
		}
		if sum != whole.Stock || open[0].Stock-least > 1 || least < auction.MinSliceStock {
			t.Fatalf("%d units of %d, from %d to %d a slice", sum, whole.Stock, least, open[0].Stock)
		}
		if len(in) != whole.Slices || len(codes) != whole.Slices {
			t.Fatalf("%d slices in %d shards with %d codes", whole.Slices, len(in), len(codes))
		}
	})
}

// Each buyer may bid on exactly one slice, and nobody is shown two.
func TestABuyerHasOneSlice(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		whole := aLot(1)
		whole.Slices, whole.Stock = rapid.IntRange(2, 16).Draw(t, "slices"), 1000
		open, err := auction.Split([]auction.Lot{whole}, 16, &draws{})
		if err != nil {
			t.Fatal(err)
		}
		for _, buyer := range []uuid.UUID{drawID(t, "buyer"), uuid.Nil} {
			serving := 0
			for _, l := range open {
				if l.Serves(buyer) {
					serving++
				}
			}
			if serving != 1 {
				t.Fatalf("%d slices serve %s", serving, buyer)
			}
		}
		if uncut := aLot(2); !uncut.Serves(drawID(t, "somebody")) || uncut.Sibling(3, 16) != uncut.ID {
			t.Fatal("a lot that is not in slices is not everybody's")
		}
	})
}

// Buyers spread evenly: by chi-square the spread of ids as the product makes them (time in front) is no worse than chance
// gives once in a million.
func TestBuyersSpreadEvenly(t *testing.T) {
	const buyers = 64_000
	worst := map[int]float64{2: 24, 3: 28, 7: 39, 16: 60, 64: 125} // of slices-1 degrees of freedom
	for slices, most := range worst {
		random := rand.New(rand.NewPCG(1, uint64(slices)))
		counts := make([]float64, slices)
		for n := range buyers {
			var id uuid.UUID // all registered within a minute, one after the other
			binary.BigEndian.PutUint64(id[:], uint64(0x0198_c0de_0000+n)<<16|0x7000|random.Uint64N(1<<12))
			binary.BigEndian.PutUint64(id[8:], 1<<63|random.Uint64N(1<<62))
			counts[auction.SliceOf(id, slices)]++
		}
		chi, want := 0.0, float64(buyers)/float64(slices)
		for _, n := range counts {
			chi += (n - want) * (n - want) / want
		}
		if chi > most {
			t.Errorf("%d slices: chi-square %.1f, at most %.1f: %v", slices, chi, most, counts)
		}
	}
}

// The rule is written into ids and limits that exist, so it never changes.
func TestSliceOfDoesNotChange(t *testing.T) {
	lot, buyer := uuid.MustParse("0198c0de-0000-7000-8000-000000000031"), uuid.MustParse("0198c0de-0000-7000-8000-000000000099")
	if got := auction.SliceOf(buyer, 16); got != 9 {
		t.Errorf("slice %d", got)
	}
	if got := auction.SliceID(lot, 5, 16, 16).String(); got != "0198c0de-0000-79d0-a56c-870a9fdd0500" {
		t.Errorf("id %s", got)
	}
	if auction.SliceOf(buyer, 0) != 0 || auction.SliceOf(buyer, 1) != 0 {
		t.Error("what is not in slices has one")
	}
}

func TestCheckSlices(t *testing.T) {
	for name, c := range map[string]struct {
		slices int
		stock  int64
		group  uuid.UUID
		shards int
		wrong  string
	}{
		"none":                 {0, 1, uuid.Nil, 16, ""},
		"one":                  {1, 1, id(others, 1), 16, ""},
		"as many as shards":    {16, 32, uuid.Nil, 16, ""},
		"more than shards":     {17, 1000, uuid.Nil, 16, "send 1 to 16:"},
		"fewer units":          {16, 31, uuid.Nil, 16, "send 1 to 15:"},
		"too little to divide": {2, 3, uuid.Nil, 16, "leave it out: there is too little stock"},
		"one shard":            {2, 1000, uuid.Nil, 1, "leave it out"},
		"less than none":       {-1, 1000, uuid.Nil, 16, "send 1 to 16:"},
		"in a group":           {2, 1000, id(others, 1), 16, "leave out group or slices"},
	} {
		l := aLot(1)
		l.Slices, l.Stock, l.Group = c.slices, c.stock, c.group
		wrong := auction.CheckSlices("lots[3].", l, c.shards)
		if (c.wrong == "") != (len(wrong) == 0) || len(wrong) > 0 && (!strings.HasPrefix(wrong[0].Remedy, c.wrong) || names(wrong) != "lots[3].slices") {
			t.Errorf("%s: %+v, want %q", name, wrong, c.wrong)
		}
	}
}

func TestSplitNeedsRandomness(t *testing.T) {
	whole := aLot(1)
	whole.Slices, whole.Stock = 4, 100
	broken := errors.New("no randomness")
	if open, err := auction.Split([]auction.Lot{whole}, 16, iotest.ErrReader(broken)); open != nil || !errors.Is(err, broken) {
		t.Errorf("%d lots, %v", len(open), err)
	}
}
