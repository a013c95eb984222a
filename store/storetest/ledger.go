package storetest

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/orders"
	"rostrum/store"
)

func wayOfABid(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 3, PerBuyer: 2})
	l, buyer := sale.Lots[0], sale.ID()
	first, second := sale.Bid(l, buyer, 1), sale.Bid(l, sale.ID(), 2)
	done := sale.Apply(0, sale.Deliver(first, second)...)
	if done.Records != 2 || done.Voided != 0 || done.AheadSeq != 0 {
		t.Errorf("applied %+v", done)
	}
	want := auction.Position{Epoch: 1, Seq: 4, NextOffset: 4}
	if diff := cmp.Diff(want, done.Position); diff != "" {
		t.Errorf("position (-want +got):\n%s", diff)
	}
	order, err := s.Order(t.Context(), first.Order)
	must(t, err)
	wantOrder := orders.Order{ID: first.Order, Lot: l.ID, Session: l.Session, Item: l.Item, Title: l.Title, Seller: l.Seller, Buyer: buyer,
		Bid: first.Bid, Quantity: 1, Nth: []int{1}, PriceMinor: 900, TotalMinor: 900, Currency: "EUR", State: orders.PendingPayment,
		Epoch: 1, Seq: 3, AdmittedUS: first.TimeUS, PayByUS: first.TimeUS + 15*60*1_000_000, ChangedUS: first.TimeUS, Trace: "t", Rev: 1}
	if diff := cmp.Diff(wantOrder, order); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
	got, err := s.Lot(t.Context(), l.ID)
	must(t, err)
	l.Sold, l.Version = 3, 2
	if diff := cmp.Diff(l, got); diff != "" {
		t.Errorf("lot (-want +got):\n%s", diff)
	}
	sameAsBook(t, sale, 0)
	unbroken(t, s)
}

// sameAsBook compares what recovery would rebuild from the store, and the lots' rows, with the book that decided.
func sameAsBook(t testing.TB, sale *Sale, shard int) {
	t.Helper()
	got, err := Rebuilt(t.Context(), sale.Store, shard)
	must(t, err)
	want := sale.Books[shard].State()
	if diff := cmp.Diff(want.Digest(), got.Digest()); diff != "" {
		t.Errorf("the store's rebuild (-book +store):\n%s", diff)
	}
	for i, l := range want.Lots {
		row, err := sale.Store.Lot(t.Context(), l.ID)
		must(t, err)
		if row.Sold != l.Sold || row.Stock != l.Stock || row.Version != l.Version || row.State != l.State || row.ClosesUS != l.ClosesUS {
			t.Errorf("lot %d: the row has sold %d of %d, version %d, %s until %d; the book %d of %d, %d, %s until %d", i,
				row.Sold, row.Stock, row.Version, row.State, row.ClosesUS, l.Sold, l.Stock, l.Version, l.State, l.ClosesUS)
		}
	}
}

// unbroken fails the test where an invariant does not hold.
func unbroken(t testing.TB, s *store.Store) store.Counts {
	t.Helper()
	counts, err := s.Counts(t.Context())
	must(t, err)
	for _, b := range counts.Broken {
		t.Errorf("lot %s: %s", b.Lot, b.What)
	}
	return counts
}

func sameBatchTwice(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 10, PerBuyer: 2})
	var list []auction.Delivery
	for range 4 {
		list = append(list, sale.Deliver(sale.Bid(sale.Lots[0], sale.ID(), 2))...)
	}
	first := sale.Apply(0, list...)
	again := sale.Apply(0, list...)
	if again.Records != 0 || again.Duplicates != 4 || again.Position != first.Position {
		t.Errorf("the second time: %+v after %+v", again, first.Position)
	}
	sameAsBook(t, sale, 0)
}

