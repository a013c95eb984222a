package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"time"

	"rostrum/auction"
	"rostrum/internal/app"
)

// passes is how often in a round every member may bid on the lots of the spread sale, each time on another one.
const passes = 4

// roadLots are the lots of orders_end_to_end: as many on each shard as on any other, where there are no more shards.
const roadLots = 32

// halves are the passes over them in a round: towards the end of each it is looked how far the road is behind.
const halves = 2

// door takes the figures of bids over HTTP: on an installation whose Redis syncs every second, and for one of them on a
// second one whose Redis syncs always. The yardstick stands beside them.
type door struct {
	*run
	everysec, always *installation // always may be nil
	api, alwaysAPI   *app.App
	bare             *yardstick

	hot, hotAlways []auction.Lot // two a round, one a round
	spread, road   []auction.Lot
	scarce         auction.Lot
	used           int64 // bytes of the gate's Redis before it
}

// open makes the installations, opens their sales and starts their API. Even with an error it is to be removed.
func (d *door) open(ctx context.Context, always string) (err error) {
	if d.everysec, err = install(ctx, d.Servers, d.Redis, d.Shelf, auction.DurableEverySec, d.o.Log); err != nil {
		return err
	}
	if d.members, err = d.everysec.mint(ctx, d.o.Members); err != nil {
		return err
	}
	if err := d.openSales(ctx); err != nil {
		return err
	}
	if always != "" {
		if err := d.openAlways(ctx, always); err != nil {
			return err
		}
	}
	return nil
}

// openSales opens a sale of the hot lots, those to spread over, those of the whole road, and the scarce one.
func (d *door) openSales(ctx context.Context) error {
	hot := 2 * d.o.Rounds
	s, err := d.everysec.openSale(ctx, append(stocks(hot+d.o.Spread+roadLots), 1), d.o.Lead)
	if err == nil {
		d.hot, d.spread = s.lots[:hot], s.lots[hot:hot+d.o.Spread]
		rest := s.lots[hot+d.o.Spread:]
		d.road, d.scarce = rest[:roadLots], rest[roadLots]
	}
	return err
}

func (d *door) openAlways(ctx context.Context, address string) (err error) {
	if d.always, err = install(ctx, d.Servers, address, "", auction.DurableAlways, d.o.Log); err != nil {
		return err
	}
	s, err := d.always.openSale(ctx, stocks(d.o.Rounds), d.o.Lead)
	if err != nil {
		return err
	}
	d.hotAlways = s.lots
	d.alwaysAPI, err = d.always.start(ctx, front)
	return err
}

// serve starts the API and the yardstick, and buys the one unit of the scarce lot: that answer is what the yardstick gives.
func (d *door) serve(ctx context.Context) (err error) {
	if d.api, err = d.everysec.start(ctx, front); err != nil {
		return err
	}
	if d.bare, err = startYardstick(d.everysec.config); err != nil {
		return err
	}
	first := newRequests().bid(&wants([]auction.Lot{d.scarce})[0], d.members.token(0))
	a, err := learn(ctx, d.api.Addr().String(), first, http.StatusCreated)
	if err != nil {
		return fmt.Errorf("the first bid: %w", err)
	}
	d.bare.post.Store(a)
	var k kept
	k.keep(0, a.body)
	return d.everysec.keep(outcome{kept: []kept{k}, counted: 1}, d.members)
}

// rounds takes each figure once a round. Every second round goes backwards, so that what a figure leaves behind falls on
// those before it as often as on those after.
func (d *door) rounds(ctx context.Context) error {
	if err := d.serve(ctx); err != nil {
		return err
	}
	for round := range d.o.Rounds {
		if enough, err := d.enough(ctx, round); err != nil {
			return err
		} else if enough {
			break
		}
		d.o.say("Bids over HTTP: round %d of %d", round+1, d.o.Rounds)
		for _, s := range d.steps(round) {
			if !d.o.wants(s.takes...) {
				continue
			}
			runtime.GC() // what the figure before has left is not this one's to clear
			if err := s.do(ctx, round); err != nil {
				return err
			}
		}
	}
	for _, i := range d.installations() {
		if err := i.carry(ctx); err != nil {
			return err
		}
	}
	return nil
}

