package auctiontest

import (
	"context"
	"fmt"
	"sync"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Ledger is auction.Ledger in memory: positions and the stored journal by auction.Sift, without what follows from the
// records (orders, units, stock), so nothing is ever voided here.
type Ledger struct {
	// Before, where set, is asked before each method does anything, by the method's name: its error is the method's.
	// After, where set, is asked when an Apply has been committed: an error makes its outcome unknown to the caller.
	Before, After func(method string, shard int) error

	mu         sync.Mutex
	deployment auction.Deployment
	shards     map[int]*ledgerShard
	lots       []auction.Lot
}

type ledgerShard struct {
	position auction.Position
	stored   map[int64]auction.Stored
	records  []auction.Record // in the order they were applied
	orphans  []auction.Delivery
	parked   []auction.Delivery
}

var _ auction.Ledger = (*Ledger)(nil)

// NewLedger gives the empty ledger of a deployment. Add gives it lots, for LotsToLoad.
func NewLedger(d auction.Deployment) *Ledger {
	return &Ledger{deployment: d, shards: map[int]*ledgerShard{}}
}

// Add adds published lots.
func (l *Ledger) Add(lots ...auction.Lot) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lots = append(l.lots, lots...)
}

// enter asks Before and takes the lock; leave with l.mu.Unlock where err is nil.
func (l *Ledger) enter(ctx context.Context, method string, shard int) (*ledgerShard, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.Wrap(fault.Unavailable, "unavailable", method, err)
	}
	if l.Before != nil {
		if err := l.Before(method, shard); err != nil {
			return nil, err
		}
	}
	l.mu.Lock()
	s := l.shards[shard]
	if s == nil {
		s = &ledgerShard{position: auction.Position{Shard: shard}, stored: map[int64]auction.Stored{}}
		l.shards[shard] = s
	}
	return s, nil
}

// Apply is auction.Ledger's.
func (l *Ledger) Apply(ctx context.Context, shard int, deliveries []auction.Delivery) (auction.Applied, error) {
	s, err := l.enter(ctx, "Apply", shard)
	if err != nil {
		return auction.Applied{}, err
	}
	applied, err := s.apply(deliveries)
	l.mu.Unlock()
	if err == nil && l.After != nil {
		err = l.After("Apply", shard)
	}
	return applied, err
}

func (s *ledgerShard) apply(deliveries []auction.Delivery) (auction.Applied, error) {
	if s.position.Halted != "" {
		return auction.Applied{}, fault.New(fault.Conflict, "shard_halted", s.position.Halted)
	}
	p := s.position
	if n := len(deliveries); n > 0 && deliveries[0].Offset <= p.NextOffset && p.NextOffset <= deliveries[n-1].Offset {
		p.AheadSeq = 0 // all that was read ahead is about to be seen again
	}
	sifted := auction.Sift(p, s.stored, deliveries)
	if f := sifted.Fork; f != nil {
		s.position.Halted = fmt.Sprintf("fork at seq %d", f.Seq)
		return auction.Applied{}, fault.New(fault.Conflict, "fork", s.position.Halted)
	}
	for _, d := range sifted.Apply {
		s.stored[d.Record.Seq] = auction.Stored{Epoch: d.Record.Epoch, Raw: d.Raw}
		s.records = append(s.records, d.Record)
	}
	s.orphans = append(s.orphans, sifted.Orphans...)
	s.parked = append(s.parked, sifted.Parked...)
	s.position = sifted.Next
	if s.position.GapSeq <= s.position.Seq {
		s.position.GapSeq, s.position.GapSinceUS = 0, 0
	}
	a := auction.Applied{Position: s.position, Records: len(sifted.Apply), Duplicates: sifted.Duplicates,
		Orphans: len(sifted.Orphans), Parked: len(sifted.Parked)}
	if s.position.AheadSeq > s.position.Seq {
		a.AheadSeq = s.position.AheadSeq
	}
	return a, nil
}

