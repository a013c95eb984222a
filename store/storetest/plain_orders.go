package storetest

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/orders"
	"rostrum/store"
)

// orderMoves writes moves as orders.Move makes them, with their events.
func orderMoves(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 3, PerBuyer: 1})
	ctx, bid := t.Context(), sale.Bid(sale.Lots[0], sale.ID(), 1)
	sale.Apply(0, sale.Deliver(bid)...)
	order, err := s.Order(ctx, bid.Order)
	must(t, err)
	var want []store.OutboxEvent
	for _, c := range []struct {
		action orders.Action
		who    orders.Party
		d      orders.Details
	}{{orders.Pay, orders.Buyer, orders.Details{}}, {orders.Ship, orders.Seller, orders.Details{Express: "SF-1 🪔"}},
		{orders.Complete, orders.Buyer, orders.Details{}}} {
		after, event, err := order.Move(c.action, c.who, c.d, sale.ID(), sale.Tick())
		must(t, err)
		must(t, s.SaveMove(ctx, order, after, event))
		wantCode(t, s.SaveMove(ctx, order, after, event), fault.Stale, "stale")
		got, err := s.Order(ctx, bid.Order)
		must(t, err)
		if diff := cmp.Diff(after, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.action, diff)
		}
		order, want = after, append(want, store.OutboxEvent{Event: event})
	}
	got, err := s.OutboxUnpublished(ctx, 10)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	must(t, s.OutboxPublished(ctx, []uuid.UUID{want[0].ID, want[2].ID}, 99))
	must(t, s.OutboxPublished(ctx, []uuid.UUID{want[0].ID}, 100))
	must(t, s.OutboxPublished(ctx, nil, 100))
	if got, err = s.OutboxUnpublished(ctx, 10); err != nil || len(got) != 1 || got[0].ID != want[1].ID {
		t.Errorf("left: %+v, %v", got, err)
	}
	missing := order
	missing.ID = sale.ID()
	wantCode(t, s.SaveMove(ctx, missing, missing, orders.Event{ID: sale.ID()}), fault.NotFound, "order_not_found")
	_, err = s.Order(ctx, missing.ID)
	wantCode(t, err, fault.NotFound, "order_not_found")
}

// staleMove: a stale move writes no event.
func staleMove(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 3, PerBuyer: 1})
	bid := sale.Bid(sale.Lots[0], sale.ID(), 1)
	sale.Apply(0, sale.Deliver(bid)...)
	order, err := s.Order(t.Context(), bid.Order)
	must(t, err)
	order.Rev = 9
	wantCode(t, s.SaveMove(t.Context(), order, order, orders.Event{ID: sale.ID(), Kind: "order.paid"}), fault.Stale, "stale")
	if got, err := s.OutboxUnpublished(t.Context(), 10); err != nil || len(got) != 0 {
		t.Errorf("events %+v, %v", got, err)
	}
}

