package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"rostrum/accounts"
	"rostrum/internal/simulate"
)

// The defaults of a sale that a simulation makes.
const (
	simulatedArea = "simulation"
	simulatedLots = 10
	leadBase      = 3 * time.Second
	leadPerLot    = 2 * time.Millisecond
	mostUsers     = 10_000 // where it is not said how many
)

// simulation is the command's flags.
type simulation struct {
	o                  simulate.Options
	plan               simulate.Plan
	session, shape     string
	tokens             string
	users              int
	jsonFile, htmlFile string
}

func (c *cli) simulateCommand() *cobra.Command {
	s := &simulation{}
	cmd := &cobra.Command{
		Use:   "simulate",
		Short: "Let a crowd rush at an installation, open loop, and count what it was told; exit status 1 if something is wrong",
		Long: "Lets bidders and readers come by a schedule, whatever the answers to those before, and counts from the moment each came:\n" +
			"what could not be sent in time has waited. They bid in a session that is there (--session), or in a sale that is made for\n" +
			"them in an area of its own and removed again (--lots, --stock). At the end the invariants are counted: with the\n" +
			"configuration of the installation from its gate, Kafka and MySQL too, with --tokens from outside only.\n\n" +
			"Exit status: 0 all holds; 1 an invariant does not; 2 nothing was simulated: command line, no servers, no rights;\n" +
			"130 interrupted: what was measured until then is reported, and what was made is removed.",
		Example: "  rostrum simulate --rate 500 --for 30s --lots 20 --stock 500 --zipf 1 --html report.html\n" +
			"  rostrum simulate --shape spike --rate 5000 --for 1m --readers 0.3 --users 20000\n" +
			"  rostrum simulate --target https://shop.example.org --i-own-this-target --session 0198… --tokens tokens.txt",
		Args: cobra.NoArgs,
	}
	s.flags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := s.read(cmd); err != nil {
			return err
		}
		return c.simulate(cmd.Context(), s)
	}
	return cmd
}

func (s *simulation) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.o.Target, "target", "", "the installation, as http://host:port; empty: http.listen of the configuration")
	f.BoolVar(&s.o.Owned, "i-own-this-target", false, "the target is another machine, and yours to load")
	f.BoolVar(&s.o.Client.Insecure, "insecure", false, "take any certificate of the target")
	f.StringVar(&s.session, "session", "", "bid in this session; it must be live, or start within ten minutes")
	f.IntVar(&s.plan.Lots, "lots", simulatedLots, fmt.Sprintf("without --session: make a sale of so many lots, up to %d", simulate.MaxLots))
	f.Int64Var(&s.plan.Stock, "stock", 100, "units of each of these lots")
	f.IntVar(&s.plan.PerBuyer, "per-buyer", 1, "units of one of these lots that one user may have, up to 64")
	f.StringVar(&s.tokens, "tokens", "", "file with bidders as rostrum user token prints them, -: standard input; then no configuration is needed")
	f.IntVar(&s.users, "users", 0, fmt.Sprintf("distinct bidders, up to %d; 0: one an arrival, up to %d", accounts.MaxMint, mostUsers))
	f.StringVar(&s.shape, "shape", string(simulate.Constant), "of the rate over time: constant; ramp, from nothing up; spike, a tenth but for the middle fifth; step, five stairs")
	f.Float64Var(&s.o.Rate, "rate", simulate.DefaultRate, "arrivals a second, the highest of the shape")
	f.DurationVar(&s.o.Length, "for", simulate.DefaultLength, "how long they come, up to "+simulate.MaxLength.String())
	f.BoolVar(&s.o.Even, "even", false, "they come evenly, and not by chance (Poisson)")
	f.Float64Var(&s.o.Zipf, "zipf", 0, "exponent of the choice of lots: 1 as in Zipf's law; 0: all are wanted alike")
	f.Float64Var(&s.o.Readers, "readers", 0, "share of the arrivals that open the goods page and do not bid, 0 to 1")
	f.IntVar(&s.o.MaxBids, "max-bids", simulate.DefaultMaxBids, fmt.Sprintf("end after so many arrivals, up to %d", simulate.MaxArrivals))
	f.IntVar(&s.o.Connections, "connections", simulate.DefaultConnections, fmt.Sprintf("kept open at most, up to %d; who finds none free waits", simulate.MaxConnections))
	f.IntVar(&s.o.Asks, "asks", simulate.DefaultAsks, "requests for one bid at most: asked again after Retry-After, and with its own id when nobody knows the outcome")
	f.DurationVar(&s.o.Timeout, "timeout", simulate.DefaultTimeout, "of one request, up to 1m")
	f.DurationVar(&s.o.Verify, "verify", simulate.DefaultVerify, "read receipts back for so long at most, up to 10m")
	f.Uint64Var(&s.o.Seed, "seed", 1, "of everything that is drawn but ids: the same arrivals and choices again")
	f.StringVar(&s.jsonFile, "json", "", "write the report as JSON into this file")
	f.StringVar(&s.htmlFile, "html", "", "write the report with charts into this file")
}

