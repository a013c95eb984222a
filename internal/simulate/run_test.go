package simulate

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestARunIsCountedToTheLastArrival(t *testing.T) {
	a := startAPI(t, 10, 10, 10, 10, 10)
	r, err := a.simulate(Options{Rate: 400, Length: time.Second, Even: true, Readers: 0.25, Zipf: 1}, 60)
	if err != nil {
		t.Fatal(err)
	}
	if all := r.Bids.Offered + r.Pages.Offered; all != 400 || r.Requests != 400 || r.Pages.Offered < 60 || r.Pages.Offered > 140 {
		t.Errorf("%d arrivals, %d requests, %d pages", all, r.Requests, r.Pages.Offered)
	}
	if r.Bids.Answered != r.Bids.Offered || r.Pages.Answered != r.Pages.Offered || r.PageSaid["page"] != r.Pages.Offered {
		t.Errorf("bids %+v, pages %+v %v", r.Bids, r.Pages, r.PageSaid)
	}
	sum := int64(0)
	for _, v := range r.Verdicts {
		sum += v.Bids
	}
	if sum != r.Bids.Offered || r.Admitted != int64(len(a.bids)) || r.Admitted == 0 || r.Admitted > 50 || bidsOf(r, "sold_out") == 0 {
		t.Errorf("%d admitted of %d, the API admitted %d: %v", r.Admitted, r.Bids.Offered, len(a.bids), r.Verdicts)
	}
	offered, answered := int64(0), int64(0)
	for _, s := range r.Timeline {
		offered, answered = offered+s.Offered, answered+s.Answered
	}
	if offered != 400 || answered != 400 {
		t.Errorf("over time %d came and %d were answered", offered, answered)
	}
	if got := r.Latency[LatencyAnswer].Count + r.Latency[LatencyPage].Count; got != 400 {
		t.Errorf("%d latencies", got)
	}
	if len(broken(r)) > 0 || len(r.Invariants) != 6 || r.Invariants[2].Checked != int(r.Admitted) || len(r.NotCounted) != 1 {
		t.Errorf("invariants %+v, not counted %v", r.Invariants, r.NotCounted)
	}
	if len(a.tokens) != 60 {
		t.Errorf("%d of 60 users bid", len(a.tokens))
	}
}

// An API that stands still is seen by all who came meanwhile, not only by those whose requests were under way: with a
// thirtieth of the run lost, p99.9 and p99 show nearly the whole pause, and the median nothing.
func TestAPauseIsSeenByAllWhoCame(t *testing.T) {
	a := startAPI(t, 1<<30)
	const pause = 200 * time.Millisecond
	a.onBid(1, func() { a.stop(2*time.Second, pause) })
	// Four connections: a client that waited for its answers before it sent more would count four slow requests of 1,200.
	r, err := a.simulate(Options{Rate: 200, Length: 30 * pause, Even: true, Connections: 4}, 2000)
	if err != nil {
		t.Fatal(err)
	}
	if r.Bids.Offered != 1200 || r.Bids.Answered != 1200 {
		t.Fatalf("bids %+v", r.Bids)
	}
	l := r.Latency[LatencyAnswer]
	if slow := us(9 * pause / 10); l.P999US < slow {
		t.Errorf("p99.9 is %s of a pause of %s", micros(l.P999US), pause)
	}
	if half := us(pause / 2); l.P99US < half {
		t.Errorf("p99 is %s of a pause of %s", micros(l.P99US), pause)
	}
	if l.P50US > us(pause)/4 {
		t.Errorf("the median is %s", micros(l.P50US))
	}
	shows := func(s Slot) bool { return (s.AtMS == 2000 || s.AtMS == 1000) && s.MaxUS >= us(9*pause/10) }
	if !slices.ContainsFunc(r.Timeline, shows) {
		t.Errorf("the second of the pause, two from the first bid, does not show it: %+v", r.Timeline)
	}
}

func us(d time.Duration) int64 { return d.Microseconds() }

