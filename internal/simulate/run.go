package simulate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"rostrum/orders"
)

// Inside is what only an installation's own command can do for a simulation. Without it a simulation bids with tokens it
// is given, in a session that is there, and counts what can be counted from outside.
type Inside interface {
	// Area makes an area of sale; one that is there stays as it is.
	Area(ctx context.Context, code string) error
	// Bidders gives n distinct bidders of an area with tokens of a life, audited.
	Bidders(ctx context.Context, area string, n int, life time.Duration) ([]Member, error)
	// Staff gives a token of somebody in an area who may sell and plan sessions, audited.
	Staff(ctx context.Context, area string, life time.Duration) (token string, err error)
	// Remaining gives what is decided and not yet in MySQL: messages and journal records; -1: cannot be read.
	Remaining(ctx context.Context) (lag, journal int64)
	// Reconcile counts the invariants of a session; side is what the clients were told.
	Reconcile(ctx context.Context, session uuid.UUID, side orders.Side) ([]orders.Invariant, error)
	// Withdraw takes the lots of a live session out of the sale.
	Withdraw(ctx context.Context, session uuid.UUID) error
	// CancelOrders cancels a session's unpaid orders: what is not over is not swept from the gate.
	CancelOrders(ctx context.Context, session uuid.UUID) (cancelled int, err error)
}

// Crowd is who bids: given, or to be had from Inside.
type Crowd struct {
	Members []Member // where they are given
	Users   int      // else so many
}

// Times around a run.
const (
	tokenSpare     = 30 * time.Minute // life of tokens beyond the run
	settleWithin   = time.Minute      // for the road from gate to MySQL to clear
	hurriedWithin  = 20 * time.Second // for all that is counted, after an interruption
	removeWithin   = time.Minute
	publishTimeout = 70 * time.Second
)

// run is one simulation.
type run struct {
	o      Options
	client *Client
	inside Inside
	crowd  Crowd
	plan   *Plan

	site    *site
	sale    *sale // its own; nil: it bids in somebody else's
	where   session
	members []Member
	lots    []Lot
	rec     *recorder
	report  Report
}

// Run simulates. plan is a sale to be made for it, and removed again as far as the product allows; nil: it bids in
// o.Session. An Unusable comes back where nothing was simulated; else there is a report, also with an error: ctx's where
// it was interrupted.
func Run(ctx context.Context, o Options, crowd Crowd, plan *Plan, inside Inside) (Report, error) {
	if err := o.Check(); err != nil {
		return Report{}, err
	}
	r := &run{o: o.withDefaults(), crowd: crowd, plan: plan, inside: inside}
	r.client = NewClient(func() string { return r.o.Target }, r.o.Client)
	defer r.client.Close()
	r.site = &site{asker: r.client.Asker(), base: r.o.Target}
	err := r.prepare(ctx)
	if err == nil {
		err = r.simulate(ctx)
	}
	r.remove(context.WithoutCancel(ctx))
	return r.report, err
}

// prepare finds or makes what is bid for, and who bids.
func (r *run) prepare(ctx context.Context) error {
	if err := r.find(ctx); err != nil {
		return r.explain(ctx, err)
	}
	if err := r.people(ctx); err != nil {
		return r.explain(ctx, err)
	}
	if r.plan != nil {
		if err := r.publish(ctx); err != nil {
			return r.explain(ctx, err)
		}
	}
	r.site.token = r.members[0].Token
	if err := cmp.Or(r.opened(ctx), ctx.Err()); err != nil {
		return r.explain(ctx, err)
	}
	return nil
}

// explain turns whatever stopped the preparation into something with a remedy.
func (r *run) explain(ctx context.Context, err error) error {
	var done *Unusable
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("interrupted before anybody came: %w", ctx.Err())
	case errors.As(err, &done):
		return err
	case errors.Is(err, ErrNotSent):
		return unusable(err, "start it with `rostrum serve`, or name another with --target", "nobody listens at %s", r.o.Target)
	}
	return unusable(err, "mend that and come again", "the simulation could not be prepared: %v", err)
}

// find looks whether the target is an installation at all, and learns the area.
func (r *run) find(ctx context.Context) error {
	var areas struct {
		Items []struct{ Code string } `json:"items"`
	}
	if err := r.site.get("/api/v1/areas", &areas); err != nil {
		if errors.Is(err, ErrNotSent) {
			return err
		}
		return unusable(err, "check --target and what stands between", "%s does not answer as a Rostrum does (%v)", r.o.Target, err)
	}
	if r.plan != nil {
		if r.inside == nil {
			return unusable(nil, "give --session, or the installation's configuration", "a sale of its own needs the installation's inside")
		}
		r.where.Area = r.plan.Area
		return r.inside.Area(ctx, r.plan.Area)
	}
	if r.o.Session == uuid.Nil {
		return unusable(nil, "give --session ID, or --lots N for a sale of its own", "there is nothing to bid for")
	}
	var err error
	r.where, err = r.site.session(r.o.Session)
	return err
}

// people gets the bidders, and asks the installation who the first of them is.
func (r *run) people(ctx context.Context) (err error) {
	r.members = r.crowd.Members
	if len(r.members) == 0 {
		if r.inside == nil {
			return unusable(nil, "give --tokens FILE, or the installation's configuration", "nobody bids")
		}
		r.o.Say(fmt.Sprintf("getting %d bidders", r.crowd.Users))
		if r.members, err = r.inside.Bidders(ctx, r.where.Area, r.crowd.Users, r.o.Length+r.o.OpenWait+tokenSpare); err != nil {
			return err
		}
	}
	r.site.token = r.members[0].Token
	user, area, err := r.site.whoAmI()
	if err != nil {
		return err
	}
	if area != r.where.Area {
		return unusable(nil, "take tokens of that area", "the bidders are of area %q, and the session is held in %q", area, r.where.Area)
	}
	if r.members[0].User != user {
		return unusable(nil, "take the tokens as `rostrum user token` prints them", "the first token is not of the user it says")
	}
	return nil
}

