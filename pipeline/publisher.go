package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"

	"rostrum/auction"
	"rostrum/orders"
)

// Publications is what the publisher asks of the ledger's side: the stored journal, how far each topic has been told of
// it, and the outbox. Topics are named without prefix.
type Publications interface {
	Positions(ctx context.Context) ([]auction.Position, error)
	// Published gives the seq up to which a topic has been told of a shard; 0: nothing yet.
	Published(ctx context.Context, topic string, shard int) (int64, error)
	SetPublished(ctx context.Context, topic string, shard int, seq int64) error
	Records(ctx context.Context, shard int, afterSeq int64, limit int) ([]auction.Record, error)
	// LotSalts gives the salts of lots of one shard.
	LotSalts(ctx context.Context, shard int, lots []uuid.UUID) (map[uuid.UUID][]byte, error)
	// OutboxUnpublished gives the oldest events that were not published, at most limit.
	OutboxUnpublished(ctx context.Context, limit int) ([]orders.Event, error)
	OutboxPublished(ctx context.Context, ids []uuid.UUID, nowUS int64) error
}

// PublisherOptions set a publisher. The zero value of a number or duration means its default.
type PublisherOptions struct {
	Owner    string        // of its leases: unique to this process and start
	Batch    int           // records, or rows of the outbox, at a time; default 500
	Idle     time.Duration // between looks when nothing is to do, default 250 ms
	Lease    time.Duration // default 10 s
	ErrorMax time.Duration // longest wait after an error, default 5 s
	Clock    func() time.Time
	Log      *slog.Logger
	Count    Counter
}

func (o PublisherOptions) withDefaults() PublisherOptions {
	orInt(&o.Batch, 500)
	orDuration(&o.Idle, 250*time.Millisecond)
	orDuration(&o.Lease, 10*time.Second)
	orDuration(&o.ErrorMax, 5*time.Second)
	o.Log, o.Clock = orLog(o.Log), orClock(o.Clock)
	return o
}

// Publisher tells the public topics what the ledger holds. What follows from a record is published by position: a topic
// is told of the records after the last one it was told of, and then that number moves. So nothing is left out, and what
// is told twice has the same id.
type Publisher struct {
	kafka  *Kafka
	ledger Publications
	leases auction.Leases
	o      PublisherOptions
	shards map[int]*published
	outbox time.Time // until when this publisher holds the outbox
}

// published is what a publisher knows of a shard while it holds its lease.
type published struct {
	until time.Time
	seq   map[string]int64 // by topic
}

// publicTopics are told by position.
var publicTopics = []string{TopicBids, TopicOrders}

// NewPublisher makes a publisher. Run starts it.
func NewPublisher(k *Kafka, ledger Publications, leases auction.Leases, o PublisherOptions) *Publisher {
	return &Publisher{kafka: k, ledger: ledger, leases: leases, o: o.withDefaults(), shards: map[int]*published{}}
}

// Run publishes until ctx is done. One goroutine serves all shards in turn: it is never on anybody's way.
func (p *Publisher) Run(ctx context.Context) {
	t, failing := trouble{log: p.o.Log}, backoff{first: p.o.Idle, last: p.o.ErrorMax}
	for ctx.Err() == nil {
		n, err := p.pass(ctx)
		if ctx.Err() != nil {
			break
		}
		t.note("publishing", err)
		switch {
		case err != nil:
			pause(ctx, failing.grow())
			continue
		case n == 0:
			pause(ctx, p.o.Idle)
		}
		failing.reset()
	}
	p.leave(ctx)
}

// pass publishes one batch of every shard that has something, and one of the outbox. One that fails keeps none of the
// others back; the last error is given.
func (p *Publisher) pass(ctx context.Context) (n int, last error) {
	positions, err := p.ledger.Positions(ctx)
	if err != nil {
		return 0, err
	}
	for _, at := range positions {
		told, err := p.shard(ctx, at)
		if err != nil {
			last = fmt.Errorf("shard %d: %w", at.Shard, err)
		}
		n += told
	}
	told, err := p.moved(ctx)
	if err != nil {
		last = fmt.Errorf("outbox: %w", err)
	}
	return n + told, last
}

// shard publishes the next records of one shard to each topic that was not told of them, and gives how many there were.
func (p *Publisher) shard(ctx context.Context, at auction.Position) (int, error) {
	if known := p.shards[at.Shard]; known != nil && known.least() >= at.Seq {
		return 0, nil // nothing new, whoever publishes it
	}
	known, err := p.hold(ctx, at.Shard)
	if err != nil || known == nil || known.least() >= at.Seq {
		return 0, err
	}
	records, err := p.ledger.Records(ctx, at.Shard, known.least(), p.o.Batch)
	if err != nil || len(records) == 0 {
		return 0, err
	}
	salts, err := p.salts(ctx, at.Shard, records)
	if err != nil {
		return 0, err
	}
	upTo := records[len(records)-1].Seq
	for _, topic := range publicTopics {
		if err := p.tell(ctx, topic, records, salts, known.seq[topic]); err != nil {
			return 0, err
		}
		if err := p.ledger.SetPublished(ctx, topic, at.Shard, max(upTo, known.seq[topic])); err != nil {
			return 0, err
		}
		known.seq[topic] = max(upTo, known.seq[topic])
	}
	return len(records), nil
}

