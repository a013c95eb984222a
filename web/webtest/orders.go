package webtest

import (
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/orders"
)

// Orders is orders.Orders in memory.
type Orders struct {
	mu     sync.Mutex
	orders map[uuid.UUID]orders.Order
	events []orders.Event
	// Raced, where set, moves the order before SaveMove looks at it.
	Raced bool
}

var _ orders.Orders = (*Orders)(nil)

// Put writes an order as it is.
func (m *Orders) Put(o orders.Order) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.orders == nil {
		m.orders = map[uuid.UUID]orders.Order{}
	}
	m.orders[o.ID] = o
}

// Order implements orders.Orders.
func (m *Orders) Order(_ context.Context, id uuid.UUID) (orders.Order, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	o, ok := m.orders[id]
	if !ok {
		return o, fault.New(fault.NotFound, "order_not_found", "there is no such order")
	}
	return o, nil
}

// ListOrders implements orders.Orders.
func (m *Orders) ListOrders(_ context.Context, f orders.Filter, p orders.Page) ([]orders.Order, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []orders.Order
	for _, o := range m.orders {
		if (f.Buyer == uuid.Nil || f.Buyer == o.Buyer) && (f.Seller == uuid.Nil || f.Seller == o.Seller) && (f.State == 0 || f.State == o.State) &&
			(p.After == uuid.Nil || slices.Compare(o.ID[:], p.After[:]) < 0) {
			found = append(found, o)
		}
	}
	slices.SortFunc(found, func(x, y orders.Order) int { return slices.Compare(y.ID[:], x.ID[:]) })
	return found[:min(len(found), p.Limit)], nil
}

// SaveMove implements orders.Orders.
func (m *Orders) SaveMove(_ context.Context, before, after orders.Order, e orders.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Raced || m.orders[before.ID].Rev != before.Rev {
		return staleRow()
	}
	m.orders[after.ID] = after
	m.events = append(m.events, e)
	return nil
}

// ToRelease implements orders.Orders.
func (m *Orders) ToRelease(context.Context, int) ([]orders.Order, error) { return nil, nil }

// Events gives the kinds of the events so far.
func (m *Orders) Events() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var kinds []string
	for _, e := range m.events {
		kinds = append(kinds, e.Kind)
	}
	return kinds
}

// Dump gives everything, in order.
func (m *Orders) Dump() any {
	all, _ := m.ListOrders(context.Background(), orders.Filter{}, orders.Page{Limit: 1 << 20})
	return []any{all, m.Events()}
}

// OrderOf makes the order of an admitted bid, as the consumer does.
func OrderOf(r auction.Record, l auction.Lot) orders.Order {
	return orders.Order{ID: r.Order, Shard: r.Shard, Lot: r.Lot, Session: l.Session, Item: l.Item, Title: l.Title, Seller: l.Seller, Buyer: r.Buyer,
		Bid: r.Bid, Quantity: r.Quantity, Nth: r.Nth, PriceMinor: r.PriceMinor, TotalMinor: r.PriceMinor * r.Quantity, Currency: r.Currency,
		State: orders.PendingPayment, Epoch: r.Epoch, Seq: r.Seq, AdmittedUS: r.TimeUS, PayByUS: r.TimeUS + 15*60*1_000_000, ChangedUS: r.TimeUS,
		Trace: r.Trace, Rev: 1}
}
