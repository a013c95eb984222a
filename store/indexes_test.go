package store_test

import (
	"slices"
	"testing"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/goods"
	"rostrum/orders"
	"rostrum/store"
	"rostrum/store/storetest"
)

// A page far behind is read by about as many rows as it has, whatever the engine's statistics say of so young a table.
func TestAPageReadsNoMoreThanItself(t *testing.T) {
	const many, limit = 2000, 20
	for name, server := range engines {
		t.Run(name, func(t *testing.T) {
			o := storetest.Options(storetest.Database(t, server(t)))
			o.MaxConns = 1 // the rows that were read are counted by connection
			s, err := store.Open(t.Context(), o)
			must(t, err)
			t.Cleanup(func() { s.Close() })
			session, lots, _ := storetest.List(t, s, 4, many)
			// An order of each lot, as if the seller had bought it.
			_, err = s.DB().Exec(`INSERT INTO orders SELECT shard, id, id, session_id, item_id, title, seller_id, seller_id, id, 1, '', price, price, currency,
				10000, '', '', 1, 1, 1, 1, 0, 1, 0, '', 1, 0 FROM lots`)
			must(t, err)
			seller := lots[0].Seller
			order, item := middle(lots, func(l auction.Lot) uuid.UUID { return l.ID }), middle(lots, func(l auction.Lot) uuid.UUID { return l.Item })
			for what, page := range map[string]func() (int, error){
				"a buyer's orders":  func() (int, error) { return ordersPage(t, s, orders.Filter{Buyer: seller}, order, limit) },
				"a seller's orders": func() (int, error) { return ordersPage(t, s, orders.Filter{Seller: seller}, order, limit) },
				"those in one state": func() (int, error) {
					return ordersPage(t, s, orders.Filter{Seller: seller, State: 10000}, order, limit)
				},
				"a session's orders":     func() (int, error) { return ordersPage(t, s, orders.Filter{Session: session.ID}, order, limit) },
				"all orders":             func() (int, error) { return ordersPage(t, s, orders.Filter{}, order, limit) },
				"all orders, the newest": func() (int, error) { return ordersPage(t, s, orders.Filter{}, uuid.Nil, limit) },
				"a seller's items":       func() (int, error) { return itemsPage(t, s, goods.Filter{Owner: seller}, item, limit) },
				"an area's items":        func() (int, error) { return itemsPage(t, s, goods.Filter{Area: "north"}, item, limit) },
				"all items":              func() (int, error) { return itemsPage(t, s, goods.Filter{}, item, limit) },
			} {
				before := rowsRead(t, s)
				n, err := page()
				must(t, err)
				// Of an item its lots are looked at, too, and their orders; and there is the question itself.
				if read := rowsRead(t, s) - before; n != limit || read > 20*limit {
					t.Errorf("%s: %d of %d, and %d rows were read", what, n, limit, read)
				}
			}
		})
	}
}

// middle gives the id in the middle of all.
func middle(lots []auction.Lot, idOf func(auction.Lot) uuid.UUID) uuid.UUID {
	ids := make([]uuid.UUID, len(lots))
	for i, l := range lots {
		ids[i] = idOf(l)
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return ids[len(ids)/2]
}

func ordersPage(t *testing.T, s *store.Store, f orders.Filter, after uuid.UUID, limit int) (int, error) {
	list, err := s.ListOrders(t.Context(), f, orders.Page{After: after, Limit: limit})
	return len(list), err
}

func itemsPage(t *testing.T, s *store.Store, f goods.Filter, after uuid.UUID, limit int) (int, error) {
	list, err := s.ListItems(t.Context(), f, goods.Page{After: after, Limit: limit})
	return len(list), err
}

// rowsRead gives how many rows this connection has had read.
func rowsRead(t *testing.T, s *store.Store) (sum int64) {
	t.Helper()
	rows, err := s.DB().Query("SHOW SESSION STATUS LIKE 'Handler_read%'")
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		var n int64
		must(t, rows.Scan(&name, &n))
		sum += n
	}
	must(t, rows.Err())
	return sum
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
