package shelf

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Gate is what preheating needs of the gate (see auction.Gate.Preheat).
type Gate interface {
	Preheat(ctx context.Context, shard int, lots []auction.Lot) ([]auction.PreheatResult, error)
}

// Report says what preheating a session did.
type Report struct {
	Session  uuid.UUID
	Lots     int // that the source has
	Written  int // into the gate
	Open     int // refused by the gate: they have opened
	Closed   int // refused by the gate: it holds their close or withdrawal
	Verified int // lots whose place and card were found on the shelf afterwards
	Resumed  int // of Lots, how many an earlier, interrupted run had done
}

// The lease of who preheats; its holder renews it, and stops when it is lost. It saves work: two at once do no harm.
const leadLease = 10 * time.Second

// Preheat writes a published session into the gate and onto the shelf, before it opens, and calls progress (nil: nobody
// looks) as it goes. It may be repeated at any time, goes on where an interrupted run stopped, and does no harm next to
// another one: the gate refuses what has opened, and after the session's start cards that are there stay. Fault codes:
// Conflict `preheat_busy` (another node does it), `session_not_scheduled`; NotFound `session_not_found`; Unavailable
// `preheat_unverified` where the counts do not agree afterwards; and the gate's.
func (s *Shelf) Preheat(ctx context.Context, gate Gate, session uuid.UUID, progress func(done, total int)) (Report, error) {
	if progress == nil {
		progress = func(int, int) {}
	}
	ctx, release, err := s.lead(ctx, session)
	if err != nil {
		return Report{Session: session}, err
	}
	defer release()
	of, err := s.source.Session(ctx, session)
	if err != nil {
		return Report{Session: session}, err
	}
	if of.State != auction.SessionScheduled {
		return Report{Session: session}, fault.New(fault.Conflict, "session_not_scheduled", "only a published session is preheated")
	}
	run := preheat{shelf: s, gate: gate, session: of, progress: progress}
	r, err := run.all(ctx)
	if err == nil && r.Verified != r.Lots && r.Resumed > 0 {
		// What the earlier run wrote is not there any more: from the front, then.
		if err = s.client.Del(ctx, s.keys.Preheated(session)).Err(); err == nil {
			r, err = run.all(ctx)
		}
	}
	if err == nil && (r.Verified != r.Lots || of.Lots > 0 && r.Lots != of.Lots) {
		err = fault.New(fault.Unavailable, "preheat_unverified",
			fmt.Sprintf("the session has %d lots, %d were read and %d found on the shelf", of.Lots, r.Lots, r.Verified))
	}
	if ctx.Err() != nil && err != nil {
		err = context.Cause(ctx)
	}
	return r, err
}

// lead takes the lease of preheating a session, and renews it until release. ctx ends when it is lost.
func (s *Shelf) lead(ctx context.Context, session uuid.UUID) (context.Context, func(), error) {
	sync := redsync.New(goredis.NewPool(s.client))
	lease := sync.NewMutex(s.keys.Lead(session), redsync.WithExpiry(leadLease), redsync.WithTries(1))
	if err := lease.TryLockContext(ctx); err != nil {
		var taken *redsync.ErrTaken
		if errors.As(err, &taken) || errors.Is(err, redsync.ErrFailed) {
			return nil, nil, fault.Wrap(fault.Conflict, "preheat_busy", "another node preheats this session", err)
		}
		return nil, nil, fault.Wrap(fault.Unavailable, "shelf_unavailable", "the shelf cannot be reached", err)
	}
	ctx, lost := context.WithCancelCause(ctx)
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(leadLease / 3)
		defer ticker.Stop()
		for {
			select {
			case <-done:
				return
			case <-ticker.C:
			}
			if ok, err := lease.ExtendContext(ctx); (err != nil || !ok) && time.Now().After(lease.Until()) {
				lost(fault.Wrap(fault.Unavailable, "preheat_lease_lost", "the lease was lost", err))
				return
			}
		}
	}()
	return ctx, func() {
		close(done)
		<-ended
		lost(nil)
		_, _ = lease.UnlockContext(context.WithoutCancel(ctx)) // its time to live ends it, too
	}, nil
}

// preheat is one run.
type preheat struct {
	shelf    *Shelf
	gate     Gate
	session  auction.Session
	progress func(done, total int)
}

