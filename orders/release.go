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

// The reasons of a release.
const (
	reasonCancelled = "cancelled"
	reasonTimeout   = "payment_timeout"
)

func releaseReason(o Order) string {
	if o.State == TimingOut {
		return reasonTimeout
	}
	return reasonCancelled
}

// Returned gives the state of an order whose units have gone back to sale, and the event that tells it; "" where it had that
// state before. One that nobody has marked was marked in a database that has forgotten it since: its units may be another's
// by now, so it must not be paid for, and who has paid meanwhile gets it back.
func Returned(was State, reason string) (State, string) {
	switch {
	case was == TimingOut, was == PendingPayment && reason == reasonTimeout:
		return PaymentTimeout, "order.payment_timeout"
	case was == PendingPayment:
		return Cancelled, "order.cancelled"
	case was == Paid:
		return Refunded, "order.refunded"
	}
	return was, ""
}
