package orders

import (
	"testing"

	"rostrum/auction"
	"rostrum/goods"
)

// Every order with every session, written out once more: the digit is the item's state.
func TestItemState(t *testing.T) {
	sessions := []auction.SessionState{auction.SessionScheduled, auction.SessionEnded, auction.SessionSettled}
	want := map[State]string{0: "111", PendingPayment: "222", TimingOut: "222", PaymentTimeout: "111", Cancelled: "111", Void: "111",
		Paid: "344", Shipping: "555", Completed: "776", Refunded: "111"}
	seen := map[goods.State]bool{}
	for _, order := range append(allStates, 0) {
		for n, session := range sessions {
			got := ItemState(order, session)
			seen[got] = true
			if got != goods.State(want[order][n]-'0') {
				t.Errorf("an order in %d of a session %s: item %d, want %c", order, session, got, want[order][n])
			}
		}
	}
	if len(seen) != 7 {
		t.Errorf("of the seven states only %v occur", seen)
	}
}
