// Package pipelinetest is the suite that a Kafka must pass to be one for Rostrum: it runs on the stand-in and on the real
// broker alike. The journal, the ledger and the leases are twins in memory, so that what is shown is the road between
// them and nothing else.
package pipelinetest

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"

	"rostrum/auction"
	"rostrum/auction/auctiontest"
	"rostrum/internal/live"
	"rostrum/pipeline"
)

// Brokers are what the suite runs on.
type Brokers struct {
	Addrs []string
	// Cluster is the stand-in's handle: tests that break the broker itself need it and are left out without.
	Cluster     *kfake.Cluster
	Replication int // default 1
	MinInSync   int // default 1
}

// patience is how long anything may take that is waited for; on a machine that does nothing else it is a few seconds at
// most, a killed consumer's session included.
const patience = 30 * time.Second

// bed is one test's own deployment: topics and group under a prefix of its own, a journal, a ledger.
type bed struct {
	t       *testing.T
	brokers Brokers
	options pipeline.Options
	kafka   *pipeline.Kafka
	client  *kafka.Client // the test's own way to the brokers
	journal *auctiontest.Journal
	ledger  *auctiontest.Ledger
	leases  *auctiontest.Leases
	counts  counts
	decided map[int][]auction.Record // by shard, all that was ever put into its journal
	log     *slog.Logger
}

func newBed(t *testing.T, brokers Brokers, shards int) *bed {
	t.Helper()
	b := &bed{t: t, brokers: brokers, journal: &auctiontest.Journal{}, leases: newLeases(),
		decided: map[int][]auction.Record{}}
	b.options = pipeline.Options{Brokers: brokers.Addrs, Deployment: uuid.New(), Shards: shards,
		TopicPrefix: "t" + strings.ReplaceAll(uuid.NewString(), "-", "") + ".", Replication: max(brokers.Replication, 1),
		MinInSync: max(brokers.MinInSync, 1)}
	b.ledger = auctiontest.NewLedger(auction.Deployment{ID: b.options.Deployment, Shards: shards})
	b.log = slog.New(slog.NewTextHandler(testLog{t}, &slog.HandlerOptions{Level: slog.LevelInfo}))
	b.kafka = b.connect()
	transport := &kafka.Transport{}
	b.client = &kafka.Client{Addr: kafka.TCP(brokers.Addrs...), Timeout: 10 * time.Second, Transport: transport}
	t.Cleanup(func() {
		b.removeTopics()
		transport.CloseIdleConnections()
	})
	return b
}

// testLog writes to the test's log; lines that come after the test's end, which it would not survive, go nowhere.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Helper()
	l.t.Log(strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

func (b *bed) connect() *pipeline.Kafka { b.t.Helper(); return b.connectAs(b.options) }

func (b *bed) ctx() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	b.t.Cleanup(cancel)
	return ctx
}

func (b *bed) apply() *bed {
	b.t.Helper()
	b.await("topics made", func() (bool, error) { // a broker that stands still is asked again
		_, err := b.kafka.Apply(b.ctx())
		return true, err
	})
	return b
}

func (b *bed) removeTopics() {
	var names []string
	for _, t := range pipeline.Topics() {
		names = append(names, b.topic(t.Name))
	}
	if _, err := b.client.DeleteTopics(context.Background(), &kafka.DeleteTopicsRequest{Topics: names}); err != nil {
		b.t.Logf("topics left behind: %v", err)
	}
}

func (b *bed) topic(name string) string { return b.options.TopicPrefix + name }

func (b *bed) await(what string, check func() (bool, error)) {
	b.t.Helper()
	live.Eventually(b.t, patience, what, check)
}

// run starts something that runs until its context is done, and gives what ends it and waits for it. It is ended with the
// test in any case.
func (b *bed) run(f func(ctx context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); f(ctx) }()
	stop = func() { cancel(); <-done }
	b.t.Cleanup(stop)
	return stop
}

// relayOptions are quick: what takes seconds in production takes tens of milliseconds here.
func (b *bed) relayOptions() pipeline.RelayOptions {
	return pipeline.RelayOptions{Owner: uuid.NewString(), Linger: 5 * time.Millisecond, PositionsAge: 20 * time.Millisecond,
		ResendAfter: 500 * time.Millisecond, PoisonRetry: 50 * time.Millisecond, Log: b.log, Count: b.counts.add}
}

func (b *bed) relay() (stop func()) { return b.relayWith(b.relayOptions()) }

// relaySendingOnce runs a relay that sends nothing again however long nobody applies it: all that is read twice was read
// by the consumer's doing, and lag is what was decided.
func (b *bed) relaySendingOnce() (stop func()) {
	o := b.relayOptions()
	o.ResendAfter, o.Lease = time.Hour, time.Hour
	return b.relayWith(o)
}

func (b *bed) relayWith(o pipeline.RelayOptions) (stop func()) {
	return b.run(pipeline.NewRelay(b.kafka, b.journal, b.ledger, b.leases, o).Run)
}

