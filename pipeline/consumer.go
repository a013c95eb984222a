package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
)

// ConsumerOptions set a consumer. The zero value of a number or duration means its default, but for Linger.
type ConsumerOptions struct {
	Group            string        // without prefix; default GroupOrders
	BatchRows        int           // records of one transaction, default 1000
	Linger           time.Duration // between looks at a partition that had nothing more; 0: none, a look waits at the broker
	AtOnce           int           // transactions, default 2
	FetchBytes       int64         // of one fetch, about; default 1 MiB
	FetchWait        time.Duration // of one fetch for the first record where there is no Linger, default 500 ms
	SessionTimeout   time.Duration // default 6 s, the least that brokers take by default
	Heartbeat        time.Duration // default 1 s
	RebalanceTimeout time.Duration // default 6 s; a transaction is given half of it to end
	JoinBackoff      time.Duration // default 1 s
	GapHalt          time.Duration // how long a missing record is waited for, default 30 s
	PoisonRetries    int           // failures of Apply that are not passing, before the shard halts; default 5
	HaltPoll         time.Duration // between looks at a halted shard, default 1 s
	LookEvery        time.Duration // between looks at the position while nothing comes, default 2 s
	CommitEvery      time.Duration // between commits to the group, default 1 s
	ErrorMax         time.Duration // longest wait after an error, default 2 s
	Clock            func() time.Time
	Log              *slog.Logger
	Count            Counter
}

func (o ConsumerOptions) withDefaults() ConsumerOptions {
	if o.Group == "" {
		o.Group = GroupOrders
	}
	if o.FetchBytes == 0 {
		o.FetchBytes = 1 << 20
	}
	orInt(&o.BatchRows, 1000)
	orInt(&o.AtOnce, 2)
	orInt(&o.PoisonRetries, 5)
	orDuration(&o.FetchWait, 500*time.Millisecond)
	orDuration(&o.SessionTimeout, 6*time.Second)
	orDuration(&o.Heartbeat, time.Second)
	orDuration(&o.RebalanceTimeout, 6*time.Second)
	orDuration(&o.JoinBackoff, time.Second)
	orDuration(&o.GapHalt, 30*time.Second)
	orDuration(&o.HaltPoll, time.Second)
	orDuration(&o.LookEvery, 2*time.Second)
	orDuration(&o.CommitEvery, time.Second)
	orDuration(&o.ErrorMax, 2*time.Second)
	o.Log, o.Clock = orLog(o.Log), orClock(o.Clock)
	return o
}

// Consumer carries the journal topic into the ledger. The group only shares out the partitions: where to read from is the
// ledger's to say, and what is committed to the group feeds the lag, nothing else.
//
// It fetches by itself, from each partition where that one is, and does not use the library's Reader: that one delivers what it had
// queued before a rebalance after it, commits across generations, and cannot be told to read elsewhere.
type Consumer struct {
	kafka  *Kafka
	ledger Applier
	o      ConsumerOptions

	together *departures[*asked]
	turns    chan struct{} // one for each transaction that is open

	mu       sync.Mutex
	current  *kafka.Generation // whose assigned are; nil: none
	assigned []int
}

// NewConsumer makes a consumer. Run starts it.
func NewConsumer(k *Kafka, ledger Applier, o ConsumerOptions) *Consumer {
	o = o.withDefaults()
	return &Consumer{kafka: k, ledger: ledger, o: o, together: newDepartures(k.fetchParts), turns: make(chan struct{}, o.AtOnce)}
}

// Run consumes until ctx is done; it joins its group once the topics are there. It returns when nothing of it runs any more; an error only for options the library refuses.
func (c *Consumer) Run(ctx context.Context) error {
	c.await(ctx)
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: c.kafka.group(c.o.Group), Brokers: c.kafka.o.Brokers, Dialer: c.kafka.dialer,
		Topics:            []string{c.kafka.topic(TopicJournal)},
		GroupBalancers:    []kafka.GroupBalancer{balancer{topic: c.kafka.topic(TopicJournal), shards: c.kafka.o.Shards}},
		HeartbeatInterval: c.o.Heartbeat, SessionTimeout: c.o.SessionTimeout, RebalanceTimeout: c.o.RebalanceTimeout,
		JoinGroupBackoff: c.o.JoinBackoff, StartOffset: kafka.FirstOffset, Timeout: c.kafka.o.RequestTimeout,
	})
	if err != nil {
		return fmt.Errorf("kafka: consumer group: %w", err)
	}
	defer group.Close() // waits for the workers
	t := trouble{log: c.o.Log}
	for ctx.Err() == nil {
		generation, err := group.Next(ctx)
		if ctx.Err() != nil {
			break
		}
		t.note("joining the consumer group", err)
		if err == nil {
			c.start(generation)
		}
	}
	return nil
}

func (c *Consumer) await(ctx context.Context) {
	t, wait := trouble{log: c.o.Log}, backoff{first: 50 * time.Millisecond, last: c.o.ErrorMax}
	for ctx.Err() == nil {
		err := c.kafka.Ready(ctx)
		if err == nil {
			return
		}
		if ctx.Err() == nil {
			t.note("waiting for Kafka's topics", err)
		}
		pause(ctx, wait.grow())
	}
}

// start sets a worker on each partition of a generation. A generation ends when one of its workers returns, so they
// return only when it has ended.
func (c *Consumer) start(g *kafka.Generation) {
	partitions := g.Assignments[c.kafka.topic(TopicJournal)]
	shards := make([]int, len(partitions))
	for i, p := range partitions {
		shards[i] = p.ID
	}
	slices.Sort(shards)
	c.o.Log.Info("partitions assigned", "generation", g.ID, "shards", shards)
	c.tell(g, shards)
	told := newCommits(c.o.CommitEvery, c.o.Log, func(offsets map[int]int64) error {
		return g.CommitOffsets(map[string]map[int]int64{c.kafka.topic(TopicJournal): offsets})
	})
	g.Start(told.run)
	for _, p := range partitions {
		w := newWorker(c, p.ID, told)
		g.Start(func(ended context.Context) {
			// The library's context is its own type: a plain one over it is cheaper to derive from.
			ctx, cancel := context.WithCancel(ended)
			defer cancel()
			w.run(ctx)
			c.left(g)
		})
	}
}

func (c *Consumer) tell(g *kafka.Generation, shards []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current, c.assigned = g, shards
}

// left says that a generation has ended. Its workers may come to say so after the next one has begun.
func (c *Consumer) left(g *kafka.Generation) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == g {
		c.current, c.assigned = nil, nil
	}
}

// Assigned gives the shards this consumer works on, ascending; none while the group is being shared out anew.
func (c *Consumer) Assigned() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.assigned)
}

// group is a group's name on the brokers.
func (k *Kafka) group(name string) string { return k.o.TopicPrefix + name }

// errEnded says that a worker's generation is over.
var errEnded = errors.New("generation ended")
