package orders

import (
	"rostrum/auction"
	"rostrum/goods"
)

// ItemState gives the state of an item that is sold as a single unit: what its newest order and that order's session make
// of it (RULES.md, "Words"). A newest order of 0 is none; one whose unit came back leaves the item tradable.
//
//	order                              session        item
//	pending_payment, timing_out        any            2 awaiting payment
//	paid                               not over yet   3 traded: the deal is done, the sale goes on
//	paid                               over           4 to be shipped: now it is the seller's turn
//	shipping                           any            5 in delivery
//	completed                          not settled    7 awaiting payout: sellers are paid when all orders are final
//	completed                          settled        6 complete
func ItemState(newest State, session auction.SessionState) goods.State {
	settled := session == auction.SessionSettled
	over := settled || session == auction.SessionEnded
	switch {
	case newest == PendingPayment || newest == TimingOut:
		return goods.AwaitingPayment
	case newest == Paid && !over:
		return goods.Traded
	case newest == Paid:
		return goods.ToBeShipped
	case newest == Shipping:
		return goods.InDelivery
	case newest == Completed && !settled:
		return goods.AwaitingPayout
	case newest == Completed:
		return goods.Complete
	}
	return goods.Tradable
}
