package app

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// disownEvery is how often one shard is given to recovery at most: the cause may be one that recovery does not mend.
const disownEvery = 30 * time.Second

// losses gives to recovery what only recovery can mend. A gate that lacks a lot that has opened may be given it by nobody
// while it is vouched for, so the vouch of its shard is taken back: the keeper then brings all the shard's lots from MySQL.
type losses struct {
	disown func(ctx context.Context, shard int) error
	alarm  func(name string)
	now    func() time.Time
	log    *slog.Logger

	mu   sync.Mutex
	last map[int]time.Time // when each shard was given to recovery
}

// claim says whether a shard is to be given to recovery now, by whoever asks first.
func (l *losses) claim(shard int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if at, did := l.last[shard]; did && now.Sub(at) < disownEvery {
		return false
	}
	l.last[shard] = now
	return true
}

// recover gives a claimed shard to recovery. Where that fails, the next who finds the loss tries again.
func (l *losses) recover(ctx context.Context, shard int) {
	l.alarm("shard_disowned")
	l.log.Error("the gate lacks lots that have opened, or keys of them; their shard is recovered", "shard", shard)
	if err := l.disown(ctx, shard); err != nil {
		l.log.Error("a shard that is to be recovered could not be disowned", "shard", shard, "error", err)
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.last, shard)
	}
}

// found is for who has found losses and has time to see them given to recovery.
func (l *losses) found(ctx context.Context, shards ...int) {
	for _, shard := range shards {
		if l.claim(shard) {
			l.recover(ctx, shard)
		}
	}
}
