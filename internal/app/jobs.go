package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/cache/shelf"
	"rostrum/internal/fault"
	"rostrum/orders"
)

// Limits of one run of a job: what is left over is done at the next tick.
const (
	jobLots     = 500
	jobOrders   = 500
	jobSessions = 100
)

// closer is the role that does what is due: it preheats sessions before they start, closes lots that are over, sends
// cancelled orders' units back to sale, moves sessions on, and sweeps what is settled from the gate. Each job may run twice
// or on two nodes at once.
type closer struct {
	sessions auction.Sessions
	gate     auction.Gate
	orders   orders.Orders
	preheat  func(ctx context.Context, session uuid.UUID) error
	lost     func(ctx context.Context, shards ...int) // gives to recovery what the gate lacks
	ahead    time.Duration                            // how long before its start a session is preheated
	now      func() time.Time
	newID    func() uuid.UUID
	log      *slog.Logger
	sweeper  sweeper

	preheated map[uuid.UUID]int64 // sessions this node has preheated, with their end: not again
	toPreheat auction.Page        // where the next run of a job goes on
	toClose   auction.Page
}

// steps gives the jobs as steps of a start.
func (c *closer) steps(died func(string, error)) []step {
	job := func(name, why string, interval time.Duration, do func(context.Context) error) step {
		return background(name, why, func(ctx context.Context) error { return every(ctx, c.log, name, interval, do) }, died)
	}
	return []step{
		job("preheat", "lots are in Redis before their session starts", time.Second, c.preheatDue),
		job("closing", "a lot that is over is closed, once, in its own order", 500*time.Millisecond, c.closeDue),
		job("releasing", "units of cancelled orders go back to sale", time.Second, c.releaseDue),
		job("sessions", "sessions end, settle and come again", time.Second, c.endSessions),
		job("sweeping", "the gate's Redis holds no sale for ever", 5*time.Second, c.sweeper.due),
	}
}

func (c *closer) nowUS() int64 { return c.now().UnixMicro() }

func (c *closer) preheatDue(ctx context.Context) error {
	now := c.nowUS()
	c.toPreheat.Limit = jobSessions
	due, err := c.sessions.DueToPreheat(ctx, now, now+c.ahead.Microseconds(), c.toPreheat)
	c.toPreheat = auction.NextPage(c.toPreheat, due, sessionPlace)
	failed := []error{err}
	for _, s := range due {
		if _, did := c.preheated[s.ID]; did {
			continue
		}
		switch err := c.preheat(ctx, s.ID); fault.CodeOf(err) {
		case "not_vouched", "lots_missed", "preheat_busy": // recovery is due, which loads its lots too; or another node is at it
			continue
		case "lots_broken": // the others were written, and a second time would find the same
			c.log.Error("lots cannot be sold", "session", s.ID, "error", err)
		default:
			if err != nil {
				failed = append(failed, err)
				continue
			}
		}
		c.preheated[s.ID] = s.EndsUS
	}
	for id, ends := range c.preheated {
		if ends < now {
			delete(c.preheated, id)
		}
	}
	return errors.Join(failed...)
}

func sessionPlace(s auction.Session) (int64, uuid.UUID) { return s.StartsUS, s.ID }

// preheatAnyway preheats a session for whom nobody can be asked: where the shelf has no room for it, the sale comes first,
// and its pages are served from MySQL. fault Unavailable `lots_missed` where lots had opened before: recovery is on its way.
func (a *App) preheatAnyway(ctx context.Context, session uuid.UUID) error {
	r, err := a.Preheat(ctx, session, nil)
	if fault.CodeOf(err) == "shelf_memory" {
		a.Log.Error("a session is preheated into the gate only; its pages will be slow", "session", session, "error", err)
		r, err = a.preheat(ctx, session, shelf.How{GateOnly: true})
	}
	if len(r.Missed) > 0 {
		a.Log.Error("lots opened before they were preheated", "session", session, "lots by shard", r.Missed)
		return fault.New(fault.Unavailable, "lots_missed", "lots opened before they were preheated")
	}
	return err
}

func (c *closer) closeDue(ctx context.Context) error {
	c.toClose.Limit = jobLots
	done, err := auction.CloseDue(ctx, c.sessions, c.gate, c.nowUS(), c.toClose)
	c.toClose = done.Next
	c.lost(ctx, done.Lost...)
	if done.Closed > 0 {
		c.log.Info("lots closed", "lots", done.Closed)
	}
	return err
}

func (c *closer) releaseDue(ctx context.Context) error {
	released, err := orders.ReleaseDue(ctx, c.orders, c.gate, jobOrders)
	if released > 0 {
		c.log.Info("units went back to sale", "orders", released)
	}
	return err
}

// endSessions moves sessions on and lets those come again that do.
func (c *closer) endSessions(ctx context.Context) error {
	again, err := c.sessions.EndSessions(ctx, c.nowUS())
	failed := []error{err}
	for _, s := range again {
		failed = append(failed, c.repeat(ctx, s))
	}
	return errors.Join(failed...)
}

// repeat makes the next occurrence of a daily session. A draft has been published too late or not at all: it is its own
// next occurrence, and keeps its lots. That somebody else was faster, a second node or an operator, is no error.
func (c *closer) repeat(ctx context.Context, s auction.Session) error {
	var err error
	if s.State == auction.SessionDraft {
		s.StartsUS, s.EndsUS = s.Next(c.nowUS())
		_, err = c.sessions.ChangeSession(ctx, s)
	} else {
		err = c.sessions.CreateSession(ctx, s.NextOccurrence(c.newID(), c.nowUS()))
	}
	switch fault.CodeOf(err) {
	case "occurrence_exists", "stale", "session_published", "session_not_draft":
		return nil
	}
	return err
}