// step takes the figures it names.
type step struct {
	takes []string
	do    func(ctx context.Context, round int) error
}

// steps are those of a round, in its order. What is over half and twice the peak is of the round's own peak.
func (d *door) steps(round int) []step {
	steps := []step{
		{[]string{"fiber_post_64"}, d.post(few, "fiber_post_64")},
		{[]string{"admit_hot_64"}, d.admitHot(few, "admit_hot_64", 0)},
		{[]string{"admit_spread_64", "spread_peak", "tail_half_peak"}, d.admitSpread(few, "admit_spread_64", 0)},
		{[]string{"refuse_sold_out"}, d.refuse},
		{[]string{"fiber_post_256"}, d.post(many, "fiber_post_256")},
		{[]string{"admit_hot_256"}, d.admitHot(many, "admit_hot_256", 1)},
		{[]string{"admit_spread_256", "spread_peak", "tail_half_peak"}, d.admitSpread(many, "admit_spread_256", 1)},
		{[]string{"admit_always_256"}, d.admitAlways},
	}
	if round%2 == 1 {
		slices.Reverse(steps)
	}
	return append(steps, step{[]string{"tail_half_peak"}, d.halfPeak}, step{[]string{"goodput_twice_peak", "p99_twice_peak"}, d.twicePeak},
		step{[]string{"orders_end_to_end"}, d.endToEnd})
}

func (d *door) load(a *app.App, lots []auction.Lot, clients int, p plan) load {
	return load{address: a.Addr().String(), lots: wants(lots), members: d.members, plan: p, want: http.StatusCreated, clients: clients, length: d.o.Round}
}

func (d *door) post(clients int, name string) func(context.Context, int) error {
	return func(ctx context.Context, round int) error {
		l := d.load(d.api, d.hot[:1], clients, again(d.members.len()))
		l.address = d.bare.address
		_, err := d.take(ctx, l, round, name)
		return err
	}
}

func (d *door) refuse(ctx context.Context, round int) error {
	l := d.load(d.api, []auction.Lot{d.scarce}, few, again(d.members.len()))
	l.want = http.StatusConflict
	_, err := d.take(ctx, l, round, "refuse_sold_out")
	return err
}

func (d *door) admitHot(clients int, name string, n int) func(context.Context, int) error {
	return func(ctx context.Context, round int) error {
		lots := d.hot[2*round+n : 2*round+n+1]
		return d.admit(ctx, d.everysec, d.load(d.api, lots, clients, once(d.members.len(), 1, 2*round+n)), round, name)
	}
}

func (d *door) admitSpread(clients int, name string, pass int) func(context.Context, int) error {
	return func(ctx context.Context, round int) error {
		if err := ask(ctx, d.api, d.spread); err != nil {
			return err
		}
		err := d.admit(ctx, d.everysec, d.load(d.api, d.spread, clients, d.pass(round, pass)), round, name)
		d.f.note(round, "spread_peak", max(d.f.value(round, name), d.f.value(round, "spread_peak")))
		return err
	}
}

// pass is the n-th time in a round that members bid on the spread lots.
func (d *door) pass(round, n int) plan {
	return once(d.members.len(), len(d.spread), round*passes+n)
}

func (d *door) admitAlways(ctx context.Context, round int) error {
	if d.always == nil {
		return nil
	}
	l := d.load(d.alwaysAPI, d.hotAlways[round:round+1], many, once(d.members.len(), 1, round))
	return d.admit(ctx, d.always, l, round, "admit_always_256")
}

// admit takes a figure whose answers are admissions.
func (d *door) admit(ctx context.Context, i *installation, l load, round int, name string) error {
	out, err := d.take(ctx, l, round, name)
	return errors.Join(err, i.keep(out, d.members))
}

func (d *door) take(ctx context.Context, l load, round int, name string) (outcome, error) {
	watch := d.processes.watch()
	out, err := l.run(ctx)
	if err != nil {
		return out, fmt.Errorf("%s: %w", name, err)
	}
	u := watch(out.counted)
	d.strange(name, out)
	u.Wall = out.took
	d.f.note(round, name, u.rate())
	d.f.spent(name, u)
	return out, nil
}

