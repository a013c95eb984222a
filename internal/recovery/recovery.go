// Package recovery makes a shard's Redis one that may decide (DESIGN.md, "Lineage"). It is one road for every cause: the
// first start of all, a restart with Redis gone, a Redis that was killed, rolled back or replaced by a replica. A shard
// that is vouched for is left alone. Any other goes through five steps in one order, because a journal that survived
// holds admissions that nobody has carried yet, and loading from MySQL before they are applied would forget them:
//
//	1 lease    be the only one, and wait until the relay before us must have stopped; begin in Redis
//	2 drain    relay what the surviving journal holds beyond Kafka, and wait until MySQL has applied all of Kafka
//	3 cut      in MySQL: the next epoch begins; what an older one still sends is an orphan
//	4 rebuild  the shard's book from the stored journal, loaded into Redis, counted on both sides
//	5 vouch    this Redis decides, with the time that was lost given back to the lots that were open
//
// A failure or a crash at any step leaves the shard paused, and the road is walked again from its beginning.
//
// A lease only makes two recoveries at once unlikely: a process that stood still goes on where it was, whoever has come
// since. What keeps them apart is that each has begun in Redis before it looks at MySQL. Redis takes writes and a vouch from
// who has begun last only, and MySQL cuts only the epoch that was looked at before the last look at Redis. So of two one
// fails, wherever the other stands, and no epoch is vouched for that MySQL has cut off.
package recovery

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Gate is what recovery needs of the gate.
type Gate interface {
	auction.Lineage
	auction.Leases
}

// Ledger is what recovery needs of the ledger.
type Ledger interface {
	Position(ctx context.Context, shard int) (auction.Position, error)
	Cut(ctx context.Context, shard int, drained auction.Cursor, nowUS int64) ([]auction.Record, auction.Position, error)
	LotsToLoad(ctx context.Context, shard int, after uuid.UUID, limit int) ([]auction.Lot, error)
	LotRecords(ctx context.Context, shard int, lot uuid.UUID, afterSeq int64, limit int) ([]auction.Record, error)
	// Excused gives the seqs that were decided and have no effect (see auction.Rebuild).
	Excused(ctx context.Context, shard int) ([]auction.Span, error)
}

// Relay is what recovery needs of the relay: Drain sends what the shard's journal holds beyond MySQL's position, and
// gives the end of the shard's partition after it.
type Relay interface {
	Drain(ctx context.Context, shard int) (end int64, err error)
}

// Options are recovery's limits.
type Options struct {
	Deployment   uuid.UUID
	Owner        string        // of the leases this process takes
	Lease        time.Duration // how long a lease lives unless it is renewed
	DrainTimeout time.Duration // how long the consumer may take to apply what Kafka holds
	Poll         time.Duration // between looks at the lease and the position
	PageLots     int           // lots, and records of a lot, a read
	Now          func() time.Time
	Log          *slog.Logger
}

// Recovery walks shards down the road.
type Recovery struct {
	gate   Gate
	ledger Ledger
	relay  Relay
	o      Options
}

