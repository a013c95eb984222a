package auction_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rostrum/auction"
)

// A delivery in these tables is written "epoch/seq", with a letter after it for another content of the same place;
// "cut" or "genesis" after a space makes it one, and "bad" is no record at all.
func delivery(t *testing.T, text string, offset int64) auction.Delivery {
	t.Helper()
	d := auction.Delivery{Offset: offset, Raw: []byte(text)}
	if text == "bad" {
		d.Err = errors.New("no record")
		return d
	}
	place, kind, _ := strings.Cut(text, " ")
	d.Record.Lot = id(lots, 1)
	if d.Record.Kind = auction.Kind(kind); kind == "" {
		d.Record.Kind = auction.KindBid
	}
	if _, err := fmt.Sscanf(strings.TrimRight(place, "abc"), "%d/%d", &d.Record.Epoch, &d.Record.Seq); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return d
}

func deliveries(t *testing.T, from int64, texts string) []auction.Delivery {
	t.Helper()
	var ds []auction.Delivery
	for n, text := range strings.Split(texts, ",") {
		if text = strings.TrimSpace(text); text != "" {
			ds = append(ds, delivery(t, text, from+int64(n)))
		}
	}
	return ds
}

func texts(ds []auction.Delivery) string {
	var all []string
	for _, d := range ds {
		all = append(all, string(d.Raw))
	}
	return strings.Join(all, ", ")
}

func position(epoch, seq, offset int64) auction.Position {
	return auction.Position{Shard: 3, Epoch: epoch, Seq: seq, NextOffset: offset}
}

func ahead(p auction.Position, seq int64) auction.Position {
	p.AheadSeq = seq
	return p
}

