package gate

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Vouched is auction.Lineage's. Epoch and Seq are those that were loaded, vouched for or not; 0, 0: nothing is loaded.
func (g *Gate) Vouched(ctx context.Context, shard int) (auction.Vouch, error) {
	if err := g.checkShard(shard); err != nil {
		return auction.Vouch{}, err
	}
	reply, err := g.run(ctx, g.scripts.vouched, []string{g.keys.Head(shard), g.keys.Lots(shard)})
	if err != nil {
		return auction.Vouch{}, err
	}
	s, err := words(reply, 6)
	if err != nil {
		return auction.Vouch{}, err
	}
	var n numbers
	v := auction.Vouch{Valid: s[0] == "1", Epoch: n.of(s[1]), Seq: n.of(s[2]), RunID: s[3], ReplID: s[4], LoadedLot: int(n.of(s[5]))}
	return v, n.err
}

// Vouch is auction.Lineage's. fault Conflict `not_loaded` unless the shard was loaded in that epoch.
func (g *Gate) Vouch(ctx context.Context, shard int, epoch int64) error {
	if err := g.checkShard(shard); err != nil {
		return err
	}
	status, err := g.status(ctx, g.scripts.vouch, []string{g.keys.Head(shard)}, strconv.FormatInt(epoch, 10))
	if err != nil {
		return err
	}
	if status != statusOK {
		return fault.New(fault.Conflict, "not_loaded", "the shard was not loaded in epoch "+strconv.FormatInt(epoch, 10))
	}
	return nil
}

// Disown is auction.Lineage's. What the shard holds stays; nothing is decided until it is vouched for again.
func (g *Gate) Disown(ctx context.Context, shard int) error {
	if err := g.checkShard(shard); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	if err := g.client.HDel(ctx, g.keys.Head(shard), "run", "repl", "vouched").Err(); err != nil {
		return outcome(err)
	}
	return nil
}

// Identity is auction.Lineage's. A claim that comes second changes nothing and gets the first one's.
func (g *Gate) Identity(ctx context.Context, claim auction.Deployment) (auction.Deployment, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	if claim.ID != uuid.Nil {
		text, err := json.Marshal(claim)
		if err != nil {
			return auction.Deployment{}, err
		}
		if err := g.client.SetNX(ctx, g.keys.Deployment(), text, 0).Err(); err != nil {
			return auction.Deployment{}, outcome(err)
		}
	}
	var d auction.Deployment
	text, err := g.client.Get(ctx, g.keys.Deployment()).Bytes()
	if errors.Is(err, redis.Nil) {
		return d, nil
	}
	if err != nil {
		return d, outcome(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return auction.Deployment{}, fault.Wrap(fault.Internal, "deployment_unreadable", g.keys.Deployment(), err)
	}
	return d, nil
}