// publish makes the sale.
func (r *run) publish(ctx context.Context) error {
	token, err := r.inside.Staff(ctx, r.plan.Area, r.o.Length+r.o.OpenWait+tokenSpare)
	if err != nil {
		return err
	}
	// Publishing and preheating read every lot: they may take longer than a bid.
	client := NewClient(func() string { return r.o.Target }, ClientOptions{Connections: saleHands, Timeout: publishTimeout, Insecure: r.o.Client.Insecure})
	r.sale = &sale{plan: *r.plan, client: client, token: token, say: r.o.Say}
	id, err := r.sale.publish(ctx, r.o.Length+r.o.Drain+saleSpare)
	r.o.Session = id
	return err
}

// opened waits for the session and reads its lots.
func (r *run) opened(ctx context.Context) (err error) {
	if r.where, err = r.site.open(ctx, r.o.Session, r.o.OpenWait, r.o.Say); err != nil {
		return err
	}
	r.lots, err = r.site.goods(ctx, r.o.Session)
	return err
}

// simulate drives the crowd and counts.
func (r *run) simulate(ctx context.Context) error {
	r.rec = newRecorder(r.o.Length)
	dice := rand.New(rand.NewPCG(r.o.Seed, 0))
	began, cpu := time.Now(), cpuTime()
	d := &drive{o: r.o, client: r.client, members: r.members, lots: r.lots, session: r.o.Session, rec: r.rec, dice: dice,
		now:      func() time.Duration { return time.Since(began) },
		schedule: newSchedule(r.o.Shape, r.o.Rate, r.o.Length, r.o.Even, dice), choice: newChoice(len(r.lots), r.o.Zipf)}
	stop := r.watch(d)
	d.run(ctx)
	stop()
	took := time.Since(began)
	r.report = r.rec.report(took)
	r.report.describe(r, began, cpuTime()-cpu)
	// An interruption ends the load at once; what it bought is counted all the same, in a hurry.
	counting, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(r.o.hurried, end) })()
	r.count(counting, ctx.Err() != nil)
	r.report.remark(r)
	if ctx.Err() != nil {
		r.report.Interrupted = true
		return fmt.Errorf("interrupted after %s: %w", took.Round(time.Millisecond), ctx.Err())
	}
	return nil
}

// watch tells of the progress until it is stopped.
func (r *run) watch(d *drive) (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(watchInterval)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
				p := r.rec.progress()
				p.At, p.Length, p.Backlog = d.now(), r.o.Length, d.waiting.Load()
				r.o.Watch(p)
			}
		}
	}()
	return func() { close(done); <-ended }
}

// count counts the invariants: from outside always, from inside where that can be reached.
func (r *run) count(ctx context.Context, hurried bool) {
	within, verify := settleWithin, r.o.Verify
	if hurried {
		within, verify = r.o.hurried, min(verify, r.o.hurried/2)
	}
	r.o.Say(fmt.Sprintf("reading %d receipts back", len(r.rec.receipts)))
	v := verifier{client: r.client, o: r.o, lots: r.lots, members: r.members}
	r.report.Invariants = append(r.report.Invariants, v.check(ctx, r.rec, verify)...)
	r.report.NotCounted = append(r.report.NotCounted, v.left...)
	if r.inside == nil {
		r.report.NotCounted = append(r.report.NotCounted,
			"gate, Kafka and MySQL against each other (stock, limits, orders, lag): run with the installation's configuration, or `rostrum reconcile` there")
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 3*within)
	defer cancel()
	r.o.Say("waiting until MySQL has everything")
	c := counting{inside: r.inside, session: r.o.Session, side: orders.Side{Name: clientsLog, Admissions: r.rec.receipts, May: true, Partial: true}}
	table, left, err := c.count(ctx, within)
	if err != nil {
		left = []string{fmt.Sprintf("gate, Kafka and MySQL against each other: %v", err)}
	}
	r.report.Invariants, r.report.NotCounted = append(r.report.Invariants, table...), append(r.report.NotCounted, left...)
}

// remove takes away what was made, and says what stays.
func (r *run) remove(ctx context.Context) {
	if r.sale == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, removeWithin)
	defer cancel()
	defer r.sale.client.Close()
	r.o.Say("removing the sale")
	r.report.Stays = r.sale.remove(ctx, r.inside.Withdraw)
	if r.report.Admitted > 0 {
		r.report.Stays = append(r.report.Stays, r.cancelOrders(ctx))
	}
	r.report.Stays = append(r.report.Stays, fmt.Sprintf("area %q and its bidders, for the next simulation; lines in the audit log", r.plan.Area))
}

// cancelOrders cancels what was bought, and says what stays of it.
func (r *run) cancelOrders(ctx context.Context) string {
	n, err := r.inside.CancelOrders(ctx, r.sale.id)
	switch {
	case err != nil:
		return fmt.Sprintf("%d orders, %d of them cancelled (%v): the others keep the sale's lots in the gate's Redis", r.report.Admitted, n, err)
	case int64(n) < r.report.Admitted: // some are on their way yet
		return fmt.Sprintf("%d orders, %d of them cancelled: those that come later keep the sale's lots in the gate's Redis", r.report.Admitted, n)
	}
	return fmt.Sprintf("%d orders, cancelled: the gate's Redis forgets the sale when its session is settled", n)
}
