package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rostrum/auction"
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
}

// sameAsBook compares what recovery would rebuild from the store with the book that decided.
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