func (p preheat) all(ctx context.Context) (Report, error) {
	r, at, err := p.resume(ctx)
	if err != nil {
		return r, err
	}
	total, endUS := p.session.Lots, p.session.EndsUS
	p.progress(r.Lots, max(total, r.Lots))
	for {
		lots, err := p.shelf.source.Lots(ctx, p.session.ID, at, lotsAtOnce)
		if err != nil {
			return r, err
		}
		if len(lots) == 0 {
			break
		}
		if err := p.some(ctx, lots, &r); err != nil {
			return r, err
		}
		at = lots[len(lots)-1].ID
		if err := p.note(ctx, r, at); err != nil {
			return r, err
		}
		p.progress(r.Lots, max(total, r.Lots))
	}
	if err := p.finish(ctx, endUS); err != nil {
		return r, err
	}
	r.Verified, err = p.verify(ctx)
	return r, err
}

// some preheats lots that were read together: the gate first, since only what it holds can be sold.
func (p preheat) some(ctx context.Context, lots []auction.Lot, r *Report) error {
	of := map[int][]auction.Lot{}
	ids := make([]uuid.UUID, len(lots))
	for i, l := range lots {
		of[l.Shard] = append(of[l.Shard], l)
		ids[i] = l.ID
	}
	for shard, lots := range of {
		results, err := p.gate.Preheat(ctx, shard, lots)
		if err != nil {
			return err
		}
		for _, result := range results {
			switch result {
			case auction.PreheatWritten:
				r.Written++
			case auction.PreheatOpen:
				r.Open++
			case auction.PreheatClosed:
				r.Closed++
			}
		}
	}
	// The ids first: announcing also takes back what says that they do not exist.
	if err := p.shelf.announce(ctx, ids); err != nil {
		return fmt.Errorf("preheat: shelf: %w", err)
	}
	started := p.shelf.o.Now().UnixMicro() >= p.session.StartsUS
	if err := p.shelf.putLots(ctx, p.session.ID, lots, started); err != nil {
		return fmt.Errorf("preheat: shelf: %w", err)
	}
	r.Lots += len(lots)
	return nil
}

// note writes down how far the run has come, so that the next one goes on there.
func (p preheat) note(ctx context.Context, r Report, at uuid.UUID) error {
	key := p.shelf.keys.Preheated(p.session.ID)
	return p.shelf.pipeline(ctx, func(c redis.Pipeliner) error {
		c.HSet(ctx, key, "rev", p.session.Rev, "at", at.String(), "lots", r.Lots, "written", r.Written, "open", r.Open, "closed", r.Closed)
		c.PExpire(ctx, key, p.shelf.o.Grace)
		return nil
	})
}

// resume gives what an interrupted run of the same revision did, and where it stopped.
func (p preheat) resume(ctx context.Context) (Report, uuid.UUID, error) {
	r := Report{Session: p.session.ID}
	notes, err := p.shelf.client.HGetAll(ctx, p.shelf.keys.Preheated(p.session.ID)).Result()
	if err != nil {
		return r, uuid.Nil, fault.Wrap(fault.Unavailable, "shelf_unavailable", "the shelf cannot be reached", err)
	}
	at, err := uuid.Parse(notes["at"])
	if err != nil || notes["rev"] != strconv.FormatInt(p.session.Rev, 10) {
		return r, uuid.Nil, nil
	}
	for name, n := range map[string]*int{"lots": &r.Lots, "written": &r.Written, "open": &r.Open, "closed": &r.Closed} {
		*n, _ = strconv.Atoi(notes[name])
	}
	r.Resumed = r.Lots
	return r, at, nil
}

// finish says that the session's order is complete, and forgets the notes: the next run begins at the front.
func (p preheat) finish(ctx context.Context, endUS int64) error {
	if err := p.shelf.markOrder(ctx, p.session.ID, endUS); err != nil {
		return fmt.Errorf("preheat: shelf: %w", err)
	}
	return p.shelf.client.Del(ctx, p.shelf.keys.Preheated(p.session.ID)).Err()
}

// verify counts the lots whose place and card are on the shelf.
func (p preheat) verify(ctx context.Context) (int, error) {
	found, at := 0, placed{}
	for {
		places, complete, err := p.shelf.places(ctx, p.session.ID, at, maxLook)
		if err != nil || !complete || len(places) == 0 {
			return found, err
		}
		keys := make([]string, len(places))
		for i, one := range places {
			keys[i] = p.shelf.keys.Card(p.session.ID, one.id)
		}
		n, err := p.shelf.client.Exists(ctx, keys...).Result()
		if err != nil {
			return found, err
		}
		found, at = found+int(n), places[len(places)-1]
	}
}
