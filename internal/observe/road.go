package observe

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The time one look at the road may take, and for how long the next scrapes share it.
const (
	lookTimeout = 3 * time.Second
	lookLasts   = time.Second
)

// Road is the way from the gate to MySQL at a moment.
type Road struct {
	Group  string // consumer group
	Topic  string
	Shards []Shard
	Lag    int64 // of all partitions that were read and in which something was committed
}

// Shard is one shard's part of the road. A part that could not be read is left out of the metrics by its flag: a number
// that stands still would look like health.
type Shard struct {
	Shard int

	Kafka     bool  // whether End, Committed and Lag were read
	End       int64 // the partition's next offset
	Committed int64 // the group's; -1 for none
	Lag       int64 // as Kafka's own tools count it; -1 for none committed

	Journal bool // whether Length, Oldest and Vouched were read
	Length  int64
	Oldest  time.Duration // age of the oldest record not yet relayed; 0 for none
	Vouched bool

	Ledger     bool // whether Seq, NextOffset and Halted were read
	Seq        int64
	NextOffset int64
	Halted     bool
}

// The states of a shard; more than one may hold.
const (
	StateVouched    = "vouched"    // the gate decides
	StateRecovering = "recovering" // it does not, and somebody works on it
	StateHalted     = "halted"     // MySQL takes no more of it until an operator has looked
)

// Watch makes every scrape show what look gives, until ctx ends; scrapes within a second share one look. What it could not
// read is counted by part.
func (m *Metrics) Watch(ctx context.Context, look func(ctx context.Context) Road) {
	m.road.mu.Lock()
	defer m.road.mu.Unlock()
	m.road.last, m.road.at = nil, time.Time{}
	m.road.look = func() Road {
		ctx, cancel := context.WithTimeout(ctx, lookTimeout)
		defer cancel()
		return look(ctx)
	}
}

// NoteShard says what this process knows of a shard: StateVouched or StateRecovering.
func (m *Metrics) NoteShard(shard int, state string) {
	m.road.mu.Lock()
	defer m.road.mu.Unlock()
	m.road.noted[shard] = state
}

// road collects the way from the gate to MySQL at the moment of a scrape, under the names of kafka_exporter where it has
// them, so that its dashboards and alerts work.
type road struct {
	mu    sync.Mutex // held through a look: scrapes at the same time share it
	clock func() time.Time
	look  func() Road // nil: nothing to show
	last  *Road
	at    time.Time
	noted map[int]string

	failed *prometheus.CounterVec

	partitions, topicEnd             *prometheus.Desc
	groupOffset, groupLag, groupSum  *prometheus.Desc
	journalLength, journalOldest     *prometheus.Desc
	position, nextOffset, shardState *prometheus.Desc
}

func newRoad(clock func() time.Time) *road {
	describe := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	r := &road{
		clock: clock,
		noted: map[int]string{},
		failed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "rostrum_pipeline_look_errors_total", Help: "Looks at which a part could not be read, or not for all shards: gate, kafka, mysql."}, []string{"part"}),
		partitions:    describe("kafka_topic_partitions", "Partitions of the topic.", "topic"),
		topicEnd:      describe("kafka_topic_partition_current_offset", "Next offset of the partition.", "topic", "partition"),
		groupOffset:   describe("kafka_consumergroup_current_offset", "Offset the group has committed.", "consumergroup", "topic", "partition"),
		groupLag:      describe("kafka_consumergroup_lag", "Records between the committed offset and the end; -1 where nothing is committed.", "consumergroup", "topic", "partition"),
		groupSum:      describe("kafka_consumergroup_lag_sum", "The same over all partitions.", "consumergroup", "topic"),
		journalLength: describe("rostrum_journal_length", "Records in the shard's journal.", "shard"),
		journalOldest: describe("rostrum_journal_oldest_seconds", "Age of the oldest record in the shard's journal that Kafka does not have yet; 0 for none.", "shard"),
		position:      describe("rostrum_mysql_position", "Number of the last record applied to MySQL.", "shard"),
		nextOffset:    describe("rostrum_mysql_next_offset", "Offset from which MySQL goes on.", "shard"),
		shardState:    describe("rostrum_shard_state", "1 for the states a shard is in: vouched, recovering, halted.", "shard", "state"),
	}
	for part := range unread {
		r.failed.WithLabelValues(part) // from the beginning: an increase from nothing is none
	}
	return r
}

