package pipelinetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/auction/auctiontest"
	"rostrum/orders"
	"rostrum/pipeline"
)

// ledgerSide is the store's side of publishing in memory, over the ledger's twin.
type ledgerSide struct {
	*auctiontest.Ledger
	mu        sync.Mutex
	published map[string]int64
	outbox    []orders.Event
	sent      map[uuid.UUID]int64
	salt      []byte
	salts     int // times salts were asked for
	lose      int // as many RaisePublished fail
}

var _ pipeline.Publications = (*ledgerSide)(nil)

func newLedgerSide(l *auctiontest.Ledger) *ledgerSide {
	return &ledgerSide{Ledger: l, published: map[string]int64{}, sent: map[uuid.UUID]int64{}, salt: []byte("0123456789abcdef")}
}

func (l *ledgerSide) Published(_ context.Context, topic string, shard int) (int64, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.published[fmt.Sprint(topic, shard)], nil
}

func (l *ledgerSide) RaisePublished(_ context.Context, topics []string, seqs map[int]int64) (further int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lose > 0 {
		l.lose--
		return 0, fmt.Errorf("the positions of %v were lost", seqs)
	}
	for _, topic := range topics {
		for shard, seq := range seqs {
			at := fmt.Sprint(topic, shard)
			if l.published[at] > seq {
				further++
			}
			l.published[at] = max(seq, l.published[at])
		}
	}
	return further, nil
}

func (l *ledgerSide) LotSalts(_ context.Context, _ int, lots []uuid.UUID) (map[uuid.UUID][]byte, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.salts++
	salts := map[uuid.UUID][]byte{}
	for _, lot := range lots {
		salts[lot] = l.salt
	}
	return salts, nil
}

func (l *ledgerSide) OutboxUnpublished(_ context.Context, limit int) ([]orders.Event, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var rows []orders.Event
	for _, e := range l.outbox {
		if _, sent := l.sent[e.ID]; !sent && len(rows) < limit {
			rows = append(rows, e)
		}
	}
	return rows, nil
}

func (l *ledgerSide) OutboxPublished(_ context.Context, ids []uuid.UUID, nowUS int64) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, id := range ids {
		l.sent[id] = nowUS
	}
	return nil
}

func (l *ledgerSide) setSalt(salt []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.salt = salt
}

func (l *ledgerSide) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.salts
}

func (l *ledgerSide) add(events ...orders.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outbox = append(l.outbox, events...)
}

func (b *bed) publisher(side *ledgerSide, leases auction.Leases) (stop func()) {
	return b.run(b.newPublisher(side, leases).Run)
}

func (b *bed) newPublisher(side *ledgerSide, leases auction.Leases) *pipeline.Publisher {
	o := pipeline.PublisherOptions{Owner: uuid.NewString(), Batch: 50, Idle: 10 * time.Millisecond, Lease: time.Second, Log: b.log,
		ErrorMax: 50 * time.Millisecond, Count: b.counts.add}
	return pipeline.NewPublisher(b.kafka, side, leases, o)
}

// events gives all messages of a topic that have distinct ids, by lot in the order they are read, once there are n.
func (b *bed) events(topic string, n int) map[string][]pipeline.Message {
	b.t.Helper()
	var byLot map[string][]pipeline.Message
	b.await(fmt.Sprintf("%d events of %s", n, topic), func() (bool, error) {
		seen := map[string]bool{}
		byLot = map[string][]pipeline.Message{}
		for partition := range b.options.Shards {
			messages, err := b.readOnce(b.ctx(), topic, partition)
			if err != nil {
				return false, err
			}
			for _, m := range messages {
				if id := header(m, "ce_id"); !seen[id] {
					seen[id] = true
					byLot[m.Key] = append(byLot[m.Key], m)
				}
			}
		}
		if len(seen) > n {
			return false, fmt.Errorf("%d events, want %d", len(seen), n)
		}
		return len(seen) == n, nil
	})
	return byLot
}

func header(m pipeline.Message, key string) string {
	i := slices.IndexFunc(m.Headers, func(h pipeline.Header) bool { return h.Key == key })
	if i < 0 {
		return ""
	}
	return m.Headers[i].Value
}

// seqsOf gives the seqs in the ids of a lot's events.
func seqsOf(messages []pipeline.Message) []string {
	var seqs []string
	for _, m := range messages {
		seqs = append(seqs, strings.Split(header(m, "ce_id"), "/")[2])
	}
	return seqs
}

