package bench

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/app"
)

// repeatLots are the lots of a figure whose users come again and again: more than any of them bids in a run.
const repeatLots = 128

// scale takes the figures that ask whether size matters, on two installations on Redis of their own: one that has hardly
// anything, and one that grows from figure to figure.
type scale struct {
	*run
	small, big  *site
	hot         []auction.Lot // of the small one: one for each round of both phases
	lots        []auction.Lot // of the big one: a hundredth of all
	great       sale          // of the big one: all
	bare        *yardstick
	users, more []uuid.UUID // of the small one, of the big one
}

// site is an installation with its API, its Redis, and the lots that users come to again: a set for each phase, and those
// that they have bought before.
type site struct {
	*installation
	redis     string
	api       *app.App
	processes processes
	again     [2][]auction.Lot
	held      []auction.Lot
}

// scale takes cost, preheating, pages and memory, in the order in which the big installation grows.
func (r *run) scale(ctx context.Context) (err error) {
	if !r.o.wants(slices.Concat(namesOf(readingList()), namesOf(costList()), namesOf(memoryList()))...) {
		return nil
	}
	s := &scale{run: r}
	var redis [2]string
	for n := range redis {
		if redis[n], err = r.redis(ctx, "everysec", "cost, preheat_100k, page_20 and memory"); err != nil || redis[n] == "" {
			return err
		}
	}
	r.o.say("Scale: a small installation and a big one, on Redis of their own")
	defer func() { err = errors.Join(err, s.remove(ctx)) }()
	if err := s.open(ctx, redis); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{s.fewLots, s.list, s.fewUsers, s.manyLots, s.pages, s.takeNode, s.countAll, s.manyUsers} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}

// countAll counts the invariants of both installations. It comes before a million users buy straight at the gate: to carry
// these and write them would take as long as all else.
func (s *scale) countAll(ctx context.Context) error {
	for _, i := range []struct {
		name string
		*site
	}{{"small", s.small}, {"big", s.big}} {
		s.o.say("Carrying and writing what was admitted (%s)", i.name)
		if err := i.carry(ctx); err != nil {
			return err
		}
		if err := s.count(ctx, "scale, "+i.name, i.installation); err != nil {
			return err
		}
	}
	return nil
}

func (s *scale) open(ctx context.Context, redis [2]string) (err error) {
	if s.small, s.hot, err = s.site(ctx, redis[0], 2*s.o.scaleRounds()); err != nil {
		return err
	}
	if s.big, s.lots, err = s.site(ctx, redis[1], s.o.Lots/100); err != nil {
		return err
	}
	s.bare, err = startYardstick(s.big.config)
	return err
}

// site makes an installation, opens a sale of n lots and the repeated ones there, and starts its API.
func (s *scale) site(ctx context.Context, redis string, n int) (*site, []auction.Lot, error) {
	i, err := install(ctx, s.Servers, redis, "", auction.DurableEverySec, s.o.Log)
	at := &site{installation: i, redis: redis, processes: findProcesses(map[string]string{"redis (gate)": redis, "mysql": s.MySQL})}
	if err != nil {
		return at, nil, err
	}
	sale, err := i.openSale(ctx, stocks(n+3*repeatLots), s.o.Lead)
	if err != nil {
		return at, nil, err
	}
	own, rest := sale.lots[:n], sale.lots[n:]
	at.again, at.held = [2][]auction.Lot{rest[:repeatLots], rest[repeatLots : 2*repeatLots]}, byShard(rest[2*repeatLots:])
	at.api, err = i.start(ctx, front)
	return at, own, err
}

func (s *scale) remove(ctx context.Context) error {
	var failed []error
	for _, i := range []*site{s.small, s.big} {
		if i != nil {
			failed = append(failed, i.remove(ctx))
		}
	}
	if s.bare != nil {
		failed = append(failed, s.bare.stop(ctx))
	}
	return errors.Join(failed...)
}

// list publishes the great sale and preheats it as often as there are rounds and time before it opens.
func (s *scale) list(ctx context.Context) error {
	s.o.say("Listing %d lots", s.o.Lots)
	var raw *rawSets
	err := inTime(s.o.BigLead, func(lead time.Duration) (err error) {
		if s.great, err = s.big.publish(ctx, stocks(s.o.Lots), lead); err == nil {
			raw, err = s.firstPreheat(ctx)
		}
		return err
	})
	if err != nil {
		return err
	}
	s.big.sessions = append(s.big.sessions, s.great.session.ID)
	for round := 1; round < s.o.scaleRounds(); round++ {
		began := time.Now()
		if err := s.preheat(ctx, round, raw); err != nil {
			return err
		}
		if time.Until(s.great.starts) < 2*time.Since(began) {
			break
		}
	}
	return unlink(ctx, s.big.config.Redis.GateURL.Reveal(), s.big.rawPrefix()+"*")
}

// fewLots and manyLots hold a bid over many lots against one on the only lot.
func (s *scale) fewLots(ctx context.Context) error {
	return s.overLots(ctx, 0, "cost_1e3_lots", s.lots)
}

