package orders

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
)

// waiting is a store that knows only which orders wait for their release.
type waiting struct {
	Orders
	due []Order
	err error
}

func (w waiting) ToRelease(_ context.Context, limit int) ([]Order, error) {
	return w.due[:min(limit, len(w.due))], w.err
}

// asked is a gate that notes what it is asked for.
type asked struct {
	releases []auction.Release
	shards   []int
	answer   map[uuid.UUID]bool
	err      map[uuid.UUID]error
}

func (a *asked) Release(_ context.Context, shard int, r auction.Release) (bool, error) {
	a.releases, a.shards = append(a.releases, r), append(a.shards, shard)
	return a.answer[r.Order], a.err[r.Order]
}

func TestReleaseDue(t *testing.T) {
	away := errors.New("the gate is away")
	one, two, three := anOrder(Cancelled), anOrder(TimingOut), anOrder(Cancelled)
	one.ID, two.ID, three.ID, two.Shard = uuid.UUID{11}, uuid.UUID{12}, uuid.UUID{13}, 5
	gate := &asked{answer: map[uuid.UUID]bool{one.ID: true}, err: map[uuid.UUID]error{two.ID: away}}
	n, err := ReleaseDue(t.Context(), waiting{due: []Order{one, two, three, anOrder(Cancelled)}}, gate, 3)
	if n != 1 || !errors.Is(err, away) {
		t.Errorf("released %d, %v: one order's trouble must not keep the others, nor be forgotten", n, err)
	}
	want := []auction.Release{
		{Lot: one.Lot, Buyer: one.Buyer, Bid: one.Bid, Order: one.ID, Nth: one.Nth, Reason: "cancelled"},
		{Lot: two.Lot, Buyer: two.Buyer, Bid: two.Bid, Order: two.ID, Nth: two.Nth, Reason: "payment_timeout"},
		{Lot: three.Lot, Buyer: three.Buyer, Bid: three.Bid, Order: three.ID, Nth: three.Nth, Reason: "cancelled"},
	}
	if d := cmp.Diff(want, gate.releases) + cmp.Diff([]int{0, 5, 0}, gate.shards); d != "" {
		t.Errorf("asked for (-want +got):\n%s", d)
	}
	if n, err := ReleaseDue(t.Context(), waiting{err: away}, gate, 3); n != 0 || !errors.Is(err, away) {
		t.Errorf("with the store away: %d, %v", n, err)
	}
	if n, err := ReleaseDue(t.Context(), waiting{}, gate, 3); n != 0 || err != nil {
		t.Errorf("with nothing due: %d, %v", n, err)
	}
}

// What becomes of an order whose units are back, whatever the database still knew of it.
func TestReturned(t *testing.T) {
	type end struct {
		state State
		event string
	}
	want := map[State][2]end{ // by a cancellation, by a time-out
		PendingPayment: {{20001, "order.cancelled"}, {20000, "order.payment_timeout"}},
		TimingOut:      {{20000, "order.payment_timeout"}, {20000, "order.payment_timeout"}},
		Paid:           {{60000, "order.refunded"}, {60000, "order.refunded"}},
	}
	for _, was := range allStates {
		for n, reason := range []string{"cancelled", "payment_timeout"} {
			line, ends := want[was]
			if !ends {
				line[n].state = was
			}
			if state, event := Returned(was, reason); (end{state, event}) != line[n] {
				t.Errorf("%d, %s: %d %q, want %+v", was, reason, state, event, line[n])
			}
		}
	}
}
