package web_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/web"
	"rostrum/web/edge"
	"rostrum/web/webtest"
)

// crowded gives a stage on which as many bids are being answered as may be, until the function is called.
func crowded(t *testing.T) (*stage, func()) {
	w := webtest.NewWorld(t)
	ports, arrived, leave := w.Ports(), make(chan bool), make(chan bool)
	ports.Gate = afterGate{w.Gate, func() { arrived <- true; <-leave }}
	o := webtest.Options()
	o.BidsAtOnce = 1
	s := &stage{t, w, webtest.NewClient(t, webtest.Serve(t, web.Ports{Ports: ports}, o))}
	first := make(chan webtest.Answer, 1)
	go func() { first <- s.as(webtest.Ben).Do("POST", bidPath(webtest.LotLive), wish(webtest.LotLive, 0)) }()
	<-arrived
	return s, func() {
		close(leave)
		if a := <-first; a.Status != http.StatusCreated {
			t.Errorf("the bid that filled the node: %d %s", a.Status, a.Body)
		}
	}
}

// A bid too many is turned away before anything of it is read, whichever way it would have gone, with the same bytes.
func TestABidTooManyIsNotRead(t *testing.T) {
	s, empty := crowded(t)
	defer empty()
	nobody, ben, good := s.c, s.as(webtest.Ben), wish(webtest.LotLive, 1)
	var first webtest.Answer
	for n, tc := range []struct {
		name    string
		as      *webtest.Client
		body    any
		headers []string
	}{
		{"a plain bid", ben, good, nil},
		{"a bid of the ordinary way", ben, good, []string{"Content-Type", "application/json; charset=utf-8"}},
		{"no JSON", ben, "{", nil},
		{"no body", ben, nil, nil},
		{"more than a bid has", ben, strings.Repeat("x", 17<<10), nil},
		{"another type", ben, "bid_id=1", []string{"Content-Type", "text/plain"}},
		{"nobody's", nobody, good, nil},
		{"with a token that is none", nobody.As("nonsense"), good, nil},
	} {
		a := tc.as.Do("POST", bidPath(webtest.LotLive), tc.body, append(tc.headers, "X-Request-ID", "one")...)
		if a.Status != http.StatusServiceUnavailable || a.Text("code") != "overloaded" || a.Header.Get("Retry-After") != "1" {
			t.Errorf("%s: %d %v %s", tc.name, a.Status, a.Header, a.Body)
		}
		a.Header.Del("Date")
		if n == 0 {
			first = a
		} else if d := cmp.Diff(first, a); d != "" {
			t.Errorf("%s is told otherwise: %s", tc.name, d)
		}
	}
	if n := s.w.Counters.Count("bid unavailable"); n != 8 || s.w.Gate.Decided() != 1 {
		t.Errorf("%d were counted, %d decided", n, s.w.Gate.Decided())
	}
	if a := ben.Do("GET", "/api/v1/lots/"+webtest.LotLive.String(), nil); a.Status != http.StatusOK {
		t.Errorf("a reader: %d %s", a.Status, a.Body)
	}
}

// A page's bid enters by the same door, and its form can be sent again.
func TestAFormTooMany(t *testing.T) {
	s, empty := crowded(t)
	defer empty()
	b := newBrowser(t, s.c.Base)
	b.logIn("bea@example.org")
	p := b.submit(b.visit("GET", "/sessions/"+webtest.Live.String(), nil), bidForm(webtest.LotLive), nil)
	if p.Status != http.StatusServiceUnavailable || p.Header.Get("Retry-After") != "1" || p.find("form[action="+bidForm(webtest.LotLive)+"]") == nil {
		t.Errorf("%d %v %s", p.Status, p.Header, p.Body)
	}
	if n := s.w.Gate.Decided(); n != 1 {
		t.Errorf("%d were decided", n)
	}
}

func bidForm(lot uuid.UUID) string { return "/lots/" + lot.String() + "/bids" }

// slowly is a gate that decides one bid after the other, and takes its time for each.
type slowly struct {
	auction.Gate
	takes time.Duration

	mu      sync.Mutex // while it decides
	inside  atomic.Int64
	crowded atomic.Int64 // the most that were inside at once
}

func (g *slowly) Decide(ctx context.Context, shard int, bids []auction.Bid) ([]auction.Answer, error) {
	defer g.inside.Add(-1)
	for now := g.inside.Add(1); ; {
		if most := g.crowded.Load(); now <= most || g.crowded.CompareAndSwap(most, now) {
			break
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	<-time.After(g.takes)
	return g.Gate.Decide(ctx, shard, bids)
}

// Under more load than the gate carries, who is answered has waited for no more than the others that were let in; all the
// rest are told at once to come again, and come again, until each has what it came for.
func TestOverloadSheds(t *testing.T) {
	const atOnce, bidders, takes = 8, 64, 20 * time.Millisecond
	w := webtest.NewWorld(t)
	ports := w.Ports()
	gate := &slowly{Gate: w.Gate, takes: takes}
	ports.Gate = gate
	o := webtest.Options()
	o.BidsAtOnce, o.UserBids = atOnce, edge.Rate{PerSecond: -1}
	c := webtest.NewClient(t, webtest.Serve(t, web.Ports{Ports: ports}, o))
	var mu sync.Mutex
	took := map[int][]int{} // how many the gate decided meanwhile, by status: its clock, which stands still with the machine
	var all sync.WaitGroup
	for n := range bidders {
		bidder := c.As(w.TokenFor(t, accounts.User{ID: webtest.ID(1000 + n), Login: "b", Area: "eu", Roles: accounts.Bidder}))
		all.Go(func() {
			for status := 0; status != http.StatusCreated; <-time.After(takes) {
				began := w.Gate.Decided()
				a := bidder.Do("POST", bidPath(webtest.LotLive), wish(webtest.LotLive, n))
				if status = a.Status; status != http.StatusCreated && (a.Text("code") != "overloaded" || a.Header.Get("Retry-After") != "1") {
					t.Errorf("%d %v %s", a.Status, a.Header, a.Body)
					return
				}
				mu.Lock()
				took[status] = append(took[status], w.Gate.Decided()-began)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	answered, turned := took[http.StatusCreated], took[http.StatusServiceUnavailable]
	if len(answered) != bidders || w.Gate.Decided() != bidders || w.Counters.Count("bid unavailable") != len(turned) || len(turned) == 0 {
		t.Fatalf("%d answered and %d turned away of %d bidders, %d decided: %v", len(answered), len(turned), bidders, w.Gate.Decided(), w.Counters.All())
	}
	if most := gate.crowded.Load(); most > atOnce {
		t.Errorf("%d waited for the gate, want at most %d", most, atOnce)
	}
	slices.Sort(answered)
	slices.Sort(turned)
	late, soon := answered[bidders*9/10], turned[len(turned)/2]
	t.Logf("answered within %d decisions, turned away within %d, %d times", late, soon, len(turned))
	// The door lets eight wait, and on a busy machine some more decisions pass before an answer is read; without it nine tenths
	// would wait for up to 57, and half of those turned away have not waited for any.
	if late > bidders/2 || soon > atOnce/2 {
		t.Errorf("nine tenths are answered within %d decisions, half of the others turned away within %d", late, soon)
	}
}