// strange says which answers are in no figure.
func (r *run) strange(name string, o outcome) {
	if len(o.odd) > 0 {
		r.o.say("%s: %d of %d answers of another kind, by status: %v", name, o.asked-o.counted, o.asked, o.odd)
		r.report.Odd += o.asked - o.counted
	}
}

// longest is the longest load: more would want more members.
const longest = 4 * time.Second

// longer is the time of a load whose beginning or end would weigh too much in a round.
func (d *door) longer() time.Duration { return min(3*d.o.Round, longest) }

// endToEnd has everything running, and counts until the last order's events are told. First it has everything carried and
// written that the round admitted before: all parts are warm then.
func (d *door) endToEnd(ctx context.Context, round int) (err error) {
	a, err := d.everysec.start(ctx, back)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.everysec.stop(ctx, a)) }()
	if err := d.everysec.settle(ctx); err != nil {
		return err
	}
	watch := d.processes.watch()
	out, behind, err := d.twice(ctx, round)
	if err != nil {
		return fmt.Errorf("orders_end_to_end: %w", err)
	}
	if err = d.everysec.settle(ctx); err != nil {
		return err
	}
	u := watch(out.counted)
	d.strange("orders_end_to_end", out)
	d.f.note(round, "orders_end_to_end", u.rate())
	d.f.note(round, "behind_half_way", behind[0])
	d.f.note(round, "behind_at_the_end", behind[1])
	d.f.spent("orders_end_to_end", u)
	d.f.named("orders_end_to_end").Note = fmt.Sprintf("In the last round %d bids were admitted at %.0f a second with everything running.",
		out.counted, float64(out.counted)/out.took.Seconds())
	return d.everysec.keep(out, d.members)
}

// twice has bids come in two halves, one right after the other, and tells how many are not in MySQL towards the end of each.
func (d *door) twice(ctx context.Context, round int) (sum outcome, behind [halves]float64, err error) {
	sum = newOutcome()
	for half := range behind {
		l := d.load(d.api, d.road, many, once(d.members.len(), roadLots, halves*round+half))
		l.length = d.longer() // what follows the last bid, lingering and idling, weighs less
		looked := d.everysec.lookBehind(ctx, l.length/2)
		out, err := l.run(ctx)
		if behind[half], err = looked(err); err != nil {
			return sum, behind, err
		}
		sum.join(out)
		sum.took += out.took
	}
	return sum, behind, nil
}

// installations gives those that are there.
func (d *door) installations() []*installation {
	return slices.DeleteFunc([]*installation{d.everysec, d.always}, func(i *installation) bool { return i == nil })
}

func (d *door) remove(ctx context.Context) error {
	var failed []error
	for _, i := range d.installations() {
		failed = append(failed, i.remove(ctx))
	}
	if d.bare != nil {
		failed = append(failed, d.bare.stop(ctx))
	}
	return errors.Join(failed...)
}

// doorShare is the part of a run's time that rounds over HTTP may begin in: the rest is for what comes after.
const doorShare = 0.4

// enough says whether another round as large as the last would fit neither into the time nor into the gate's memory.
func (d *door) enough(ctx context.Context, round int) (bool, error) {
	m, err := memoryOf(ctx, d.Redis)
	if err != nil {
		return false, err
	}
	grown := m.used - d.used
	d.used = m.used
	why := ""
	switch {
	case round == 0:
	case m.most > 0 && m.used+2*grown > m.most:
		why = fmt.Sprintf("the gate's Redis uses %d of %d MiB, and a round took %d", m.used>>20, m.most>>20, grown>>20)
	case time.Since(d.began) > time.Duration(doorShare*float64(d.o.Limit)):
		why = "the time is needed for what comes after"
	}
	if why != "" {
		d.o.say("No more rounds over HTTP: %s", why)
		d.report.Left = append(d.report.Left, fmt.Sprintf("%d further rounds over HTTP: %s", d.o.Rounds-round, why))
	}
	return why != "", nil
}
