package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// sweeper removes from the gate the lots for which MySQL answers alone: its Redis evicts nothing and would grow with every
// sale. It asks the gate which lots it still holds, so that nothing notes what was swept: what could not be is found again,
// by whichever node. Two at once remove the same.
type sweeper struct {
	gate interface {
		Held(ctx context.Context, shard int, from uint64, most int) (lots []uuid.UUID, next uint64, err error)
		Stats(ctx context.Context, shard int) (auction.JournalStats, error)
		Sweep(ctx context.Context, shard int, lots []uuid.UUID) error
	}
	store interface {
		LotsToSweep(ctx context.Context, shard int, lots []uuid.UUID, endedUS, journalSeq int64) ([]uuid.UUID, error)
	}
	grace time.Duration // after a session's end, at the soonest
	now   func() time.Time
	log   *slog.Logger
	next  []uint64 // of each shard: where the walk over its lots goes on
}

// due takes a step over each shard's lots. One shard's trouble does not keep the others' lots.
func (s *sweeper) due(ctx context.Context) error {
	var failed []error
	for shard := range s.next {
		if err := s.step(ctx, shard); err != nil && fault.CodeOf(err) != "not_vouched" { // recovery is due, and loads none of them
			failed = append(failed, fmt.Errorf("shard %d: %w", shard, err))
		}
	}
	return errors.Join(failed...)
}

func (s *sweeper) step(ctx context.Context, shard int) error {
	held, next, err := s.gate.Held(ctx, shard, s.next[shard], jobLots)
	s.next[shard] = next
	if err != nil || len(held) == 0 {
		return err
	}
	journal, err := s.gate.Stats(ctx, shard)
	if err != nil {
		return err
	}
	first := int64(math.MaxInt64) // of an empty journal: all that it had was applied before it was trimmed
	if journal.Length > 0 {
		first = journal.First.Seq
	}
	lots, err := s.store.LotsToSweep(ctx, shard, held, s.now().Add(-s.grace).UnixMicro(), first)
	if err != nil || len(lots) == 0 {
		return err
	}
	if err := s.gate.Sweep(ctx, shard, lots); err != nil {
		return err
	}
	s.log.Info("lots were swept from the gate", "shard", shard, "lots", len(lots))
	return nil
}