// What cannot be sent in time has waited: it is in the histogram with the time it waited, and said.
func TestWhatCouldNotBeSentHasWaited(t *testing.T) {
	a := startAPI(t, 1<<30)
	a.held.Lock() // the API stands still from the first bid on, longer than the run and its drain
	d := testDrive(t, a, Options{Rate: 100, Length: 500 * time.Millisecond, Even: true, Connections: 2, Drain: 500 * time.Millisecond, Timeout: 900 * time.Millisecond, Asks: 1})
	d.run(t.Context())
	a.held.Unlock()
	r := d.rec.report(time.Second)
	if r.Bids.Offered != 50 || r.Bids.NotSent < 40 || r.Bids.NotSent+r.Bids.Unanswered+r.Bids.Answered != 50 {
		t.Errorf("bids %+v", r.Bids)
	}
	l := r.Latency[LatencyAnswer]
	if l.Count != 50 || l.MaxUS < us(900*time.Millisecond) || l.P50US < us(500*time.Millisecond) {
		t.Errorf("latencies %+v", l)
	}
}

// testDrive is a drive past preparation.
func testDrive(t *testing.T, a *api, o Options) *drive {
	t.Helper()
	o = o.withDefaults()
	o.Backoff = Backoff{First: time.Millisecond, Most: 5 * time.Millisecond}
	client := NewClient(func() string { return a.server.URL }, o.Client)
	t.Cleanup(client.Close)
	began := time.Now()
	return &drive{o: o, client: client, members: members(10), lots: a.lots, session: a.session.ID, rec: newRecorder(o.Length), dice: dice(),
		now: func() time.Duration { return time.Since(began) }, schedule: newSchedule(o.Shape, o.Rate, o.Length, o.Even, dice()), choice: newChoice(len(a.lots), o.Zipf)}
}

// Bids are asked again as real clients do: with the same id, with `again` after an unknown outcome only, after
// Retry-After, and not for ever.
func TestAskingAgain(t *testing.T) {
	for _, c := range []struct {
		name     string
		status   int
		code     string
		header   string
		decide   bool
		verdict  string // that stands beside admitted
		again    bool
		slowerMS int64
	}{
		{name: "a broken connection", status: -1, decide: true, verdict: NoAnswer, again: true},
		{name: "an unknown outcome", status: 504, code: "unknown_outcome", decide: true, verdict: "unknown_outcome", again: true},
		{name: "a mistake of theirs", status: 500, code: "internal", decide: false, verdict: "internal", again: true},
		{name: "paused", status: 503, code: "paused", header: "1", verdict: "paused", slowerMS: 1000},
		{name: "too often", status: 429, code: "rate_limited", header: "1", verdict: "rate_limited", slowerMS: 1000},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := startAPI(t, 1<<30)
			a.fault = func(n int) (int, string, string, bool) {
				if n%10 == 1 && n < 100 {
					return c.status, c.code, c.header, c.decide
				}
				return 0, "", "", true
			}
			r, err := a.simulate(Options{Rate: 200, Length: 500 * time.Millisecond, Even: true}, 1000)
			if err != nil {
				t.Fatal(err)
			}
			if r.Admitted != 100 || len(a.bids) != 100 || len(broken(r)) > 0 {
				t.Errorf("%d admitted, %d by the API, broken %v", r.Admitted, len(a.bids), broken(r))
			}
			told := Verdict{}
			for _, v := range r.Verdicts {
				if v.Verdict == c.verdict {
					told = v
				}
			}
			if told.Answers != 10 || told.Bids != 0 {
				t.Errorf("verdicts %+v", r.Verdicts)
			}
			if again := a.again - 100; c.again && again < 10 || !c.again && again != 0 { // the check asks each of the hundred again
				t.Errorf("%d of the bids said again", again)
			}
			if slowest := r.Latency[LatencyVerdict].MaxUS / 1000; slowest < c.slowerMS {
				t.Errorf("the slowest verdict took %d ms, Retry-After said %d", slowest, c.slowerMS)
			}
		})
	}
}

// A bid that is never answered is asked a bounded number of times; what became of it is learned in the end.
func TestBidsWithoutAnAnswer(t *testing.T) {
	a := startAPI(t, 1<<30)
	a.fault = func(n int) (int, string, string, bool) { return -1, "", "", n%2 == 0 }
	r, err := a.simulate(Options{Rate: 100, Length: 200 * time.Millisecond, Even: true, Asks: 3}, 100)
	if err != nil {
		t.Fatal(err)
	}
	if r.Bids.Unanswered != 20 || r.Requests != 60 || r.Admitted != 0 || bidsOf(r, NoAnswer) != 20 {
		t.Errorf("bids %+v in %d requests: %v", r.Bids, r.Requests, r.Verdicts)
	}
	back := r.Invariants[2]
	if back.Checked != 0 || r.Invariants[4].Checked != 1 || r.Invariants[5].Checked != len(a.bids) {
		t.Errorf("of %d bids that were admitted silently: %+v", len(a.bids), r.Invariants)
	}
	if !strings.Contains(strings.Join(r.Remarks, " "), "20 bids were left without an answer") {
		t.Errorf("remarks %v", r.Remarks)
	}
}

