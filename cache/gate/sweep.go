package gate

import (
	"context"
	"strconv"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Held gives some of the lots that a shard holds, about as many as most, whoever vouches for it, and where to go on: a walk
// begins with 0, and 0 ends it. What comes while it lasts may be missed, and one may come twice.
func (g *Gate) Held(ctx context.Context, shard int, from uint64, most int) (lots []uuid.UUID, next uint64, err error) {
	if err := g.checkShard(shard); err != nil {
		return nil, 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	texts, next, err := g.client.SScan(ctx, g.keys.Lots(shard), from, "", int64(most)).Result()
	if err != nil {
		return nil, 0, outcome(err)
	}
	for _, text := range texts {
		lot, err := uuid.Parse(text)
		if err != nil {
			return nil, 0, fault.Wrap(fault.Internal, "gate_reply", "a lot of shard "+strconv.Itoa(shard), err)
		}
		lots = append(lots, lot)
	}
	return lots, next, nil
}

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