// splitAnywhere applies one history in every split into two batches, the second of which also repeats part of the first.
func splitAnywhere(t *testing.T, s *store.Store) {
	const records = 6
	sale := NewSale(t, s, 1, slices.Repeat([]Terms{{Stock: 20, PerBuyer: 3}}, records+1)...)
	for split := range records + 1 {
		var list []auction.Delivery
		l := sale.Lots[split]
		first := sale.Bid(l, sale.ID(), 1)
		list = append(list, sale.Deliver(first, sale.Bid(l, sale.ID(), 3), sale.Release(first), sale.Bid(l, first.Buyer, 2),
			sale.Bid(l, sale.ID(), 1), sale.Bid(l, first.Buyer, 1))...)
		sale.Apply(0, list[:split]...)
		done := sale.Apply(0, list[split/2:]...)
		if done.Records != records-split || done.Duplicates != split-split/2 {
			t.Errorf("split at %d: %+v", split, done)
		}
	}
	sameAsBook(t, sale, 0)
	unbroken(t, s)
}

// duplicatesMoveTheOffset: what was applied before comes again at later offsets after a relay's resend.
func duplicatesMoveTheOffset(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 5, PerBuyer: 1})
	r := sale.Bid(sale.Lots[0], sale.ID(), 1)
	sale.Apply(0, sale.Deliver(r)...)
	done := sale.Apply(0, sale.Deliver(r, r)...)
	if done.Duplicates != 2 || done.Position.NextOffset != 5 {
		t.Errorf("%+v; want 2 duplicates, next offset 5", done)
	}
}

func nothingToApply(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 1, PerBuyer: 1})
	before, err := s.Position(t.Context(), 0)
	must(t, err)
	if done := sale.Apply(0); done.Position != before || done.Records != 0 {
		t.Errorf("an empty batch: %+v", done)
	}
	unopened, err := s.Position(t.Context(), 9)
	must(t, err)
	if diff := cmp.Diff(auction.Position{Shard: 9}, unopened); diff != "" {
		t.Errorf("an unopened shard (-want +got):\n%s", diff)
	}
}

// manyLots applies a batch over several forms of the multi-row statements and more lots than one statement writes; they
// have sold different numbers.
func manyLots(t *testing.T, s *store.Store) {
	const lots = 67
	sale := NewSale(t, s, 1, slices.Repeat([]Terms{{Stock: 100, PerBuyer: 4}}, lots)...)
	var list []auction.Delivery
	for i := range 733 {
		list = append(list, sale.Deliver(sale.Bid(sale.Lots[i%lots], sale.ID(), 1))...)
	}
	if done := sale.Apply(0, list...); done.Records != 733 {
		t.Errorf("%+v", done)
	}
	sameAsBook(t, sale, 0)
	counts := unbroken(t, s)
	if counts.Bids != 733 || counts.Units != 733 || counts.Orders[orders.PendingPayment] != 733 {
		t.Errorf("counts %+v", counts)
	}
}

// effects takes every kind of record that changes a lot's row.
func effects(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 1, PerBuyer: 1}, Terms{Stock: 1, PerBuyer: 1})
	l, other := sale.Lots[0], sale.Lots[1]
	for _, c := range []struct {
		record auction.Record
		want   func(*auction.Lot)
	}{
		{auction.Record{Kind: auction.KindPaused, Lot: l.ID, Reason: "operator"}, func(l *auction.Lot) { l.State = auction.LotPaused }},
		{auction.Record{Kind: auction.KindResumed, Lot: l.ID, ClosesUS: Opens + 2*Hour, CreditUS: Hour, Reason: "operator"},
			func(l *auction.Lot) { l.State, l.ClosesUS = auction.LotOpen, Opens+2*Hour }},
		{auction.Record{Kind: auction.KindExtended, Lot: l.ID, ClosesUS: Opens + 3*Hour, Reason: "soft_close"},
			func(l *auction.Lot) { l.ClosesUS = Opens + 3*Hour }},
		{auction.Record{Kind: auction.KindToppedUp, Lot: l.ID, Quantity: 4, Reason: "operator"}, func(l *auction.Lot) { l.Stock += 4 }},
		{auction.Record{Kind: auction.KindRegistered, Lot: l.ID, Buyer: ID(7)}, func(*auction.Lot) {}},
		{auction.Record{Kind: auction.KindClosed, Lot: l.ID, Left: 5, Reason: "time"}, func(l *auction.Lot) { l.State = auction.LotClosed }},
		{auction.Record{Kind: auction.KindWithdrawn, Lot: other.ID, Reason: "operator"}, func(l *auction.Lot) { l.State = auction.LotWithdrawn }},
	} {
		want, err := s.Lot(t.Context(), c.record.Lot)
		must(t, err)
		c.want(&want)
		want.Version++
		c.record.Version = want.Version
		sale.Apply(0, sale.Deliver(sale.next(c.record))...)
		got, err := s.Lot(t.Context(), c.record.Lot)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.record.Kind, diff)
		}
	}
}

