package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/store/db"
)

// Deployment gives, and with a claim sets once, who this database belongs to. The zero Deployment: nobody yet. With a
// claim, fault Conflict `other_deployment` where it belongs to another, or has another number of shards.
func (s *Store) Deployment(ctx context.Context, claim auction.Deployment) (auction.Deployment, error) {
	var d auction.Deployment
	err := s.write(ctx, "deployment", func(ctx context.Context, t tx) (err error) {
		if d, err = t.deployment(ctx); err != nil || d.ID != uuid.Nil || claim.ID == uuid.Nil {
			return err
		}
		d = claim
		return t.ClaimDeployment(ctx, db.ClaimDeploymentParams{ID: db.ID(claim.ID), Shards: claim.Shards})
	})
	if _, raced := duplicate(err); raced {
		// Another node was first in this moment; now there is somebody to compare with.
		return s.Deployment(ctx, claim)
	}
	if err == nil && claim.ID != uuid.Nil && d != claim {
		err = fault.New(fault.Conflict, "other_deployment", fmt.Sprintf("the database belongs to deployment %s with %d shards, not to %s with %d",
			d.ID, d.Shards, claim.ID, claim.Shards))
	}
	return d, err
}

// deployment gives the zero Deployment where the row is not there yet.
func (t tx) deployment(ctx context.Context) (auction.Deployment, error) {
	row, err := t.GetDeployment(ctx)
	if errors.Is(err, sql.ErrNoRows) {
		return auction.Deployment{}, nil
	}
	return auction.Deployment{ID: uuid.UUID(row.ID), Shards: row.Shards}, err
}

// ownerIn gives the deployment, and asks the database only until it has one.
func (s *Store) ownerIn(ctx context.Context, t tx) (auction.Deployment, error) {
	if d := s.owner.Load(); d != nil {
		return *d, nil
	}
	d, err := t.deployment(ctx)
	if err == nil && d.ID != uuid.Nil {
		s.owner.Store(&d)
	}
	return d, err
}

// place is a position's row, locked.
type place struct {
	auction.Position
	base int64 // seq of the cut that opened the epoch
}

// lockPosition reads a shard's position for update: what makes whoever applies, cuts or halts come one after the other.
// A shard that nobody has opened gets its row.
func (t tx) lockPosition(ctx context.Context, shard int) (place, error) {
	p, err := t.LockPosition(ctx, shard)
	if errors.Is(err, sql.ErrNoRows) {
		if err = t.InsertPosition(ctx, db.InsertPositionParams{Shard: shard}); err == nil {
			return place{Position: auction.Position{Shard: shard}}, nil
		}
		if _, raced := duplicate(err); raced { // of two that open a shard, one waits here for the other
			p, err = t.LockPosition(ctx, shard)
		}
	}
	return place{base: p.BaseSeq, Position: auction.Position{Shard: shard, Epoch: p.Epoch, Seq: p.Seq, NextOffset: p.NextOffset,
		AheadSeq: p.AheadSeq, Halted: p.Halted, GapSeq: p.GapSeq, GapSinceUS: p.GapSinceUs}}, err
}

// savePosition writes all of a position's row; alive_us lies elsewhere.
func (t tx) savePosition(ctx context.Context, p place) error {
	rows, err := t.UpdatePosition(ctx, db.UpdatePositionParams{Epoch: p.Epoch, Seq: p.Seq, BaseSeq: p.base, NextOffset: p.NextOffset,
		AheadSeq: p.AheadSeq, Halted: clip(p.Halted, 500), GapSeq: p.GapSeq, GapSinceUs: p.GapSinceUS, Shard: p.Shard})
	return one(rows, err, fmt.Errorf("store: the position of shard %d is gone", p.Shard))
}

// Position gives a shard's position; the zero position for one that nobody has opened.
func (s *Store) Position(ctx context.Context, shard int) (auction.Position, error) {
	p := auction.Position{Shard: shard}
	err := s.read(ctx, "position", func(ctx context.Context, q tx) error {
		row, err := q.GetPosition(ctx, shard)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		p = positionOf(db.ListPositionsRow(row))
		return err
	})
	return p, err
}

// Positions gives the positions of all shards that have been opened, in order.
func (s *Store) Positions(ctx context.Context) ([]auction.Position, error) {
	var all []auction.Position
	err := s.read(ctx, "positions", func(ctx context.Context, q tx) error {
		rows, err := q.ListPositions(ctx)
		all = mapped(rows, positionOf)
		return err
	})
	return all, err
}

