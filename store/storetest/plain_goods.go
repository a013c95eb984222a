package storetest

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/goods"
	"rostrum/internal/fault"
	"rostrum/orders"
	"rostrum/store"
)

// texts that a store must keep as they are.
var texts = []string{
	"plain", "'; DROP TABLE goods; -- ", `back\slash "quotes" 'quotes'`, "<script>alert(1)</script>", "%_like%",
	"שלום عالم", "🪔👩‍👩‍👧‍👦", "İstanbul straße", "line\nbreak\ttab", "trailing space ", strings.Repeat("名", 200), "ａ\u0301e\u0301",
}

func anItem(n int, owner uuid.UUID) goods.Item {
	return goods.Item{ID: ID(n), Number: fmt.Sprint("N", n), Owner: owner, Creator: ID(900), Name: fmt.Sprint("Lamp ", n), Description: "old",
		PriceMinor: int64(100 * n), Currency: "EUR", Area: "north", Auctionable: true, ShowFromUS: 5, TradeFromUS: 6, State: goods.Tradable,
		CreatedUS: int64(n), Rev: 1}
}

func areas(t testing.TB, s *store.Store) {
	t.Helper()
	must(t, s.PutArea(t.Context(), goods.Area{Code: "north", Name: "North"}))
	must(t, s.PutArea(t.Context(), goods.Area{Code: "south", Name: "South"}))
}

func itemRoundTrip(t *testing.T, s *store.Store) {
	areas(t, s)
	for n, text := range texts {
		want := anItem(n+1, ID(901))
		want.Name, want.Description = text, strings.Repeat(text, 4000/max(1, len([]rune(text)))) // up to 4000 characters
		if len([]rune(text)) <= goods.MaxNumber {
			want.Number = text
		}
		want.PriceMinor = 1<<53 - 1
		must(t, s.CreateItem(t.Context(), want))
		got, err := s.Item(t.Context(), want.ID)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}

func itemFaults(t *testing.T, s *store.Store) {
	areas(t, s)
	ctx, first := t.Context(), anItem(1, ID(901))
	must(t, s.CreateItem(ctx, first))
	_, err := s.Item(ctx, ID(99))
	wantCode(t, err, fault.NotFound, "item_not_found")

	second := anItem(2, ID(901))
	second.Number = first.Number
	wantCode(t, s.CreateItem(ctx, second), fault.Conflict, "number_taken")
	second.Owner = ID(902)
	must(t, s.CreateItem(ctx, second))

	third := anItem(3, ID(901))
	third.Area = "nowhere"
	wantCode(t, s.CreateItem(ctx, third), fault.NotFound, "area_not_found")
	third.Area = "north"
	must(t, s.CreateItem(ctx, third))

	third.Number = first.Number
	_, err = s.ChangeItem(ctx, third)
	wantCode(t, err, fault.Conflict, "number_taken")
	third.Number, third.Area = "free", "nowhere"
	_, err = s.ChangeItem(ctx, third)
	wantCode(t, err, fault.NotFound, "area_not_found")
	third.Area, third.Rev = "south", 7
	_, err = s.ChangeItem(ctx, third)
	wantCode(t, err, fault.Stale, "stale")
	third.Rev = 1
	got, err := s.ChangeItem(ctx, third)
	must(t, err)
	third.Rev = 2
	if diff := cmp.Diff(third, got); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	missing := anItem(50, ID(901))
	_, err = s.ChangeItem(ctx, missing)
	wantCode(t, err, fault.NotFound, "item_not_found")
	_, err = s.WithdrawItem(ctx, ID(50), 1, 9)
	wantCode(t, err, fault.NotFound, "item_not_found")
}

func itemWithdrawn(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 1, PerBuyer: 1})
	ctx, item := t.Context(), sale.Lots[0].Item
	_, err := s.WithdrawItem(ctx, item, 1, 9)
	wantCode(t, err, fault.Conflict, "item_in_sale")

	sale.Apply(0, sale.Deliver(sale.Close(sale.Lots[0]))...)
	_, err = s.EndSessions(ctx, Opens+2*Hour)
	must(t, err)
	_, err = s.WithdrawItem(ctx, item, 5, 9)
	wantCode(t, err, fault.Stale, "stale")
	for range 2 { // the first time stays
		got, err := s.Item(ctx, item)
		must(t, err)
		got, err = s.WithdrawItem(ctx, item, got.Rev, 9+got.Rev)
		must(t, err)
		if got.WithdrawnUS != 10 {
			t.Errorf("withdrawn at %d", got.WithdrawnUS)
		}
	}
	draft := sale.draft(Opens + 3*Hour)
	l := sale.lot(draft, item)
	must(t, s.AddLot(ctx, l))
	l.Rev = 1
	wantWrong(t, s.Publish(ctx, draft, []auction.Lot{l}), "lots[0].item")
}