func (k *published) least() int64 {
	least := k.seq[publicTopics[0]]
	for _, topic := range publicTopics {
		least = min(least, k.seq[topic])
	}
	return least
}

// hold has, renews or takes a shard's lease, and with a new one reads how far the topics are. nil: somebody else has it.
func (p *Publisher) hold(ctx context.Context, shard int) (*published, error) {
	known, now := p.shards[shard], p.o.Clock()
	if known != nil && now.Before(known.until.Add(-p.o.Lease/2)) {
		return known, nil
	}
	ok, err := p.leases.Hold(ctx, LeasePublish(shard), p.o.Owner, p.o.Lease)
	if err != nil || !ok {
		delete(p.shards, shard)
		return nil, err
	}
	if known == nil || known.until.Before(now) {
		known = &published{seq: map[string]int64{}}
		for _, topic := range publicTopics {
			if known.seq[topic], err = p.ledger.Published(ctx, topic, shard); err != nil {
				return nil, err
			}
		}
	}
	known.until = now.Add(p.o.Lease)
	p.shards[shard] = known
	return known, nil
}

func (p *Publisher) salts(ctx context.Context, shard int, records []auction.Record) (map[uuid.UUID][]byte, error) {
	seen, lots := map[uuid.UUID]bool{}, []uuid.UUID(nil)
	for _, r := range records {
		if r.OfLot() && !seen[r.Lot] {
			seen[r.Lot], lots = true, append(lots, r.Lot)
		}
	}
	if len(lots) == 0 {
		return nil, nil
	}
	salts, err := p.ledger.LotSalts(ctx, shard, lots)
	if err != nil {
		return nil, err
	}
	for _, lot := range lots {
		if len(salts[lot]) == 0 {
			// A pseudonym without a salt would tell who it is: rather nothing is published, and said why.
			return nil, fmt.Errorf("lot %s has no salt", lot)
		}
	}
	return salts, nil
}

// tell produces the events of records after a seq to one topic.
func (p *Publisher) tell(ctx context.Context, topic string, records []auction.Record, salts map[uuid.UUID][]byte, after int64) error {
	var events []event
	for _, r := range records {
		if r.Seq <= after {
			continue
		}
		for _, e := range eventsOf(r, salts[r.Lot]) {
			if e.topic == topic {
				events = append(events, e)
			}
		}
	}
	return p.produce(ctx, events)
}

// produce sends events of one topic, a request a partition. An error: some of them may be there; all are sent again.
func (p *Publisher) produce(ctx context.Context, events []event) error {
	byPartition, order := map[int][]Message{}, []int(nil)
	for _, e := range events {
		k := p.kafka.partitionOf(e.Key)
		if byPartition[k] == nil {
			order = append(order, k)
		}
		byPartition[k] = append(byPartition[k], e.Message)
	}
	for _, k := range order {
		if err := p.kafka.produce(ctx, events[0].topic, k, byPartition[k]); err != nil {
			return err
		}
	}
	p.o.Count.add(CountPublished, len(events))
	return nil
}

// partitionOf gives a key's partition as Java's default partitioner does, so that tools of other languages agree.
func (k *Kafka) partitionOf(key string) int {
	partitions := make([]int, k.o.Shards)
	for i := range partitions {
		partitions[i] = i
	}
	return kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: []byte(key)}, partitions...)
}

// moved publishes the next rows of the outbox and marks them.
func (p *Publisher) moved(ctx context.Context) (int, error) {
	now := p.o.Clock()
	if now.After(p.outbox.Add(-p.o.Lease / 2)) {
		ok, err := p.leases.Hold(ctx, LeaseOutbox, p.o.Owner, p.o.Lease)
		if err != nil || !ok {
			return 0, err
		}
		p.outbox = now.Add(p.o.Lease)
	}
	rows, err := p.ledger.OutboxUnpublished(ctx, p.o.Batch)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	events, ids := make([]event, len(rows)), make([]uuid.UUID, len(rows))
	for i, row := range rows {
		events[i], ids[i] = movedEvent(p.kafka.o.Deployment, row), row.ID
	}
	if err := p.produce(ctx, events); err != nil {
		return 0, err
	}
	return len(rows), p.ledger.OutboxPublished(ctx, ids, now.UnixMicro())
}

// leave gives the leases back that are still held.
func (p *Publisher) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	names := []string{LeaseOutbox}
	for shard := range p.shards {
		names = append(names, LeasePublish(shard))
	}
	for _, name := range names {
		if err := p.leases.Leave(ctx, name, p.o.Owner); err != nil {
			p.o.Log.Warn("lease not given back, it will run out", "lease", name, "err", err)
			return
		}
	}
}