func (b *bed) consumerOptions() pipeline.ConsumerOptions {
	return pipeline.ConsumerOptions{Linger: 5 * time.Millisecond, Heartbeat: 500 * time.Millisecond, FetchWait: 50 * time.Millisecond,
		HaltPoll: 20 * time.Millisecond, CommitEvery: 20 * time.Millisecond, JoinBackoff: 200 * time.Millisecond,
		ErrorMax: 100 * time.Millisecond, Log: b.log, Count: b.counts.add}
}

func (b *bed) consumer() (stop func()) { return b.consumerWith(b.consumerOptions()) }

func (b *bed) consumerWith(o pipeline.ConsumerOptions) (stop func()) {
	c := pipeline.NewConsumer(b.kafka, b.ledger, o)
	return b.run(func(ctx context.Context) {
		if err := c.Run(ctx); err != nil {
			b.t.Error(err)
		}
	})
}

// open cuts the first epoch of every shard, as the first recovery does, and puts its records into the journal.
func (b *bed) open() *bed {
	b.t.Helper()
	for shard := range b.options.Shards {
		records, _, err := b.ledger.Cut(b.ctx(), shard, auction.Cursor{}, startUS)
		if err != nil {
			b.t.Fatal(err)
		}
		b.put(records...)
	}
	return b
}

// startUS is when the tests' records begin, 2026.
const startUS = 1_770_000_000_000_000

// bids makes n records that follow a place in a shard.
func (b *bed) bids(shard int, after auction.Cursor, n int) []auction.Record {
	records := make([]auction.Record, n)
	for i := range records {
		seq := after.Seq + int64(i) + 1
		records[i] = auction.Record{Deployment: b.options.Deployment, Shard: shard, Epoch: after.Epoch, Seq: seq,
			Kind: auction.KindBid, Lot: lotOf(shard, int(seq)), Version: seq, TimeUS: startUS + seq,
			Bid: uuid.New(), Buyer: uuid.New(), Order: uuid.New(), Quantity: 1, Nth: []int{1}, PriceMinor: 1999, Currency: "EUR",
			Trace: fmt.Sprintf("t%d-%d", shard, seq)}
	}
	return records
}

// lotOf gives one of five lots a shard.
func lotOf(shard, i int) uuid.UUID {
	return uuid.NewSHA1(uuid.NameSpaceOID, fmt.Appendf(nil, "lot %d/%d", shard, i%5))
}

// put puts records of one shard into its journal.
func (b *bed) put(records ...auction.Record) {
	b.journal.Append(records...)
	shard := records[0].Shard
	b.decided[shard] = append(b.decided[shard], records...)
}

// more puts n bids into a shard's journal and gives all that was decided there.
func (b *bed) more(shard, n int) []auction.Record {
	all := b.decided[shard]
	b.put(b.bids(shard, all[len(all)-1].At(), n)...)
	return slices.Clone(b.decided[shard])
}

// decide puts n bids into each shard's journal and gives what each shard must come to hold.
func (b *bed) decide(n int) map[int][]auction.Record {
	want := map[int][]auction.Record{}
	for shard := range b.options.Shards {
		want[shard] = b.more(shard, n)
	}
	return want
}

// exactly waits until the ledger holds these records of each shard, each once and in order, and checks that nothing was
// left over on the way.
func (b *bed) exactly(want map[int][]auction.Record) {
	b.t.Helper()
	for shard, records := range want {
		b.await(fmt.Sprintf("%d records of shard %d applied", len(records), shard), func() (bool, error) {
			if has := len(b.ledger.Applied(shard)); has < len(records) {
				return false, fmt.Errorf("%d of %d", has, len(records))
			}
			return true, nil
		})
		if diff := cmp.Diff(records, b.ledger.Applied(shard)); diff != "" {
			b.t.Errorf("shard %d (-want +got):\n%s", shard, diff)
		}
	}
}

// settled waits until the journals are trimmed and the group has no lag.
func (b *bed) settled() {
	b.t.Helper()
	b.await("journals trimmed", func() (bool, error) {
		for shard := range b.options.Shards {
			if s, err := b.journal.Stats(b.ctx(), shard); err != nil || s.Length > 0 {
				return false, err
			}
		}
		return true, nil
	})
	b.await("no lag", func() (bool, error) {
		lag, err := b.kafka.Lag(b.ctx(), pipeline.GroupOrders)
		if err != nil {
			return false, err
		}
		for _, l := range lag {
			if l.Lag != 0 {
				return false, fmt.Errorf("%+v", l)
			}
		}
		return len(lag) == b.options.Shards, nil
	})
}

// counts tells what the pipeline counted.
type counts struct {
	mu sync.Mutex
	of map[string]int
}

func (c *counts) add(what string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil {
		c.of = map[string]int{}
	}
	c.of[what] += n
}

func (c *counts) get(what string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[what]
}

func newLeases() *auctiontest.Leases { return &auctiontest.Leases{Now: time.Now} }
