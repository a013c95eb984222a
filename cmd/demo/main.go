// Command demo is Rostrum on embedded stand-ins: it needs nothing but Go. It seeds an installation, lets 2,000 simulated
// bidders rush at a flash sale over real HTTP, counts the invariants, and goes on serving. Everything above the
// stand-ins is the production code.
//
// Exit status: 0; 1 where something failed or an invariant does not hold; 130 where it was interrupted (Ctrl-C, SIGTERM)
// before its table, when nothing is known of the invariants.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/schollz/progressbar/v3"

	"rostrum/internal/app"
	"rostrum/internal/crowd"
)

const exitInterrupted = 130

// errInterrupted says that the demo was told to end before it had counted anything.
var errInterrupted = errors.New("interrupted before its table: nothing was counted")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	o, err := flags(args, errs)
	if err != nil {
		return 1
	}
	return play(ctx, o, out, errs)
}

// play plays the demo and gives its exit status.
func play(ctx context.Context, o options, out, errs io.Writer) int {
	wrong, err := demo(ctx, o, screen{out: out, terminal: isTerminal(out)})
	switch {
	case errors.Is(err, errInterrupted):
		fmt.Fprintln(errs, "demo:", err)
		return exitInterrupted
	case err != nil:
		fmt.Fprintln(errs, "demo:", err)
		return 1
	case wrong > 0:
		fmt.Fprintf(errs, "demo: %d invariants do not hold\n", wrong)
		return 1
	}
	return 0
}

func flags(args []string, errs io.Writer) (options, error) {
	o := options{sale: time.Minute, lead: 5 * time.Second, crowd: bidders}
	f := flag.NewFlagSet("demo", flag.ContinueOnError)
	f.SetOutput(errs)
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "address to serve on")
	f.StringVar(&o.data, "data", "", "folder for the data, kept for the next start (default: a temporary one)")
	f.BoolVar(&o.once, "once", false, "end after the table of invariants, with status 1 if one does not hold, 130 if interrupted before it")
	f.BoolVar(&o.relay, "relay", true, "carry the journal to Kafka; without it the table must show what is missing")
	f.StringVar(&o.log, "log", "error", "least level of the platform's log: debug, info, warn, error")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		err := fmt.Errorf("demo: %q is no flag; see --help", f.Arg(0))
		fmt.Fprintln(errs, err)
		return o, err
	}
	return o, nil
}

// demo is the whole story. wrong counts the invariants that do not hold; errInterrupted where ctx ended before they were
// counted.
func demo(ctx context.Context, o options, s screen) (wrong int, err error) {
	w := &world{}
	defer w.end()
	wrong, err = w.untilTheTable(ctx, o, s)
	if err != nil && ctx.Err() != nil {
		err = errInterrupted
	}
	if err == nil && !o.once {
		err = serve(ctx, w.app, s)
	}
	if stopErr := w.stop(context.WithoutCancel(ctx)); err == nil {
		err = stopErr
	}
	return wrong, err
}

// untilTheTable starts everything, seeds, sells and counts.
func (w *world) untilTheTable(ctx context.Context, o options, s screen) (wrong int, err error) {
	s.say("Starting stand-ins for MySQL, Redis and Kafka on loopback (receipts say durability none)")
	if err := w.start(ctx, o); err != nil {
		return 0, err
	}
	shop := &sellers{screen: s, items: w.app.Store, sessions: w.app.Store, accounts: w.app.Accounts, shards: w.app.Deployment.Shards, now: time.Now}
	if err := shop.seed(ctx); err != nil {
		return 0, fmt.Errorf("seed: %w", err)
	}
	if err := w.app.Start(ctx); err != nil {
		return 0, err
	}
	return flashSale(ctx, w.app, shop, s, o)
}

func flashSale(ctx context.Context, a *app.App, shop *sellers, s screen, o options) (wrong int, err error) {
	if err := a.AwaitShards(ctx, 30*time.Second); err != nil {
		return 0, err
	}
	base := "http://" + a.Addr().String()
	c := crowd.New(func() string { return base }, crowd.Options{Spread: rushSpread})
	defer c.Close()
	sale := &sale{app: a, screen: s, sellers: shop, crowd: o.crowd}
	members, err := sale.members(ctx, c)
	if err != nil {
		return 0, err
	}
	if err := sale.plan(ctx, o.lead+time.Second, o.sale); err != nil {
		return 0, err
	}
	bar := progressbar.NewOptions(len(stocks), progressbar.OptionSetWriter(s.out), progressbar.OptionSetDescription("Preheating"),
		progressbar.OptionShowCount(), progressbar.OptionSetVisibility(s.terminal))
	report, err := a.Preheat(ctx, sale.session.ID, func(done, _ int) { _ = bar.Set(done) })
	s.still()
	if err != nil {
		return 0, fmt.Errorf("preheat: %w", err)
	}
	s.say("Preheated %d lots, %d verified", report.Lots, report.Verified)
	if err := sale.run(ctx, c, members); err != nil {
		return 0, err
	}
	return sale.count(ctx, c)
}

// serve goes on until it is told to stop.
func serve(ctx context.Context, a *app.App, s screen) error {
	s.people()
	s.say("\nServing on http://%s (API: /docs). Ctrl-C ends it.", a.Addr())
	select {
	case <-ctx.Done():
		return nil
	case err := <-a.Died():
		return err
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
