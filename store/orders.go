package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"rostrum/orders"
	"rostrum/store/db"
)

var _ orders.Orders = (*Store)(nil)

// Order gives one order, void ones too.
func (s *Store) Order(ctx context.Context, id uuid.UUID) (orders.Order, error) {
	var order orders.Order
	err := s.read(ctx, "order", func(ctx context.Context, q tx) error {
		row, err := q.GetOrder(ctx, db.ID(id))
		order = orderOf(row)
		return missing(err, "order_not_found", "order")
	})
	if err != nil {
		return orders.Order{}, err
	}
	return order, nil
}

// ListOrders gives orders, newest first.
func (s *Store) ListOrders(ctx context.Context, f orders.Filter, p orders.Page) ([]orders.Order, error) {
	arg := db.ListOrdersParams{AnyBuyer: f.Buyer == uuid.Nil, BuyerID: db.ID(f.Buyer), AnySeller: f.Seller == uuid.Nil,
		SellerID: db.ID(f.Seller), AnyLot: f.Lot == uuid.Nil, LotID: db.ID(f.Lot), AnySession: f.Session == uuid.Nil,
		SessionID: db.ID(f.Session), AnyState: f.State == 0, State: f.State, FromFront: p.After == uuid.Nil,
		Before: db.ID(p.After), Limit: page(p.Limit)}
	var list []orders.Order
	err := s.read(ctx, "list orders", func(ctx context.Context, q tx) error {
		if f.Lot != uuid.Nil { // the key on lots leads with the shard
			lot, err := q.GetLot(ctx, db.ID(f.Lot))
			if errors.Is(err, sql.ErrNoRows) {
				return nil
			}
			if err != nil {
				return err
			}
			arg.Shard = lot.Shard
		}
		rows, err := q.listOrders(ctx, f, arg)
		list = mapped(rows, orderOf)
		return err
	})
	return list, err
}

// listOrders names the index by which the filter's page is read.
func (t tx) listOrders(ctx context.Context, f orders.Filter, arg db.ListOrdersParams) ([]db.Order, error) {
	index := "ix_orders_id"
	switch {
	case f.Buyer != uuid.Nil:
		index = "ix_orders_buyer"
	case f.Lot != uuid.Nil || f.State != 0 && f.Session == uuid.Nil && f.Seller == uuid.Nil:
		return t.ListOrders(ctx, arg) // the engine knows how many these are
	case f.Session != uuid.Nil:
		index = "ix_orders_session"
	case f.Seller != uuid.Nil:
		index = "ix_orders_seller"
	}
	return db.New(byIndex{t.conn, index}).ListOrders(ctx, arg)
}

// SaveMove writes a move and its event in one transaction.
func (s *Store) SaveMove(ctx context.Context, before, after orders.Order, e orders.Event) error {
	return s.write(ctx, "save move", func(ctx context.Context, t tx) error {
		rows, err := t.MoveOrder(ctx, db.MoveOrderParams{State: after.State, Reason: clip(after.Reason, 200), Express: after.Express,
			PaidUs: after.PaidUS, ChangedUs: after.ChangedUS, Shard: before.Shard, ID: db.ID(before.ID), Rev: before.Rev})
		if err != nil {
			return err
		}
		if rows != 1 { // gone, or moved by somebody else: the event must not be written either
			if _, err := t.GetOrder(ctx, db.ID(before.ID)); err != nil {
				return missing(err, "order_not_found", "order")
			}
			return stale("order")
		}
		return t.event(ctx, before.Shard, e)
	})
}

// event puts an event into the outbox of the transaction that made it true.
func (t tx) event(ctx context.Context, shard int, e orders.Event) error {
	return t.InsertEvent(ctx, db.InsertEventParams{ID: db.ID(e.ID), Shard: shard, Kind: e.Kind, AtUs: e.AtUS, OrderID: db.ID(e.Order),
		LotID: db.ID(e.Lot), SessionID: db.ID(e.Session), State: e.State, Reason: clip(e.Reason, 200), Express: e.Express})
}

// ToRelease gives orders whose units have to come back, oldest change first.
func (s *Store) ToRelease(ctx context.Context, limit int) ([]orders.Order, error) {
	var list []orders.Order
	err := s.read(ctx, "to release", func(ctx context.Context, q tx) error {
		rows, err := q.OrdersToRelease(ctx, page(limit))
		list = mapped(rows, orderOf)
		return err
	})
	return list, err
}

// OutboxEvent is an event that waits to be told, with the shard whose partition of rostrum.orders.v1 takes it.
type OutboxEvent struct {
	orders.Event
	Shard int `json:"shard"`
}

// OutboxUnpublished gives events that have not been told, in order of id; at most limit (1 … 1000).
func (s *Store) OutboxUnpublished(ctx context.Context, limit int) ([]OutboxEvent, error) {
	var list []OutboxEvent
	err := s.read(ctx, "outbox", func(ctx context.Context, q tx) error {
		rows, err := q.EventsWaiting(ctx, page(limit))
		list = mapped(rows, func(e db.EventsWaitingRow) OutboxEvent {
			return OutboxEvent{Shard: e.Shard, Event: orders.Event{ID: uuid.UUID(e.ID), Kind: e.Kind, AtUS: e.AtUs,
				Order: uuid.UUID(e.OrderID), Lot: uuid.UUID(e.LotID), Session: uuid.UUID(e.SessionID), State: e.State,
				Reason: e.Reason, Express: e.Express}}
		})
		return err
	})
	return list, err
}

// OutboxPublished marks events as told; those that are keep their time.
func (s *Store) OutboxPublished(ctx context.Context, events []uuid.UUID, nowUS int64) error {
	// Marking again after a lost answer changes nothing, so a publisher may tell twice and never not at all.
	return s.write(ctx, "outbox published", func(ctx context.Context, t tx) error {
		return each(t.conn, ids(events), func(q *db.Queries) error {
			_, err := q.MarkPublished(ctx, db.MarkPublishedParams{PublishedAtUs: sql.NullInt64{Int64: nowUS, Valid: true}})
			return err
		})
	})
}

// Published gives the seq up to which a shard's records have been told on a topic; 0 for none.
func (s *Store) Published(ctx context.Context, topic string, shard int) (int64, error) {
	var seq int64
	err := s.read(ctx, "published", func(ctx context.Context, q tx) (err error) {
		seq, err = q.GetPublished(ctx, db.GetPublishedParams{Topic: topic, Shard: shard})
		if errors.Is(err, sql.ErrNoRows) {
			seq, err = 0, nil
		}
		return err
	})
	return seq, err
}
