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

// road takes the figures of relay and consumer, on an installation none of whose roles run: what is timed is alone.
type road struct {
	*installation
	raw   *rawTopic
	batch int // records a request, rows a transaction: the platform's own
	rows  int // a round
}

// openRoad makes an installation whose shards decide and whose roles have stopped again.
func openRoad(ctx context.Context, s Servers, o Options) (*road, error) {
	i, err := install(ctx, s, s.Redis, auction.DurableEverySec, o.Log)
	r := &road{installation: i, rows: o.Rows}
	if err != nil {
		return r, err
	}
	r.batch = min(i.config.Consumer.BatchRows, i.config.Relay.BatchRecords)
	for _, step := range []func(context.Context) error{r.start, r.reopen} {
		if err := step(ctx); err != nil {
			return r, err
		}
	}
	if err := r.clear(ctx); err != nil {
		return r, err
	}
	if err := r.openSale(ctx, o.Rounds, o.Lead); err != nil {
		return r, err
	}
	if r.database.DB == nil {
		if err := makeBare(ctx, r.app.Store.DB()); err != nil {
			return r, err
		}
	}
	r.raw, err = newRawTopic(ctx, s.Kafka, r.prefix()+"-raw.", i.config.Sale.Shards)
	return r, err
}

func (r *road) remove(ctx context.Context) error {
	err := r.installation.remove(ctx)
	if r.raw != nil {
		if rawErr := r.raw.remove(ctx); err == nil {
			err = rawErr
		}
	}
	return err
}

// clear carries and applies what opened the shards: the roles may have been stopped before they came to it.
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
	return nil
}

// round decides bids on a lot of the round's own, and times what carries and applies them.
func (r *road) round(ctx context.Context, round int, f *figures) error {
	lot := r.sale.hot[round]
	if err := r.decide(ctx, lot); err != nil {
		return err
	}
	deliveries, err := r.relayed(ctx, lot.Shard, round, f)
	if err != nil {
		return err
	}
	messages := bare(deliveries)
	if err := f.time(round, "produce_raw", len(messages), func() error { return r.raw.produce(ctx, lot.Shard, messages, r.batch) }); err != nil {
		return err
	}
	if err := f.time(round, "consume", len(deliveries), func() error { return r.apply(ctx, lot.Shard, deliveries) }); err != nil {
		return err
	}
	if err := r.trim(ctx, lot.Shard); err != nil {
		return err
	}
	if r.database.DB != nil {
		return nil // a stand-in takes the store's own statements only
	}
	all, err := rowsOf(ctx, r.app.Store.DB(), lot.Shard, lot.ID[:])
	if err != nil {
		return err
	}
	return f.time(round, "insert_bare", all[0].len(), func() error { return insertBare(ctx, r.app.Store.DB(), all, r.batch) })
}

// decide has a round's bids admitted by the gate, in its largest groups; each has a buyer of its own.
func (r *road) decide(ctx context.Context, lot auction.Lot) error {
	for left := r.rows; left > 0; {
		bids := make([]auction.Bid, min(left, gate.MaxBids))
		for n := range bids {
			buyer := uuid.New()
			bids[n] = auction.Bid{ID: newID(), Lot: lot.ID, Buyer: buyer, Area: area, Order: newID(), Code: lot.Code, Quantity: 1,
				Seen: lot.PriceMinor, Trace: hex.EncodeToString(buyer[:12]), Deadline: time.Now().Add(grace)}
		}
		answers, err := r.app.Gate.Decide(ctx, lot.Shard, bids)
		if err != nil {
			return err
		}
		for _, a := range answers {
			if a.Err != nil {
				return fmt.Errorf("a bid of the road: %w", a.Err)
			}
			if a.Verdict != auction.Admitted {
				return fmt.Errorf("a bid of the road was not admitted: %s", a.Verdict)
			}
		}
		left -= len(bids)
	}
	return nil
}

// relayed times the relay over what the gate's journal holds, and gives it as the partition has it.
func (r *road) relayed(ctx context.Context, shard, round int, f *figures) ([]auction.Delivery, error) {
	relay := r.relay()
	err := f.time(round, "relay", r.rows, func() error {
		_, err := relay.Drain(ctx, shard)
		return err
	})
	if err != nil {
		return nil, err
	}
	deliveries, err := r.waiting(ctx, shard)
	if err == nil && len(deliveries) != r.rows {
		err = fmt.Errorf("the relay carried %d records of %d", len(deliveries), r.rows)
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
