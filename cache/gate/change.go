package gate

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Close is auction.Gate's. A withdrawn lot counts as closed before; a paused one is not over.
func (g *Gate) Close(ctx context.Context, shard int, lot uuid.UUID) (bool, error) {
	status, err := g.onLot(ctx, shard, lot, func(f auction.Terms) (string, error) {
		return g.status(ctx, g.scripts.close, g.lotKeys(shard, lot, f), lot.String(), f.Code)
	})
	switch {
	case err != nil:
		return false, err
	case status == statusDone:
		return true, nil
	case status == "before":
		return false, nil
	case status == "not_over":
		return false, fault.New(fault.Conflict, "not_over", "the lot's time is not over")
	case status == "missing":
		return false, fault.New(fault.NotFound, "lot_not_loaded", "the gate has no such lot")
	}
	return false, trouble(status)
}

// Withdraw is auction.Gate's.
func (g *Gate) Withdraw(ctx context.Context, shard int, lot uuid.UUID, reason string) (bool, error) {
	if err := g.checkShard(shard); err != nil {
		return false, err
	}
	if !plain(reason, 64) {
		return false, fault.New(fault.Invalid, "invalid", "the reason is lower_snake")
	}
	status, err := g.status(ctx, g.scripts.withdraw, g.lotKeys(shard, lot, auction.Terms{})[:4], lot.String(), reason)
	switch {
	case err != nil:
		return false, err
	case status == statusDone:
		return true, nil
	case status == "before":
		return false, nil
	case status == "missing":
		return false, fault.New(fault.NotFound, "lot_not_loaded", "the gate has no such lot")
	}
	return false, trouble(status)
}

// Release is auction.Gate's.
func (g *Gate) Release(ctx context.Context, shard int, r auction.Release) (bool, error) {
	if !ascending(r.Nth) || !plain(r.Reason, 64) {
		return false, fault.New(fault.Invalid, "invalid", "units ascend from 1 to per_buyer; the reason is lower_snake")
	}
	status, err := g.onLot(ctx, shard, r.Lot, func(f auction.Terms) (string, error) {
		keys := g.lotKeys(shard, r.Lot, f)
		for _, nth := range r.Nth {
			keys = append(keys, g.keys.Unit(shard, f.Session, r.Lot, r.Buyer, nth))
		}
		return g.status(ctx, g.scripts.release, keys, r.Lot.String(), f.Code, f.Session.String(), r.Buyer.String(),
			r.Bid.String(), r.Order.String(), joinNths(r.Nth), r.Reason, string(r.Order[:]))
	})
	switch {
	case err != nil:
		return false, err
	case status == statusDone:
		return true, nil
	case status == "not_held":
		return false, nil
	}
	return false, trouble(status)
}

// lotKeys are the first KEYS of close.lua, release.lua and (but for the stock) withdraw.lua.
func (g *Gate) lotKeys(shard int, lot uuid.UUID, f auction.Terms) []string {
	return []string{g.keys.Head(shard), g.keys.Journal(shard), g.keys.Lots(shard), g.keys.Lot(shard, lot),
		g.keys.Stock(shard, lot, f.Code)}
}

func ascending(nth []int) bool {
	last := 0
	for _, n := range nth {
		if n <= last || n > auction.MaxPerBuyer {
			return false
		}
		last = n
	}
	return true
}

// trouble turns the words that every script may answer into faults.
func trouble(status string) error {
	switch status {
	case statusUnvouched:
		return notVouched()
	case statusLost:
		return lost()
	}
	return fault.New(fault.Internal, "gate_reply", fmt.Sprintf("a script answered %q", status))
}
