package shelf

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-redsync/redsync/v4"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/internal/fault"
)

// Gate is what preheating needs of the gate.
type Gate interface {
	// PreheatLots writes lots of any shards as auction.Gate.Preheat does; PreheatBroken for one that cannot be sold.
	PreheatLots(ctx context.Context, lots []auction.Lot) ([]auction.PreheatResult, error)
	// Compare says which lots the gate does not hold, and which it holds in other terms; what is newer there is neither.
	Compare(ctx context.Context, lots []auction.Lot) (missing, different []uuid.UUID, err error)
	// Room says how much the gate's Redis may still take.
	Room(ctx context.Context) (cache.Room, error)
}

// Report says what preheating a session did.
type Report struct {
	Session  uuid.UUID
	Lots     int         // that the source has
	Written  int         // into the gate
	Open     int         // refused by the gate: they have opened
	Missed   map[int]int // of the open ones, by shard, those that the gate does not hold: only recovery brings them
	Closed   int         // refused by the gate: it holds their close or withdrawal
	Broken   int         // left out: without what the rules read
	Which    []uuid.UUID // of the broken ones the first, maxNamed at most
	Verified int         // lots whose place and card were found on the shelf afterwards
	Sampled  int         // lots that were compared field by field with the source afterwards, in the gate and on the shelf
	Resumed  int         // of Lots, how many an earlier, interrupted run had done
}

// maxNamed bounds the lots that a report or a fault names.
const maxNamed = 20

// How says how to preheat. The zero value: all of it, and nobody looks.
type How struct {
	GateOnly bool                  // leave the shelf as it is: pages then come from the source, and fill it
	Progress func(done, total int) // called as it goes; nil: nobody looks
}

// The lease of who preheats; its holder renews it, and stops when it is lost. It saves work: two at once do no harm.
const leadLease = 10 * time.Second

// Preheat writes a published session into the gate and onto the shelf, before it opens. It may be repeated at any time, goes
// on where an interrupted run stopped, and does no harm next to another one: the gate refuses what has opened, and after the
// session's start cards that are there stay. Fault codes: Conflict `preheat_busy` (another node does it),
// `session_not_scheduled`, `gate_memory` and `shelf_memory` (its Redis has less room than the lots need; nothing was
// written), `lots_broken` (they are named, all others were written); NotFound `session_not_found`; Unavailable
// `preheat_unverified` where counts or a sample do not agree afterwards; and the gate's.
func (s *Shelf) Preheat(ctx context.Context, gate Gate, session uuid.UUID, how How) (Report, error) {
	if how.Progress == nil {
		how.Progress = func(int, int) {}
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
	r, err := s.preheatAll(ctx, gate, of, how)
	if ctx.Err() != nil && err != nil {
		err = context.Cause(ctx)
	}
	return r, err
}

func (s *Shelf) preheatAll(ctx context.Context, gate Gate, of auction.Session, how How) (Report, error) {
	run := preheat{shelf: s, gate: gate, session: of, how: how}
	r, err := run.all(ctx)
	if err == nil && !r.found(how) && r.Resumed > 0 {
		// What the earlier run wrote is not there any more: from the front, then.
		if err = s.client.Del(ctx, s.keys.Preheated(of.ID)).Err(); err == nil {
			run = preheat{shelf: s, gate: gate, session: of, how: how}
			r, err = run.all(ctx)
		}
	}
	switch {
	case err != nil:
		return r, err
	case !r.found(how) || of.Lots > 0 && r.Lots != of.Lots:
		return r, fault.New(fault.Unavailable, "preheat_unverified",
			fmt.Sprintf("the session has %d lots, %d were read and %d found on the shelf", of.Lots, r.Lots, r.Verified))
	case r.Broken > 0:
		return r, fault.New(fault.Conflict, "lots_broken", fmt.Sprintf("%d lots cannot be sold as they are stored: %s", r.Broken, named(r.Which, r.Broken)))
	}
	return r, nil
}

// found says whether the shelf has all that was put there.
func (r Report) found(how How) bool { return how.GateOnly || r.Verified == r.Lots-r.Broken }

// named writes some ids, of so many in all.
func named(ids []uuid.UUID, all int) string {
	texts := make([]string, min(len(ids), maxNamed))
	for i := range texts {
		texts[i] = ids[i].String()
	}
	if more := all - len(texts); more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, ", ")
}

// lead takes the lease of preheating a session, and renews it until release. ctx ends when it is lost.
func (s *Shelf) lead(ctx context.Context, session uuid.UUID) (context.Context, func(), error) {
	lease := cache.Locks(s.client).NewMutex(s.keys.Lead(session), redsync.WithExpiry(leadLease), redsync.WithTries(1))
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