func TestSift(t *testing.T) {
	for name, c := range map[string]struct {
		at      auction.Position
		stored  string // records the stored journal has
		from    int64  // offset of the first delivery
		got     string
		apply   string
		orphans string
		parked  string
		dups    int
		next    auction.Position
	}{
		"nothing":                            {at: position(1, 10, 100), from: 100, next: position(1, 10, 100)},
		"next in line":                       {at: position(1, 10, 100), from: 100, got: "1/11, 1/12", apply: "1/11, 1/12", next: position(1, 12, 102)},
		"genesis on an empty position":       {from: 0, got: "1/1 genesis, 1/2 cut, 1/3", apply: "1/1 genesis, 1/2 cut, 1/3", at: position(0, 0, 0), next: position(1, 3, 3)},
		"a bid on an empty position":         {from: 0, got: "1/1", at: position(0, 0, 0), next: ahead(position(0, 0, 0), 1)},
		"the same again":                     {at: position(1, 10, 100), stored: "1/9, 1/10", from: 100, got: "1/9, 1/10", dups: 2, next: position(1, 10, 102)},
		"the same twice in a batch":          {at: position(1, 10, 100), from: 100, got: "1/11, 1/11, 1/12, 1/11", apply: "1/11, 1/12", dups: 2, next: position(1, 12, 104)},
		"again from below the offset":        {at: position(1, 10, 100), stored: "1/10", from: 40, got: "1/10", dups: 1, next: position(1, 10, 100)},
		"the cut of the next epoch":          {at: position(1, 10, 100), from: 100, got: "2/11 cut, 2/12", apply: "2/11 cut, 2/12", next: position(2, 12, 102)},
		"a cut that MySQL wrote":             {at: position(2, 11, 100), stored: "2/11 cut", from: 100, got: "2/11 cut, 2/12", apply: "2/12", dups: 1, next: position(2, 12, 102)},
		"a bid of the next epoch":            {at: position(1, 10, 100), from: 100, got: "2/11", next: ahead(position(1, 10, 100), 11)},
		"an older epoch in line":             {at: position(2, 10, 100), from: 100, got: "1/11", orphans: "1/11", next: position(2, 10, 101)},
		"an older epoch ahead":               {at: position(2, 10, 100), from: 100, got: "1/15", orphans: "1/15", next: position(2, 10, 101)},
		"an older epoch behind":              {at: position(2, 12, 100), stored: "2/11 cut, 2/12", from: 100, got: "1/11, 1/12", orphans: "1/11, 1/12", next: position(2, 12, 102)},
		"an old epoch after its cut":         {at: position(1, 10, 100), from: 100, got: "2/11 cut, 1/11, 1/12", apply: "2/11 cut", orphans: "1/11, 1/12", next: position(2, 11, 103)},
		"behind an accepted gap":             {at: position(1, 12, 100), stored: "1/10, 1/12", from: 100, got: "1/11, 1/13", apply: "1/13", orphans: "1/11", next: position(1, 13, 102)},
		"no record":                          {at: position(1, 10, 100), from: 100, got: "bad, 1/11, bad", apply: "1/11", parked: "bad, bad", next: position(1, 11, 103)},
		"ahead":                              {at: position(1, 10, 100), from: 100, got: "1/12, 1/13", next: ahead(position(1, 10, 100), 13)},
		"ahead after what is in line":        {at: position(1, 10, 100), from: 100, got: "1/11, 1/13", apply: "1/11", next: ahead(position(1, 11, 101), 13)},
		"ahead, duplicates and bad after":    {at: position(1, 10, 100), stored: "1/10", from: 100, got: "1/12, 1/10, bad", parked: "bad", dups: 1, next: ahead(position(1, 10, 100), 12)},
		"ahead and mended in a batch":        {at: position(1, 10, 100), from: 100, got: "1/12, 1/13, 1/11, 1/12, 1/13", apply: "1/11, 1/12, 1/13", dups: 2, next: position(1, 13, 105)},
		"ahead and half mended":              {at: position(1, 10, 100), from: 100, got: "1/12, 1/14, 1/11, 1/12", apply: "1/11, 1/12", dups: 1, next: ahead(position(1, 12, 101), 14)},
		"ahead, overtaken by a cut":          {at: position(1, 10, 100), from: 100, got: "1/12, 2/11 cut, 2/12", apply: "2/11 cut, 2/12", orphans: "1/12", next: position(2, 12, 103)},
		"far ahead, overtaken by a cut":      {at: position(1, 10, 100), from: 100, got: "1/50, 2/11 cut", apply: "2/11 cut", orphans: "1/50", next: position(2, 11, 102)},
		"ahead since an earlier batch":       {at: ahead(position(1, 10, 100), 13), from: 102, got: "1/14", next: ahead(position(1, 10, 100), 14)},
		"an earlier batch's, half mended":    {at: ahead(position(1, 10, 100), 13), from: 102, got: "1/11, 1/12", apply: "1/11, 1/12", next: ahead(position(1, 12, 100), 13)},
		"an earlier batch's, mended":         {at: ahead(position(1, 10, 100), 13), from: 102, got: "1/11, 1/12, 1/13", apply: "1/11, 1/12, 1/13", next: position(1, 13, 105)},
		"mended, and another ahead":          {at: ahead(position(1, 10, 100), 12), from: 102, got: "1/11, 1/12, 1/14", apply: "1/11, 1/12", next: ahead(position(1, 12, 100), 14)},
		"a restart from the offset mends":    {at: ahead(position(1, 11, 100), 13), stored: "1/11", from: 100, got: "1/12, 1/13, 1/11", apply: "1/12, 1/13", dups: 1, next: position(1, 13, 103)},
		"a hole before the batch":            {at: position(1, 10, 100), from: 111, got: "1/22", next: ahead(position(1, 10, 100), 22)},
		"offsets used again after a loss":    {at: position(1, 10, 120), from: 100, got: "1/11", apply: "1/11", next: position(1, 11, 101)},
		"ahead in offsets used again":        {at: position(1, 10, 120), from: 100, got: "1/12", next: ahead(position(1, 10, 100), 12)},
		"a whole position is kept":           {at: auction.Position{Shard: 3, Epoch: 1, Seq: 10, NextOffset: 7, GapSeq: 5, GapSinceUS: 6, AliveUS: 8}, from: 7, got: "1/11", apply: "1/11", next: auction.Position{Shard: 3, Epoch: 1, Seq: 11, NextOffset: 8, GapSeq: 5, GapSinceUS: 6, AliveUS: 8}},
		"a stale consumer's batch once more": {at: position(1, 13, 110), stored: "1/11, 1/12", from: 101, got: "1/11, 1/12", dups: 2, next: position(1, 13, 110)},
	} {
		t.Run(name, func(t *testing.T) {
			stored := map[int64]auction.Stored{}
			for _, d := range deliveries(t, 0, c.stored) {
				stored[d.Record.Seq] = auction.Stored{Epoch: d.Record.Epoch, Raw: d.Raw}
			}
			s := auction.Sift(c.at, stored, deliveries(t, c.from, c.got))
			if s.Fork != nil {
				t.Fatalf("fork %+v", s.Fork)
			}
			if got := texts(s.Apply); got != c.apply {
				t.Errorf("applies %q, want %q", got, c.apply)
			}
			if got := texts(s.Orphans); got != c.orphans {
				t.Errorf("orphans %q, want %q", got, c.orphans)
			}
			if got := texts(s.Parked); got != c.parked || s.Duplicates != c.dups {
				t.Errorf("parked %q and %d duplicates, want %q and %d", got, s.Duplicates, c.parked, c.dups)
			}
			if d := cmp.Diff(c.next, s.Next); d != "" {
				t.Errorf("next (-want +got):\n%s", d)
			}
		})
	}
}

