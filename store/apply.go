package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/store/db"
)

var _ auction.Ledger = (*Store)(nil)

// Apply applies deliveries of one shard, at most MaxBatch in order of offset, in one transaction. The position it gives
// leaves AliveUS at 0. What a delivery says about another shard or deployment is parked like bytes that are no record.
func (s *Store) Apply(ctx context.Context, shard int, deliveries []auction.Delivery) (auction.Applied, error) {
	if len(deliveries) > MaxBatch {
		return auction.Applied{}, fault.New(fault.Invalid, "batch_too_large", fmt.Sprintf("%d deliveries, at most %d", len(deliveries), MaxBatch))
	}
	done, fork, err := s.apply(ctx, shard, deliveries, false)
	if errors.As(err, new(refused)) {
		done, fork, err = s.apply(ctx, shard, deliveries, true)
	}
	switch {
	case err != nil:
		return auction.Applied{}, applied(err)
	case fork != nil:
		return done, fault.New(fault.Conflict, "fork", forkText(fork))
	}
	return done, nil
}

// apply is one transaction. It is run without savepoints first; where the guards refuse something of the batch, nothing of
// it remains, and the next run is careful: it has them, and finds out which bid it is.
func (s *Store) apply(ctx context.Context, shard int, deliveries []auction.Delivery, careful bool) (done auction.Applied, fork *auction.Fork, err error) {
	// Both are set by the last run: an earlier one, rolled back, leaves nothing of itself.
	err = s.write(ctx, "apply", func(ctx context.Context, t tx) (err error) {
		b := batch{tx: t, store: s, shard: shard, careful: careful}
		fork, err = b.apply(ctx, deliveries)
		done = b.done
		return err
	})
	return done, fork, err
}

// forkText names the two records by digest: their bytes hold buyers' ids, and this text goes into logs.
func forkText(f *auction.Fork) string {
	return fmt.Sprintf("fork at seq %d: stored %x, delivered %x (SHA-256)", f.Seq, sha256.Sum256(f.Stored), sha256.Sum256(f.Got))
}

// batch is one run of Apply's transaction.
type batch struct {
	tx
	store   *Store
	shard   int
	careful bool // with savepoints
	lots    map[uuid.UUID]*lot
	parked  []parking
	done    auction.Applied

	scratch []byte // for texts of statements
}

// apply gives a fork instead of an error, because a fork must commit: the halt is what it writes.
func (b *batch) apply(ctx context.Context, deliveries []auction.Delivery) (*auction.Fork, error) {
	p, err := b.lockPosition(ctx, b.shard)
	if err != nil {
		return nil, err
	}
	if p.Halted != "" {
		// Not even duplicates are looked at: whoever resumes wants to find the shard as it was.
		return nil, fault.New(fault.Conflict, "shard_halted", p.Halted)
	}
	deliveries, err = b.ours(ctx, deliveries)
	if err != nil {
		return nil, err
	}
	stored, err := b.storedFor(ctx, p.Seq, deliveries)
	if err != nil {
		return nil, err
	}
	sifted := auction.Sift(resuming(p.Position, deliveries), stored, deliveries)
	if sifted.Fork != nil {
		return sifted.Fork, b.halt(ctx, p, sifted.Fork)
	}
	return nil, b.take(ctx, p, sifted, deliveries)
}

// resuming forgets what was read ahead when the batch takes in the offset to resume from: all of it is about to be seen
// once more, or has become an orphan. A batch that ends before it is a late consumer's, and says nothing about it.
func resuming(p auction.Position, deliveries []auction.Delivery) auction.Position {
	if n := len(deliveries); n > 0 && deliveries[0].Offset <= p.NextOffset && p.NextOffset <= deliveries[n-1].Offset {
		p.AheadSeq = 0
	}
	return p
}

// ours marks deliveries that are no records, or belong to another shard or deployment.
func (b *batch) ours(ctx context.Context, deliveries []auction.Delivery) ([]auction.Delivery, error) {
	d, err := b.store.ownerIn(ctx, b.tx)
	// A copy: the caller may hand the same deliveries in again.
	checked := make([]auction.Delivery, len(deliveries))
	for i, v := range deliveries {
		if v.Err == nil {
			v.Err = v.Record.Check()
		}
		if v.Err == nil && (v.Record.Shard != b.shard || d.ID != uuid.Nil && v.Record.Deployment != d.ID) {
			v.Err = fmt.Errorf("a record of shard %d of deployment %s", v.Record.Shard, v.Record.Deployment)
		}
		checked[i] = v
	}
	return checked, err
}

