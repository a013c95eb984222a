package auction_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// dueLots is a store that knows only which lots are due, in their order.
type dueLots struct {
	auction.Sessions
	due []auction.Lot
	err error
}

func (d dueLots) DueToClose(_ context.Context, _ int64, p auction.Page) ([]auction.Lot, error) {
	from := 1 + slices.IndexFunc(d.due, func(l auction.Lot) bool { return l.ID == p.ID })
	return d.due[from:min(from+p.Limit, len(d.due))], d.err
}

// closer is a gate that only closes.
type closer struct {
	auction.Gate
	asked  []uuid.UUID
	answer map[uuid.UUID]error // nil: closed now; absent: was closed before
}

func (c *closer) Close(_ context.Context, _ int, lot uuid.UUID) (bool, error) {
	c.asked = append(c.asked, lot)
	err, known := c.answer[lot]
	return known && err == nil, err
}

func TestCloseDue(t *testing.T) {
	away := errors.New("the gate is away")
	due := []auction.Lot{aLot(1), aLot(2), aLot(3), aLot(4), aLot(5)}
	gate := &closer{answer: map[uuid.UUID]error{
		due[0].ID: away, due[1].ID: fault.New(fault.Conflict, "not_over", ""), due[2].ID: nil,
	}}
	done, err := auction.CloseDue(t.Context(), dueLots{due: due}, gate, closesUS, auction.Page{Limit: 4})
	if done.Closed != 1 || !errors.Is(err, away) || fault.CodeOf(err) == "not_over" {
		t.Errorf("closed %d, %v: one lot's trouble must not keep the others, and early is no trouble", done.Closed, err)
	}
	if d := cmp.Diff([]uuid.UUID{due[0].ID, due[1].ID, due[2].ID, due[3].ID}, gate.asked); d != "" {
		t.Errorf("asked to close (-want +got):\n%s", d)
	}
	here := auction.Page{Limit: 4, Key: closesUS, ID: due[2].ID}
	if done, err := auction.CloseDue(t.Context(), dueLots{err: away}, gate, closesUS, here); done.Closed != 0 || done.Next != here || !errors.Is(err, away) {
		t.Errorf("with the store away: %+v, %v", done, err)
	}
}

// Lots that the gate does not hold are told of by their shards, and however many there are, the others have their turn.
func TestLostLotsKeepNoOtherOpen(t *testing.T) {
	var due []auction.Lot
	gate := &closer{answer: map[uuid.UUID]error{}}
	for n := range 8 {
		l := aLot(n + 1)
		l.Shard = n % 2
		due, gate.answer[l.ID] = append(due, l), fault.New(fault.NotFound, "lot_not_loaded", "")
	}
	gate.answer[due[3].ID] = fault.New(fault.Unavailable, "keys_lost", "")
	gate.answer[due[6].ID], gate.answer[due[7].ID] = nil, nil
	page, closed := auction.Page{Limit: 3}, 0
	for run, want := range [][]int{{0, 1}, {1, 0}, nil, {0, 1}} {
		done, err := auction.CloseDue(t.Context(), dueLots{due: due}, gate, closesUS, page)
		if err != nil || !slices.Equal(done.Lost, want) {
			t.Errorf("run %d: lost in %v, want %v; %v", run, done.Lost, want, err)
		}
		page, closed = done.Next, closed+done.Closed
	}
	if closed != 2 {
		t.Errorf("%d of two whole lots were closed behind six lost ones", closed)
	}
}

// A shard that cannot be asked is asked once a run: the wait for it is not the others'.
func TestAShardThatIsAwayIsAskedOnce(t *testing.T) {
	for _, code := range []string{"not_vouched", "gate_unavailable"} {
		var due []auction.Lot
		gate := &closer{answer: map[uuid.UUID]error{}}
		for n := range 6 {
			l := aLot(n + 1)
			l.Shard = n % 2
			due, gate.answer[l.ID] = append(due, l), nil
			if l.Shard == 0 {
				gate.answer[l.ID] = fault.New(fault.Unavailable, code, "")
			}
		}
		done, err := auction.CloseDue(t.Context(), dueLots{due: due}, gate, closesUS, auction.Page{Limit: 10})
		if done.Closed != 3 || len(gate.asked) != 4 || (err == nil) != (code == "not_vouched") {
			t.Errorf("%s: closed %d with %d questions, %v", code, done.Closed, len(gate.asked), err)
		}
	}
}