func TestSiftFindsForks(t *testing.T) {
	for name, c := range map[string]struct {
		at     auction.Position
		stored string
		got    string
		seq    int64
		apply  string
		other  string // the other record of the place, as Fork tells it
		late   string
	}{
		"another content behind":              {at: position(1, 10, 100), stored: "1/10", got: "1/10b", seq: 10, other: "1/10", late: "1/10b"},
		"a later epoch behind":                {at: position(1, 10, 100), stored: "1/10", got: "2/10 cut", seq: 10, other: "1/10", late: "2/10 cut"},
		"in the middle":                       {at: position(1, 10, 100), stored: "1/10", got: "1/11, 1/10b, 1/12", seq: 10, apply: "1/11", other: "1/10", late: "1/10b"},
		"within the batch":                    {at: position(1, 10, 100), got: "1/11, 1/11b, 1/12", seq: 11, apply: "1/11", other: "1/11", late: "1/11b"},
		"of a cut applied in the batch":       {at: position(1, 10, 100), got: "2/11 cut, 2/11", seq: 11, apply: "2/11 cut", other: "2/11 cut", late: "2/11"},
		"read ahead, then mended otherwise":   {at: position(1, 10, 100), got: "1/12, 1/11, 1/12b", seq: 12, apply: "1/11", other: "1/12b", late: "1/12"},
		"a later epoch ahead, then an older":  {at: position(1, 10, 100), got: "2/11, 1/11", seq: 11, other: "1/11", late: "2/11"},
		"ahead twice, and one of them stands": {at: position(1, 10, 100), got: "1/12, 1/12b, 1/11, 1/12", seq: 12, apply: "1/11", other: "1/12", late: "1/12b"},
	} {
		t.Run(name, func(t *testing.T) {
			stored := map[int64]auction.Stored{}
			for _, d := range deliveries(t, 0, c.stored) {
				stored[d.Record.Seq] = auction.Stored{Epoch: d.Record.Epoch, Raw: d.Raw}
			}
			s := auction.Sift(c.at, stored, deliveries(t, 100, c.got))
			if s.Fork == nil {
				t.Fatalf("no fork; applies %q", texts(s.Apply))
			}
			want := auction.Fork{Seq: c.seq, Stored: []byte(c.other), Got: []byte(c.late)}
			if d := cmp.Diff(want, *s.Fork); d != "" {
				t.Errorf("fork (-want +got):\n%s", d)
			}
			if got := texts(s.Apply); got != c.apply {
				t.Errorf("applies %q, want %q", got, c.apply)
			}
			if s.Next.NextOffset != c.at.NextOffset {
				t.Errorf("resumes at %d, want where it stood, %d", s.Next.NextOffset, c.at.NextOffset)
			}
		})
	}
}