// read checks what the flags say.
func (s *simulation) read(cmd *cobra.Command) (err error) {
	f := cmd.Flags()
	if s.session != "" {
		if s.o.Session, err = uuid.Parse(s.session); err != nil || s.o.Session == uuid.Nil {
			return usage("%q is not the id of a session", s.session)
		}
		for _, name := range []string{"lots", "stock", "per-buyer"} {
			if f.Changed(name) {
				return usage("--%s is for a sale of its own: leave it or --session out", name)
			}
		}
	}
	if s.o.Shape, err = simulate.ParseShape(s.shape); err != nil {
		return usage("--shape: %v", err)
	}
	// What is left out has a default; what was set to nothing is a mistake.
	for _, name := range []string{"rate", "for", "max-bids", "connections", "asks", "timeout", "verify"} {
		if text := f.Lookup(name).Value.String(); text == "0" || text == "0s" {
			return usage("--%s is %s: write more than nothing", name, text)
		}
	}
	for _, bound := range []struct {
		name        string
		value, most int64
		least       int64
	}{
		{"lots", int64(s.plan.Lots), simulate.MaxLots, 1}, {"stock", s.plan.Stock, 1 << 31, 1}, {"per-buyer", int64(s.plan.PerBuyer), 64, 1},
		{"users", int64(s.users), accounts.MaxMint, 0},
	} {
		if bound.value < bound.least || bound.value > bound.most {
			return usage("--%s is %d: write %d to %d", bound.name, bound.value, bound.least, bound.most)
		}
	}
	return nil
}

// simulate runs with the configuration where the bidders come from it, else without.
func (c *cli) simulate(ctx context.Context, s *simulation) error {
	if s.tokens == "" {
		return c.with(needRoad, func(p platform) error { return c.simulateInside(ctx, s, p) })
	}
	if s.o.Session == uuid.Nil {
		return usage("--tokens needs --session: a sale of its own is made with the installation's configuration")
	}
	if s.o.Target == "" {
		return usage("--tokens needs --target, such as http://127.0.0.1:8080")
	}
	members, err := c.readTokens(s.tokens)
	if err != nil {
		return err
	}
	if s.users > 0 {
		members = members[:min(s.users, len(members))]
	}
	return c.run(ctx, s, simulate.Crowd{Members: members}, nil, nil)
}

func (c *cli) readTokens(file string) ([]simulate.Member, error) {
	from := c.in
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, usage("--tokens: %v", err)
		}
		defer func() { _ = f.Close() }() // it was only read
		from = f
	}
	members, err := simulate.ReadTokens(from)
	if err != nil {
		return nil, usage("--tokens: %w", err)
	}
	return members, nil
}

func (c *cli) simulateInside(ctx context.Context, s *simulation, p platform) error {
	if s.o.Target == "" {
		settings, err := c.load(needRoad)
		if err != nil {
			return err
		}
		s.o.Target = "http://" + reached(settings.HTTP.Listen)
	}
	users := s.users
	if users == 0 {
		users = min(s.o.Arrivals(), mostUsers)
	}
	step, end := c.progress("users")
	defer end()
	inside := &inside{platform: p, progress: step}
	if s.o.Session != uuid.Nil {
		return c.run(ctx, s, simulate.Crowd{Users: users}, nil, inside)
	}
	plan := s.plan
	plan.Area, plan.Lead = simulatedArea, leadBase+time.Duration(plan.Lots)*leadPerLot
	return c.run(ctx, s, simulate.Crowd{Users: users}, &plan, inside)
}

// reached is where one reaches what listens on an address, from the same machine.
func reached(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return listen
}

// run simulates, shows and keeps the report, and gives the exit status that fits it.
func (c *cli) run(ctx context.Context, s *simulation, crowd simulate.Crowd, plan *simulate.Plan, in simulate.Inside) error {
	files, err := s.open()
	if err != nil {
		return err
	}
	wipe := c.watch(&s.o)
	report, err := simulate.Run(ctx, s.o, crowd, plan, in)
	wipe()
	if err != nil && report.Began.IsZero() {
		files.drop()
		return c.nothing(err, report.Stays)
	}
	shown := c.show(report, report.Text)
	if kept := files.write(report); kept != nil || shown != nil {
		return errors.Join(shown, kept)
	}
	if broken := report.Broken(); broken > 0 {
		return wrongError{fmt.Sprintf("%d of %d do not hold", broken, len(report.Invariants))}
	}
	return err
}

// nothing gives the error of a simulation to which nobody came, and says what is left of its preparation.
func (c *cli) nothing(err error, stays []string) error {
	for _, left := range stays {
		_, _ = fmt.Fprintln(c.err, "stays:", left)
	}
	var unusable *simulate.Unusable
	if errors.As(err, &unusable) {
		return usageError{err}
	}
	return err
}

// watch shows what is going on where somebody looks. It gives what clears the line at the end.
func (c *cli) watch(o *simulate.Options) (wipe func()) {
	if !c.errTerminal || c.quiet || c.output == "json" {
		return func() {}
	}
	line := func(text string) { _, _ = io.WriteString(c.err, "\r\x1b[K"+text) }
	o.Watch = func(p simulate.Progress) { line(p.Line()) }
	o.Say = line
	return func() { line("") }
}

// reportFiles are opened before the run: a report that cannot be kept is found out before an hour of load, not after.
type reportFiles struct{ json, html *os.File }

func (s *simulation) open() (f reportFiles, err error) {
	for name, into := range map[string]**os.File{s.jsonFile: &f.json, s.htmlFile: &f.html} {
		if name == "" {
			continue
		}
		if *into, err = os.Create(name); err != nil {
			*into = nil
			f.drop()
			return f, usage("the report cannot be written: %v", err)
		}
	}
	return f, nil
}

// drop removes files that will hold no report.
func (f reportFiles) drop() {
	for _, file := range []*os.File{f.json, f.html} {
		if file != nil {
			_ = file.Close() // nothing was written
			_ = os.Remove(file.Name())
		}
	}
}

func (f reportFiles) write(r simulate.Report) error {
	var failed []error
	for file, write := range map[*os.File]func(io.Writer) error{f.json: r.JSON, f.html: r.HTML} {
		if file != nil {
			failed = append(failed, write(file), file.Close())
		}
	}
	return errors.Join(failed...)
}
