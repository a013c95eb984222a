package bench

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"rostrum/accounts"
	"rostrum/internal/fault"
)

// Options bound a run.
type Options struct {
	Rounds  int           // 1 … 16
	Round   time.Duration // of one figure over HTTP, up to 5 s; a round ends sooner when every member has bid
	Members int           // bidders with tokens, 1 … 100,000: the most bids of a figure in a round
	Crowd   int           // connections over which twice the peak arrives, 16 … 10,000
	Spread  int           // lots of the sale that admit_spread bids on, 16 … 10,000
	Rows    int           // records of one round of relay and consumer, 100 … 200,000
	Bids    int           // of one round of a cost, 100 … 100,000
	Lots    int           // that preheat_100k and cost_1e5_lots have: 100,000, or fewer where only their taking matters
	Users   int           // that cost_1e6_users has: 1,000,000, or fewer
	Lead    time.Duration // from a sale's publication to its start: preheating must be done by then
	BigLead time.Duration // the same for the sale of Lots, whose listing is in it
	Limit   time.Duration // of the whole run; what was taken until then is kept
	Only    []string      // figures to take, with what they are held against; none: all. Some are taken together

	Say func(format string, args ...any) // tells how far it is; nil: silent
	Log *slog.Logger                     // the platform's
}

// What the names of the figures promise.
const (
	allLots  = 100_000
	allUsers = 1_000_000
)

// clients are the connections of the figures that say so in their names.
const (
	few  = 64
	many = 256
)

// Defaults are a run of about ten minutes.
func Defaults() Options {
	return Options{Rounds: 3, Round: 1200 * time.Millisecond, Members: 100_000, Crowd: 3072, Spread: 1000, Rows: 20_000, Bids: 10_000,
		Lots: allLots, Users: allUsers, Lead: 4 * time.Second, BigLead: 100 * time.Second, Limit: 12 * time.Minute}
}

// Short is a run of about a minute that only shows that each figure can be taken.
func Short() Options {
	return Options{Rounds: 1, Round: 300 * time.Millisecond, Members: 5000, Crowd: 512, Spread: 64, Rows: 2000, Bids: 1000,
		Lots: 2000, Users: 10_000, Lead: 3 * time.Second, BigLead: 7 * time.Second, Limit: 10 * time.Minute}
}

// Scaled says whether fewer lots or users are there than the figures' names say.
func (o Options) Scaled() bool { return o.Lots != allLots || o.Users != allUsers }

// Check gives what is wrong with the options; nil for nothing.
func (o Options) Check() error {
	for _, b := range []struct {
		name          string
		is, low, high int
	}{
		{"rounds", o.Rounds, 1, roadLots / halves}, // nobody bids on a lot of orders_end_to_end twice
		{"milliseconds a round", int(o.Round.Milliseconds()), 10, 5000},
		{"members", o.Members, 1, accounts.MaxMint},
		{"connections of twice the peak", o.Crowd, 16, 10_000},
		{"lots to spread over", o.Spread, 16, 10_000},
		{"rows", o.Rows, 100, 200_000},
		{"bids of a cost", o.Bids, 100, 100_000},
		{"lots", o.Lots, 100, allLots},
		{"users", o.Users, 1000, allUsers},
		{"milliseconds of lead", int(o.Lead.Milliseconds()), 100, 60_000},
		{"milliseconds of the big sale's lead", int(o.BigLead.Milliseconds()), 100, 300_000},
	} {
		if b.is < b.low || b.is > b.high {
			return fault.New(fault.Invalid, "bench_options", fmt.Sprintf("%s is %d: use %d to %d", b.name, b.is, b.low, b.high))
		}
	}
	for _, name := range o.Only {
		if !slices.ContainsFunc(list(), func(g *Figure) bool { return g.Name == name }) {
			return fault.New(fault.Invalid, "bench_options", fmt.Sprintf("there is no figure %q: use names of the table", name))
		}
	}
	if o.Spread < passes*o.Rounds {
		return fault.New(fault.Invalid, "bench_options", fmt.Sprintf("%d lots to spread over are too few for %d rounds: use %d or more", o.Spread, o.Rounds, passes*o.Rounds))
	}
	if o.Members < o.Bids {
		return fault.New(fault.Invalid, "bench_options", fmt.Sprintf("%d bids of a cost need as many members: there are %d", o.Bids, o.Members))
	}
	// A round has about a dozen figures, and letting the road clear takes as long again.
	if o.Limit <= 0 || time.Duration(o.Rounds)*24*o.Round > o.Limit {
		return fault.New(fault.Invalid, "bench_options", fmt.Sprintf("%d rounds of %s do not fit into %s: take fewer or shorter ones",
			o.Rounds, o.Round, o.Limit))
	}
	return nil
}

// wants says whether one of the figures is to be taken: itself, or for what is held against it.
func (o Options) wants(names ...string) bool {
	if len(o.Only) == 0 {
		return true
	}
	for _, g := range list() {
		if slices.Contains(o.Only, g.Name) && (slices.Contains(names, g.Name) || slices.Contains(names, g.Of)) {
			return true
		}
	}
	return false
}

// scaleRounds are those of the figures that ask whether size matters: of these a round takes longest, and what they count
// is CPU time, which spreads less than rates do.
func (o Options) scaleRounds() int { return min(o.Rounds, 3) }

// bids are those of one round of a cost: what the fewest users can bid, once on a lot each.
func (o Options) bids() int { return min(o.Bids, repeatLots*(o.Users/1000)/o.scaleRounds()) }

func (o Options) say(format string, args ...any) {
	if o.Say != nil {
		o.Say(format, args...)
	}
}
