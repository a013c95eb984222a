package app

import (
	"context"
	"time"

	"rostrum/auction"
)

// Under durability kafka the gate has to hear what Kafka has acknowledged (cache/gate, Mark): after each request, and now
// and then while nothing moves, so that a mark that is old means that nobody carries.

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

// mark tells the gate. A shard that nobody vouches for takes no mark, and needs none.
func (a *App) mark(ctx context.Context, shard int, upTo auction.Cursor) {
	if err := a.Gate.Mark(ctx, shard, upTo); err != nil { // it bounds its time itself
		a.Log.DebugContext(ctx, "the gate took no mark", "shard", shard, "upTo", upTo, "error", err)
	}
}

// remark tells the gate again where the shards stand that this process relays.
func (a *App) remark(ctx context.Context) error {
	for _, s := range a.relay.States() {
		if s.Held {
			a.mark(ctx, s.Shard, s.Acked)
		}
	}
	return nil
}
