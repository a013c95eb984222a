package gate

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/internal/live"
	standinredis "rostrum/internal/standin/redis"
)

// station is a gate whose flights can be held on the ground.
type station struct {
	*Gate
	t     *testing.T
	now   atomic.Int64 // ns
	lots  []auction.Lot
	holds chan struct{} // a flight takes one before it leaves

	mu      sync.Mutex
	flights [][]int // the sizes of each flight's groups
}

// patience is how long a flight may be held.
const patience = time.Minute

func newStation(t *testing.T, queueMax int, change ...func(*auction.Lot)) *station {
	server, err := standinredis.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, ReadTimeout: patience, WriteTimeout: patience})
	s := stationOn(t, client, Options{Shards: 4, Lineage: server.Lineage(), QueueMax: queueMax}, change...)
	client.AddHook(s)
	return s
}

// stationOn is newStation on any Redis, whose flights leave by themselves until the station is made a hook of it.
func stationOn(t *testing.T, client redis.UniversalClient, o Options, change ...func(*auction.Lot)) *station {
	t.Helper()
	t.Cleanup(func() { _ = client.Close() })
	s := &station{t: t, holds: make(chan struct{}, 1000)}
	s.now.Store(time.Now().UnixNano())
	o.Deployment, o.Durability, o.Timeout = uuid.New(), auction.DurableNone, patience
	o.Now = func() time.Time { return time.Unix(0, s.now.Load()) }
	var err error
	if s.Gate, err = New(client, o); err != nil {
		t.Fatal(err)
	}
	for shard := range o.Shards {
		us := time.Now().UnixMicro()
		l := auction.Lot{ID: uuid.New(), Shard: shard, Session: uuid.New(), Seller: uuid.New(), Area: "a", PriceMinor: 1, Currency: "EUR", Stock: 1000,
			PerBuyer: 2, Code: "0123456789abcdefghABCD", OpensUS: us - 1e9, ClosesUS: us + 1e9, State: auction.LotOpen}
		for _, c := range change {
			c(&l)
		}
		book := auction.NewBook(s.deployment, shard)
		book.Epoch = 1
		book.Add(l)
		if err := load(t.Context(), s.Gate, book.State()); err != nil {
			t.Fatal(err)
		}
		if err := s.Vouch(t.Context(), shard, 1); err != nil {
			t.Fatal(err)
		}
		s.lots = append(s.lots, l)
	}
	return s
}

func (s *station) DialHook(next redis.DialHook) redis.DialHook          { return next }
func (s *station) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }
func (s *station) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		var sizes []int
		for _, cmd := range cmds {
			if args := cmd.Args(); cmd.Name() == "evalsha" {
				n, _ := strconv.Atoi(*args[3+args[2].(int)+4].(*string)) // ARGV[5]
				sizes = append(sizes, n)
			}
		}
		if sizes != nil {
			s.mu.Lock()
			s.flights = append(s.flights, sizes)
			s.mu.Unlock()
			<-s.holds
		}
		return next(ctx, cmds)
	}
}

func (s *station) bid(shard int) auction.Bid {
	return auction.Bid{ID: uuid.New(), Lot: s.lots[shard].ID, Buyer: uuid.New(), Order: uuid.New(), Area: "a", Code: s.lots[shard].Code, Quantity: 1,
		Terms: s.lots[shard].Terms()}
}

// ask bids in the background, and comes back when the bid waits or flies.
func (s *station) ask(ctx context.Context, b auction.Bid) <-chan auction.Answer {
	s.t.Helper()
	shard := slices.IndexFunc(s.lots, func(l auction.Lot) bool { return l.ID == b.Lot })
	before, answer := s.here(shard), make(chan auction.Answer, 1)
	go func() {
		answers, err := s.Decide(ctx, shard, []auction.Bid{b})
		if err != nil {
			s.t.Error(err)
			answers = make([]auction.Answer, 1)
		}
		answer <- answers[0]
	}()
	live.Eventually(s.t, 10*time.Second, "the bid to be there", func() (bool, error) { return s.here(shard) > before || len(answer) > 0, nil })
	return answer
}

// here counts the bids that wait for a shard, and those in flight as one.
func (s *station) here(shard int) int {
	s.groups.mu.Lock()
	defer s.groups.mu.Unlock()
	n := len(s.groups.queues[shard].waiting)
	if s.groups.queues[shard].flying {
		n++
	}
	return n
}

// leave lets flights leave.
func (s *station) leave(n int) {
	for range n {
		s.holds <- struct{}{}
	}
}

