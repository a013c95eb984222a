package pipeline

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"
)

// commits tells the group how far the ledger is, all shards of a generation in one request. It feeds the lag that is shown,
// nothing else, so a failure is of no consequence.
type commits struct {
	commit func(offsets map[int]int64) error
	every  time.Duration
	log    *slog.Logger

	mu   sync.Mutex
	last map[int]int64 // by shard; what the group knows is in told
	told map[int]int64
}

func newCommits(every time.Duration, log *slog.Logger, commit func(map[int]int64) error) *commits {
	return &commits{commit: commit, every: every, log: log, last: map[int]int64{}, told: map[int]int64{}}
}

// reached notes the offset that a shard reads next.
func (c *commits) reached(shard int, offset int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last[shard] = offset
}

// run commits until ctx is done, what has moved.
func (c *commits) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, c.every)
		if ctx.Err() == nil {
			c.tell()
		}
	}
}

func (c *commits) tell() {
	c.mu.Lock()
	moved := maps.Clone(c.last)
	c.mu.Unlock()
	maps.DeleteFunc(moved, func(shard int, offset int64) bool { return c.told[shard] == offset })
	if len(moved) == 0 {
		return
	}
	if err := c.commit(moved); err != nil {
		c.log.Debug("commit to the group failed", "err", err)
		return
	}
	maps.Copy(c.told, moved)
}