func TestNoMoreArrivalsThanAllowed(t *testing.T) {
	a := startAPI(t, 1<<30)
	r, err := a.simulate(Options{Rate: 1000, Length: 2 * time.Second, MaxBids: 50}, 100)
	if err != nil || r.Bids.Offered != 50 || !strings.Contains(strings.Join(r.Remarks, " "), "--max-bids") {
		t.Errorf("%+v %v %v", r.Bids, r.Remarks, err)
	}
}

func TestASimulationIsInterrupted(t *testing.T) {
	t.Parallel()
	a := startAPI(t, 1<<30)
	ctx, stop := context.WithCancel(t.Context())
	a.onBid(20, stop)
	o := Options{Target: a.server.URL, Session: a.session.ID, Rate: 100, Length: time.Minute}
	r, err := Run(ctx, o, Crowd{Members: members(1000)}, nil, nil)
	if !errors.Is(err, context.Canceled) || !r.Interrupted || r.Admitted == 0 || r.Bids.Answered != r.Bids.Offered || r.TookMS > 30_000 {
		t.Errorf("%v after %d ms: %+v", err, r.TookMS, r.Bids)
	}
	if r.Invariants[2].Checked != int(r.Admitted) {
		t.Errorf("of %d receipts: %+v", r.Admitted, r.Invariants[2])
	}
	// While it is counted: what has not been counted by then is said.
	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	o.Length, o.hurried, o.Timeout = 200*time.Millisecond, 300*time.Millisecond, time.Second
	o.Say = func(text string) {
		if strings.HasPrefix(text, "reading") {
			a.held.Lock()
			stop()
		}
	}
	began := time.Now()
	r, err = Run(ctx, o, Crowd{Members: members(1000)}, nil, nil)
	a.held.Unlock()
	if took := time.Since(began); !errors.Is(err, context.Canceled) || r.Admitted == 0 || len(r.NotCounted) != 2 || took > 20*time.Second {
		t.Errorf("%v after %v, %d admitted, not counted %v", err, took, r.Admitted, r.NotCounted)
	}
	dead, stopped := context.WithCancel(t.Context())
	stopped()
	if r, err := Run(dead, o, Crowd{Members: members(1)}, nil, nil); !errors.Is(err, context.Canceled) || r.TookMS != 0 {
		t.Errorf("before it began: %v %+v", err, r)
	}
}

