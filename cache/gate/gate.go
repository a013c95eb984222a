package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/internal/fault"
)

// Options of a Gate. Shards, Deployment and Durability are needed; the others have defaults.
type Options struct {
	Prefix     string             // of every key; "": cache.DefaultPrefix
	Shards     int                // of the deployment, 1 … auction.MaxShards
	Deployment uuid.UUID          // whose records these are
	Durability auction.Durability // what receipts promise
	Timeout    time.Duration      // of one script; 0: 500 ms. Loading and sweeping take it for each of their pipelines, times 20
	JournalMax int64              // records: bids that would make it longer are paused. 0: 1,000,000
	QueueMax   int                // bids that wait for one shard; more are turned away as Unavailable `overloaded`. 0: 2,000

	// Lineage and Clock are Lua source. The defaults ask the Redis that runs the script; a stand-in that cannot be asked, and
	// tests, bring their own.
	Lineage string // defines: local function lineage() … return run_id, replication_id end
	Clock   string // defines: local function clock() … return µs end

	Now   func() time.Time // for deadlines only, never for a decision; nil: time.Now
	Token func() string    // of locks and loadings, unguessable and never twice the same; nil: random UUIDs
}

// DefaultTimeout and DefaultJournalMax are what Options leaves out.
const (
	DefaultTimeout    = 500 * time.Millisecond
	DefaultJournalMax = 1_000_000
	DefaultQueueMax   = 2000
)

// MaxBids bounds the bids of one script, so that one call cannot hold up a Redis.
const MaxBids = 64

// maxPipeline bounds the commands of one pipeline.
const maxPipeline = 1000

// bulkTimes is how much longer a pipeline of maxPipeline commands may take than a script.
const bulkTimes = 20

// maxFacts bounds what a node remembers of lots' frozen terms.
const maxFacts = 100_000

// Gate decides for every shard of a deployment. It implements auction.Gate, auction.Lineage, auction.Journal and
// auction.Leases, and is safe for concurrent use. Nothing of it runs while nobody asks, and it needs no closing; its client
// is its maker's.
type Gate struct {
	client     cache.Client
	keys       cache.Keys
	scripts    scripts
	deployment uuid.UUID
	durability auction.Durability
	timeout    time.Duration
	journalMax int64
	now        func() time.Time
	token      func() string
	terms      cache.Memory[auction.Terms]
	groups     *groups
	marks      *marks
	markAgeUS  int64 // 0: receipts do not wait for Kafka
}

var (
	_ auction.Gate    = (*Gate)(nil)
	_ auction.Lineage = (*Gate)(nil)
	_ auction.Journal = (*Gate)(nil)
	_ auction.Leases  = (*Gate)(nil)
)

// New makes a gate over a client that should have MaxRetries -1 (0 means 3: a script that timed out would be sent again,
// and a fault that says "not sent" might be wrong), ContextTimeoutEnabled, and timeouts of its own near Timeout.
func New(client cache.Client, o Options) (*Gate, error) {
	keys, err := cache.NewKeys(o.Prefix, o.Shards)
	if err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	if o.Deployment == uuid.Nil || o.Durability == "" {
		return nil, errors.New("gate: deployment and durability are needed")
	}
	g := &Gate{client: client, keys: keys, scripts: newScripts(o.Lineage, o.Clock), deployment: o.Deployment,
		durability: o.Durability, timeout: o.Timeout, journalMax: o.JournalMax, now: o.Now, token: o.Token, terms: cache.NewMemory[auction.Terms](cache.MemoryOptions{Most: maxFacts})}
	g.groups = newGroups(o.Shards, cmp.Or(o.QueueMax, DefaultQueueMax))
	g.marks = newMarks(o.Shards)
	if o.Durability == auction.DurableKafka {
		g.markAgeUS = markStale.Microseconds()
	}
	if g.timeout <= 0 {
		g.timeout = DefaultTimeout
	}
	if g.journalMax <= 0 {
		g.journalMax = DefaultJournalMax
	}
	if g.now == nil {
		g.now = time.Now
	}
	if g.token == nil {
		g.token = uuid.NewString
	}
	return g, nil
}

// Keys gives the keys the gate writes, for those who look at them from outside.
func (g *Gate) Keys() cache.Keys { return g.keys }

// run runs a script and gives its reply behind the version. A fault of transport comes back classified (see outcome).
func (g *Gate) run(ctx context.Context, s *redis.Script, keys []string, args ...any) ([]any, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	reply, err := s.Run(ctx, g.client, keys, args...).Slice()
	if err != nil {
		return nil, outcome(err)
	}
	if len(reply) < 2 || reply[0] != replyVersion {
		return nil, fault.New(fault.Internal, "gate_reply", fmt.Sprintf("a script answered %v", reply))
	}
	return reply[1:], nil
}

// status runs a script that answers one word.
func (g *Gate) status(ctx context.Context, s *redis.Script, keys []string, args ...any) (string, error) {
	reply, err := g.run(ctx, s, keys, args...)
	if err != nil {
		return "", err
	}
	word, ok := reply[0].(string)
	if !ok || len(reply) != 1 {
		return "", fault.New(fault.Internal, "gate_reply", fmt.Sprintf("a script answered %v", reply))
	}
	return word, nil
}

// bulk runs one pipeline of at most maxPipeline commands.
func (g *Gate) bulk(ctx context.Context, fill func(redis.Pipeliner) error) error {
	return g.pipeline(ctx, bulkTimes*g.timeout, fill)
}

func (g *Gate) pipeline(ctx context.Context, timeout time.Duration, fill func(redis.Pipeliner) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if _, err := g.client.Pipelined(ctx, fill); err != nil && !errors.Is(err, redis.Nil) {
		return outcome(err)
	}
	return nil
}

func (g *Gate) checkShard(shard int) error {
	if shard < 0 || shard >= g.keys.Shards() {
		return fault.New(fault.Internal, "no_such_shard", fmt.Sprintf("shard %d of %d", shard, g.keys.Shards()))
	}
	return nil
}