func publicTopics(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 3).apply().open()
	b.relay()
	b.consumer()
	b.publisher(newLedgerSide(b.ledger), b.leases)
	b.exactly(b.decide(120))
	b.exactly(b.decide(30))
	for topic, n := range map[string]string{pipeline.TopicBids: "/0", pipeline.TopicOrders: "/1"} {
		for lot, messages := range b.events(topic, 3*150) {
			want := []string{}
			for shard := range 3 {
				for _, r := range b.decided[shard] {
					if r.Lot.String() == lot {
						want = append(want, fmt.Sprint(r.Seq))
					}
				}
			}
			if got := seqsOf(messages); !slices.Equal(got, want) {
				t.Errorf("%s: lot %s has events of %v, want %v", topic, lot, got, want)
			}
			if id := header(messages[0], "ce_id"); !strings.HasSuffix(id, n) {
				t.Errorf("%s: id %s", topic, id)
			}
		}
	}
}

// losePositions makes the next n writes of a position fail, after what they tell of was published.
func (l *ledgerSide) losePositions(n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lose = n
}

// publishedAgain: two publishers at once, and a position that could not be written: events come more often, with the same
// ids, and each lot's first ones are in order.
func publishedAgain(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	side := newLedgerSide(b.ledger)
	b.relay()
	b.consumer()
	stop := b.publisher(side, newLeases())
	b.publisher(side, newLeases())
	b.exactly(b.decide(100))
	b.events(pipeline.TopicBids, 200)
	stop()
	// From here on everything that is published is events: a position that is lost now brings some of them twice.
	side.losePositions(5)
	b.exactly(b.decide(100))
	b.events(pipeline.TopicBids, 400)
	b.events(pipeline.TopicOrders, 400)
	if n := b.counts.get(pipeline.CountPublished); n <= 800 {
		t.Errorf("%d published: nothing came twice, so nothing was shown", n)
	}
}

// noSalt: a pseudonym without a salt would give the buyer away, so nothing is told until there is one.
func noSalt(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 1).apply().open()
	side := newLedgerSide(b.ledger)
	salt := side.salt
	side.setSalt(nil)
	b.relay()
	b.consumer()
	b.exactly(b.decide(10))
	asked := side.asked()
	b.publisher(side, b.leases)
	b.await("asked for salts more than once", func() (bool, error) { return side.asked() > asked+2, nil })
	b.events(pipeline.TopicBids, 0)
	b.events(pipeline.TopicOrders, 0)
	side.setSalt(salt)
	b.events(pipeline.TopicBids, 10)
	b.events(pipeline.TopicOrders, 10)
}

// paid gives events of orders on the lots of one shard in turn.
func paid(n int) []orders.Event {
	events := make([]orders.Event, n)
	for i := range events {
		events[i] = orders.Event{ID: uuid.New(), Kind: "order.paid", AtUS: startUS + int64(i), Order: uuid.New(),
			Lot: lotOf(0, i), Session: uuid.New(), State: orders.Paid}
	}
	return events
}

// publisherDrains: more than a batch of both kinds, told by one call, which leaves the leases to the next publisher.
func publisherDrains(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	side := newLedgerSide(b.ledger)
	b.relay()
	b.consumer()
	b.exactly(b.decide(120))
	side.add(paid(120)...)
	drain := func() {
		t.Helper()
		if err := b.newPublisher(side, b.leases).Drain(b.ctx()); err != nil {
			t.Fatal(err)
		}
	}
	drain()
	told := b.counts.get(pipeline.CountPublished)
	b.events(pipeline.TopicBids, 2*120)
	b.events(pipeline.TopicOrders, 3*120)
	if left, err := side.OutboxUnpublished(b.ctx(), 1); err != nil || len(left) > 0 {
		t.Errorf("rows left in the outbox: %v, %v", left, err)
	}
	drain()
	if again := b.counts.get(pipeline.CountPublished) - told; again != 0 {
		t.Errorf("%d events told again, though nothing waited", again)
	}
	b.exactly(b.decide(10))
	drain()
	b.events(pipeline.TopicBids, 2*130)
	side.losePositions(1)
	b.exactly(b.decide(10))
	if err := b.newPublisher(side, b.leases).Drain(b.ctx()); err == nil {
		t.Error("a position was lost, and nobody was told")
	}
}

func outbox(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply()
	side := newLedgerSide(b.ledger)
	b.publisher(side, b.leases)
	rows := paid(130)
	side.add(rows...)
	byLot := b.events(pipeline.TopicOrders, len(rows))
	for i, row := range rows {
		messages := byLot[row.Lot.String()]
		if m := messages[i/5]; header(m, "ce_id") != row.ID.String() || header(m, "ce_orderid") != row.Order.String() {
			t.Fatalf("event %d of lot %s is %+v, want that of %+v", i/5, row.Lot, m.Headers, row)
		}
	}
	b.await("rows marked", func() (bool, error) {
		left, err := side.OutboxUnpublished(b.ctx(), 1)
		return len(left) == 0, err
	})
}