// Everything that makes a simulation impossible is said with what to do about it, before anybody comes.
func TestWhatCannotBeSimulated(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	for _, c := range []struct {
		name         string
		change       func(a *api, o *Options, c *Crowd)
		says, remedy string
	}{
		{"nobody there", func(_ *api, o *Options, _ *Crowd) { o.Target = "http://127.0.0.1:1" }, "nobody listens at http://127.0.0.1:1", "rostrum serve"},
		{"somebody else there", func(_ *api, o *Options, _ *Crowd) { o.Target = other.URL }, "does not answer as a Rostrum does", "check --target"},
		{"no address", func(_ *api, o *Options, _ *Crowd) { o.Target = "localhost:8080" }, "is not the address", "--target"},
		{"another machine", func(_ *api, o *Options, _ *Crowd) { o.Target = "http://198.51.100.7" }, "is not this machine", "--i-own-this-target"},
		{"another machine's name", func(_ *api, o *Options, _ *Crowd) { o.Target = "https://localhost.example.org" }, "is not this machine", "--i-own-this-target"},
		{"no such session", func(_ *api, o *Options, _ *Crowd) { o.Session = uuid.New() }, "there is no published session", "GET /api/v1/sessions"},
		{"nothing to bid for", func(_ *api, o *Options, _ *Crowd) { o.Session = uuid.Nil }, "nothing to bid for", "--session"},
		{"over", func(a *api, _ *Options, _ *Crowd) { a.session.State = "ended" }, "is ended", "choose one that is live"},
		{"far off", func(a *api, _ *Options, _ *Crowd) {
			a.session.State, a.session.Starts = "scheduled", time.Now().Add(3*time.Hour)
		}, "starts in 3h0m0s", "come again"},
		{"no bidders", func(_ *api, _ *Options, c *Crowd) { c.Members = nil }, "nobody bids", "--tokens"},
		{"bidders of another area", func(a *api, _ *Options, _ *Crowd) { a.area = "south" }, `the bidders are of area "south"`, "tokens of that area"},
		{"a token of somebody else", func(a *api, _ *Options, _ *Crowd) { a.user = uuid.NewString() }, "not of the user it says", "rostrum user token"},
		{"sellers", func(a *api, _ *Options, _ *Crowd) { a.roles = []string{"seller", "analyst"} }, "not of bidders: the first one's roles are [seller analyst]", "tokens of bidders"},
		{"tokens without a role", func(a *api, _ *Options, _ *Crowd) { a.roles = nil }, "not of bidders: the first one's roles are []", "rostrum user token"},
		{"tokens that are not taken", func(_ *api, _ *Options, c *Crowd) { c.Members[0].Token = "x" }, "does not take the bidders' tokens (token_invalid)", "--config"},
		{"a wrong shape", func(_ *api, o *Options, _ *Crowd) { o.Shape = "wave" }, `"wave" is no shape`, "--shape"},
		{"too fast", func(_ *api, o *Options, _ *Crowd) { o.Rate = 1e9 }, "--rate is 1e+09", "write 0.01 to 200000"},
		{"too long", func(_ *api, o *Options, _ *Crowd) { o.Length = 2 * time.Hour }, "--for is 7200", "to 3600"},
		{"too many", func(_ *api, o *Options, _ *Crowd) { o.MaxBids = 1e9 }, "--max-bids is", "to 2e+06"},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := startAPI(t, 5)
			o, crowd := Options{Target: a.server.URL, Session: a.session.ID, Rate: 10, Length: time.Second}, Crowd{Members: members(3)}
			c.change(a, &o, &crowd)
			r, err := Run(t.Context(), o, crowd, nil, nil)
			var nothing *Unusable
			if !errors.As(err, &nothing) || !strings.Contains(nothing.What, c.says) || !strings.Contains(nothing.Remedy, c.remedy) {
				t.Fatalf("%v, want %q and %q", err, c.says, c.remedy)
			}
			if a.asked > 0 || r.TookMS > 0 {
				t.Errorf("%d bids came all the same", a.asked)
			}
		})
	}
}

func TestNoLotsToBidFor(t *testing.T) {
	a := startAPI(t)
	client := NewClient(func() string { return a.server.URL }, ClientOptions{})
	defer client.Close()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	s := site{asker: client.Asker(), base: a.server.URL}
	if lots, err := s.goods(ctx, a.session.ID); err == nil || len(lots) > 0 {
		t.Errorf("%v %v", lots, err)
	}
}

// A session that starts soon is waited for.
func TestASessionThatStartsSoon(t *testing.T) {
	a := startAPI(t, 5)
	a.session.State, a.session.Starts = "scheduled", time.Now().Add(2*time.Second)
	time.AfterFunc(2*time.Second, func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.session.State = "live"
	})
	var said []string
	r, err := a.simulate(Options{Rate: 20, Length: 200 * time.Millisecond, Say: func(text string) { said = append(said, text) }}, 5)
	if err != nil || r.Bids.Answered == 0 || !strings.Contains(strings.Join(said, "\n"), "the session starts in") {
		t.Errorf("%+v %v %q", r.Bids, err, said)
	}
}

func TestRemarks(t *testing.T) {
	t.Run("sold out before", func(t *testing.T) {
		a := startAPI(t, 0)
		r, err := a.simulate(Options{Rate: 50, Length: 200 * time.Millisecond}, 5)
		if err != nil || r.Admitted != 0 || len(r.Remarks) == 0 || !strings.Contains(r.Remarks[0], "sold out before the first bid") {
			t.Errorf("%v %v", r.Remarks, err)
		}
	})
	t.Run("sold out soon", func(t *testing.T) {
		a := startAPI(t, 2)
		r, err := a.simulate(Options{Rate: 100, Length: 200 * time.Millisecond}, 50)
		if err != nil || r.Admitted != 2 || !strings.Contains(strings.Join(r.Remarks, " "), "sold out after 2 admissions") {
			t.Errorf("%v %v", r.Remarks, err)
		}
	})
	t.Run("too few users", func(t *testing.T) {
		a := startAPI(t, 1000)
		r, err := a.simulate(Options{Rate: 100, Length: 200 * time.Millisecond}, 2)
		if err != nil || r.Admitted != 2 || !strings.Contains(strings.Join(r.Remarks, " "), "give more --users") {
			t.Errorf("%v %v", r.Remarks, err)
		}
	})
}
