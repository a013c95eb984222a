package gate

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/internal/fault"
)

// BeginLoad is auction.Lineage's. What the shard holds stays.
func (g *Gate) BeginLoad(ctx context.Context, shard int) (token string, err error) {
	if err := g.checkShard(shard); err != nil {
		return "", err
	}
	token = g.token()
	return token, loading{g, auction.ShardState{Shard: shard}, token}.step(ctx, "begin")
}

// Loading is auction.Lineage's.
func (g *Gate) Loading(ctx context.Context, shard int, token string) error {
	if err := g.checkShard(shard); err != nil {
		return err
	}
	return loading{g, auction.ShardState{Shard: shard}, token}.step(ctx, "look")
}

// Load is auction.Lineage's. It keeps leases, which are no shard's. It may be repeated with its token when it failed
// half-way. An empty records leaves an empty journal; what is decided next has state's seq + 1.
func (g *Gate) Load(ctx context.Context, token string, state auction.ShardState, records []auction.Record) (auction.Digest, error) {
	if err := g.checkLoad(state, records); err != nil {
		return auction.Digest{}, err
	}
	l := loading{g, state, token}
	if err := l.step(ctx, "empty"); err != nil {
		return auction.Digest{}, err
	}
	if err := l.clear(ctx); err != nil {
		return auction.Digest{}, err
	}
	if err := l.write(ctx, loadCommands(g.keys, state, records)); err != nil {
		return auction.Digest{}, err
	}
	if err := l.step(ctx, "end"); err != nil {
		return auction.Digest{}, err
	}
	return g.digest(ctx, state)
}

// loading is one loading of a shard. Whatever it writes, it writes only while the shard's head has its token: one that stood
// still and was overtaken must not touch what the other has loaded, and sold since.
type loading struct {
	*Gate
	state auction.ShardState
	token string
}

func (g *Gate) checkLoad(state auction.ShardState, records []auction.Record) error {
	bad := func(what string, args ...any) error {
		return fault.New(fault.Internal, "load_refused", fmt.Sprintf("shard %d: %s", state.Shard, fmt.Sprintf(what, args...)))
	}
	if err := g.checkShard(state.Shard); err != nil {
		return err
	}
	if state.Deployment != g.deployment {
		return bad("of deployment %s, not %s", state.Deployment, g.deployment)
	}
	if state.Epoch < 1 || state.Seq < 0 {
		return bad("epoch %d, seq %d", state.Epoch, state.Seq)
	}
	if n := len(records); n > 0 && records[n-1].At() != (auction.Cursor{Epoch: state.Epoch, Seq: state.Seq}) {
		return bad("the last record is %s, the state is at %d-%d", records[n-1].ID(), state.Epoch, state.Seq)
	}
	return nil
}

func (l loading) step(ctx context.Context, step string) error {
	s := l.state
	status, err := l.status(ctx, l.scripts.load, []string{l.keys.Head(s.Shard)}, step, l.token, s.Epoch, s.Seq, s.LastUS)
	switch {
	case err != nil:
		return err
	case status == "vouched":
		return fault.New(fault.Conflict, "vouched", "the shard is vouched for: disown it first")
	case status == "interrupted":
		return interrupted()
	}
	return nil
}

func interrupted() error {
	return fault.New(fault.Conflict, "load_interrupted", "somebody else began to load this shard")
}

// change runs one transaction of at most maxPipeline commands.
func (l loading) change(ctx context.Context, commands func(redis.Pipeliner) error) error {
	ctx, cancel := context.WithTimeout(ctx, bulkTimes*l.timeout)
	defer cancel()
	ours, err := cache.WhileHolds(ctx, l.client, l.keys.Head(l.state.Shard), "loading", l.token, commands)
	if err != nil {
		return outcome(err)
	}
	if !ours {
		return interrupted()
	}
	return nil
}

// clear removes all keys of the shard but its head. A scan, so that it finds what no set names: keys went missing, else
// we were not here. It walks the whole Redis that holds the shard.
func (l loading) clear(ctx context.Context) error {
	l.terms.ForgetAll()
	node, err := l.nodeOf(ctx, l.state.Shard)
	if err != nil {
		return err
	}
	head := l.keys.Head(l.state.Shard)
	for cursor := uint64(0); ; {
		step, cancel := context.WithTimeout(ctx, bulkTimes*l.timeout)
		keys, next, err := node.Scan(step, cursor, l.keys.ShardPattern(l.state.Shard), maxPipeline).Result()
		cancel()
		if err != nil {
			return outcome(err)
		}
		if keys = slices.DeleteFunc(keys, func(k string) bool { return k == head }); len(keys) > 0 {
			err = l.change(ctx, func(p redis.Pipeliner) error { return p.Unlink(ctx, keys...).Err() })
		}
		if cursor = next; err != nil || cursor == 0 {
			return err
		}
	}
}

// nodeOf gives the one Redis in which the shard's keys are: SCAN asks a server, not a slot.
func (g *Gate) nodeOf(ctx context.Context, shard int) (redis.Cmdable, error) {
	node, err := cache.NodeOf(ctx, g.client, g.keys.Head(shard))
	if err != nil {
		return nil, outcome(err)
	}
	return node, nil
}

// write runs commands as they are made.
func (l loading) write(ctx context.Context, commands iter.Seq[[]any]) error {
	batch := make([][]any, 0, maxPipeline)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		defer func() { batch = batch[:0] }()
		return l.change(ctx, func(p redis.Pipeliner) error {
			for _, c := range batch {
				p.Do(ctx, c...)
			}
			return nil
		})
	}
	for c := range commands {
		if batch = append(batch, c); len(batch) == maxPipeline {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	return flush()
}