// Describe implements prometheus.Collector.
func (r *road) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{r.partitions, r.topicEnd, r.groupOffset, r.groupLag, r.groupSum,
		r.journalLength, r.journalOldest, r.position, r.nextOffset, r.shardState} {
		out <- d
	}
	r.failed.Describe(out)
}

// Collect implements prometheus.Collector.
func (r *road) Collect(out chan<- prometheus.Metric) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now := r.refresh(); now != nil {
		r.collectKafka(*now, out)
		for _, s := range now.Shards {
			r.collectShard(s, out)
		}
	}
	r.collectStates(out)
	r.failed.Collect(out)
}

// unread says of each part whether a shard's could not be read.
var unread = map[string]func(Shard) bool{
	"gate":  func(s Shard) bool { return !s.Journal },
	"kafka": func(s Shard) bool { return !s.Kafka },
	"mysql": func(s Shard) bool { return !s.Ledger },
}

// refresh looks again when the last look is old; nil where there is nothing to show.
func (r *road) refresh() *Road {
	if r.look == nil || r.clock().Sub(r.at) < lookLasts {
		return r.last
	}
	now := r.look()
	r.last, r.at = &now, r.clock()
	for part, of := range unread {
		if slices.ContainsFunc(now.Shards, of) {
			r.failed.WithLabelValues(part).Inc()
		}
	}
	return r.last
}

func gauge(out chan<- prometheus.Metric, d *prometheus.Desc, value float64, labels ...string) {
	out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func (r *road) collectKafka(now Road, out chan<- prometheus.Metric) {
	read := false
	for _, s := range now.Shards {
		if !s.Kafka {
			continue
		}
		read = true
		partition := strconv.Itoa(s.Shard)
		gauge(out, r.topicEnd, float64(s.End), now.Topic, partition)
		gauge(out, r.groupOffset, float64(s.Committed), now.Group, now.Topic, partition)
		gauge(out, r.groupLag, float64(s.Lag), now.Group, now.Topic, partition)
	}
	if read {
		gauge(out, r.partitions, float64(len(now.Shards)), now.Topic)
		gauge(out, r.groupSum, float64(now.Lag), now.Group, now.Topic)
	}
}

func (r *road) collectShard(s Shard, out chan<- prometheus.Metric) {
	shard := strconv.Itoa(s.Shard)
	if s.Journal {
		gauge(out, r.journalLength, float64(s.Length), shard)
		gauge(out, r.journalOldest, s.Oldest.Seconds(), shard)
	}
	if s.Ledger {
		gauge(out, r.position, float64(s.Seq), shard)
		gauge(out, r.nextOffset, float64(s.NextOffset), shard)
		gauge(out, r.shardState, truth(s.Halted), shard, StateHalted)
	}
}

// collectStates shows who decides: what this process noted, else what it read.
func (r *road) collectStates(out chan<- prometheus.Metric) {
	states := map[int]string{}
	if r.last != nil {
		for _, s := range r.last.Shards {
			if s.Journal && s.Vouched {
				states[s.Shard] = StateVouched
			} else if s.Journal {
				states[s.Shard] = StateRecovering
			}
		}
	}
	for shard, state := range r.noted {
		states[shard] = state
	}
	for shard, state := range states {
		gauge(out, r.shardState, truth(state == StateVouched), strconv.Itoa(shard), StateVouched)
		gauge(out, r.shardState, truth(state == StateRecovering), strconv.Itoa(shard), StateRecovering)
	}
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
