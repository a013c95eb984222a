package bench

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"rostrum/auction"
	"rostrum/orders"
)

const (
	movesAtOnce = 8
	moveShare   = 10 // of so many of a round's orders one is moved: each is a transaction of its own
	ordersAPage = 1000
)

// tell times the publisher over a round's records, and over the events of orders that were moved.
func (r *road) tell(ctx context.Context, round int, lot auction.Lot, records int) error {
	drain := func() error { return r.app.Publisher().Drain(ctx) }
	if err := r.f.time(round, "publish", records, r.processes, drain); err != nil {
		return err
	}
	due, err := r.ordersOf(ctx, lot, max(records/moveShare, 1))
	if err != nil {
		return err
	}
	if err := r.f.time(round, "move_order", len(due), r.processes, func() error { return r.pay(ctx, due) }); err != nil {
		return err
	}
	return r.f.time(round, "outbox", len(due), r.processes, drain)
}

// ordersOf gives n orders of a lot, or all where it has fewer.
func (r *road) ordersOf(ctx context.Context, lot auction.Lot, n int) ([]orders.Order, error) {
	var all []orders.Order
	for page := (orders.Page{Limit: ordersAPage}); len(all) < n; page.After = all[len(all)-1].ID {
		some, err := r.app.Store.ListOrders(ctx, orders.Filter{Lot: lot.ID}, page)
		if err != nil || len(some) == 0 {
			return all, err
		}
		all = append(all, some...)
	}
	return all[:n], nil
}

// pay moves orders as their buyers' payments do.
func (r *road) pay(ctx context.Context, due []orders.Order) error {
	paying, ctx := errgroup.WithContext(ctx)
	paying.SetLimit(movesAtOnce)
	for _, order := range due {
		paying.Go(func() error {
			after, event, err := order.Move(orders.Pay, orders.Buyer, orders.Details{}, newID(), time.Now().UnixMicro())
			if err != nil {
				return err
			}
			return r.app.Store.SaveMove(ctx, order, after, event)
		})
	}
	return paying.Wait()
}
