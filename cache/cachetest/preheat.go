package cachetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

func testPreheat(t *testing.T, s *Subject) {
	future := func(l *auction.Lot) { l.OpensUS, l.ClosesUS = T0+100, T0+200 }
	open, closed := LotOf(0), LotOf(0, func(l *auction.Lot) { l.State, l.OpensUS = auction.LotClosed, T0+100 })
	newer := LotOf(0, future, func(l *auction.Lot) { l.Version, l.State = 4, auction.LotPaused })
	s.Open(t, 0, open, closed, newer)
	lots := []auction.Lot{LotOf(0, future), open, LotOf(0), closed, newer}
	lots[3].State, lots[4].Version, lots[4].State = auction.LotOpen, 3, auction.LotOpen
	for range 2 {
		got, err := s.Gate.Preheat(ctx, 0, lots)
		want := []auction.PreheatResult{auction.PreheatWritten, auction.PreheatOpen, auction.PreheatMissed, auction.PreheatClosed, auction.PreheatWritten}
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Fatalf("preheat: %v\n%s", err, d)
		}
	}
	if got, err := s.Gate.Holds(ctx, 0, newer.ID); err != nil || got.Version != 4 || got.State != auction.LotPaused {
		t.Errorf("a newer lot was overwritten: %+v %v", got.Lot, err)
	}
	_, err := s.Gate.Holds(ctx, 0, lots[2].ID)
	wantCode(t, err, fault.NotFound, "lot_not_loaded")

	// New terms of a lot that has not opened take the place of the old, stock and code included.
	// A node that remembers the old ones learns of it.
	other := *s
	other.Reopen(t)
	wantVerdict(t, other.one(t, 0, BidOn(lots[0])), auction.NotStarted)
	changed := lots[0]
	changed.Code, changed.Stock, changed.Session, changed.PerBuyer = codeB, 9, uuid.New(), 2
	if got, err := s.Gate.Preheat(ctx, 0, []auction.Lot{changed}); err != nil || got[0] != auction.PreheatWritten {
		t.Fatalf("again: %v %v", got, err)
	}
	s.SetClock(t, T0+100)
	wantVerdict(t, other.one(t, 0, BidOn(lots[0])), auction.BadCode)
	for i, node := range []*Subject{&other, s} {
		a := node.one(t, 0, BidOn(changed, func(b *auction.Bid) { b.Quantity = 2 }))
		if a.Verdict != auction.Admitted || a.Left != int64(7-2*i) || !cmp.Equal(a.Receipt.Nth, []int{1, 2}) {
			t.Errorf("bid on the new terms: %+v", a)
		}
	}
	if got, err := s.Gate.Holds(ctx, 0, changed.ID); err != nil || len(got.Units) != 4 {
		t.Errorf("units under the new session: %+v %v", got.Units, err)
	}
	if _, err := s.Client.Get(ctx, s.Gate.Keys().Stock(0, lots[0].ID, lots[0].Code)).Result(); err == nil {
		t.Error("the old stock is still there")
	}
	testCompare(t, s)
	testPreheatMixed(t, s)
	for _, bad := range []auction.Lot{LotOf(1, future), LotOf(0, future, func(l *auction.Lot) { l.Code = "x" })} {
		_, err := s.Gate.Preheat(ctx, 0, []auction.Lot{bad})
		wantCode(t, err, fault.Internal, "lot_not_publishable")
	}
}

// testCompare preheats lots of several shards at once, more than one script takes, and looks at what the gate then holds.
func testCompare(t *testing.T, s *Subject) {
	t.Helper()
	for shard := 1; shard < Shards; shard++ {
		s.Open(t, shard)
	}
	var lots []auction.Lot
	for i := range 300 {
		lots = append(lots, LotOf(i%Shards, func(l *auction.Lot) { l.OpensUS, l.ClosesUS = T0+5000, T0+6000 }))
	}
	broken := lots[5]
	lots[5].Code = ""
	got, err := s.Gate.PreheatLots(ctx, lots)
	if err != nil {
		t.Fatal(err)
	}
	for i, result := range got {
		want := auction.PreheatWritten
		if i == 5 {
			want = auction.PreheatBroken
		}
		if result != want {
			t.Errorf("lot %d: %s, want %s", i, result, want)
		}
	}
	other, newer := lots[7], lots[8]
	other.PriceMinor++
	newer.Version--
	newer.PriceMinor++
	missing, different, err := s.Gate.Compare(ctx, []auction.Lot{lots[0], broken, other, newer, lots[299]})
	if d := cmp.Diff([][]uuid.UUID{{broken.ID}, {other.ID}}, [][]uuid.UUID{missing, different}); err != nil || d != "" {
		t.Errorf("missing and different (-want +got): %v\n%s", err, d)
	}
	if room, err := s.Gate.Room(ctx); err != nil || room.Left < 0 || room.Limited && room.Left == 0 {
		t.Errorf("room %+v, %v", room, err)
	}
}

// testPreheatMixed preheats lots that are new, there already, and there with another code, by the same scripts, and which
// agree in some of their terms: each has its own afterwards.
func testPreheatMixed(t *testing.T, s *Subject) {
	t.Helper()
	var lots []auction.Lot
	for i := range 100 {
		lots = append(lots, LotOf(i%2, func(l *auction.Lot) {
			l.OpensUS, l.ClosesUS = T0+5000, T0+6000+int64(i%3)
			l.PriceMinor, l.Stock, l.PerBuyer = int64(100+i), int64(1+i%5), 1+i%2
		}))
	}
	preheat := func(lots []auction.Lot) {
		t.Helper()
		got, err := s.Gate.PreheatLots(ctx, lots)
		if err != nil {
			t.Fatal(err)
		}
		for i, result := range got {
			if result != auction.PreheatWritten {
				t.Errorf("lot %d: %s", i, result)
			}
		}
	}
	preheat(lots[:50])
	olds := map[int]string{}
	for i := 0; i < 50; i += 7 {
		olds[i], lots[i].Code, lots[i].PriceMinor = lots[i].Code, codeB, 7
	}
	preheat(lots)
	missing, different, err := s.Gate.Compare(ctx, lots)
	if err != nil || len(missing)+len(different) > 0 {
		t.Errorf("missing %v, different %v, %v", missing, different, err)
	}
	for i, l := range lots {
		left, err := s.Client.Get(ctx, s.Gate.Keys().Stock(l.Shard, l.ID, l.Code)).Int64()
		if err != nil || left != l.Stock {
			t.Errorf("lot %d has %d left, want %d: %v", i, left, l.Stock, err)
		}
	}
	for i, code := range olds {
		if n := s.Client.Exists(ctx, s.Gate.Keys().Stock(lots[i].Shard, lots[i].ID, code)).Val(); n != 0 {
			t.Errorf("lot %d has its old stock, too", i)
		}
	}
}
