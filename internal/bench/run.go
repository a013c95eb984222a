package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"rostrum/orders"
)

// Report is what a run has found.
type Report struct {
	Options    Options
	Machine    Machine
	Versions   []string // of the servers
	Rows       []Row
	Invariants []Counted
	Odd        int // answers of another kind than a figure counts; a figure holds none of them
	Took       time.Duration
}

// Counted is a line of invariants, with the installation it was counted on.
type Counted struct {
	On string
	orders.Invariant
}

// Wrong gives the invariants that do not hold.
func (r Report) Wrong() []Counted {
	var wrong []Counted
	for _, c := range r.Invariants {
		if !c.OK() {
			wrong = append(wrong, c)
		}
	}
	return wrong
}

// Run takes the figures, counts the invariants and removes what it has made. With an error, ctx's for an interruption,
// the report has what was taken until then.
func Run(ctx context.Context, s Servers, o Options) (Report, error) {
	if err := o.Check(); err != nil {
		return Report{}, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	began := time.Now()
	r := run{Servers: s, o: o, f: newFigures(), report: Report{Options: o, Machine: lookAtMachine()}}
	limited, cancel := context.WithTimeout(ctx, o.Limit)
	defer cancel()
	err := r.road(limited)
	if err == nil {
		err = r.door(limited)
	}
	if limited.Err() != nil && ctx.Err() == nil {
		err = fmt.Errorf("the run was ended at its limit of %s; the figures are of the rounds until then: %w", o.Limit, err)
	}
	r.report.Rows, r.report.Took = r.f.rows(), time.Since(began)
	return r.report, err
}

// run is a run under way.
type run struct {
	Servers
	o      Options
	f      *figures
	report Report
}

// road takes relay and consumer.
func (r *run) road(ctx context.Context) (err error) {
	r.o.say("Relay and consumer: an installation on %s", r.Redis)
	d, err := openRoad(ctx, r.Servers, r.o)
	defer func() { err = errors.Join(err, d.remove(ctx)) }()
	if err != nil {
		return err
	}
	r.report.Versions = versions(ctx, d.installation)
	for round := range r.o.Rounds {
		r.o.say("Relay and consumer: round %d of %d", round+1, r.o.Rounds)
		if err := d.round(ctx, round, r.f); err != nil {
			return err
		}
	}
	return r.count(ctx, "relay and consumer", d.installation, nil)
}

// door takes what goes over HTTP.
func (r *run) door(ctx context.Context) (err error) {
	r.o.say("Bids over HTTP: installations, and %d bidders for each", r.o.Members)
	d, err := openDoor(ctx, r.Servers, r.o)
	defer func() { err = errors.Join(err, d.remove(ctx)) }()
	if err != nil {
		return err
	}
	watch := watchCores()
	for round := range r.o.Rounds {
		r.o.say("Bids over HTTP: round %d of %d", round+1, r.o.Rounds)
		if err := d.round(ctx, round, r.f); err != nil {
			return err
		}
	}
	r.report.Odd, r.report.Machine.Busy = d.odd, watch()
	for _, i := range d.installations() {
		if err := r.count(ctx, "bids, "+i.config.Redis.Durability, i, d.told[i]); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) count(ctx context.Context, on string, i *installation, told []orders.Admission) error {
	r.o.say("Counting the invariants (%s)", on)
	table, err := i.count(ctx, told)
	if err != nil {
		return fmt.Errorf("invariants: %w", err)
	}
	for _, line := range table {
		r.report.Invariants = append(r.report.Invariants, Counted{on, line})
	}
	return nil
}

// versions gives what the servers say they are.
func versions(ctx context.Context, i *installation) []string {
	all := []string{}
	if v, err := i.app.Store.Version(ctx); err == nil {
		all = append(all, "MySQL protocol: "+v)
	}
	for _, f := range redisVersions(ctx, i) {
		all = append(all, "Redis: "+f)
	}
	return append(all, "Kafka: "+kafkaVersion(ctx, i.servers.Kafka))
}