func (s *station) flown() [][]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.flights)
}

func (s *station) admitted(answers ...<-chan auction.Answer) {
	s.t.Helper()
	for _, answer := range answers {
		if a := <-answer; a.Verdict != auction.Admitted {
			s.t.Errorf("%+v", a)
		}
	}
}

// full lets as many flights as a Redis may have take off, a bid of a shard each, and gives the answers that they will bring.
func (s *station) full() (answers []<-chan auction.Answer) {
	for shard := range maxFlights {
		answers = append(answers, s.ask(s.t.Context(), s.bid(shard)))
		s.inAir(shard + 1)
	}
	return answers
}

// inAir waits until so many flights have taken off.
func (s *station) inAir(n int) {
	s.t.Helper()
	live.Eventually(s.t, 10*time.Second, "the flights", func() (bool, error) { return len(s.flown()) == n, nil })
}

// What arrives while scripts are in flight goes together in the next, for all shards of the Redis in one pipeline. The shard
// whose script is still in flight waits for it.
func TestBidsAreDecidedTogether(t *testing.T) {
	s := newStation(t, 0)
	answers := s.full()
	for n := range 8 {
		answers = append(answers, s.ask(t.Context(), s.bid(n%4)))
	}
	s.leave(1)
	s.inAir(3)
	if f := s.flown()[2]; !slices.Equal(f, []int{2, 2, 2}) {
		t.Errorf("a flight of groups of %v, want the two shards that waited and the one that is back", f)
	}
	s.leave(3)
	s.admitted(answers...)
	if flights := s.flown(); len(flights) != 4 || !slices.Equal(flights[3], []int{2}) {
		t.Errorf("flights %v, want the last shard alone at the end", flights)
	}
}

// A pipeline that has enough bids leaves without the other shards, which are in the next.
func TestAFlightIsShort(t *testing.T) {
	s := newStation(t, 0)
	answers := s.full()
	for n := range minFlight + 2 {
		answers = append(answers, s.ask(t.Context(), s.bid(2+n%2)))
	}
	for shard := range maxFlights {
		answers = append(answers, s.ask(t.Context(), s.bid(shard)))
	}
	s.leave(1)
	s.inAir(3)
	if f := s.flown()[2]; !slices.Equal(f, []int{minFlight/2 + 1, minFlight/2 + 1}) {
		t.Errorf("a flight of groups of %v, want two groups, of %d bids and more", f, minFlight)
	}
	s.leave(4)
	s.admitted(answers...)
}

// Where much waits a flight takes a part of it, so that trips do not become many.
func TestAFlightGrowsWithWhatWaits(t *testing.T) {
	const each = flightShare * minFlight
	s := newStation(t, 0)
	answers := s.full()
	for n := range each * 4 {
		answers = append(answers, s.ask(t.Context(), s.bid(n%4)))
	}
	s.leave(1)
	s.inAir(3)
	if f := s.flown()[2]; !slices.Equal(f, []int{each}) {
		t.Errorf("a flight of groups of %v, want %d bids: a third of what three shards have", f, each)
	}
	s.leave(10)
	s.admitted(answers...)
}

// However much waits, a pipeline is bounded.
func TestAFlightHasABound(t *testing.T) {
	for waiting, want := range map[int]int{0: minFlight, flightShare*minFlight + flightShare: minFlight + 1, flightShare * maxFlight: maxFlight, 9 * maxFlight: maxFlight} {
		q := newGroups(2, waiting)
		q.queues[1].waiting = make([]*asked, waiting)
		if got := q.enough(&node{ready: []int{0, 1}}); got != want {
			t.Errorf("%d wait: a flight leaves with %d bids, want %d", waiting, got, want)
		}
	}
}

