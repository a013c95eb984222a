package app

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/orders"
)

// reconcilePage is the rows a read; reconciliation reads everything of the sessions it is asked about.
const reconcilePage = 1000

// Reconcile counts the invariants over sessions (none: all that are published), each side taken from another place: the
// gate, Kafka, MySQL's stored journal, MySQL's orders, and clients' own logs where there are some. While a sale runs the
// sides are read one after the other and may differ by what happens meanwhile: it is exact when the road is clear.
func (a *App) Reconcile(ctx context.Context, sessions []uuid.UUID, clients ...orders.Side) ([]orders.Invariant, error) {
	return a.reconcile(ctx, sessions, newReading(nil), clients)
}

// ReconcileAll is Reconcile over all that is published. progress is told how many sessions, lots and journals have been read.
func (a *App) ReconcileAll(ctx context.Context, progress func(done, total int)) ([]orders.Invariant, error) {
	return a.reconcile(ctx, nil, newReading(progress), nil)
}

// reading is what has been read so far.
type reading struct {
	orders.Accounts
	of          map[uuid.UUID]bool // the lots that are asked about
	done, total int
	progress    func(done, total int) // nil: nobody looks
}

func newReading(progress func(done, total int)) *reading {
	return &reading{Accounts: orders.Accounts{Units: map[uuid.UUID]int64{}, Left: map[uuid.UUID]int64{}}, of: map[uuid.UUID]bool{}, progress: progress}
}

// did tells that one more session, lot or journal was read.
func (r *reading) did() {
	if r.done++; r.progress != nil {
		r.progress(r.done, r.total)
	}
}

func (a *App) reconcile(ctx context.Context, sessions []uuid.UUID, all *reading, clients []orders.Side) (_ []orders.Invariant, err error) {
	if len(sessions) == 0 {
		if sessions, err = a.publishedSessions(ctx); err != nil {
			return nil, err
		}
	}
	all.total = len(sessions) + 2*a.Deployment.Shards
	for _, id := range sessions {
		if err := a.fromMySQL(ctx, id, all); err != nil {
			return nil, fmt.Errorf("session %s: %w", id, err)
		}
	}
	for _, l := range all.Lots {
		all.of[l.ID] = true
	}
	for _, read := range []func(context.Context, *reading) error{a.fromGate, a.fromJournal, a.fromKafka, a.remaining} {
		if err := read(ctx, all); err != nil {
			return nil, err
		}
	}
	all.Sides = append(clients, all.Sides...)
	return orders.Reconcile(all.Accounts), nil
}

func (a *App) publishedSessions(ctx context.Context) (ids []uuid.UUID, err error) {
	p := auction.Page{Limit: 100}
	for {
		page, err := a.Store.ListSessions(ctx, auction.SessionFilter{}, p)
		if err != nil {
			return nil, err
		}
		for _, s := range page {
			ids = append(ids, s.ID)
			p.Key, p.ID = s.StartsUS, s.ID
		}
		if len(page) < p.Limit {
			return ids, nil
		}
	}
}

// fromMySQL reads a session's lots, orders and unit rows.
func (a *App) fromMySQL(ctx context.Context, session uuid.UUID, all *reading) error {
	before := len(all.Lots)
	for after := uuid.Nil; ; {
		page, err := a.Store.Lots(ctx, session, after, reconcilePage)
		if err != nil {
			return err
		}
		all.Lots = append(all.Lots, page...)
		if len(page) < reconcilePage {
			break
		}
		after = page[len(page)-1].ID
	}
	for p := (orders.Page{Limit: reconcilePage}); ; {
		page, err := a.Store.ListOrders(ctx, orders.Filter{Session: session}, p)
		if err != nil {
			return err
		}
		all.Orders = append(all.Orders, page...)
		if len(page) < p.Limit {
			break
		}
		p.After = page[len(page)-1].ID
	}
	counts, err := a.Store.LotCounts(ctx, session)
	for _, c := range counts {
		all.Units[c.Lot] = c.Units
	}
	all.total += len(all.Lots) - before
	all.did()
	return err
}

// fromGate reads what the gate holds of each lot. A lot it does not hold (not preheated, or swept) is not told of; then
// the gate cannot be asked for all admissions and counts as a partial side.
func (a *App) fromGate(ctx context.Context, all *reading) error {
	side := orders.Side{Name: "the gate"}
	for _, l := range all.Lots {
		held, err := a.Gate.Holds(ctx, l.Shard, l.ID)
		all.did()
		if fault.ClassOf(err) == fault.NotFound {
			side.Partial = true
			continue
		}
		if err != nil {
			return err
		}
		all.Left[l.ID] = held.Left
		for _, r := range held.Admitted {
			side.Admissions = append(side.Admissions, orders.AdmissionOf(r))
		}
	}
	all.Sides = append(all.Sides, side)
	return nil
}

// fromJournal reads MySQL's stored journal.
func (a *App) fromJournal(ctx context.Context, all *reading) error {
	side := orders.Side{Name: "the stored journal"}
	for shard := range a.Deployment.Shards {
		for after := int64(0); ; {
			page, err := a.Store.Records(ctx, shard, after, reconcilePage)
			if err != nil {
				return err
			}
			for _, r := range page {
				after = r.Seq
				side.Add(r, all.of)
			}
			if len(page) < reconcilePage {
				break
			}
		}
		all.did()
	}
	all.Sides = append(all.Sides, side)
	return nil
}

// fromKafka reads the journal topic from its beginning. What retention has taken is missing, so it is a partial side
// where a partition no longer begins at 0.
func (a *App) fromKafka(ctx context.Context, all *reading) error {
	side := orders.Side{Name: "Kafka", May: true}
	for shard := range a.Deployment.Shards {
		first, err := a.Kafka.Scan(ctx, shard, func(d auction.Delivery) {
			if d.Err == nil {
				side.Add(d.Record, all.of)
			}
		})
		if err != nil {
			return err
		}
		side.Partial = side.Partial || first > 0
		all.did()
	}
	all.Sides = append(all.Sides, side)
	return nil
}

// remaining counts what should be nothing when the road is clear.
func (a *App) remaining(ctx context.Context, all *reading) error {
	var err error
	if all.Parked, all.Orphans, err = a.Store.Aside(ctx); err != nil {
		return err
	}
	if all.Lag, all.Journal = a.Remaining(ctx); all.Lag < 0 {
		return fault.New(fault.Unavailable, "road_unreadable", "lag and journal cannot be read")
	}
	return nil
}
