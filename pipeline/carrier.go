package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// carrier takes a shard's records from the journal to its partition, in order, one request at a time. It has no opinion
// on who may do so or when.
type carrier struct {
	kafka   *Kafka
	journal auction.Journal
	shard   int
	log     *slog.Logger
	count   Counter

	produce  func(ctx context.Context, part *encoded, end time.Time) error
	maxBytes int
	maxBatch int // records of a batch, at least 1

	packer packer

	ahead   chan []auction.Record // what is read while the last page is on its way …
	aheadOf auction.Cursor        // … after this; nil: nothing is

	full  bool           // the last read gave as much as it may: there is more, most likely
	acked auction.Cursor // the last record that Kafka has acknowledged, or the position it started from
}

// errPoison: the journal holds something that cannot be carried. It is never passed over: what comes after it was decided
// after it.
var errPoison = errors.New("poison in the journal")

// start sets the cursor to the ledger's position; but where the journal begins with the records that open an epoch, before
// them. Those are written to the ledger first, by the cut, and must stand in the topic all the same.
func (c *carrier) start(ctx context.Context, ledger Positions) error {
	p, err := ledger.Position(ctx, c.shard)
	if err != nil {
		return err
	}
	c.settle()
	c.acked = p.At()
	first, err := c.journal.Read(ctx, c.shard, auction.Cursor{}, 1)
	if fault.CodeOf(err) == CodeJournalDamaged {
		return nil // to be met again when it is its turn
	}
	if len(first) > 0 && !first[0].OfLot() && first[0].Seq <= p.Seq {
		c.acked = auction.Cursor{Epoch: first[0].Epoch, Seq: first[0].Seq - 1}
	}
	return err
}

// read gives the next messages and the cursor after them; none: the journal has no more. errPoison (wrapped): the very
// next entry cannot be carried.
func (c *carrier) read(ctx context.Context) ([]Message, auction.Cursor, error) {
	// One bad entry fails a whole read, so half as many are asked for until what is before it has been carried.
	for batch := c.maxBatch; ; batch /= 2 {
		records, err := c.gather(ctx, batch)
		if err == nil {
			messages, upTo, err := c.pack(records)
			c.full = len(records) > 0 && (len(records) >= batch || len(messages) < len(records))
			return messages, upTo, err
		}
		if fault.CodeOf(err) != CodeJournalDamaged {
			return nil, c.acked, err
		}
		if batch == 1 {
			return nil, c.acked, fmt.Errorf("%w after %v: %w", errPoison, c.acked, err)
		}
	}
}

// gather reads at most batch records.
func (c *carrier) gather(ctx context.Context, batch int) ([]auction.Record, error) {
	records, err := c.page(ctx, batch)
	if err != nil || len(records) == 0 {
		return nil, err
	}
	if c.acked.Seq > 0 && records[0].Seq > c.acked.Seq+1 {
		// A MySQL that forgot commits is behind a journal that was trimmed: then Kafka has it. Where it has not, the consumer says so.
		c.log.Warn("the journal does not have what comes next: Kafka has to", "shard", c.shard, "after", c.acked, "first", records[0].At())
	}
	return records, nil
}

// page reads at most batch records after the cursor, or gives what was read ahead. A whole page is followed by another,
// most likely: that one is asked for at once, and read while this one is packed and sent.
func (c *carrier) page(ctx context.Context, batch int) ([]auction.Record, error) {
	records := c.settle()
	if len(records) == 0 || c.aheadOf != c.acked || len(records) > batch {
		var err error
		if records, err = c.journal.Read(ctx, c.shard, c.acked, batch); err != nil {
			return nil, err
		}
	}
	if n := len(records); n > 0 && n == c.maxBatch {
		c.readAhead(ctx, records[n-1].At())
	}
	return records, nil
}

// readAhead begins to read the page after a cursor. An error is met again when it is that page's turn.
func (c *carrier) readAhead(ctx context.Context, after auction.Cursor) {
	ahead := make(chan []auction.Record, 1)
	c.ahead, c.aheadOf = ahead, after
	go func() {
		records, err := c.journal.Read(ctx, c.shard, after, c.maxBatch)
		if err != nil {
			records = nil
		}
		ahead <- records
	}()
}

// settle waits for what is being read ahead and gives it; none: nothing was.
func (c *carrier) settle() []auction.Record {
	if c.ahead == nil {
		return nil
	}
	records := <-c.ahead
	c.ahead = nil
	return records
}

// pack makes messages of records, up to maxBytes. They are valid until the next call.
func (c *carrier) pack(records []auction.Record) ([]Message, auction.Cursor, error) {
	c.packer.reset()
	at := c.acked
	for i := range records {
		before := len(c.packer.values)
		err := c.packer.add(&records[i])
		if err != nil && i == 0 {
			return nil, at, fmt.Errorf("%w after %v: %w", errPoison, at, err)
		}
		if err != nil {
			break
		}
		if i > 0 && len(c.packer.values) > c.maxBytes {
			c.packer.values = c.packer.values[:before]
			return c.packer.messages[:i], at, nil
		}
		at = records[i].At()
	}
	return c.packer.messages, at, nil
}

// send writes messages and moves the cursor. After an error the cursor stays: everything from it on is sent again.
func (c *carrier) send(ctx context.Context, timeout time.Duration, messages []Message, upTo auction.Cursor) error {
	end := time.Now().Add(timeout)
	batch, err := c.kafka.encode(part{TopicJournal, c.shard, messages})
	if err == nil {
		err = c.produce(ctx, batch, end)
	}
	if err != nil {
		return err
	}
	c.acked = upTo
	c.count.add(CountRelayed, len(messages))
	return nil
}