// effectsTogether has one batch change several lots, each in another way.
func effectsTogether(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, slices.Repeat([]Terms{{Stock: 9, PerBuyer: 9}}, 6)...)
	sold := sale.Bid(sale.Lots[4], sale.ID(), 3)
	sale.Apply(0, sale.Deliver(sold)...)
	change := func(l int, version int64, r auction.Record) auction.Record {
		r.Lot, r.Version, r.Reason = sale.Lots[l].ID, version, "operator"
		return sale.next(r)
	}
	records := []auction.Record{
		sale.forged(sale.Lots[0], 1, sale.ID(), sale.ID(), sale.ID(), 1, 2),
		change(1, 1, auction.Record{Kind: auction.KindToppedUp, Quantity: 4}),
		change(2, 1, auction.Record{Kind: auction.KindPaused}),
		change(3, 1, auction.Record{Kind: auction.KindExtended, ClosesUS: Opens + 3*Hour}),
		change(4, 2, auction.Record{Kind: auction.KindReleased, Order: sold.Order, Buyer: sold.Buyer, Bid: sold.Bid, Quantity: 3, Nth: sold.Nth}),
		sale.forged(sale.Lots[1], 2, sale.ID(), sale.ID(), sale.ID(), 1, 2, 3, 4, 5, 6, 7, 8, 9),
		sale.forged(sale.Lots[1], 3, sale.ID(), sale.ID(), sale.ID(), 1, 2, 3, 4),
		change(0, 2, auction.Record{Kind: auction.KindClosed, Left: 7}),
	}
	if done := sale.Apply(0, sale.Deliver(records...)...); done.Records != len(records) || done.Voided+done.Parked != 0 {
		t.Errorf("%+v", done)
	}
	type row struct {
		sold, stock, version, closes int64
		state                        auction.LotState
	}
	for i, want := range []row{
		{2, 9, 2, Opens + Hour, auction.LotClosed}, {13, 13, 3, Opens + Hour, auction.LotOpen}, {0, 9, 1, Opens + Hour, auction.LotPaused},
		{0, 9, 1, Opens + 3*Hour, auction.LotOpen}, {0, 9, 2, Opens + Hour, auction.LotOpen}, {0, 9, 0, Opens + Hour, auction.LotOpen},
	} {
		l, err := s.Lot(t.Context(), sale.Lots[i].ID)
		must(t, err)
		if got := (row{l.Sold, l.Stock, l.Version, l.ClosesUS, l.State}); got != want {
			t.Errorf("lot %d: %+v, want %+v", i, got, want)
		}
	}
	unbroken(t, s)
}

// next makes a record the next of shard 0, past its book.
func (s *Sale) next(r auction.Record) auction.Record {
	b := s.Books[0]
	b.Seq++
	r.Deployment, r.Shard, r.Epoch, r.Seq, r.TimeUS = s.Deployment.ID, 0, b.Epoch, b.Seq, s.Tick()
	return r
}

