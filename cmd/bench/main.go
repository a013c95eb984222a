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
	"os/signal"
	"strings"
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
	folder string // to write the pages into; "": none
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
	f.Log = slog.New(slog.NewTextHandler(&some{w: errs, left: maxLogLines}, &slog.HandlerOptions{Level: slog.LevelError}))
	bench.AsServed(get)
	report, err := bench.Run(ctx, servers, f.Options)
	if err := show(report, out); err != nil {
		fmt.Fprintln(errs, "bench:", err)
		return failed
	}
	if f.folder != "" && len(f.Only) == 0 && report.Taken() {
		err = errors.Join(err, bench.Write(f.folder, report))
	}
	return verdict(ctx, report, err, errs)
}

func parse(args []string, errs io.Writer) (flags, error) {
	f, short, d := flags{}, false, bench.Defaults()
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.SetOutput(errs)
	rounds := set.Int("rounds", d.Rounds, "rounds, of which each takes every figure once")
	seconds := set.Float64("seconds", d.Round.Seconds(), "length of one figure over HTTP in a round, up to 5")
	set.BoolVar(&short, "short", false, "about a minute, to see that each figure can be taken; the flags above count for nothing")
	only := set.String("only", "", "figures to take, by comma, with what they are held against; those of costs, pages and memory come together (default: all)")
	set.StringVar(&f.folder, "out", "", "folder to write performance.md, capacity.md and their charts into, unless only some figures are taken (default: none)")
	if err := set.Parse(args); err != nil {
		return f, err
	}
	if set.NArg() > 0 {
		err := fmt.Errorf("bench: %q is no flag; see --help", set.Arg(0))
		fmt.Fprintln(errs, err)
		return f, err
	}
	if *only != "" {
		d.Only = strings.Split(*only, ",")
	}
	if f.Options = bench.Short(); short {
		f.Only = d.Only
		return f, nil
	}
	d.Rounds, d.Round = *rounds, time.Duration(*seconds*float64(time.Second))
	f.Options = d
	return f, nil
}

// maxLogLines are those of the platform's log that are shown: a server that is gone fails every bid.
const maxLogLines = 20

// some passes on so many lines, and says that there are more. The log's handler writes one at a time.
type some struct {
	w    io.Writer
	left int
}

func (s *some) Write(line []byte) (int, error) {
	if s.left--; s.left < -1 {
		return len(line), nil
	}
	if s.left == -1 {
		_, err := io.WriteString(s.w, "(and more)\n")
		return len(line), err
	}
	return s.w.Write(line)
}

// show prints what was taken; of a run that took nothing there is nothing to print.
func show(r bench.Report, out io.Writer) error {
	if !r.Taken() {
		return nil
	}
	if r.Options.Scaled() {
		fmt.Fprintf(out, "# a short run: %d lots and %d users stand for those in the figures' names\n", r.Options.Lots, r.Options.Users)
	}
	bench.Lines(out, r.Rows)
	return bench.Table(out, r.Rows)
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
	case r.Options.Scaled() && len(r.Missing()) > 0: // that each can be taken is all that a short run is for
		fmt.Fprintf(errs, "bench: not taken: %s\n", strings.Join(append(r.Missing(), r.Left...), "; "))
		return failed
	}
	fmt.Fprintf(errs, "bench: %d invariants hold; %s; %s\n", len(r.Invariants), reached(r), r.Took.Round(time.Second))
	return ok
}

// reached says how many targets are.
func reached(r bench.Report) string {
	n, of := 0, 0
	for _, row := range r.Rows {
		if ok, has := row.Reached(); has {
			of++
			if ok {
				n++
			}
		}
	}
	return fmt.Sprintf("%d of %d targets reached", n, of)
}
