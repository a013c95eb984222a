package gate

import (
	"context"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Sweep is auction.Gate's. A lot that is open is not swept: fault Conflict `lot_open`, and the lots after it stay, too.
// Markers go before receipts and the lot goes last, so that it can be repeated when it failed half-way.
func (g *Gate) Sweep(ctx context.Context, shard int, lots []uuid.UUID) error {
	for _, lot := range lots {
		if err := g.sweepLot(ctx, shard, lot); err != nil {
			return err
		}
	}
	return nil
}

func (g *Gate) sweepLot(ctx context.Context, shard int, lot uuid.UUID) error {
	var session uuid.UUID
	if err := g.sweepStep(ctx, shard, lot, "0", &session); err != nil {
		return err
	}
	if err := g.sweepUnits(ctx, shard, session, lot); err != nil {
		return err
	}
	err := g.sweepStep(ctx, shard, lot, "1", &session)
	g.forget(lot)
	return err
}

func (g *Gate) sweepStep(ctx context.Context, shard int, lot uuid.UUID, remove string, session *uuid.UUID) error {
	status, err := g.onLot(ctx, shard, lot, func(f auction.Terms) (string, error) {
		*session = f.Session
		keys := []string{g.keys.Head(shard), g.keys.Lots(shard), g.keys.Lot(shard, lot), g.keys.Bids(shard, lot),
			g.keys.Lock(shard, lot), g.keys.Stock(shard, lot, f.Code)}
		return g.status(ctx, g.scripts.sweep, keys, lot.String(), f.Code, remove)
	})
	switch {
	case err != nil:
		return err
	case status == statusOK:
		return nil
	case status == "open":
		return fault.New(fault.Conflict, "lot_open", "an open lot is not swept")
	}
	return trouble(status)
}

// sweepUnits removes the purchase markers that the lot's receipts name.
func (g *Gate) sweepUnits(ctx context.Context, shard int, session, lot uuid.UUID) error {
	return g.eachReceipts(ctx, shard, auction.Lot{ID: lot}, func(some []auction.Record) error {
		var keys []string
		for _, r := range some {
			for _, nth := range r.Nth {
				keys = append(keys, g.keys.Unit(shard, session, lot, r.Buyer, nth))
			}
		}
		if len(keys) == 0 {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, bulkTimes*g.timeout)
		defer cancel()
		if err := g.client.Unlink(ctx, keys...).Err(); err != nil {
			return outcome(err)
		}
		return nil
	})
}
