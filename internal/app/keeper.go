package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"rostrum/internal/fault"
)

// keeper keeps every shard vouched for: it looks at each, again and again, and walks those that are not down the road of
// recovery. One runs in every process with the role relay; the shard's lease makes one of them do the work.
type keeper struct {
	recover func(ctx context.Context, shard int) (bool, error)
	shards  int
	poll    time.Duration
	log     *slog.Logger
	note    func(shard int, state string) // for the metrics: vouched, recovering
}

// run keeps the shards until ctx ends.
func (k *keeper) run(ctx context.Context) error {
	var all sync.WaitGroup
	for shard := range k.shards {
		all.Go(func() { k.keep(ctx, shard) })
	}
	all.Wait()
	return nil
}

func (k *keeper) keep(ctx context.Context, shard int) {
	for ctx.Err() == nil {
		k.look(ctx, shard)
		select {
		case <-ctx.Done():
		case <-time.After(k.poll):
		}
	}
}

func (k *keeper) look(ctx context.Context, shard int) {
	_, err := k.recover(ctx, shard)
	switch {
	case ctx.Err() != nil:
	case err != nil:
		k.note(shard, "recovering")
		k.log.Warn("a shard does not decide yet", "shard", shard, "error", err)
	default:
		k.note(shard, "vouched")
	}
}

// permanent says whether waiting cannot mend an error.
func permanent(err error) bool {
	switch fault.ClassOf(err) {
	case fault.Conflict, fault.Invalid, fault.Forbidden, fault.Unauthenticated:
		return true
	default:
		return false
	}
}
