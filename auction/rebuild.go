package auction

import (
	"fmt"

	"github.com/google/uuid"
)

// ShardState is everything a shard's gate must hold, as values: what Rebuild makes and Lineage.Load writes.
type ShardState struct {
	Deployment uuid.UUID
	Shard      int
	Epoch, Seq int64 // of the last record that is in it
	LastUS     int64 // the last time used: decisions never run back behind it
	Lots       []LotBook
}

// LotBook is what is known of one lot: its frozen terms and what happened to it.
type LotBook struct {
	Lot             // State, Version and ClosesUS are current; Sold too
	Left     int64  // units that can be sold
	Units    []Unit // sold and not returned
	Admitted []Record
}

// Digest is a checksum of a ShardState that both sides can count: MySQL's rebuild and what the gate holds.
type Digest struct {
	Epoch, Seq int64
	Lots       int
	Left       int64 // sum over lots
	Units      int
	Admitted   int
	Versions   int64 // sum over lots
	ClosesUS   int64 // sum over lots, mod 2^53
	Open       int   // lots that are not closed or withdrawn
}

// Digest counts the state.
func (s ShardState) Digest() Digest {
	d := Digest{Epoch: s.Epoch, Seq: s.Seq, Lots: len(s.Lots)}
	for _, l := range s.Lots {
		d.Left += l.Left
		d.Units += len(l.Units)
		d.Admitted += len(l.Admitted)
		d.Versions += l.Version
		d.ClosesUS = (d.ClosesUS + l.ClosesUS) % (1 << 53)
		if l.State == LotOpen || l.State == LotPaused {
			d.Open++
		}
	}
	return d
}

// Span is the seqs From … To-1 of a shard.
type Span struct{ From, To int64 }

// Rebuild makes a shard's book from what MySQL knows: the lots' frozen terms and all records of these lots, in order
// of seq. A record that does not follow from the ones before it is an error, as are one beyond `at` and a lot whose row
// counts more records than there are: the stored journal is then damaged. Excused are the seqs that have no effect though
// they were decided, because MySQL said so for good: a gap that an operator accepted, whose records are missing, and bids
// whose order the last guard refused, which keep their receipt and take no units.
func Rebuild(deployment uuid.UUID, shard int, at Cursor, lots []Lot, records []Record, excused ...Span) (*Book, error) {
	topped := map[uuid.UUID]int64{} // a lot's stock includes what was added since it was published
	for _, r := range records {
		if r.Kind == KindToppedUp {
			topped[r.Lot] += r.Quantity
		}
	}
	b := NewBook(deployment, shard)
	b.excused = excused
	for _, l := range lots {
		l.Version, l.Sold, l.State, l.Stock = 0, 0, LotOpen, l.Stock-topped[l.ID]
		b.Add(l)
	}
	for _, r := range records {
		if err := b.replay(r); err != nil {
			return nil, fmt.Errorf("rebuild shard %d: %w", shard, err)
		}
	}
	if b.Seq > at.Seq || b.Epoch > at.Epoch {
		return nil, fmt.Errorf("rebuild shard %d: record %d-%d lies beyond %d-%d", shard, b.Epoch, b.Seq, at.Epoch, at.Seq)
	}
	for _, l := range lots {
		if have := b.lots[l.ID].Version; have < l.Version && !b.excuses(b.lots[l.ID].seq+1, at.Seq+1) {
			return nil, fmt.Errorf("rebuild shard %d: lot %s has %d records of %d", shard, l.ID, have, l.Version)
		}
	}
	b.Epoch, b.Seq = at.Epoch, at.Seq
	return b, nil
}
