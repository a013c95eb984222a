package app

import (
	"context"
	"time"

	"rostrum/auction"
)

// The gate hears now and then what Kafka has acknowledged (cache/gate, Mark). Under durability kafka it has to, for bidders
// wait for it: after each request, and also while nothing moves, so that a mark that is old means that nobody carries.

// markEvery is well below the age at which a gate takes a mark for stale.
const markEvery = 500 * time.Millisecond

func (a *App) promisesKafka() bool {
	return a.Config.Redis.Durability == string(auction.DurableKafka)
}

// linger is how long the relay waits for more: not while bidders wait for it.
func (a *App) linger() time.Duration {
	if a.promisesKafka() {
		return 0
	}
	return a.Config.Relay.Linger
}

// acked is what the relay calls after each acknowledgement; nil where nobody waits for it.
func (a *App) acked() func(shard int, upTo auction.Cursor) {
	if !a.promisesKafka() {
		return nil
	}
	return func(shard int, upTo auction.Cursor) { a.mark(context.Background(), shard, upTo) }
}

// mark tells the gate, and whether it took it. A shard that nobody vouches for takes no mark, and needs none.
func (a *App) mark(ctx context.Context, shard int, upTo auction.Cursor) bool {
	err := a.Gate.Mark(ctx, shard, upTo) // it bounds its time itself
	if err != nil {
		a.Log.DebugContext(ctx, "the gate took no mark", "shard", shard, "upTo", upTo, "error", err)
	}
	return err == nil
}

// remarks tells the gate, each time it is called, where the shards stand that this process relays: what moved, so that
// who looks at a journal sees what still waits for Kafka; and where a mark must not grow old, what did not, too.
func (a *App) remarks() func(ctx context.Context) error {
	told := map[int]auction.Cursor{}
	return func(ctx context.Context) error {
		for _, s := range a.relay.States() {
			if s.Held && (a.promisesKafka() || told[s.Shard] != s.Acked) && a.mark(ctx, s.Shard, s.Acked) {
				told[s.Shard] = s.Acked
			}
		}
		return nil
	}
}
