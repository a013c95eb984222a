package app

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/cache/shelf"
	"rostrum/internal/observe"
	"rostrum/orders"
	"rostrum/store"
	"rostrum/web/edge"
)

func (a *App) shelfOptions() shelf.Options {
	c := a.Config
	// A jitter of 0 is none here, and the shelf's own default there.
	return shelf.Options{Prefix: a.parts.RedisPrefix, Timeout: c.Redis.Timeout, Grace: c.Preheat.Grace, Jitter: max(c.Preheat.Jitter, time.Millisecond),
		Count: a.Metrics.Guard}
}

// Preheat writes a published session into the gate and onto the shelf; progress may be nil. Shards whose lots it comes too
// late for are given to recovery.
func (a *App) Preheat(ctx context.Context, session uuid.UUID, progress func(done, total int)) (shelf.Report, error) {
	return a.preheat(ctx, session, shelf.How{Progress: progress})
}

func (a *App) preheat(ctx context.Context, session uuid.UUID, how shelf.How) (shelf.Report, error) {
	r, err := a.Shelf.Preheat(ctx, a.Gate, session, how)
	a.losses.found(ctx, slices.Sorted(maps.Keys(r.Missed))...)
	return r, err
}

// preheater is Preheat as the edge asks for it.
type preheater struct{ a *App }

func (p preheater) Preheat(ctx context.Context, session uuid.UUID) (edge.PreheatReport, error) {
	r, err := p.a.Preheat(ctx, session, nil)
	return edge.PreheatReport{Lots: r.Lots, Written: r.Written, Open: r.Open, Verified: r.Verified}, err
}

// announced is the store's sessions, with every node told of what was published: its lots exist from now on. A shelf that
// is away learns of them when it makes its filter anew.
type announced struct {
	*store.Store
	a *App
}

func (s announced) Publish(ctx context.Context, session auction.Session, lots []auction.Lot) error {
	if err := s.Store.Publish(ctx, session, lots); err != nil {
		return err
	}
	ids := make([]uuid.UUID, len(lots))
	for i, l := range lots {
		ids[i] = l.ID
	}
	if err := s.a.Shelf.Announce(ctx, session, ids); err != nil {
		s.a.Log.WarnContext(ctx, "a published session could not be announced; nodes learn of it within minutes", "session", session.ID, "error", err)
	}
	return nil
}

// alarms are the metrics, and recovery for what only recovery can mend.
type alarms struct {
	*observe.Metrics
	a *App
}

// Lost implements edge.Counters. The bid that found it is not kept waiting.
func (m alarms) Lost(shard int) {
	if !m.a.losses.claim(shard) {
		return
	}
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), m.a.Config.Redis.Timeout)
		defer cancel()
		m.a.losses.recover(ctx, shard)
	}()
}

// publications is the store as the publisher asks for it: an event's partition follows from its lot, so its shard is not
// told again.
type publications struct{ *store.Store }

func (p publications) OutboxUnpublished(ctx context.Context, limit int) ([]orders.Event, error) {
	waiting, err := p.Store.OutboxUnpublished(ctx, limit)
	events := make([]orders.Event, len(waiting))
	for i, w := range waiting {
		events[i] = w.Event
	}
	return events, err
}
