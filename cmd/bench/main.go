// Command bench takes the figures of `make bench` on the servers that the environment names, prints a line for each and a
// table, and counts the invariants. Package internal/bench says what the figures are.
//
// Exit status: 0; 1 where something failed or an invariant does not hold; 2 where there are no servers, or a flag is
// wrong; 130 when it was interrupted, with what was taken until then.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"

	"rostrum/internal/bench"
)

// Exit statuses.
const (
	ok          = 0
	failed      = 1
	unusable    = 2
	interrupted = 130
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// flags are what the command line says.
type flags struct {
	bench.Options
	page string // file to write; "": none
}

func run(ctx context.Context, args []string, get func(string) string, out, errs io.Writer) int {
	f, err := parse(args, errs)
	if errors.Is(err, flag.ErrHelp) {
		return ok
	}
	if err != nil {
		return unusable
	}
	if err := f.Check(); err != nil {
		fmt.Fprintln(errs, "bench:", err)
		return unusable
	}
	servers, err := bench.FromEnvironment(get)
	if err != nil {
		fmt.Fprintln(errs, "bench:", err)
		return unusable
	}
	f.Say = func(format string, args ...any) { fmt.Fprintf(errs, format+"\n", args...) }
	f.Log = slog.New(slog.NewTextHandler(errs, &slog.HandlerOptions{Level: slog.LevelError}))
	report, err := measure(ctx, servers, f)
	if err := show(report, out); err != nil {
		fmt.Fprintln(errs, "bench:", err)
		return failed
	}
	if err == nil {
		err = write(report, f.page)
	}
	return verdict(ctx, report, err, errs)
}

func parse(args []string, errs io.Writer) (flags, error) {
	f, short, d := flags{}, false, bench.Defaults()
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.SetOutput(errs)
	rounds := set.Int("rounds", d.Rounds, "rounds, of which each takes every figure once")
	seconds := set.Float64("seconds", d.Round.Seconds(), "length of one figure over HTTP in a round, up to 5")
	clients := set.Int("clients", d.Clients, "connections that bid at once")
	set.BoolVar(&short, "short", false, "a minute at most, to see that each figure can be taken; the flags above count for nothing")
	set.StringVar(&f.page, "out", "", "file to write the page to, as docs/performance.md (default: none)")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 0 {
		err := fmt.Errorf("bench: %q is no flag; see --help", set.Arg(0))
		fmt.Fprintln(errs, err)
		return f, err
	}
	if f.Options = bench.Short(); short {
		return f, nil
	}
	d.Rounds, d.Round, d.Clients = *rounds, time.Duration(*seconds*float64(time.Second)), *clients
	f.Options = d
	return f, nil
}

// measure runs with a Redis of its own for appendfsync always, where there is one to start.
func measure(ctx context.Context, s bench.Servers, f flags) (bench.Report, error) {
	address, end, err := bench.StartAlways(ctx)
	switch {
	case errors.Is(err, exec.ErrNotFound):
		f.Say("admit_always is left out: %v", err)
		return bench.Run(ctx, s, f.Options)
	case err != nil:
		return bench.Report{}, err
	}
	s.Always = address
	report, err := bench.Run(ctx, s, f.Options)
	return report, errors.Join(err, end())
}

func show(r bench.Report, out io.Writer) error {
	bench.Lines(out, r.Rows)
	return bench.Table(out, r.Rows)
}

func write(r bench.Report, path string) (err error) {
	if path == "" {
		return nil
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return bench.Page(file, r)
}

// verdict says what there is to say at the end and gives the status.
func verdict(ctx context.Context, r bench.Report, err error, errs io.Writer) int {
	for _, c := range r.Wrong() {
		fmt.Fprintf(errs, "bench: does not hold on %s: %s: %d of %d %s\n", c.On, c.Name, c.Wrong, c.Checked, c.Detail)
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(errs, "bench: interrupted; the figures are of the rounds until then")
		return interrupted
	case err != nil:
		fmt.Fprintln(errs, "bench:", err)
		return failed
	case len(r.Wrong()) > 0:
		return failed
	}
	fmt.Fprintf(errs, "bench: %d invariants hold; %s\n", len(r.Invariants), r.Took.Round(time.Second))
	return ok
}
