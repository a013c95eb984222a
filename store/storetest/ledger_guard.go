package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/orders"
	"rostrum/store"
)

// forged makes a bid record that no book has decided: what a gate would journal that has forgotten what it sold.
func (s *Sale) forged(l auction.Lot, version int64, buyer, bid, order uuid.UUID, nth ...int) auction.Record {
	return s.next(auction.Record{Kind: auction.KindBid, Lot: l.ID, Version: version, Bid: bid, Buyer: buyer, Order: order,
		Quantity: int64(len(nth)), Nth: nth, PriceMinor: l.PriceMinor, Currency: l.Currency})
}

// lastGuard: records that sell too much, too often or twice become void orders with a notice, in whatever batches they
// come; the rest of the batch is sold.
func lastGuard(t *testing.T, s *store.Store) {
	for size := 1; size <= 9; size++ {
		t.Run(fmt.Sprint("batches of ", size), func(t *testing.T) { lastGuardBy(t, s, size) })
		must(t, s.Resume(t.Context(), 0))
	}
}

func lastGuardBy(t *testing.T, s *store.Store, size int) {
	sale := resumeSale(t, s, Terms{Stock: 4, PerBuyer: 2})
	l := sale.Lots[0]
	a, b, c := sale.ID(), sale.ID(), sale.ID()
	bid1, order1 := sale.ID(), sale.ID()
	records := []auction.Record{
		sale.forged(l, 1, a, bid1, order1, 1),
		sale.forged(l, 2, a, sale.ID(), sale.ID(), 1),    // the buyer has this unit
		sale.forged(l, 3, a, sale.ID(), sale.ID(), 3),    // no unit of this number may be had
		sale.forged(l, 4, b, sale.ID(), sale.ID(), 1, 2), // sold: 3
		sale.forged(l, 5, a, bid1, sale.ID(), 2),         // the bid has an order
		sale.forged(l, 6, c, sale.ID(), sale.ID(), 1, 2), // would be 5 of 4
		sale.forged(l, 7, c, sale.ID(), order1, 1),       // the order's id is taken
		sale.forged(l, 8, c, sale.ID(), sale.ID(), 1),    // sold: 4
		sale.forged(l, 9, c, sale.ID(), sale.ID(), 2),    // would be 5 of 4
	}
	list, voided := sale.Deliver(records...), 0
	for from := 0; from < len(list); from += size {
		voided += sale.Apply(0, list[from:min(from+size, len(list))]...).Voided
	}
	want := map[uuid.UUID]string{records[1].Order: "limit", records[2].Order: "limit", records[4].Order: "duplicate_bid",
		records[5].Order: "oversold", records[8].Order: "oversold"}
	if voided != len(want) {
		t.Errorf("voided %d, want %d", voided, len(want))
	}
	got := map[uuid.UUID]string{}
	list2, err := s.ListOrders(t.Context(), orders.Filter{Lot: l.ID, State: orders.Void}, orders.Page{Limit: 50})
	must(t, err)
	for _, o := range list2 {
		got[o.ID] = o.Reason
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("void orders (-want +got):\n%s", diff)
	}
	told := map[uuid.UUID]string{}
	waiting, err := s.OutboxUnpublished(t.Context(), 1000)
	must(t, err)
	for _, e := range waiting {
		if e.Lot == l.ID && e.Kind == "order.void" && e.State == orders.Void {
			told[e.Order] = e.Reason
		}
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	row, err := s.Lot(t.Context(), l.ID)
	must(t, err)
	if row.Sold != 4 || row.Version != 9 {
		t.Errorf("the lot has sold %d, version %d", row.Sold, row.Version)
	}
	for bid, want := range map[int]int{1: 1, 4: 0, 5: 5} { // void is admitted all the same; of two of one id the first is
		r := records[bid]
		if got, err := s.BidRecord(t.Context(), 0, l.ID, r.Buyer, r.Bid); err != nil || got.Order != records[want].Order {
			t.Errorf("record of bid %d: order %s, %v", bid, got.Order, err)
		}
	}
	_, err = s.BidRecord(t.Context(), 0, l.ID, records[6].Buyer, records[6].Bid)
	wantCode(t, err, fault.NotFound, "bid_not_found") // parked
	unbroken(t, s)
	sameAsRow(t, s, l.ID)
}

// sameAsRow: recovery rebuilds a lot that had refusals, and comes to what its row says.
func sameAsRow(t testing.TB, s *store.Store, lot uuid.UUID) {
	t.Helper()
	row, err := s.Lot(t.Context(), lot)
	must(t, err)
	state, err := Rebuilt(t.Context(), s, 0)
	must(t, err)
	for _, l := range state.Lots {
		if l.ID == lot && (l.Sold != row.Sold || l.Version != row.Version || int64(len(l.Units)) != row.Sold) {
			t.Errorf("rebuilt: sold %d, %d units, version %d; the row: sold %d, version %d", l.Sold, len(l.Units), l.Version, row.Sold, row.Version)
		}
	}
}

// resumeSale makes another sale in a store that has one already, going on in its only shard.
func resumeSale(t testing.TB, s *store.Store, terms ...Terms) *Sale {
	t.Helper()
	d, err := s.Deployment(t.Context(), auction.Deployment{})
	must(t, err)
	if d.ID == uuid.Nil {
		return NewSale(t, s, 1, terms...)
	}
	p, err := s.Position(t.Context(), 0)
	must(t, err)
	sale := &Sale{Store: s, t: t, Deployment: d, Books: map[int]*auction.Book{0: auction.NewBook(d.ID, 0)},
		offsets: map[int]int64{0: p.NextOffset}, at: Opens, ids: int(p.Seq) * 1000}
	sale.Seller = sale.ID()
	sale.publish(terms, func(uuid.UUID) int { return 0 })
	sale.Books[0].Epoch, sale.Books[0].Seq = p.Epoch, p.Seq
	return sale
}

// releasedOnce: an order's units go back once, however often records say so; then they can be sold again.
func releasedOnce(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 2, PerBuyer: 2})
	l, buyer := sale.Lots[0], sale.ID()
	bid := sale.Bid(l, buyer, 2)
	released := sale.Release(bid)
	again := sale.Bid(l, buyer, 1)
	sale.Apply(0, sale.Deliver(bid, released, again)...)
	order, err := s.Order(t.Context(), bid.Order)
	must(t, err)
	if order.ReleasedUS != released.TimeUS || order.Nth != nil || order.Rev != 2 {
		t.Errorf("the released order: %+v", order)
	}
	sameAsBook(t, sale, 0)

	// A gate that has lost its markers may journal a second release of the same order: it gives nothing back.
	second := sale.next(released)
	second.Version = again.Version + 1
	sale.Apply(0, sale.Deliver(second)...)
	row, err := s.Lot(t.Context(), l.ID)
	must(t, err)
	if row.Sold != 1 || row.Version != second.Version {
		t.Errorf("after a second release: sold %d, version %d", row.Sold, row.Version)
	}
	if counts := unbroken(t, s); counts.Parked != 1 {
		t.Errorf("parked: %d", counts.Parked)
	}
	sameAsRow(t, s, l.ID)
}

