package auction_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// dueLots is a store that knows only which lots are due.
type dueLots struct {
	auction.Sessions
	due []auction.Lot
	err error
}

func (d dueLots) DueToClose(_ context.Context, _ int64, limit int) ([]auction.Lot, error) {
	return d.due[:min(limit, len(d.due))], d.err
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
	n, err := auction.CloseDue(t.Context(), dueLots{due: due}, gate, closesUS, 4)
	if n != 1 || !errors.Is(err, away) || fault.CodeOf(err) == "not_over" {
		t.Errorf("closed %d, %v: one lot's trouble must not keep the others, and early is no trouble", n, err)
	}
	if d := cmp.Diff([]uuid.UUID{due[0].ID, due[1].ID, due[2].ID, due[3].ID}, gate.asked); d != "" {
		t.Errorf("asked to close (-want +got):\n%s", d)
	}
	if n, err := auction.CloseDue(t.Context(), dueLots{err: away}, gate, closesUS, 4); n != 0 || !errors.Is(err, away) {
		t.Errorf("with the store away: %d, %v", n, err)
	}
}