// On a cluster, too: what waits for the shards of one of its nodes goes in one pipeline to that node, a script a shard.
func TestANodesShardsFlyTogether(t *testing.T) {
	masters := live.StartRedisCluster(t)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: strings.Split(masters.Addr(), ","), MaxRetries: -1, ReadTimeout: patience,
		WriteTimeout: patience})
	s := stationOn(t, client, Options{Shards: 12})
	err := client.ForEachMaster(t.Context(), func(_ context.Context, node *redis.Client) error { node.AddHook(s); return nil })
	if err != nil {
		t.Fatal(err)
	}
	shards := map[redis.Cmdable][]int{}
	for shard := range s.lots {
		on, err := s.nodeOf(t.Context(), shard)
		if err != nil {
			t.Fatal(err)
		}
		shards[on] = append(shards[on], shard)
	}
	var answers []<-chan auction.Answer
	var want, sizes []int
	for _, of := range shards { // as many of each node as may be are in flight, and hold up the rest
		for _, shard := range of[:maxFlights] {
			answers = append(answers, s.ask(t.Context(), s.bid(shard)))
			s.inAir(len(answers))
		}
		want = append(want, len(of)-1, 1) // whose shard is back first takes all but the other's
	}
	for shard := range s.lots {
		for range 2 {
			answers = append(answers, s.ask(t.Context(), s.bid(shard)))
		}
	}
	s.leave(2 * maxFlights * len(shards))
	s.admitted(answers...)
	for _, flight := range s.flown()[maxFlights*len(shards):] {
		if sizes = append(sizes, len(flight)); slices.Min(flight) != 2 || slices.Max(flight) != 2 {
			t.Errorf("a flight of groups of %v, want two bids in each", flight)
		}
	}
	slices.Sort(want)
	slices.Sort(sizes)
	if len(shards) != 3 || !slices.Equal(sizes, want) {
		t.Errorf("%d nodes, flights of %v shards, want %v", len(shards), sizes, want)
	}
}

func TestAGroupIsBounded(t *testing.T) {
	s := newStation(t, 0)
	answers := []<-chan auction.Answer{s.ask(t.Context(), s.bid(0))}
	s.inAir(1)
	for range 2*MaxBids + 2 {
		answers = append(answers, s.ask(t.Context(), s.bid(0)))
	}
	s.leave(4)
	s.admitted(answers...)
	if flights := s.flown(); len(flights) != 4 || flights[1][0] != MaxBids || flights[2][0] != MaxBids || flights[3][0] != 2 {
		t.Errorf("flights %v", flights)
	}
}

// Of lots with many units a buyer fewer bids go together: a script reads a marker for each of them.
func TestAGroupsMarkersAreBounded(t *testing.T) {
	const fit = (maxWeight - lotWeight) / auction.MaxPerBuyer
	s := newStation(t, 0, func(l *auction.Lot) { l.PerBuyer = auction.MaxPerBuyer })
	answers := []<-chan auction.Answer{s.ask(t.Context(), s.bid(0))}
	s.inAir(1)
	for range 2*fit + 1 {
		answers = append(answers, s.ask(t.Context(), s.bid(0)))
	}
	s.leave(4)
	s.admitted(answers...)
	if flights := s.flown(); len(flights) != 4 || flights[1][0] != fit || flights[2][0] != fit || flights[3][0] != 1 {
		t.Errorf("flights %v, want %d bids of %d markers in one", flights, fit, auction.MaxPerBuyer)
	}
}

// A bid that has more markers than a script is to read goes alone, when it is its turn, and holds nobody up for good.
func TestABidWithManyMarkersGoesAlone(t *testing.T) {
	var s queue
	for _, perBuyer := range []int{1, maxWeight + 1, 0, maxWeight - lotWeight - 2, 1} {
		s.waiting = append(s.waiting, newAsked(&auction.Bid{Buyer: uuid.New(), Terms: auction.Terms{PerBuyer: perBuyer}}, len(s.waiting)))
	}
	var places [][]int
	for len(s.waiting) > 0 {
		var group []int
		for _, a := range s.take(0, time.Now()).bids {
			group = append(group, a.place)
		}
		places = append(places, group)
	}
	if want := [][]int{{0, 2, 3}, {1}, {4}}; !slices.EqualFunc(places, want, slices.Equal) {
		t.Errorf("groups %v, want %v", places, want)
	}
}

// Of bids on many lots fewer go together: each lot more costs its script as much as a dozen markers.
func TestAGroupsLotsAreBounded(t *testing.T) {
	const fit = maxWeight / (lotWeight + 1)
	var s queue
	for range MaxBids {
		s.waiting = append(s.waiting, newAsked(&auction.Bid{Buyer: uuid.New(), Lot: uuid.New()}, 0))
	}
	if first, second := len(s.take(0, time.Now()).bids), len(s.take(0, time.Now()).bids); first != fit || second != MaxBids-fit {
		t.Errorf("%d bids on as many lots went together, then %d; want %d and %d", first, second, fit, MaxBids-fit)
	}
}