// releaseOfNothing: a release of an order that was void, or never was, leaves the stock alone.
func releaseOfNothing(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 1, PerBuyer: 1})
	l := sale.Lots[0]
	sold := sale.forged(l, 1, sale.ID(), sale.ID(), sale.ID(), 1)
	void := sale.forged(l, 2, sale.ID(), sale.ID(), sale.ID(), 1)
	back := void
	back.Kind, back.Version, back.PriceMinor, back.Currency, back.Reason = auction.KindReleased, 3, 0, "", "cancelled"
	back = sale.next(back)
	never := back
	never.Order, never.Version = sale.ID(), 4
	never = sale.next(never)
	done := sale.Apply(0, sale.Deliver(sold, void, back, never)...)
	row, err := s.Lot(t.Context(), l.ID)
	must(t, err)
	if done.Voided != 1 || done.Parked != 2 || row.Sold != 1 || row.Version != 4 {
		t.Errorf("%+v; sold %d, version %d", done, row.Sold, row.Version)
	}
	if order, err := s.Order(t.Context(), void.Order); err != nil || order.ReleasedUS != 0 || order.State != orders.Void {
		t.Errorf("the void order: %+v, %v", order, err)
	}
	unbroken(t, s)
	sameAsRow(t, s, l.ID)
}

