package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os/exec"
	"slices"
	"strings"
	"time"

	"rostrum/internal/app"
	"rostrum/orders"
)

// Report is what a run has found.
type Report struct {
	Options    Options
	Machine    Machine
	Versions   []string // of the servers
	Rows       []Row
	Invariants []Counted
	Odd        int      // answers of another kind than a figure counts; a figure holds none of them
	Left       []string // what was left out, and why
	Took       time.Duration
}

// Counted is a line of invariants, with the installation it was counted on.
type Counted struct {
	On string
	orders.Invariant
}

// Taken says whether there is any figure.
func (r Report) Taken() bool {
	return slices.ContainsFunc(r.Rows, func(row Row) bool { return row.N > 0 })
}

// Missing names the figures that were wanted and have no value.
func (r Report) Missing() (names []string) {
	for _, row := range r.Rows {
		if row.N == 0 && (len(r.Options.Only) == 0 || slices.Contains(r.Options.Only, row.Name)) {
			names = append(names, row.Name)
		}
	}
	return names
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

// AsServed sets this process up as `rostrum serve` does its own.
func AsServed(get func(string) string) { app.CollectSeldom(get) }

// Run takes the figures, counts the invariants and removes what it has made. With an error, ctx's for an interruption,
// the report has what was taken until then, and says so under Left.
func Run(ctx context.Context, s Servers, o Options) (Report, error) {
	if err := o.Check(); err != nil {
		return Report{}, err
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	began := time.Now()
	if say := o.Say; say != nil {
		o.Say = func(format string, args ...any) {
			say("%4.0f s  %s", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
		}
	}
	r := run{Servers: s, o: o, began: began, f: newFigures(), report: Report{Options: o, Machine: lookAtMachine()}}
	limited, cancel := context.WithTimeout(ctx, o.Limit)
	defer cancel()
	err := r.all(limited)
	switch {
	case ctx.Err() != nil:
		err = errors.Join(ctx.Err(), err) // what fails for it may not say so
	case limited.Err() != nil:
		err = fmt.Errorf("the run was ended at its limit of %s; the figures are of the rounds until then: %w", o.Limit, errors.Join(limited.Err(), err))
	}
	if err != nil {
		r.report.Left = append(r.report.Left, "what comes after the figures above: the run ended early, "+strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	r.report.Rows, r.report.Took = r.f.rows(), time.Since(began)
	return r.report, err
}

// run is a run under way.
type run struct {
	Servers
	o         Options
	began     time.Time
	f         *figures
	report    Report
	processes processes
	members   *members
	ends      []func() error // of what it has started
}

// all takes one family after the other, and removes what was made whatever becomes of them.
func (r *run) all(ctx context.Context) (err error) {
	if err := r.check(ctx); err != nil {
		return err
	}
	defer func() {
		for n := len(r.ends) - 1; n >= 0; n-- {
			err = errors.Join(err, r.ends[n]())
		}
	}()
	for _, family := range []func(context.Context) error{r.main, r.scale} {
		if err := family(ctx); err != nil {
			return err
		}
	}
	return nil
}

// redis starts a Redis of the run's own; "" where none is to be had, and what is left out for that is said.
func (r *run) redis(ctx context.Context, appendfsync, without string) (string, error) {
	address, end, err := r.StartRedis(ctx, appendfsync)
	if errors.Is(err, exec.ErrNotFound) {
		r.o.say("%s left out: %v", without, err)
		r.report.Left = append(r.report.Left, fmt.Sprintf("%s: %v", without, err))
		return "", nil
	}
	if err == nil {
		r.ends = append(r.ends, end)
	}
	return address, err
}

// main takes what one ordinary installation shows: relay and consumer first, then what goes over HTTP.
func (r *run) main(ctx context.Context) (err error) {
	always, err := r.redis(ctx, "always", "admit_always_256")
	if err != nil {
		return err
	}
	r.processes = findProcesses(map[string]string{"redis (gate)": r.Redis, "redis (shelf)": r.Shelf, "redis (always)": always,
		"kafka": r.Kafka, "mysql": r.MySQL})
	r.o.say("An installation on %s, with %d bidders", r.Redis, r.o.Members)
	d := &door{run: r}
	defer func() { err = errors.Join(err, d.remove(ctx)) }()
	if err := d.open(ctx, always); err != nil {
		return err
	}
	r.report.Versions = versions(ctx, d.everysec)
	if r.o.wants(namesOf(roadList())...) {
		if err := r.road(ctx, d.everysec); err != nil {
			return err
		}
	}
	watch := watchCores()
	if err := d.rounds(ctx); err != nil {
		return err
	}
	r.report.Machine.Busy = watch()
	for _, i := range d.installations() {
		if err := r.count(ctx, "bids, "+i.config.Redis.Durability, i); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) count(ctx context.Context, on string, i *installation) error {
	r.o.say("Counting the invariants (%s)", on)
	table, err := i.count(ctx)
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
	for _, f := range redisVersions(ctx, i.servers.Redis) {
		all = append(all, "Redis: "+f)
	}
	return append(all, "Kafka: "+kafkaVersion(ctx, i.servers.Kafka))
}
