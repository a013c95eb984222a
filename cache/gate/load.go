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

// Load is auction.Lineage's. It keeps leases, which are no shard's. It may be repeated when it failed half-way; while it
// runs the shard cannot be vouched for, and of two loads of one shard the later wins and the other fails with fault
// Conflict `load_interrupted`. An empty records leaves an empty journal; what is decided next has state's seq + 1.
func (g *Gate) Load(ctx context.Context, state auction.ShardState, records []auction.Record) (auction.Digest, error) {
	if err := g.checkLoad(state, records); err != nil {
		return auction.Digest{}, err
	}
	token := g.token()
	if err := g.loadStep(ctx, state, "begin", token); err != nil {
		return auction.Digest{}, err
	}
	if err := g.clear(ctx, state.Shard); err != nil {
		return auction.Digest{}, err
	}
	if err := g.write(ctx, loadCommands(g.keys, state, records)); err != nil {
		return auction.Digest{}, err
	}
	if err := g.loadStep(ctx, state, "end", token); err != nil {
		return auction.Digest{}, err
	}
	return g.digest(ctx, state)
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

func (g *Gate) loadStep(ctx context.Context, state auction.ShardState, step, token string) error {
	status, err := g.status(ctx, g.scripts.load, []string{g.keys.Head(state.Shard)}, step, token, state.Epoch, state.Seq, state.LastUS)
	switch {
	case err != nil:
		return err
	case status == "vouched":
		return fault.New(fault.Conflict, "vouched", "the shard is vouched for: disown it first")
	case status == "interrupted":
		return fault.New(fault.Conflict, "load_interrupted", "somebody else began to load this shard")
	}
	return nil
}

// clear removes all keys of the shard but its head. A scan, so that it finds what no set names: keys went missing, else
// we were not here. It walks the whole Redis that holds the shard.
func (g *Gate) clear(ctx context.Context, shard int) error {
	g.terms.ForgetAll()
	node, err := g.nodeOf(ctx, shard)
	if err != nil {
		return err
	}
	head := g.keys.Head(shard)
	for cursor := uint64(0); ; {
		step, cancel := context.WithTimeout(ctx, bulkTimes*g.timeout)
		keys, next, err := node.Scan(step, cursor, g.keys.ShardPattern(shard), maxPipeline).Result()
		if keys = slices.DeleteFunc(keys, func(k string) bool { return k == head }); err == nil && len(keys) > 0 {
			err = node.Unlink(step, keys...).Err()
		}
		cancel()
		if err != nil {
			return outcome(err)
		}
		if cursor = next; cursor == 0 {
			return nil
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

// write runs commands as they are made, in pipelines.
func (g *Gate) write(ctx context.Context, commands iter.Seq[[]any]) error {
	batch := make([][]any, 0, maxPipeline)
	flush := func() error {
		if len(batch) == 0 {
			return nil
		}
		defer func() { batch = batch[:0] }()
		return g.bulk(ctx, func(p redis.Pipeliner) error {
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
