package auctiontest

import (
	"bytes"
	"context"
	"slices"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// set changes a shard's position under the lock.
func (l *Ledger) set(ctx context.Context, method string, shard int, change func(*auction.Position)) error {
	s, err := l.enter(ctx, method, shard)
	if err != nil {
		return err
	}
	defer l.mu.Unlock()
	change(&s.position)
	return nil
}

// Alive is auction.Ledger's.
func (l *Ledger) Alive(ctx context.Context, shards []int, nowUS int64) error {
	for _, shard := range shards {
		if err := l.set(ctx, "Alive", shard, func(p *auction.Position) { p.AliveUS = max(p.AliveUS, nowUS) }); err != nil {
			return err
		}
	}
	return nil
}

// Halt is auction.Ledger's.
func (l *Ledger) Halt(ctx context.Context, shard int, reason string) error {
	return l.set(ctx, "Halt", shard, func(p *auction.Position) { p.Halted = reason })
}

// Resume is auction.Ledger's.
func (l *Ledger) Resume(ctx context.Context, shard int) error {
	return l.set(ctx, "Resume", shard, func(p *auction.Position) { p.Halted = "" })
}

// NoteGap is auction.Ledger's.
func (l *Ledger) NoteGap(ctx context.Context, shard int, seq, sinceUS int64) error {
	return l.set(ctx, "NoteGap", shard, func(p *auction.Position) {
		if seq == 0 || seq > p.Seq {
			p.GapSeq, p.GapSinceUS = seq, sinceUS
		}
	})
}

// Rewind is auction.Ledger's.
func (l *Ledger) Rewind(ctx context.Context, shard int, offset int64) error {
	return l.set(ctx, "Rewind", shard, func(p *auction.Position) {
		p.NextOffset, p.AheadSeq, p.GapSeq, p.GapSinceUS, p.Halted = offset, 0, 0, 0, ""
	})
}

// AcceptGap is auction.Ledger's.
func (l *Ledger) AcceptGap(ctx context.Context, shard int, seq int64) error {
	refused := fault.New(fault.Conflict, "no_gap", "that seq is next, or has been applied")
	err := l.set(ctx, "AcceptGap", shard, func(p *auction.Position) {
		if seq > p.Seq+1 {
			p.Seq, p.GapSeq, p.GapSinceUS, p.Halted, refused = seq-1, 0, 0, "", nil
		}
	})
	if err == nil && refused != nil {
		err = refused
	}
	return err
}

// Deployment is auction.Ledger's; the twin has one from the start.
func (l *Ledger) Deployment(ctx context.Context, claim auction.Deployment) (auction.Deployment, error) {
	if _, err := l.enter(ctx, "Deployment", 0); err != nil {
		return auction.Deployment{}, err
	}
	defer l.mu.Unlock()
	if claim.ID != uuid.Nil && claim != l.deployment {
		return l.deployment, fault.New(fault.Conflict, "deployment_differs", "the ledger is of another deployment")
	}
	return l.deployment, nil
}

// Forget takes a shard back to its first n records, as a database does that fails over to a copy which lacks the newest
// commits: the offset goes back with them. offset is the one to resume from then.
func (l *Ledger) Forget(shard, n int, offset int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.shards[shard]
	for _, r := range s.records[n:] {
		delete(s.stored, r.Seq)
	}
	s.records = s.records[:n]
	last := s.records[n-1]
	s.position.Epoch, s.position.Seq, s.position.NextOffset, s.position.AheadSeq = last.Epoch, last.Seq, offset, 0
}

// Applied gives the records of a shard in the order they were applied.
func (l *Ledger) Applied(shard int) []auction.Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	if s := l.shards[shard]; s != nil {
		return slices.Clone(s.records)
	}
	return nil
}

// Orphans gives the deliveries of a shard that came from an epoch which had been cut off.
func (l *Ledger) Orphans(shard int) []auction.Delivery { return l.left(shard, false) }

// Parked gives the deliveries of a shard that were no records.
func (l *Ledger) Parked(shard int) []auction.Delivery { return l.left(shard, true) }

func (l *Ledger) left(shard int, parked bool) []auction.Delivery {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.shards[shard]
	if s == nil {
		return nil
	}
	if parked {
		return slices.Clone(s.parked)
	}
	return slices.Clone(s.orphans)
}

func lotsAfter(lots []auction.Lot, shard int, after uuid.UUID, limit int) []auction.Lot {
	var out []auction.Lot
	for _, lot := range lots {
		if lot.Shard == shard && bytes.Compare(lot.ID[:], after[:]) > 0 {
			out = append(out, lot)
		}
	}
	slices.SortFunc(out, func(a, b auction.Lot) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	return out[:min(len(out), limit)]
}
