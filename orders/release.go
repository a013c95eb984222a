package orders

import (
	"context"
	"errors"

	"rostrum/auction"
)

// Gate is what orders need of the gate.
type Gate interface {
	Release(ctx context.Context, shard int, r auction.Release) (bool, error)
}

// ReleaseDue sends the units of at most limit cancelled orders back to sale, and says how many orders' went now. Asking
// twice is harmless: the gate releases only what its markers still give to that order.
func ReleaseDue(ctx context.Context, orders Orders, gate Gate, limit int) (int, error) {
	due, err := orders.ToRelease(ctx, limit)
	if err != nil {
		return 0, err
	}
	released, failed := 0, []error(nil)
	for _, o := range due {
		did, err := gate.Release(ctx, o.Shard, auction.Release{Lot: o.Lot, Buyer: o.Buyer, Bid: o.Bid, Order: o.ID,
			Nth: o.Nth, Reason: releaseReason(o)})
		if did {
			released++
		}
		failed = append(failed, err)
	}
	return released, errors.Join(failed...)
}

func releaseReason(o Order) string {
	if o.State == TimingOut {
		return "payment_timeout"
	}
	return "cancelled"
}
