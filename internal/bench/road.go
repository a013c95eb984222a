package bench

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/cache/gate"
	"rostrum/pipeline"
)

// road takes the figures of relay, consumer and publisher, on an installation none of whose roles run: what is timed is alone.
type road struct {
	*run
	*installation
	raw   *rawTopic
	bare  bareTables
	lots  []auction.Lot // one a round
	batch int           // records a request, rows a transaction: the platform's own
}

// road takes relay, consumer and publisher.
func (r *run) road(ctx context.Context, i *installation) (err error) {
	d := &road{run: r, installation: i, batch: min(i.config.Consumer.BatchRows, i.config.Relay.BatchRecords)}
	defer func() { err = errors.Join(err, d.close(ctx)) }()
	if err := d.open(ctx); err != nil {
		return err
	}
	for round := range r.o.Rounds {
		r.o.say("Relay and consumer: round %d of %d", round+1, r.o.Rounds)
		if err := d.round(ctx, round); err != nil {
			return err
		}
	}
	return nil
}

func (r *road) open(ctx context.Context) error {
	if err := r.clear(ctx); err != nil {
		return err
	}
	s, err := r.openSale(ctx, stocks(r.o.Rounds), r.o.Lead)
	if err != nil {
		return err
	}
	r.lots = s.lots
	if r.database.DB == nil {
		if r.bare, err = openBare(ctx, r.database.DSN); err != nil {
			return err
		}
	}
	r.raw, err = newRawTopic(ctx, r.Kafka, r.prefix()+"-raw.", r.config.Sale.Shards)
	return err
}

func (r *road) close(ctx context.Context) error {
	err := r.bare.close()
	if r.raw != nil {
		err = errors.Join(err, r.raw.remove(ctx))
	}
	return err
}

// clear carries, applies and tells what opened the shards: the roles may have been stopped before they came to it.
func (r *road) clear(ctx context.Context) error {
	for shard := range r.config.Sale.Shards {
		if _, err := r.relay().Drain(ctx, shard); err != nil {
			return err
		}
		deliveries, err := r.waiting(ctx, shard)
		if err != nil {
			return err
		}
		if err := errors.Join(r.apply(ctx, shard, deliveries), r.trim(ctx, shard)); err != nil {
			return err
		}
	}
	return r.app.Publisher().Drain(ctx)
}

// round decides bids on a lot of the round's own, and times what carries and applies them. Yardsticks come after what is
// held against them in every round: they are made of its bytes.
func (r *road) round(ctx context.Context, round int) error {
	lot := r.lots[round]
	if err := r.decide(ctx, lot); err != nil {
		return err
	}
	deliveries, err := r.relayed(ctx, lot.Shard, round)
	if err != nil {
		return err
	}
	messages := bare(deliveries)
	if err := r.f.time(round, "produce_raw", len(messages), r.processes, func() error { return r.raw.produce(ctx, lot.Shard, messages, r.batch) }); err != nil {
		return err
	}
	if err := r.f.time(round, "consume", len(deliveries), r.processes, func() error { return r.apply(ctx, lot.Shard, deliveries) }); err != nil {
		return err
	}
	if err := errors.Join(r.trim(ctx, lot.Shard), r.tell(ctx, round, lot, len(deliveries))); err != nil {
		return err
	}
	if r.bare.db == nil {
		return nil // a stand-in takes the store's own statements only
	}
	all, err := rowsOf(ctx, r.app.Store.DB(), lot.Shard, lot.ID[:])
	if err != nil {
		return err
	}
	batches := textsOf(all, r.batch)
	return r.f.time(round, "insert_bare", all[0].len(), r.processes, func() error { return insertBare(ctx, r.bare.db, batches) })
}

// decide has a round's bids admitted by the gate.
func (r *road) decide(ctx context.Context, lot auction.Lot) error {
	buyers := make([]uuid.UUID, r.o.Rows)
	for n := range buyers {
		buyers[n] = uuid.New()
	}
	return decided(ctx, r.app.Gate, buyers, func(int) auction.Lot { return lot })
}