// twoAppliers lets two consumers apply the same history in overlapping batches, as for a moment around a rebalance.
func twoAppliers(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 200, PerBuyer: 1})
	var list []auction.Delivery
	for range 120 {
		list = append(list, sale.Deliver(sale.Bid(sale.Lots[0], sale.ID(), 1))...)
	}
	var wg sync.WaitGroup
	failed := make(chan error, 2)
	for _, size := range []int{7, 11} {
		wg.Go(func() {
			for from := 0; from < len(list); from += size {
				if _, err := s.Apply(t.Context(), 0, list[from:min(from+size, len(list))]); err != nil {
					failed <- fmt.Errorf("batches of %d: %w", size, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	sameAsBook(t, sale, 0)
	if counts := unbroken(t, s); counts.Bids != 120 || counts.Void() != 0 {
		t.Errorf("counts %+v", counts)
	}
}

// shardsApart applies to many shards at once.
func shardsApart(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 4, slices.Repeat([]Terms{{Stock: 50, PerBuyer: 1}}, 16)...)
	byShard := map[int][]auction.Delivery{}
	for i := range 320 {
		l := sale.Lots[i%16]
		byShard[l.Shard] = append(byShard[l.Shard], sale.Deliver(sale.Bid(l, sale.ID(), 1))...)
	}
	if len(byShard) != 4 {
		t.Fatalf("the lots lie in %d shards", len(byShard))
	}
	var wg sync.WaitGroup
	failed := make(chan error, len(byShard))
	for shard, list := range byShard {
		wg.Go(func() {
			for batch := range slices.Chunk(list, 20) {
				if _, err := s.Apply(t.Context(), shard, batch); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	for shard := range 4 {
		sameAsBook(t, sale, shard)
	}
	positions, err := s.Positions(t.Context())
	must(t, err)
	if len(positions) != 4 || positions[3].Shard != 3 {
		t.Errorf("positions %+v", positions)
	}
}

// storedJournal reads the journal back, whole and by lot, in pages.
func storedJournal(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 9, PerBuyer: 1}, Terms{Stock: 9, PerBuyer: 1})
	var want []auction.Record
	for i := range 6 {
		r := sale.Bid(sale.Lots[i%2], sale.ID(), 1)
		want = append(want, r)
		sale.Apply(0, sale.Deliver(r)...)
	}
	var got []auction.Record
	for after := int64(2); ; after = got[len(got)-1].Seq { // after genesis and cut
		page, err := s.Records(t.Context(), 0, after, 4)
		must(t, err)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("records (-want +got):\n%s", diff)
	}
	ofLot, err := s.LotRecords(t.Context(), 0, sale.Lots[1].ID, want[1].Seq, 10)
	must(t, err)
	if diff := cmp.Diff([]auction.Record{want[3], want[5]}, ofLot); diff != "" {
		t.Errorf("records of a lot (-want +got):\n%s", diff)
	}
	loaded, err := s.LotsToLoad(t.Context(), 0, sale.Lots[0].ID, 10)
	must(t, err)
	if len(loaded) != 1 || loaded[0].ID != sale.Lots[1].ID {
		t.Errorf("lots to load after the first: %+v", loaded)
	}
	for _, r := range want {
		found, err := s.BidRecord(t.Context(), 0, r.Lot, r.Buyer, r.Bid)
		must(t, err)
		if diff := cmp.Diff(r, found); diff != "" {
			t.Errorf("record of a bid (-want +got):\n%s", diff)
		}
	}
	_, err = s.BidRecord(t.Context(), 0, want[0].Lot, want[1].Buyer, want[0].Bid)
	wantCode(t, err, fault.NotFound, "bid_not_found") // another's
	none, err := s.LotRecords(t.Context(), 0, uuid.Nil, 10, 10)
	must(t, err)
	if len(none) != 0 {
		t.Errorf("records of no lot: %+v", none)
	}
}