// Position is auction.Ledger's.
func (l *Ledger) Position(ctx context.Context, shard int) (auction.Position, error) {
	s, err := l.enter(ctx, "Position", shard)
	if err != nil {
		return auction.Position{}, err
	}
	defer l.mu.Unlock()
	return s.position, nil
}

// Positions is auction.Ledger's.
func (l *Ledger) Positions(ctx context.Context) ([]auction.Position, error) {
	if _, err := l.enter(ctx, "Positions", 0); err != nil {
		return nil, err
	}
	defer l.mu.Unlock()
	var out []auction.Position
	for shard := range l.deployment.Shards {
		if s := l.shards[shard]; s != nil && s.position.Seq > 0 {
			out = append(out, s.position)
		}
	}
	return out, nil
}

// Cut is auction.Ledger's.
func (l *Ledger) Cut(ctx context.Context, shard int, drained auction.Cursor, nowUS int64) ([]auction.Record, auction.Position, error) {
	s, err := l.enter(ctx, "Cut", shard)
	if err != nil {
		return nil, auction.Position{}, err
	}
	defer l.mu.Unlock()
	p := &s.position
	if p.At().Before(drained) {
		return nil, auction.Position{}, fault.New(fault.Unavailable, "forgotten", "the ledger has forgotten records")
	}
	if p.Epoch > drained.Epoch {
		return nil, auction.Position{}, fault.New(fault.Unavailable, "overtaken", "somebody else has cut the shard")
	}
	p.Epoch, p.AheadSeq = p.Epoch+1, 0
	kinds := []auction.Kind{auction.KindCut}
	if p.Epoch == 1 {
		kinds = []auction.Kind{auction.KindGenesis, auction.KindCut}
	}
	var records []auction.Record
	for _, kind := range kinds {
		p.Seq++
		r := auction.Record{Deployment: l.deployment.ID, Shard: shard, Epoch: p.Epoch, Seq: p.Seq, Kind: kind, TimeUS: nowUS}
		if kind == auction.KindGenesis {
			r.Shards = l.deployment.Shards
		} else {
			r.Reason = "recovery"
		}
		raw, err := r.JSON()
		if err != nil {
			return nil, auction.Position{}, err
		}
		s.stored[r.Seq] = auction.Stored{Epoch: r.Epoch, Raw: raw}
		s.records, records = append(s.records, r), append(records, r)
	}
	return records, *p, nil
}

// LotsToLoad is auction.Ledger's.
func (l *Ledger) LotsToLoad(ctx context.Context, shard int, after uuid.UUID, limit int) ([]auction.Lot, error) {
	if _, err := l.enter(ctx, "LotsToLoad", shard); err != nil {
		return nil, err
	}
	defer l.mu.Unlock()
	return lotsAfter(l.lots, shard, after, limit), nil
}

// Records is auction.Ledger's.
func (l *Ledger) Records(ctx context.Context, shard int, afterSeq int64, limit int) ([]auction.Record, error) {
	return l.records(ctx, "Records", shard, uuid.Nil, afterSeq, limit)
}

// LotRecords is auction.Ledger's.
func (l *Ledger) LotRecords(ctx context.Context, shard int, lot uuid.UUID, afterSeq int64, limit int) ([]auction.Record, error) {
	return l.records(ctx, "LotRecords", shard, lot, afterSeq, limit)
}

func (l *Ledger) records(ctx context.Context, method string, shard int, lot uuid.UUID, afterSeq int64, limit int) ([]auction.Record, error) {
	s, err := l.enter(ctx, method, shard)
	if err != nil {
		return nil, err
	}
	defer l.mu.Unlock()
	var out []auction.Record
	for _, r := range s.records {
		if r.Seq > afterSeq && len(out) < limit && (lot == uuid.Nil || r.Lot == lot) {
			out = append(out, r)
		}
	}
	return out, nil
}