// storedFor reads the stored journal at the seqs of the deliveries that are at or below the position.
func (b *batch) storedFor(ctx context.Context, seq int64, deliveries []auction.Delivery) (map[int64]auction.Stored, error) {
	var seqs []int64
	for _, d := range deliveries {
		if d.Err == nil && d.Record.Seq <= seq {
			seqs = append(seqs, d.Record.Seq)
		}
	}
	rows, err := collect(b.conn, seqs, func(q *db.Queries) ([]db.StoredAtRow, error) {
		return q.StoredAt(ctx, db.StoredAtParams{Shard: b.shard})
	})
	stored := make(map[int64]auction.Stored, len(rows))
	for _, r := range rows {
		stored[r.Seq] = auction.Stored{Epoch: r.Epoch, Raw: r.Record}
	}
	return stored, err
}

// halt stops the shard where it stands; the transaction commits with nothing else in it.
func (b *batch) halt(ctx context.Context, p place, f *auction.Fork) error {
	p.Halted = forkText(f)
	b.done = auction.Applied{Position: p.Position}
	if err := b.audit(ctx, b.store.entry("shard.halt", b.shard, p.Halted)); err != nil {
		return err
	}
	return b.savePosition(ctx, p)
}

// take writes a sifted batch: what is left aside first, then the records, what follows from them, and the position last.
func (b *batch) take(ctx context.Context, p place, s auction.Sifted, deliveries []auction.Delivery) error {
	// Parked rows are written after follow, which may add to them.
	for _, d := range s.Parked {
		b.parked = append(b.parked, parking{d, d.Err.Error()})
	}
	if err := b.orphan(ctx, s.Orphans); err != nil {
		return err
	}
	if err := b.record(ctx, s.Apply); err != nil {
		return err
	}
	if err := b.follow(ctx, s.Apply); err != nil {
		return err
	}
	if err := b.park(ctx); err != nil {
		return err
	}
	p.Position = s.Next
	if p.GapSeq != 0 && p.GapSeq <= p.Seq {
		p.GapSeq, p.GapSinceUS = 0, 0
	}
	// A cut comes by the topic only to a database that has lost it.
	for _, d := range s.Apply {
		if d.Record.Kind == auction.KindCut {
			p.base = d.Record.Seq
		}
	}
	b.done.Position, b.done.Records = p.Position, len(s.Apply)
	b.done.Duplicates, b.done.Orphans, b.done.Parked = s.Duplicates, len(s.Orphans), len(b.parked)
	b.done.AheadSeq = firstAhead(p.Position, deliveries)
	return b.savePosition(ctx, p)
}

// firstAhead gives the lowest seq of the batch that is beyond the position; 0 for none.
func firstAhead(p auction.Position, deliveries []auction.Delivery) int64 {
	var first int64
	for _, d := range deliveries {
		if d.Err == nil && d.Record.Epoch >= p.Epoch && d.Record.Seq > p.Seq && (first == 0 || d.Record.Seq < first) {
			first = d.Record.Seq
		}
	}
	return first
}

// record writes the records themselves. A row in the way is no case to recover from: the position says that there is
// none, so position and stored journal contradict each other.
func (b *batch) record(ctx context.Context, list []auction.Delivery) error {
	r := b.rowsInto(ctx, insertRecords)
	for _, d := range list {
		recordRow(r.begin(), d).end()
	}
	err := r.write(ctx, b)
	if _, ok := duplicate(err); ok {
		return fmt.Errorf("shard %d: the stored journal is ahead of its position: %w", b.shard, err)
	}
	return err
}

// recordRow is a row of records. The bytes are stored as they came, never encoded anew: the fork check compares them.
func recordRow(to *rows, d auction.Delivery) *rows {
	r := d.Record
	return to.int(int64(r.Shard)).int(r.Seq).int(r.Epoch).string(string(r.Kind)).id(db.ID(r.Lot)).id(db.ID(r.Buyer)).id(db.ID(r.Bid)).
		int(r.Version).int(r.TimeUS).int(d.Offset).bytes(d.Raw)
}

// orphan notes records of an epoch that is over. The same one comes again with every resend: it is noted once.
func (b *batch) orphan(ctx context.Context, list []auction.Delivery) error {
	now := b.store.options.Now().UnixMicro()
	for _, d := range list {
		r, digest := d.Record, sha256.Sum256(d.Raw)
		err := b.InsertOrphan(ctx, db.InsertOrphanParams{Shard: b.shard, Epoch: r.Epoch, Seq: r.Seq, Digest: digest[:],
			KafkaOffset: d.Offset, Kind: string(r.Kind), LotID: db.ID(r.Lot), BuyerID: db.ID(r.Buyer), BidID: db.ID(r.Bid),
			NotedUs: now, Record: d.Raw})
		if _, again := duplicate(err); err != nil && !again {
			return err
		}
	}
	return nil
}