// positionOf takes either statement's row: both have the same columns.
func positionOf(p db.ListPositionsRow) auction.Position {
	return auction.Position{Shard: p.Shard, Epoch: p.Epoch, Seq: p.Seq, NextOffset: p.NextOffset, AheadSeq: p.AheadSeq,
		Halted: p.Halted, GapSeq: p.GapSeq, GapSinceUS: p.GapSinceUs, AliveUS: p.AliveUs}
}

// Cut opens the next epoch of a shard, which must have come as far as drained, and no epoch further. fault Conflict
// `no_deployment` before the database belongs to anybody.
func (s *Store) Cut(ctx context.Context, shard int, drained auction.Cursor, nowUS int64) ([]auction.Record, auction.Position, error) {
	var records []auction.Record
	err := s.write(ctx, "cut", func(ctx context.Context, t tx) error {
		d, err := t.deployment(ctx)
		if err != nil {
			return err
		}
		if d.ID == uuid.Nil || shard >= d.Shards || shard < 0 {
			return fault.New(fault.Conflict, "no_deployment", fmt.Sprintf("the database belongs to nobody who has a shard %d", shard))
		}
		p, err := t.lockPosition(ctx, shard)
		if err != nil {
			return err
		}
		if p.At().Before(drained) {
			return fault.New(fault.Unavailable, "forgotten", fmt.Sprintf("the database was at %v and is at %v: Kafka has to tell the rest again", drained, p.At()))
		}
		if p.Epoch > drained.Epoch {
			return fault.New(fault.Unavailable, "overtaken", fmt.Sprintf("the shard was in epoch %d and is in %d: somebody else recovers it", drained.Epoch, p.Epoch))
		}
		records = opening(d, p.Position, nowUS)
		p.Epoch, p.Seq = p.Epoch+1, records[len(records)-1].Seq
		p.base = p.Seq
		if err := t.storeOwn(ctx, records); err != nil {
			return err
		}
		return t.savePosition(ctx, p)
	})
	if err != nil {
		return nil, auction.Position{}, applied(err)
	}
	// Read again for alive_us: recovery gives back the time since then.
	p, err := s.Position(ctx, shard)
	return records, p, err
}

// opening makes the records that open the epoch after p: the cut, and before the first one the genesis.
func opening(d auction.Deployment, p auction.Position, nowUS int64) []auction.Record {
	r := auction.Record{Deployment: d.ID, Shard: p.Shard, Epoch: p.Epoch + 1, Seq: p.Seq + 1, TimeUS: nowUS}
	var records []auction.Record
	if r.Epoch == 1 {
		genesis := r
		genesis.Kind, genesis.Shards = auction.KindGenesis, d.Shards
		records = append(records, genesis)
		r.Seq++
	}
	r.Kind, r.Reason = auction.KindCut, "recovery"
	return append(records, r)
}

// ownOffset marks records that did not come from the topic: they were decided here.
const ownOffset = -1

// storeOwn stores what is decided here. The topic gets it from the journal and gives it back as a duplicate.
func (t tx) storeOwn(ctx context.Context, records []auction.Record) error {
	for _, r := range records {
		raw, err := r.JSON()
		if err != nil {
			return err
		}
		row := recordRow(&rows{form: insertRecords}, auction.Delivery{Record: r, Raw: raw, Offset: ownOffset})
		if err := row.insert(ctx, t.conn, row.args); err != nil {
			return err
		}
	}
	return nil
}

// Alive notes a time for each shard. It takes no lock on the positions.
func (s *Store) Alive(ctx context.Context, shards []int, nowUS int64) error {
	// One statement, no transaction: a note that is lost is made again in a second.
	var found int64
	err := s.read(ctx, "alive", func(ctx context.Context, q tx) error {
		return each(q.conn, shards, func(q *db.Queries) error {
			rows, err := q.TouchAlive(ctx, db.TouchAliveParams{AliveUs: nowUS})
			found += rows
			return err
		})
	})
	if err != nil || int(found) == len(shards) {
		return err
	}
	return s.write(ctx, "alive", func(ctx context.Context, t tx) error { return t.firstAlive(ctx, shards, nowUS) })
}