// timedOut: the release of an order that was timing out ends it, and says so.
func timedOut(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 2, PerBuyer: 1})
	bid := sale.Bid(sale.Lots[0], sale.ID(), 1)
	sale.Apply(0, sale.Deliver(bid)...)
	before, err := s.Order(t.Context(), bid.Order)
	must(t, err)
	after := before
	after.State, after.ChangedUS = orders.TimingOut, sale.Tick()
	must(t, s.SaveMove(t.Context(), before, after, orders.Event{ID: sale.ID(), Kind: "order.timing_out", Order: bid.Order, State: after.State}))
	due, err := s.ToRelease(t.Context(), 10)
	must(t, err)
	if len(due) != 1 || due[0].ID != bid.Order {
		t.Errorf("to release: %+v", due)
	}
	sale.Apply(0, sale.Deliver(sale.Release(bid))...)
	order, err := s.Order(t.Context(), bid.Order)
	must(t, err)
	if order.State != orders.PaymentTimeout || order.ReleasedUS == 0 {
		t.Errorf("the order: %+v", order)
	}
	if due, err = s.ToRelease(t.Context(), 10); err != nil || len(due) != 0 {
		t.Errorf("still to release: %+v, %v", due, err)
	}
	waiting, err := s.OutboxUnpublished(t.Context(), 10)
	must(t, err)
	if len(waiting) != 2 || waiting[1].Kind != "order.payment_timeout" && waiting[0].Kind != "order.payment_timeout" {
		t.Errorf("events: %+v", waiting)
	}
}

// releasedUnmarked: the release of an order that the database does not know to be cancelled, because it forgot, ends it all
// the same, and says so.
func releasedUnmarked(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 2, PerBuyer: 1})
	bid, paid := sale.Bid(sale.Lots[0], sale.ID(), 1), sale.Bid(sale.Lots[0], sale.ID(), 1)
	sale.Apply(0, sale.Deliver(bid, paid)...)
	before, err := s.Order(t.Context(), paid.Order)
	must(t, err)
	after, event, err := before.Move(orders.Pay, orders.Buyer, orders.Details{}, sale.ID(), sale.Tick())
	must(t, err)
	must(t, s.SaveMove(t.Context(), before, after, event))
	sale.Apply(0, sale.Deliver(sale.Release(bid), sale.Release(paid))...)
	want := map[uuid.UUID]orders.State{bid.Order: orders.Cancelled, paid.Order: orders.Refunded}
	waiting, err := s.OutboxUnpublished(t.Context(), 10)
	must(t, err)
	for id, state := range want {
		if o, err := s.Order(t.Context(), id); err != nil || o.State != state || o.ReleasedUS == 0 || len(o.Nth) != 0 {
			t.Errorf("want state %d: %+v, %v", state, o, err)
		}
		told := slices.ContainsFunc(waiting, func(e store.OutboxEvent) bool { return e.Order == id && e.State == state && e.Reason == "cancelled" })
		if !told {
			t.Errorf("state %d is not told: %+v", state, waiting)
		}
	}
	sameAsRow(t, s, sale.Lots[0].ID)
}