// itemState: the state of an item whose lots have one unit follows from its newest order, and how far that one's session is.
func itemState(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 1, PerBuyer: 1}, Terms{Stock: 5, PerBuyer: 1})
	bid, other := sale.Bid(sale.Lots[0], sale.ID(), 1), sale.Bid(sale.Lots[1], sale.ID(), 1)
	sale.Apply(0, sale.Deliver(bid, other)...)
	state := func(l auction.Lot) goods.State {
		i, err := s.Item(t.Context(), l.Item)
		must(t, err)
		if i.Offered != l.Stock {
			t.Errorf("an item of which %d units are on sale offers %d", l.Stock, i.Offered)
		}
		return i.State
	}
	if got := state(sale.Lots[1]); got != goods.Tradable {
		t.Errorf("an item with stock: %d", got)
	}
	order, err := s.Order(t.Context(), bid.Order)
	must(t, err)
	for _, c := range []struct {
		move orders.State
		want goods.State
	}{{orders.PendingPayment, goods.AwaitingPayment}, {orders.TimingOut, goods.AwaitingPayment}, {orders.Paid, goods.Traded},
		{orders.Shipping, goods.InDelivery}, {orders.Completed, goods.AwaitingPayout}, {orders.Refunded, goods.Tradable}} {
		after := order
		after.State = c.move
		must(t, s.SaveMove(t.Context(), order, after, orders.Event{ID: sale.ID()}))
		order.Rev++
		if got := state(sale.Lots[0]); got != c.want {
			t.Errorf("order %d: item %d, want %d", c.move, got, c.want)
		}
	}
	sale.Apply(0, sale.Deliver(sale.Release(bid), sale.Bid(sale.Lots[0], sale.ID(), 1))...)
	if got := state(sale.Lots[0]); got != goods.AwaitingPayment {
		t.Errorf("after a second order: %d", got)
	}
	list, err := s.ListItems(t.Context(), goods.Filter{State: goods.AwaitingPayment}, goods.Page{Limit: 10})
	must(t, err)
	if len(list) != 1 || list[0].ID != sale.Lots[0].Item {
		t.Errorf("items awaiting payment: %+v", list)
	}
}

// itemStateLater: what is paid is to be shipped when its session is over, and what was received is complete when that is
// settled; then it is on sale no more, and yet not for another session.
func itemStateLater(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 1, PerBuyer: 1})
	bid := sale.Bid(sale.Lots[0], sale.ID(), 1)
	sale.Apply(0, sale.Deliver(bid, sale.Close(sale.Lots[0]))...)
	order, err := s.Order(t.Context(), bid.Order)
	must(t, err)
	for _, c := range []struct {
		move orders.State
		want goods.State
	}{{orders.Paid, goods.ToBeShipped}, {orders.Completed, goods.Complete}} {
		after := order
		after.State = c.move
		must(t, s.SaveMove(t.Context(), order, after, orders.Event{ID: sale.ID()}))
		order.Rev++
		_, err := s.EndSessions(t.Context(), Opens+2*Hour)
		must(t, err)
		items, err := s.ItemsByID(t.Context(), []uuid.UUID{sale.Lots[0].Item})
		must(t, err)
		if items[0].State != c.want || items[0].Offered != 0 {
			t.Errorf("order %d after the session: item %d with %d on sale, want %d with none", c.move, items[0].State, items[0].Offered, c.want)
		}
	}
	draft := sale.draft(Opens + 3*Hour)
	l := sale.lot(draft, sale.Lots[0].Item)
	must(t, s.AddLot(t.Context(), l))
	l.Rev = 1
	wantWrong(t, s.Publish(t.Context(), draft, []auction.Lot{l}), "lots[0].item")
}

func itemLists(t *testing.T, s *store.Store) {
	areas(t, s)
	for n := 1; n <= 7; n++ {
		i := anItem(n, ID(901+n%2))
		if n == 3 {
			i.Area, i.Name, i.ShowFromUS = "south", "ÜBER Lampe", 500
		}
		must(t, s.CreateItem(t.Context(), i))
	}
	_, err := s.WithdrawItem(t.Context(), ID(6), 1, 9)
	must(t, err)
	for _, c := range []struct {
		name string
		f    goods.Filter
		p    goods.Page
		want []int
	}{
		{"all", goods.Filter{}, goods.Page{Limit: 100}, []int{7, 5, 4, 3, 2, 1}},
		{"a page", goods.Filter{}, goods.Page{Limit: 2}, []int{7, 5}},
		{"the next page", goods.Filter{}, goods.Page{Limit: 2, After: ID(5)}, []int{4, 3}},
		{"after the last", goods.Filter{}, goods.Page{Limit: 2, After: ID(1)}, nil},
		{"withdrawn too", goods.Filter{Withdrawn: true}, goods.Page{Limit: 3}, []int{7, 6, 5}},
		{"of an owner", goods.Filter{Owner: ID(901)}, goods.Page{Limit: 9}, []int{4, 2}},
		{"of an area", goods.Filter{Area: "south"}, goods.Page{Limit: 9}, []int{3}},
		{"by price", goods.Filter{PriceFrom: 200, PriceTo: 400}, goods.Page{Limit: 9}, []int{4, 3, 2}},
		{"shown", goods.Filter{ShownAtUS: 499}, goods.Page{Limit: 9}, []int{7, 5, 4, 2, 1}},
		{"by text, folded", goods.Filter{Text: "üBER l"}, goods.Page{Limit: 9}, []int{3}},
		{"by number", goods.Filter{Text: "n4"}, goods.Page{Limit: 9}, []int{4}},
		{"a text that is no pattern", goods.Filter{Text: "%"}, goods.Page{Limit: 9}, nil},
		{"by state", goods.Filter{State: goods.Tradable}, goods.Page{Limit: 2}, []int{7, 5}},
		{"by a state that none has", goods.Filter{State: goods.Complete}, goods.Page{Limit: 2}, nil},
	} {
		list, err := s.ListItems(t.Context(), c.f, c.p)
		must(t, err)
		var got []int
		for _, i := range list {
			got = append(got, int(i.CreatedUS))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func areaNames(t *testing.T, s *store.Store) {
	areas(t, s)
	must(t, s.PutArea(t.Context(), goods.Area{Code: "south", Name: "Süden"}))
	got, err := s.Areas(t.Context())
	must(t, err)
	if diff := cmp.Diff([]goods.Area{{Code: "north", Name: "North"}, {Code: "south", Name: "Süden"}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