// A buyer's second bid on a lot is decided after the first, in a group of its own.
func TestABuyerIsInAGroupOnce(t *testing.T) {
	s := newStation(t, 0)
	first := s.ask(t.Context(), s.bid(0))
	s.inAir(1)
	one, two, other := s.bid(0), s.bid(0), s.bid(0)
	two.Buyer = one.Buyer
	answers := []<-chan auction.Answer{first, s.ask(t.Context(), one), s.ask(t.Context(), two), s.ask(t.Context(), other)}
	s.leave(3)
	s.admitted(answers...)
	if flights := s.flown(); len(flights) != 3 || flights[1][0] != 2 || flights[2][0] != 1 {
		t.Errorf("flights %v", flights)
	}
	// In one call, too: they are cut, and answered in their order.
	s.leave(2)
	again := s.bid(0)
	again.Buyer = one.Buyer
	got, err := s.Decide(t.Context(), 0, []auction.Bid{one, again})
	if err != nil || !got[0].Repeat || got[1].Verdict != auction.LimitReached {
		t.Errorf("%+v %v", got, err)
	}
}

// A bid whose time is over before it was sent is not sent, and says so.
func TestABidThatIsTooLateIsNotSent(t *testing.T) {
	s := newStation(t, 0)
	first := s.ask(t.Context(), s.bid(0))
	s.inAir(1)
	late := s.bid(0)
	late.Deadline = time.Unix(0, s.now.Load()).Add(time.Second)
	dropped := s.ask(t.Context(), late)
	ctx, cancel := context.WithCancel(t.Context())
	leaving := s.ask(ctx, s.bid(0))
	cancel()
	gone := <-leaving
	s.now.Add(int64(time.Second))
	s.leave(2)
	s.admitted(first)
	for name, a := range map[string]auction.Answer{"waited too long": <-dropped, "its caller left": gone} {
		if fault.ClassOf(a.Err) != fault.Unavailable || fault.CodeOf(a.Err) != "deadline" {
			t.Errorf("%s: %+v", name, a)
		}
	}
	if stats, err := s.Stats(t.Context(), 0); err != nil || stats.Length != 1 || len(s.flown()) != 1 {
		t.Errorf("%d records after %v: %v", stats.Length, s.flown(), err)
	}
}

// Who leaves while the script is in flight does not know the outcome, and finds the receipt when asking again.
func TestLeavingAFlightIsUnknown(t *testing.T) {
	s := newStation(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	b := s.bid(0)
	answer := s.ask(ctx, b)
	live.Eventually(t, 10*time.Second, "the flight", func() (bool, error) { return len(s.flown()) == 1, nil })
	cancel()
	if a := <-answer; fault.ClassOf(a.Err) != fault.Unknown {
		t.Errorf("%+v", a)
	}
	s.leave(2)
	live.Eventually(t, 10*time.Second, "the landing", func() (bool, error) { return s.here(0) == 0, nil })
	if got, err := s.Decide(t.Context(), 0, []auction.Bid{b}); err != nil || got[0].Verdict != auction.Admitted || !got[0].Repeat {
		t.Errorf("asked again: %+v %v", got, err)
	}
}

// More than a queue holds are turned away at once, and nothing of them is sent.
func TestAFullQueueTurnsAway(t *testing.T) {
	s := newStation(t, 3)
	answers := []<-chan auction.Answer{s.ask(t.Context(), s.bid(0))}
	live.Eventually(t, 10*time.Second, "the flight", func() (bool, error) { return len(s.flown()) == 1, nil })
	for range 3 {
		answers = append(answers, s.ask(t.Context(), s.bid(0)))
	}
	if a := <-s.ask(t.Context(), s.bid(0)); fault.CodeOf(a.Err) != "overloaded" || fault.As(a.Err).RetryAfter == 0 {
		t.Errorf("%+v", a)
	}
	other := s.ask(t.Context(), s.bid(1)) // another shard's queue is its own
	s.leave(3)
	s.admitted(append(answers, other)...)
}

// Terms that a bid brings and that are not the lot's cost another look, once.
func TestTermsOfYesterday(t *testing.T) {
	s := newStation(t, 0)
	s.leave(100)
	for n := range 2 {
		b := s.bid(0)
		b.Terms.PerBuyer, b.Terms.Session = 1, uuid.New()
		if got, err := s.Decide(t.Context(), 0, []auction.Bid{b}); err != nil || got[0].Verdict != auction.Admitted {
			t.Fatalf("%+v %v", got, err)
		}
		if flights := s.flown(); len(flights) != 2+n {
			t.Errorf("%d flights after bid %d", len(flights), n)
		}
	}
}