// New makes a recovery. Zero options but Deployment and Owner get defaults.
func New(gate Gate, ledger Ledger, relay Relay, o Options) *Recovery {
	o.Lease = orElse(o.Lease, 3*time.Second)
	o.DrainTimeout = orElse(o.DrainTimeout, time.Minute)
	o.Poll = orElse(o.Poll, 20*time.Millisecond)
	o.PageLots = orElse(o.PageLots, 1000)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Recovery{gate, ledger, relay, o}
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

// LeaseName is the name of the lease that a shard's relay and its recovery share.
func LeaseName(shard int) string { return fmt.Sprintf("relay:%d", shard) }

// Shard makes one shard decide, and says whether it had to be recovered. It comes back when the shard is vouched for, or
// with the error of the step that failed. It is safe to call at any time, and from several processes.
func (r *Recovery) Shard(ctx context.Context, shard int) (recovered bool, err error) {
	fine, err := r.vouchedFor(ctx, shard)
	if err != nil || fine {
		return false, err
	}
	log := r.o.Log.With("shard", shard)
	began := r.o.Now()
	if err := r.lease(ctx, shard); err != nil {
		return false, fmt.Errorf("recovery of shard %d, lease: %w", shard, err)
	}
	if fine, err := r.vouchedFor(ctx, shard); err != nil || fine {
		return false, err // somebody else was faster
	}
	token, err := r.gate.BeginLoad(ctx, shard)
	if err != nil {
		return false, fmt.Errorf("recovery of shard %d, begin: %w", shard, err)
	}
	drained, err := r.drain(ctx, shard)
	if err != nil {
		return false, fmt.Errorf("recovery of shard %d, drain: %w", shard, err)
	}
	epoch, err := r.load(ctx, shard, token, drained)
	if err != nil {
		return false, fmt.Errorf("recovery of shard %d: %w", shard, err)
	}
	if err := r.gate.Vouch(ctx, shard, epoch); err != nil {
		return false, fmt.Errorf("recovery of shard %d, vouch: %w", shard, err)
	}
	log.Info("shard recovered", "epoch", epoch, "took", r.o.Now().Sub(began).Round(time.Millisecond))
	return true, nil
}

// vouchedFor says whether the shard can go on as it is. A vouch of an epoch that MySQL has cut off, or of a Redis that
// knows less than MySQL, is taken back: what it decides can only become orphans and forks. The position is read first,
// so that it cannot be ahead of the gate by what was decided and applied between the two looks.
func (r *Recovery) vouchedFor(ctx context.Context, shard int) (bool, error) {
	p, away := r.ledger.Position(ctx, shard)
	v, err := r.gate.Vouched(ctx, shard)
	if err != nil || !v.Valid {
		return false, err
	}
	if away != nil {
		return true, nil // MySQL is away: the bid path does not depend on it
	}
	if v.Epoch < p.Epoch || v.Epoch == p.Epoch && v.Seq < p.Seq {
		r.o.Log.Error("the gate decides behind MySQL's back", "shard", shard, "gate_epoch", v.Epoch, "gate_seq", v.Seq,
			"epoch", p.Epoch, "seq", p.Seq)
		return false, r.gate.Disown(ctx, shard)
	}
	return true, nil
}

// lease is step 1. The lease may have been lost together with Redis while its owner still counts on it, so after taking
// it a whole life of a lease is waited out, unless nobody ever decided here.
func (r *Recovery) lease(ctx context.Context, shard int) error {
	hold := func() (bool, error) { return r.gate.Hold(ctx, LeaseName(shard), r.o.Owner, r.o.Lease) }
	if err := r.until(ctx, hold); err != nil {
		return err
	}
	p, err := r.ledger.Position(ctx, shard)
	if err != nil || p.Epoch == 0 {
		return err
	}
	over := r.o.Now().Add(r.o.Lease)
	return r.until(ctx, func() (bool, error) {
		if held, err := hold(); err != nil || !held {
			return false, fault.Wrap(fault.Unavailable, "lease_lost", "another process took the shard's lease", err)
		}
		return !r.o.Now().Before(over), nil
	})
}

// drain is step 2; it gives where the ledger stands after it.
func (r *Recovery) drain(ctx context.Context, shard int) (p auction.Position, err error) {
	end, err := r.relay.Drain(ctx, shard)
	if err != nil {
		return p, err
	}
	ctx, cancel := context.WithTimeout(ctx, r.o.DrainTimeout)
	defer cancel()
	err = r.until(ctx, func() (bool, error) {
		if _, err := r.gate.Hold(ctx, LeaseName(shard), r.o.Owner, r.o.Lease); err != nil {
			return false, err
		}
		p, err = r.ledger.Position(ctx, shard)
		if err == nil && p.Halted != "" {
			err = fault.New(fault.Conflict, "shard_halted", "the shard is halted: "+p.Halted)
		}
		return p.NextOffset >= end, err
	})
	if err != nil && ctx.Err() != nil {
		return p, fmt.Errorf("the consumer is at offset %d of %d (is a worker running?): %w", p.NextOffset, end, err)
	}
	return p, err
}

// load is steps 3 and 4; it gives the new epoch. The time lost is given back in the book before it is loaded, so that
// the records of it and the first decision after it have an order.
func (r *Recovery) load(ctx context.Context, shard int, token string, drained auction.Position) (epoch int64, err error) {
	if err := r.gate.Loading(ctx, shard, token); err != nil { // nobody else can have cut before we looked, and go on
		return 0, fmt.Errorf("cut: %w", err)
	}
	records, position, err := r.ledger.Cut(ctx, shard, drained.At(), r.o.Now().UnixMicro())
	if err != nil {
		return 0, fmt.Errorf("cut: %w", err)
	}
	book, err := r.rebuild(ctx, shard, position)
	if err != nil {
		return 0, err
	}
	if err := r.remembers(ctx, shard, position.At()); err != nil {
		return 0, err
	}
	if drained.AliveUS > 0 {
		records = append(records, book.Credit(drained.AliveUS, r.o.Now().UnixMicro())...)
	}
	state := book.State()
	found, err := r.gate.Load(ctx, token, state, records)
	if err != nil {
		return 0, fmt.Errorf("load: %w", err)
	}
	if want := state.Digest(); found != want {
		return 0, fmt.Errorf("load: the gate holds %+v, the stored journal says %+v", found, want)
	}
	return position.Epoch, nil
}

// remembers refuses what was read of a ledger that has failed over since the cut, and may have had less to read: nobody but
// us has the cut yet, so the ledger cannot have come as far again.
func (r *Recovery) remembers(ctx context.Context, shard int, cut auction.Cursor) error {
	p, err := r.ledger.Position(ctx, shard)
	if err == nil && p.At().Before(cut) {
		return fault.New(fault.Unavailable, "forgotten", fmt.Sprintf("the ledger has forgotten its cut at %v and is at %v", cut, p.At()))
	}
	return err
}

// rebuild reads the shard's lots and all their records, and makes the book.
func (r *Recovery) rebuild(ctx context.Context, shard int, p auction.Position) (*auction.Book, error) {
	var lots []auction.Lot
	for after := uuid.Nil; ; after = lots[len(lots)-1].ID {
		page, err := r.ledger.LotsToLoad(ctx, shard, after, r.o.PageLots)
		if err != nil {
			return nil, fmt.Errorf("lots: %w", err)
		}
		lots = append(lots, page...)
		if len(page) < r.o.PageLots {
			break
		}
	}
	var records []auction.Record
	for _, l := range lots {
		of, err := r.recordsOf(ctx, l)
		if err != nil {
			return nil, err
		}
		records = append(records, of...)
	}
	slices.SortFunc(records, func(x, y auction.Record) int { return cmp.Compare(x.Seq, y.Seq) })
	excused, err := r.ledger.Excused(ctx, shard)
	if err != nil {
		return nil, fmt.Errorf("excused: %w", err)
	}
	return auction.Rebuild(r.o.Deployment, shard, p.At(), lots, records, excused...)
}

func (r *Recovery) recordsOf(ctx context.Context, l auction.Lot) (records []auction.Record, err error) {
	for after := int64(0); ; after = records[len(records)-1].Seq {
		page, err := r.ledger.LotRecords(ctx, l.Shard, l.ID, after, r.o.PageLots)
		if err != nil {
			return nil, fmt.Errorf("records of lot %s: %w", l.ID, err)
		}
		records = append(records, page...)
		if len(page) < r.o.PageLots {
			return records, nil
		}
	}
}

// until asks again and again until it is done, fails, or ctx ends.
func (r *Recovery) until(ctx context.Context, done func() (bool, error)) error {
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(r.o.Poll):
		}
	}
}
