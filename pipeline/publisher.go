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
	// RaisePublished raises what Published gives of several shards, for each of the topics, in one transaction. What is
	// higher already stays, and is counted.
	RaisePublished(ctx context.Context, topics []string, seqs map[int]int64) (further int, err error)
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
	Batch    int           // records of a shard, or rows of the outbox, at a time; default 1000
	Idle     time.Duration // between looks, but where more than a batch waits; default 250 ms
	Lease    time.Duration // default 10 s
	ErrorMax time.Duration // longest wait after an error, default 5 s
	Clock    func() time.Time
	Log      *slog.Logger
	Count    Counter
}

func (o PublisherOptions) withDefaults() PublisherOptions {
	orInt(&o.Batch, 1000)
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
	salts  map[uuid.UUID][]byte // of lots told of lately; a salt never changes
	outbox time.Time            // until when this publisher holds the outbox
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
	return &Publisher{kafka: k, ledger: ledger, leases: leases, o: o.withDefaults(), shards: map[int]*published{}, salts: map[uuid.UUID][]byte{}}
}

// Run publishes until ctx is done. One goroutine serves all shards together: it is never on anybody's way.
func (p *Publisher) Run(ctx context.Context) {
	t, failing := trouble{log: p.o.Log}, backoff{first: p.o.Idle, last: p.o.ErrorMax}
	for ctx.Err() == nil {
		more, err := p.pass(ctx)
		if ctx.Err() != nil {
			break
		}
		t.note("publishing", err)
		switch {
		case err != nil:
			pause(ctx, failing.grow())
			continue
		case !more:
			// Not at once, though something may have come: what gathers meanwhile shares requests and transactions.
			pause(ctx, p.o.Idle)
		}
		failing.reset()
	}
	p.leave(ctx)
}

// Drain tells all that waits, of each shard that nobody else publishes and of the outbox, and gives its leases back. The
// first error ends it; calling again is safe. It is not for a publisher that runs.
func (p *Publisher) Drain(ctx context.Context) error {
	defer p.leave(ctx)
	for {
		if more, err := p.pass(ctx); err != nil || !more {
			return err
		}
	}
}

// pass publishes one batch of every shard that has something, and one of the outbox, and says whether more waits. One
// that fails keeps none of the others back; the last error is given.
func (p *Publisher) pass(ctx context.Context) (more bool, last error) {
	positions, err := p.ledger.Positions(ctx)
	if err != nil {
		return false, err
	}
	var g gathered
	for _, at := range positions {
		n, err := p.shard(ctx, at, &g)
		if err != nil {
			last = fmt.Errorf("shard %d: %w", at.Shard, err)
		}
		more = more || n == p.o.Batch
		if g.events >= maxGathered {
			last = orLast(p.tell(ctx, &g), last)
		}
	}
	last = orLast(p.tell(ctx, &g), last)
	told, err := p.moved(ctx)
	if err != nil {
		last = fmt.Errorf("outbox: %w", err)
	}
	return more || told == p.o.Batch, last
}

// maxPartBytes bounds what goes to a partition in one request, uncompressed: brokers take 1 MiB by default.
const maxPartBytes = 900_000

// maxGathered bounds the events that are in memory at once, but for one shard's batch.
const maxGathered = 20_000

func orLast(err, last error) error {
	if err != nil {
		return err
	}
	return last
}

// shard gathers the events of the next records of one shard for each topic that was not told of them, and gives how many
// records there were.
func (p *Publisher) shard(ctx context.Context, at auction.Position, g *gathered) (int, error) {
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
	if err := p.learnSalts(ctx, at.Shard, records); err != nil {
		return 0, err
	}
	for _, r := range records {
		for _, e := range eventsOf(r, p.salts[r.Lot]) {
			if r.Seq > known.seq[e.topic] {
				g.add(at.Shard, p.kafka.partitionOf(e.Key), e)
			}
		}
	}
	g.upTo(at.Shard, records[len(records)-1].Seq)
	return len(records), nil
}

// tell produces what was gathered and moves the positions of the shards of which everything was acknowledged.
func (p *Publisher) tell(ctx context.Context, g *gathered) error {
	whole := *g
	*g = gathered{}
	if len(whole.seqs) == 0 {
		return nil
	}
	err := p.produce(ctx, &whole)
	further, raiseErr := p.ledger.RaisePublished(ctx, publicTopics, whole.seqs)
	if raiseErr != nil {
		return raiseErr
	}
	if further > 0 {
		clear(p.shards) // somebody else publishes too: what we know of them is old
		return fmt.Errorf("another publisher has come further with %d positions", further)
	}
	for shard, seq := range whole.seqs {
		if known := p.shards[shard]; known != nil {
			for _, topic := range publicTopics {
				known.seq[topic] = max(seq, known.seq[topic])
			}
		}
	}
	return err
}

// produce sends what was gathered, as much as one request may have at a time. A shard of which something was not
// acknowledged is taken out: it is told again, and after a failure nothing more goes to that partition.
func (p *Publisher) produce(ctx context.Context, g *gathered) (last error) {
	for {
		parts := g.next(maxPartBytes)
		if len(parts) == 0 {
			return last
		}
		for i, err := range p.kafka.produceParts(ctx, parts) {
			if err == nil {
				p.o.Count.add(CountPublished, len(parts[i].messages))
				continue
			}
			last = err
			g.fail(parts[i])
		}
	}
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

// learnSalts has the salt of every lot of the records in p.salts.
func (p *Publisher) learnSalts(ctx context.Context, shard int, records []auction.Record) error {
	if len(p.salts) > maxSalts {
		clear(p.salts)
	}
	var lots []uuid.UUID
	for _, r := range records {
		if _, known := p.salts[r.Lot]; r.OfLot() && !known {
			p.salts[r.Lot], lots = nil, append(lots, r.Lot)
		}
	}
	if len(lots) == 0 {
		return nil
	}
	salts, err := p.ledger.LotSalts(ctx, shard, lots)
	for _, lot := range lots {
		if len(salts[lot]) > 0 {
			p.salts[lot] = salts[lot]
			continue
		}
		delete(p.salts, lot)
		if err == nil {
			// A pseudonym without a salt would tell who it is: rather nothing is published, and said why.
			err = fmt.Errorf("lot %s has no salt", lot)
		}
	}
	return err
}

// maxSalts bounds what a publisher remembers, but for one batch.
const maxSalts = 10_000

// partitionOf gives a key's partition as Java's default partitioner does, so that tools of other languages agree.
func (k *Kafka) partitionOf(key string) int {
	return kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: []byte(key)}, k.partitions...)
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
	var g gathered
	ids := make([]uuid.UUID, len(rows))
	for i, row := range rows {
		e := movedEvent(p.kafka.o.Deployment, row)
		g.add(0, p.kafka.partitionOf(e.Key), e)
		ids[i] = row.ID
	}
	if err := p.produce(ctx, &g); err != nil {
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