func (s *scale) manyLots(ctx context.Context) error {
	s.o.say("Waiting until %d lots are open", len(s.great.lots))
	if err := s.great.await(ctx); err != nil {
		return err
	}
	return s.overLots(ctx, 1, "cost_1e5_lots", s.great.lots)
}

func (s *scale) overLots(ctx context.Context, phase int, name string, lots []auction.Lot) error {
	s.o.say("Cost over %d lots", len(lots))
	if err := meet(ctx, s.big.api, lots); err != nil {
		return err
	}
	for n := range s.o.scaleRounds() {
		round := phase*s.o.scaleRounds() + n
		one := func() error {
			return s.cost(ctx, s.small, "cost_1_lot", round, s.members, s.hot[round:round+1], s.cycle(0, s.members.len(), 1))
		}
		all := func() error {
			return s.cost(ctx, s.big, name, round, s.members, lots, s.cycle(n, s.members.len(), len(lots)))
		}
		if err := inTurn(n, one, all); err != nil {
			return err
		}
	}
	return nil
}

// cycle is the plan of the n-th round of a cost: its bids, of the next members each, who go on with the next lot when all
// have had their turn.
func (s *scale) cycle(n, members, lots int) plan {
	return func(k int) (int, int, bool) {
		at := n*s.o.bids() + k
		who, turn := at%members, at/members
		return who, (who + turn) % lots, k < s.o.bids()
	}
}

// inTurn does both, the second first in every second round: A B B A.
func inTurn(round int, a, b func() error) error {
	if round%2 == 1 {
		a, b = b, a
	}
	if err := a(); err != nil {
		return err
	}
	return b()
}

// fewUsers and manyUsers hold bids of many users against those of few, all of whom have bought before.
func (s *scale) fewUsers(ctx context.Context) error {
	s.users = newUsers(s.o.Users / 1000)
	if err := s.small.bought(ctx, s.users); err != nil {
		return err
	}
	return s.overUsers(ctx, 0, "cost_1e5_users", s.o.Users/10)
}

func (s *scale) manyUsers(ctx context.Context) error {
	return s.overUsers(ctx, 1, "cost_1e6_users", s.o.Users)
}

func (s *scale) overUsers(ctx context.Context, phase int, name string, users int) error {
	s.o.say("Cost with %d users", users)
	before, err := memoryOf(ctx, s.big.redis)
	if err != nil {
		return err
	}
	added := newUsers(users - len(s.more))
	s.more = append(s.more, added...)
	if err := s.big.bought(ctx, added); err != nil {
		return err
	}
	after, err := memoryOf(ctx, s.big.redis)
	if err != nil {
		return err
	}
	if after.used > 0 && phase == 1 {
		s.f.note(0, "redis_bytes_bid", float64(after.used-before.used)/float64(len(added)))
	}
	return s.compareUsers(ctx, phase, name)
}

func (s *scale) compareUsers(ctx context.Context, phase int, name string) error {
	small, err := s.small.sign(ctx, s.users)
	if err != nil {
		return err
	}
	big, err := s.big.sign(ctx, some(s.more, s.o.scaleRounds()*s.o.bids()))
	if err != nil {
		return err
	}
	for n := range s.o.scaleRounds() {
		round := phase*s.o.scaleRounds() + n
		take := func(i *site, name string, m *members) func() error {
			return func() error {
				return s.cost(ctx, i, name, round, m, i.again[phase], s.cycle(n, m.len(), repeatLots))
			}
		}
		if err := inTurn(n, take(s.small, "cost_1e3_users", small), take(s.big, name, big)); err != nil {
			return err
		}
	}
	return nil
}

func newUsers(n int) []uuid.UUID {
	all := make([]uuid.UUID, n)
	for k := range all {
		all[k] = uuid.New()
	}
	return all
}

// some gives at most n users, evenly from all.
func some(users []uuid.UUID, n int) []uuid.UUID {
	if len(users) <= n {
		return users
	}
	picked := make([]uuid.UUID, n)
	for k := range picked {
		picked[k] = users[k*len(users)/n]
	}
	return picked
}

// bought has users buy something, straight at the gate: what is there before a figure is taken.
func (i *site) bought(ctx context.Context, users []uuid.UUID) error {
	return decided(ctx, i.app.Gate, users, func(n int) auction.Lot { return i.held[n*len(i.held)/len(users)] })
}

// cost takes what a bid costs at a site, in CPU time where the system tells it; a round has a fixed number of them.
func (s *scale) cost(ctx context.Context, i *site, name string, round int, m *members, lots []auction.Lot, p plan) error {
	runtime.GC()
	l := load{address: i.api.Addr().String(), lots: wants(lots), members: m, plan: p, want: http.StatusCreated, clients: many, length: grace}
	watch := i.processes.watch()
	out, err := l.run(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	u := watch(out.counted)
	s.strange(name, out)
	s.f.note(round, name, i.perBid(u))
	s.f.spent(name, u)
	return i.keep(out, m)
}

// perBid is the CPU time of a bid here and in Redis; of the clock where none is known.
func (i *site) perBid(u Usage) float64 {
	if !slices.Contains(u.Processes(), itself) {
		return microseconds(u.Wall) / float64(max(u.Things, 1))
	}
	return u.Each(itself) + u.Each("redis (gate)")
}