// decider is the gate, of whichever node.
type decider interface {
	Decide(ctx context.Context, shard int, bids []auction.Bid) ([]auction.Answer, error)
}

// decided has bids admitted straight by a gate, in its largest groups: one of each buyer, in their order, each on its lot.
// Those who follow each other on one shard are decided together.
func decided(ctx context.Context, g decider, buyers []uuid.UUID, lotOf func(n int) auction.Lot) error {
	var group []auction.Bid
	shard := 0
	for n, buyer := range buyers {
		lot := lotOf(n)
		if len(group) == gate.MaxBids || len(group) > 0 && lot.Shard != shard {
			if err := decideGroup(ctx, g, shard, group); err != nil {
				return err
			}
			group = group[:0]
		}
		shard = lot.Shard
		group = append(group, auction.Bid{ID: newID(), Lot: lot.ID, Buyer: buyer, Area: area, Order: newID(), Code: lot.Code, Quantity: 1,
			Seen: lot.PriceMinor, Trace: hex.EncodeToString(buyer[:12]), Deadline: time.Now().Add(grace)})
	}
	if len(group) == 0 {
		return nil
	}
	return decideGroup(ctx, g, shard, group)
}

func decideGroup(ctx context.Context, g decider, shard int, bids []auction.Bid) error {
	answers, err := g.Decide(ctx, shard, bids)
	if err != nil {
		return err
	}
	for _, a := range answers {
		if a.Err != nil {
			return fmt.Errorf("a bid straight at the gate: %w", a.Err)
		}
		if a.Verdict != auction.Admitted {
			return fmt.Errorf("a bid straight at the gate was not admitted: %s", a.Verdict)
		}
	}
	return nil
}

// relayed times the relay over what the gate's journal holds, and gives it as the partition has it.
func (r *road) relayed(ctx context.Context, shard, round int) ([]auction.Delivery, error) {
	relay := r.relay()
	err := r.f.time(round, "relay", r.o.Rows, r.processes, func() error {
		_, err := relay.Drain(ctx, shard)
		return err
	})
	if err != nil {
		return nil, err
	}
	deliveries, err := r.waiting(ctx, shard)
	if err == nil && len(deliveries) != r.o.Rows {
		err = fmt.Errorf("the relay carried %d records of %d", len(deliveries), r.o.Rows)
	}
	return deliveries, err
}

func (r *road) relay() *pipeline.Relay {
	c := r.config.Relay
	return pipeline.NewRelay(r.app.Kafka, r.app.Gate, r.app.Store, r.app.Gate, pipeline.RelayOptions{BatchRecords: c.BatchRecords, BatchBytes: c.BatchBytes})
}

// waiting reads what the shard's partition holds and the store has not applied.
func (r *road) waiting(ctx context.Context, shard int) ([]auction.Delivery, error) {
	p, err := r.app.Store.Position(ctx, shard)
	if err != nil {
		return nil, err
	}
	var deliveries []auction.Delivery
	_, err = r.app.Kafka.Scan(ctx, shard, func(d auction.Delivery) {
		if d.Offset >= p.NextOffset {
			deliveries = append(deliveries, d)
		}
	})
	return deliveries, err
}

// apply is what the consumer does with full batches.
func (r *road) apply(ctx context.Context, shard int, deliveries []auction.Delivery) error {
	for len(deliveries) > 0 {
		n := min(r.batch, len(deliveries))
		if _, err := r.app.Store.Apply(ctx, shard, deliveries[:n]); err != nil {
			return err
		}
		deliveries = deliveries[n:]
	}
	return nil
}

// trim takes what is applied out of the journal, as a running relay does.
func (r *road) trim(ctx context.Context, shard int) error {
	p, err := r.app.Store.Position(ctx, shard)
	if err != nil {
		return err
	}
	return r.app.Gate.Trim(ctx, shard, p.At())
}