// firstAlive makes the rows that are missing.
func (t tx) firstAlive(ctx context.Context, shards []int, nowUS int64) error {
	known, err := t.AliveShards(ctx)
	for _, shard := range shards {
		if err != nil {
			return err
		}
		if slices.Contains(known, shard) {
			continue
		}
		err = t.InsertAlive(ctx, db.InsertAliveParams{Shard: shard, AliveUs: nowUS})
		if _, raced := duplicate(err); raced {
			err = nil
		}
	}
	return err
}

// Halt stops a shard: nothing is applied to it until Resume, Rewind or AcceptGap. Audited.
func (s *Store) Halt(ctx context.Context, shard int, reason string) error {
	return s.steer(ctx, shard, "shard.halt", reason, func(_ context.Context, _ tx, p *place) error {
		p.Halted = reason
		return nil
	})
}

// Resume lets a halted shard go on. Audited.
func (s *Store) Resume(ctx context.Context, shard int) error {
	return s.steer(ctx, shard, "shard.resume", "", func(_ context.Context, _ tx, p *place) error {
		p.Halted = ""
		return nil
	})
}

// Rewind sets the offset to resume from, 0 or more, forgets what was read ahead, and lets a halted shard go on: what
// comes again is a duplicate, what is wrong halts it again. Audited.
func (s *Store) Rewind(ctx context.Context, shard int, offset int64) error {
	return s.steer(ctx, shard, "shard.rewind", fmt.Sprintf("to offset %d", offset), func(_ context.Context, _ tx, p *place) error {
		if offset < 0 {
			return fault.Wrong("offset", "is negative", "send an offset of the shard's partition")
		}
		p.NextOffset, p.AheadSeq, p.GapSeq, p.GapSinceUS, p.Halted = offset, 0, 0, 0, ""
		return nil
	})
}

// AcceptGap gives up what lies between the position and seq, and lets a halted shard go on. fault Conflict `no_gap`
// where seq is not ahead of the next. Audited, and noted in gaps.
func (s *Store) AcceptGap(ctx context.Context, shard int, seq int64) error {
	return s.steer(ctx, shard, "shard.accept_gap", fmt.Sprintf("up to seq %d", seq), func(ctx context.Context, t tx, p *place) error {
		if seq <= p.Seq+1 {
			return fault.New(fault.Conflict, "no_gap", fmt.Sprintf("seq %d is next or has been applied; the position is %d", seq, p.Seq))
		}
		err := t.InsertGap(ctx, db.InsertGapParams{Shard: shard, FromSeq: p.Seq + 1, ToSeq: seq, AcceptedUs: s.options.Now().UnixMicro()})
		p.Seq, p.GapSeq, p.GapSinceUS, p.Halted = seq-1, 0, 0, ""
		return err
	})
}

// steer changes a position by an operator's or an alarm's word, and audits it in the same transaction.
func (s *Store) steer(ctx context.Context, shard int, action, detail string, change func(ctx context.Context, t tx, p *place) error) error {
	return applied(s.write(ctx, action, func(ctx context.Context, t tx) error {
		p, err := t.lockPosition(ctx, shard)
		if err != nil {
			return err
		}
		if err := change(ctx, t, &p); err != nil {
			return err
		}
		if err := t.audit(ctx, s.entry(action, shard, detail)); err != nil {
			return err
		}
		return t.savePosition(ctx, p)
	}))
}

// entry names no actor: whoever acts for a person audits that in its own words beside.
func (s *Store) entry(action string, shard int, detail string) accounts.AuditEntry {
	return accounts.AuditEntry{ID: s.options.NewID(), AtUS: s.options.Now().UnixMicro(), Action: action, Subject: fmt.Sprintf("shard %d", shard), Detail: detail}
}

// NoteGap notes the seq that is waited for, and since when; with seq 0 it clears the note.
func (s *Store) NoteGap(ctx context.Context, shard int, seq, sinceUS int64) error {
	return applied(s.write(ctx, "note gap", func(ctx context.Context, t tx) error {
		p, err := t.lockPosition(ctx, shard)
		if err != nil {
			return err
		}
		if seq != 0 && seq <= p.Seq {
			return nil // it has come meanwhile
		}
		p.GapSeq, p.GapSinceUS = seq, sinceUS
		return t.savePosition(ctx, p)
	}))
}