func orderLists(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 2, Terms{Stock: 9, PerBuyer: 9}, Terms{Stock: 9, PerBuyer: 9})
	buyers := []uuid.UUID{sale.ID(), sale.ID()}
	var bids []auction.Record
	for i := range 6 {
		r := sale.Bid(sale.Lots[i%2], buyers[i/3], 1)
		bids = append(bids, r)
		sale.Apply(r.Shard, sale.Deliver(r)...)
	}
	first, err := s.Order(t.Context(), bids[0].Order)
	must(t, err)
	after := first
	after.State, after.Reason = orders.Cancelled, strings.Repeat("ж", 300) // longer than is kept
	must(t, s.SaveMove(t.Context(), first, after, orders.Event{ID: sale.ID(), Reason: after.Reason}))
	for _, c := range []struct {
		name string
		f    orders.Filter
		p    orders.Page
		want []int
	}{
		{"all", orders.Filter{}, orders.Page{Limit: 9}, []int{5, 4, 3, 2, 1, 0}},
		{"a page", orders.Filter{}, orders.Page{Limit: 2}, []int{5, 4}},
		{"the next", orders.Filter{}, orders.Page{Limit: 2, After: bids[4].Order}, []int{3, 2}},
		{"of a buyer", orders.Filter{Buyer: buyers[1]}, orders.Page{Limit: 9}, []int{5, 4, 3}},
		{"of nobody", orders.Filter{Buyer: sale.ID()}, orders.Page{Limit: 9}, nil},
		{"of a seller", orders.Filter{Seller: sale.Seller}, orders.Page{Limit: 1}, []int{5}},
		{"of a lot", orders.Filter{Lot: sale.Lots[1].ID}, orders.Page{Limit: 9}, []int{5, 3, 1}},
		{"of no lot", orders.Filter{Lot: sale.ID()}, orders.Page{Limit: 9}, nil},
		{"of a session", orders.Filter{Session: sale.Session.ID}, orders.Page{Limit: 2}, []int{5, 4}},
		{"the next of a session", orders.Filter{Session: sale.Session.ID}, orders.Page{Limit: 2, After: bids[4].Order}, []int{3, 2}},
		{"of no session", orders.Filter{Session: sale.ID()}, orders.Page{Limit: 2}, nil},
		{"cancelled in a session", orders.Filter{Session: sale.Session.ID, State: orders.Cancelled}, orders.Page{Limit: 2}, []int{0}},
		{"cancelled", orders.Filter{State: orders.Cancelled}, orders.Page{Limit: 9}, []int{0}},
		{"of a buyer and a lot", orders.Filter{Buyer: buyers[0], Lot: sale.Lots[0].ID, State: orders.PendingPayment}, orders.Page{Limit: 9}, []int{2}},
	} {
		list, err := s.ListOrders(t.Context(), c.f, c.p)
		must(t, err)
		var got []int
		for _, o := range list {
			for i, r := range bids {
				if r.Order == o.ID {
					got = append(got, i)
				}
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func published(t *testing.T, s *store.Store) {
	ctx, topic := t.Context(), "rostrum.orders.v1"
	seq, err := s.Published(ctx, topic, 3)
	must(t, err)
	if seq != 0 {
		t.Errorf("before the first: %d", seq)
	}
	raise := func(seqs map[int]int64, want int, topics ...string) {
		t.Helper()
		further, err := s.RaisePublished(ctx, topics, seqs)
		if err != nil || further != want {
			t.Errorf("raise %v to %v: %d further, %v; want %d", topics, seqs, further, err, want)
		}
	}
	for _, to := range []int64{5, 5, 9} {
		raise(map[int]int64{3: to}, 0, topic)
	}
	// One that has come further stays, and keeps none of the others back.
	raise(map[int]int64{3: 8, 4: 1, 5: 6}, 1, topic, "rostrum.bids.v1")
	raise(nil, 0, topic)
	for shard, want := range map[int]int64{4: 1, 5: 6} {
		if seq, err := s.Published(ctx, topic, shard); err != nil || seq != want {
			t.Errorf("published of shard %d: %d, %v; want %d", shard, seq, err, want)
		}
	}
	if seq, err := s.Published(ctx, "rostrum.bids.v1", 3); err != nil || seq != 8 {
		t.Errorf("published on the other topic: %d, %v", seq, err)
	}
	if seq, err = s.Published(ctx, topic, 3); err != nil || seq != 9 {
		t.Errorf("published %d, %v", seq, err)
	}
}

// counting: what lies in the tables is counted, and what contradicts itself is said.
func counting(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 5, PerBuyer: 2}, Terms{Stock: 5, PerBuyer: 2})
	l, buyer := sale.Lots[0], sale.ID()
	bid := sale.Bid(l, buyer, 2)
	sale.Apply(0, sale.Deliver(bid, sale.Bid(l, sale.ID(), 1), sale.Release(bid), sale.Bid(l, buyer, 1))...)
	got, err := s.LotCounts(t.Context(), sale.Session.ID)
	must(t, err)
	want := []store.LotCounts{
		{Lot: l.ID, Title: l.Title, State: auction.LotOpen, Version: 4, Stock: 5, Sold: 2, PerBuyer: 2, Units: 2, Buyers: 2, MaxUnits: 1,
			Orders: map[orders.State]int64{orders.PendingPayment: 2, orders.Cancelled: 1}, Held: 2, Released: 1, Bids: 3},
		{Lot: sale.Lots[1].ID, Title: sale.Lots[1].Title, State: auction.LotOpen, Stock: 5, PerBuyer: 2, Orders: map[orders.State]int64{}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if none, err := s.LotCounts(t.Context(), sale.ID()); err != nil || len(none) != 0 {
		t.Errorf("of no session: %+v, %v", none, err)
	}
	unbroken(t, s)
}
