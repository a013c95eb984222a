package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/store/db"
)

// parking is a delivery that cannot be applied, and why.
type parking struct {
	auction.Delivery
	reason string
}

// maxParkedBytes bounds what is kept of a delivery: more than the topic takes.
const maxParkedBytes = 4 << 20

// park keeps what could not be applied, by its offset.
func (b *batch) park(ctx context.Context) error {
	now := b.store.options.Now().UnixMicro()
	for _, d := range b.parked {
		r := d.Record
		if d.Err != nil {
			r = auction.Record{} // whatever it says, it is none of this shard's
		}
		err := b.InsertParked(ctx, db.InsertParkedParams{Shard: b.shard, KafkaOffset: d.Offset, Seq: r.Seq, LotID: db.ID(r.Lot),
			BuyerID: db.ID(r.Buyer), Quantity: r.Quantity, Reason: clip(d.reason, 500), ParkedUs: now, Raw: bytesOf(d.Raw[:min(len(d.Raw), maxParkedBytes)])})
		if _, again := duplicate(err); err != nil && !again {
			return err
		}
	}
	return nil
}

// Parked is a row of what was parked. Seq 0: the message is no record of this shard, and only its offset counts. Any other:
// the record is in the stored journal and has no effect.
type Parked struct {
	Shard       int
	Offset, Seq int64
	Lot, Buyer  uuid.UUID
	Quantity    int64
	Reason      string
	ParkedUS    int64
}

// Parked gives what is parked, in order of shard and offset, at most limit; none: empty.
func (s *Store) Parked(ctx context.Context, limit int) ([]Parked, error) {
	var list []Parked
	err := s.read(ctx, "parked", func(ctx context.Context, q tx) error {
		rows, err := q.ListParked(ctx, page(limit))
		list = mapped(rows, func(r db.ListParkedRow) Parked {
			return Parked{Shard: r.Shard, Offset: r.KafkaOffset, Seq: r.Seq, Lot: uuid.UUID(r.LotID), Buyer: uuid.UUID(r.BuyerID),
				Quantity: r.Quantity, Reason: r.Reason, ParkedUS: r.ParkedUs}
		})
		return err
	})
	return list, err
}

// Redrive takes what is parked at an offset out of the parked and tries it again. What follows from a stored record is
// written now; what was no record is read again from its offset, and everything after it is a duplicate. Faults: NotFound
// `not_parked`; Conflict `still_parked`, with the reason, where a record can still not be applied, and `shard_halted`.
// Audited.
func (s *Store) Redrive(ctx context.Context, shard int, offset int64) error {
	return s.steer(ctx, shard, "shard.redrive", fmt.Sprintf("offset %d", offset), func(ctx context.Context, t tx, p *place) error {
		row, err := t.GetParked(ctx, db.GetParkedParams{Shard: shard, KafkaOffset: offset})
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return fault.New(fault.NotFound, "not_parked", fmt.Sprintf("nothing is parked at offset %d of shard %d", offset, shard))
		case err != nil:
			return err
		case p.Halted != "":
			return fault.New(fault.Conflict, "shard_halted", p.Halted)
		}
		if err := t.DeleteParked(ctx, db.DeleteParkedParams{Shard: shard, KafkaOffset: offset}); err != nil {
			return err
		}
		if row.Seq == 0 {
			p.NextOffset, p.AheadSeq = min(p.NextOffset, offset), 0
			return nil
		}
		return s.followAgain(ctx, t, shard, row.Raw)
	})
}

// followAgain writes what follows from a record that was stored without effect.
func (s *Store) followAgain(ctx context.Context, t tx, shard int, raw []byte) error {
	r, err := auction.ParseRecord(raw)
	if err != nil {
		return fmt.Errorf("the stored journal is damaged: %w", err)
	}
	b := batch{tx: t, store: s, shard: shard, careful: true}
	if err := b.follow(ctx, []auction.Delivery{{Record: r, Raw: raw}}); err != nil {
		return err
	}
	if len(b.parked) > 0 {
		return fault.New(fault.Conflict, "still_parked", b.parked[0].reason)
	}
	return nil
}
