package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/orders"
	"rostrum/web"
	"rostrum/web/webtest"
)

func TestABidFromPageToDelivery(t *testing.T) {
	s := newStage(t)
	ben, sam := s.as(webtest.Ben), s.as(webtest.Sam)
	goods := ben.Do("GET", "/api/v1/sessions/"+webtest.Live.String()+"/lots", nil)
	lot := goods.JSON["items"].([]any)[0].(map[string]any)
	body := map[string]any{"bid_id": uuid.New(), "code": lot["code"], "quantity": 2, "price_seen": lot["price"], "currency": lot["currency"]}
	won := ben.Do("POST", "/api/v1/lots/"+lot["id"].(string)+"/bids", body, "X-Request-ID", "ben-1")
	if won.Status != http.StatusCreated {
		t.Fatalf("bid: %d %s", won.Status, won.Body)
	}
	if won.Text("serial") != orders.Serial(uuid.MustParse(won.Text("order"))) || won.Text("time") != "2026-11-22T19:00:00.000000Z" || won.JSON["seq"] != 1.0 || won.Text("durability") != "none" {
		t.Errorf("receipt: %s", won.Body)
	}
	if r := s.w.Gate.Records()[0]; r.Trace != "ben-1" || r.Quantity != 2 {
		t.Errorf("record: %+v", r)
	}
	early := ben.Do("GET", "/api/v1/orders/"+won.Text("serial"), nil)
	if early.Status != http.StatusNotFound || early.Header.Get("Retry-After") != "1" || !strings.Contains(early.Text("detail"), "written within moments") {
		t.Errorf("the order before its row: %d %v %s", early.Status, early.Header, early.Body)
	}
	if a := ben.Do("GET", won.Header.Get("Location"), nil); a.Status != http.StatusOK || a.JSON["order_written"] != false || a.Text("order") != won.Text("order") {
		t.Errorf("receipt before the row: %d %s", a.Status, a.Body)
	}
	s.w.Write(t)
	if a := ben.Do("GET", won.Header.Get("Location"), nil); a.JSON["order_written"] != true {
		t.Errorf("receipt after the row: %s", a.Body)
	}
	order := "/api/v1/orders/" + won.Text("serial")
	for _, step := range []struct {
		as    *webtest.Client
		do    string
		body  any
		state string
	}{{ben, "pay", nil, "paid"}, {sam, "ship", `{"express":"DHL 1"}`, "shipping"}, {ben, "complete", nil, "completed"}} {
		if a := step.as.Do("POST", order+"/"+step.do, step.body); a.Status != http.StatusOK || a.Text("state_name") != step.state {
			t.Fatalf("%s: %d %s", step.do, a.Status, a.Body)
		}
	}
	if got := strings.Join(s.w.Orders.Events(), " "); got != "order.paid order.shipped order.completed" {
		t.Errorf("events: %s", got)
	}
	for as, path := range map[*webtest.Client]string{ben: "/api/v1/orders?state=50000", sam: "/api/v1/orders?as=seller"} {
		if a := as.Do("GET", path, nil); len(a.JSON["items"].([]any)) != 1 {
			t.Errorf("%s: %s", path, a.Body)
		}
	}
}

func TestTheSameBidIdGetsTheSameReceipt(t *testing.T) {
	s := newStage(t)
	first := s.bid(webtest.Ben, webtest.LotLive)
	s.w.Clock.Move(time.Second)
	second := s.bid(webtest.Ben, webtest.LotLive, "code", "another", "again", true) // neither is part of what was bid
	if first.Status != 201 || second.Status != 200 || string(first.Body) != string(second.Body) {
		t.Errorf("%d %s\n%d %s", first.Status, first.Body, second.Status, second.Body)
	}
	if n := len(s.w.Gate.Records()); n != 1 {
		t.Errorf("%d records", n)
	}
}

func TestARefusalSaysWhatToDoNext(t *testing.T) {
	for _, tc := range []struct {
		name    string
		provoke func(*stage) webtest.Answer
		want    map[string]any
		retry   string
	}{
		{"too early", func(s *stage) webtest.Answer { return s.bid(webtest.Ben, webtest.LotSoon) },
			map[string]any{"verdict": "not_started", "early_ms": 86400000.0, "opens": "2026-11-23T19:00:00.000000Z", "time": "2026-11-22T19:00:00.000000Z"}, "86400"},
		{"too late by a bit", func(s *stage) webtest.Answer {
			s.w.Clock.Move(time.Hour + 1500*time.Microsecond)
			return s.bid(webtest.Ben, webtest.LotLive)
		}, map[string]any{"verdict": "ended", "late_ms": 2.0, "closes": "2026-11-22T20:00:00.000000Z", "time": "2026-11-22T20:00:00.001500Z"}, ""},
		{"another price", func(s *stage) webtest.Answer { return s.bid(webtest.Ben, webtest.LotLive, "price_seen", 4400) },
			map[string]any{"verdict": "price_mismatch", "price": 4500.0, "currency": "EUR"}, ""},
		{"too many", func(s *stage) webtest.Answer { return s.bid(webtest.Ben, webtest.LotLive, "quantity", 3) },
			map[string]any{"verdict": "limit_reached", "per_buyer": 2.0}, ""},
		{"locked", provoked["busy"], map[string]any{"verdict": "busy"}, "1"},
		{"limited", provoked["rate_limited"], map[string]any{"code": "rate_limited"}, "1"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := tc.provoke(newStage(t))
			for name, want := range tc.want {
				if a.JSON[name] != want {
					t.Errorf("%s is %v, want %v (%s)", name, a.JSON[name], want, a.Body)
				}
			}
			if got := a.Header.Get("Retry-After"); got != tc.retry {
				t.Errorf("Retry-After %q, want %q", got, tc.retry)
			}
		})
	}
}

// A bid that programs send and the same bid with what only careful readers take are answered with the same bytes.
func TestBothWaysOfABidAnswerAlike(t *testing.T) {
	for name, bid := range map[string]func(s *stage, contentType string) webtest.Answer{
		"admitted": func(s *stage, contentType string) webtest.Answer {
			return s.as(webtest.Ben).Do("POST", bidPath(webtest.LotLive), wish(webtest.LotLive, 1), "Content-Type", contentType, "X-Request-ID", "one")
		},
		"refused": func(s *stage, contentType string) webtest.Answer {
			return s.as(webtest.Ben).Do("POST", bidPath(webtest.LotSoon), wish(webtest.LotSoon, 1), "Content-Type", contentType, "X-Request-ID", "one")
		},
		"wrong": func(s *stage, contentType string) webtest.Answer {
			return s.as(webtest.Ben).Do("POST", bidPath(webtest.LotLive), wish(webtest.LotLive, 65), "Content-Type", contentType, "X-Request-ID", "one")
		},
		"another code": func(s *stage, contentType string) webtest.Answer {
			return s.as(webtest.Ben).Do("POST", bidPath(webtest.LotLive), wish(webtest.LotOne, 1), "Content-Type", contentType, "X-Request-ID", "one")
		},
		"another price": func(s *stage, contentType string) webtest.Answer {
			body := wish(webtest.LotLive, 1)
			body["price_seen"] = 4400
			return s.as(webtest.Ben).Do("POST", bidPath(webtest.LotLive), body, "Content-Type", contentType, "X-Request-ID", "one")
		},
		"a used id": func(s *stage, contentType string) webtest.Answer {
			s.bid(webtest.Ben, webtest.LotLive, "quantity", 2)
			return s.as(webtest.Ben).Do("POST", bidPath(webtest.LotLive), wish(webtest.LotLive, 1), "Content-Type", contentType, "X-Request-ID", "one")
		},
		"unknown lot": func(s *stage, contentType string) webtest.Answer {
			return s.as(webtest.Ben).Do("POST", bidPath(webtest.ID(999)), wish(webtest.LotLive, 1), "Content-Type", contentType, "X-Request-ID", "one")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hot, ordinary := bid(newStage(t), "application/json"), bid(newStage(t), "application/json; charset=utf-8")
			if hot.Status != ordinary.Status || string(hot.Body) != string(ordinary.Body) {
				t.Errorf("%d %s\n%d %s", hot.Status, hot.Body, ordinary.Status, ordinary.Body)
			}
			hot.Header.Del("Date")
			ordinary.Header.Del("Date")
			if d := cmp.Diff(ordinary.Header, hot.Header); d != "" {
				t.Errorf("headers of the ordinary way (-) and the hot (+): %s", d)
			}
			if name == "admitted" && (hot.Header.Get("RateLimit") != `"bids";r=39;t=1` || hot.Header.Get("RateLimit-Policy") != `"bids";q=40;w=2`) {
				t.Errorf("limits: %v", hot.Header)
			}
		})
	}
}

// What a node remembers is refused without the gate: a journalled close for ever, sold out for half a second. A bid that
// is asked again passes.
func TestWhatANodeRemembers(t *testing.T) {
	s := newStage(t)
	if a := s.bid(webtest.Ben, webtest.LotEnded); a.Text("code") != "ended" || s.w.Gate.Decided() != 0 {
		t.Errorf("a closed lot: %s, %d bids decided", a.Body, s.w.Gate.Decided())
	}
	if a := s.bid(webtest.Ben, webtest.LotEnded, "again", true); a.Text("code") != "ended" || s.w.Gate.Decided() != 1 {
		t.Errorf("a closed lot, again: %s, %d bids decided", a.Body, s.w.Gate.Decided())
	}
	if a := provoked["sold_out"](s); a.Text("code") != "sold_out" || s.w.Gate.Decided() != 4 {
		t.Fatalf("sold out: %s, %d bids decided", a.Body, s.w.Gate.Decided())
	}
	if a := s.bid(webtest.Ben, webtest.LotOne); a.Text("code") != "sold_out" || s.w.Gate.Decided() != 4 {
		t.Errorf("remembered: %s, %d bids decided", a.Body, s.w.Gate.Decided())
	}
	buyer := s.c.As(s.w.TokenFor(t, accounts.User{ID: webtest.ID(910), Login: "x", Area: "eu", Roles: accounts.Bidder}))
	again := wish(webtest.LotOne, 0)
	again["again"] = true
	if a := buyer.Do("POST", bidPath(webtest.LotOne), again); a.Status != http.StatusOK || s.w.Gate.Decided() != 5 {
		t.Errorf("an admitted bid asked again while sold out: %d %s", a.Status, a.Body)
	}
	s.w.Clock.Move(501 * time.Millisecond)
	if a := s.bid(webtest.Ben, webtest.LotOne); a.Text("code") != "sold_out" || s.w.Gate.Decided() != 6 {
		t.Errorf("half a second later: %s, %d bids decided", a.Body, s.w.Gate.Decided())
	}
	if a := s.bid(webtest.Ben, webtest.LotLive, "quantity", 2); a.Status != http.StatusCreated {
		t.Errorf("another lot: %d %s", a.Status, a.Body)
	}
}

// afterGate does something between the decision and its way back.
type afterGate struct {
	auction.Gate
	after func()
}

func (g afterGate) Decide(ctx context.Context, shard int, bids []auction.Bid) ([]auction.Answer, error) {
	answers, err := g.Gate.Decide(ctx, shard, bids)
	g.after()
	return answers, err
}

// A unit that comes back is on sale within half a second on every node, however long sold_out took to come to each.
func TestAUnitThatComesBackIsOnSaleEverywhere(t *testing.T) {
	w := webtest.NewWorld(t)
	ports := w.Ports()
	var decided []func() // of the next bids
	ports.Gate = afterGate{w.Gate, func() {
		if len(decided) > 0 {
			decided[0]()
			decided = decided[1:]
		}
	}}
	nodes := []*webtest.Client{webtest.NewClient(t, webtest.Serve(t, web.Ports{Ports: ports}, webtest.Options())),
		webtest.NewClient(t, webtest.Serve(t, web.Ports{Ports: ports}, webtest.Options()))}
	bid := func(node, buyer int) webtest.Answer {
		token := w.TokenFor(t, accounts.User{ID: webtest.ID(910 + buyer), Login: "x", Area: "eu", Roles: accounts.Bidder})
		return nodes[node].As(token).Do("POST", bidPath(webtest.LotOne), wish(webtest.LotOne, buyer))
	}
	for buyer := range 2 {
		if a := bid(0, buyer); a.Status != http.StatusCreated {
			t.Fatalf("buyer %d: %d %s", buyer, a.Status, a.Body)
		}
	}
	slow := func() { w.Clock.Move(400 * time.Millisecond) }
	back := func() {
		for _, r := range w.Gate.Records()[:2] {
			of := auction.Release{Order: r.Order, Lot: r.Lot, Buyer: r.Buyer, Bid: r.Bid, Nth: r.Nth, Reason: "payment_timeout"}
			if released, err := w.Gate.Release(t.Context(), auction.ShardOf(r.Lot, uuid.Nil, auction.DefaultShards), of); err != nil || !released {
				t.Errorf("release: %t %v", released, err)
			}
		}
		slow()
	}
	decided = []func(){slow, back}
	for node := range nodes {
		if a := bid(node, 2+node); a.Text("code") != "sold_out" {
			t.Fatalf("node %d: %d %s", node, a.Status, a.Body)
		}
	}
	if a := bid(1, 4); a.Text("code") != "sold_out" || w.Gate.Decided() != 4 {
		t.Errorf("remembered: %d %s, %d bids decided", a.Status, a.Body, w.Gate.Decided())
	}
	w.Clock.Move(100 * time.Millisecond) // half a second since the units came back
	for node := range nodes {
		if a := bid(node, 5+node); a.Status != http.StatusCreated {
			t.Errorf("node %d: %d %s", node, a.Status, a.Body)
		}
	}
}

// sold_out for a bid that wants more than is left says nothing about a bid for less.
func TestALastUnitIsNotSoldOut(t *testing.T) {
	s := newStage(t)
	s.w.Gate.Before = func(b auction.Bid) (auction.Answer, bool, error) {
		if b.Quantity == 2 {
			return auction.Answer{Verdict: auction.SoldOut, Left: 1}, true, nil
		}
		return auction.Answer{}, false, nil
	}
	if a := s.bid(webtest.Ben, webtest.LotLive, "quantity", 2); a.Text("code") != "sold_out" {
		t.Fatalf("two units: %s", a.Body)
	}
	if a := s.bid(webtest.Ben, webtest.LotLive, "bid_id", webtest.ID(705)); a.Status != http.StatusCreated {
		t.Errorf("one unit: %d %s", a.Status, a.Body)
	}
}

func TestALotThatTheGateHasLostIsAnAlarm(t *testing.T) {
	s := newStage(t)
	if a := s.bid(webtest.Ben, webtest.LotSoon); a.Text("code") != "not_started" || s.w.Counters.Count("alarm gate_lost_lot") != 0 {
		t.Errorf("before it opens: %s, %d alarms", a.Text("code"), s.w.Counters.Count("alarm gate_lost_lot"))
	}
	if a := s.bid(webtest.Ben, webtest.LotMissing); a.Text("code") != "paused" || s.w.Counters.Count("alarm gate_lost_lot") != 1 {
		t.Errorf("while it is live: %s, %d alarms", a.Text("code"), s.w.Counters.Count("alarm gate_lost_lot"))
	}
	s.w.Gate.Before = func(auction.Bid) (auction.Answer, bool, error) {
		return auction.Answer{Verdict: auction.Paused, Lost: true, Left: -1}, true, nil
	}
	if a := s.bid(webtest.Ben, webtest.LotLive); a.Text("code") != "paused" || s.w.Counters.Count("alarm gate_lost_lot") != 2 {
		t.Errorf("keys missing: %s, %d alarms", a.Text("code"), s.w.Counters.Count("alarm gate_lost_lot"))
	}
	for _, lot := range []uuid.UUID{webtest.LotMissing, webtest.LotLive} {
		if shard := auction.ShardOf(lot, uuid.Nil, auction.DefaultShards); s.w.Counters.Count(fmt.Sprint("lost ", shard)) != 1 {
			t.Errorf("nobody was told of shard %d: %v", shard, s.w.Counters.All())
		}
	}
}

// After its end a lot may be swept: then it is over, whatever a card still says, and no alarm.
func TestASweptLotIsOver(t *testing.T) {
	s := newStage(t)
	s.w.Clock.Move(2 * time.Hour)
	if a := s.bid(webtest.Ben, webtest.LotMissing); a.Text("code") != "ended" || s.w.Counters.Count("alarm gate_lost_lot") != 0 {
		t.Errorf("%s, %v", a.Text("code"), s.w.Counters.All())
	}
}

// A transport fault is never a verdict: what may have happened is asked again, what was not sent is not.
func TestFaultsOnTheWay(t *testing.T) {
	for _, tc := range []struct {
		name string
		err  error
		code string
	}{
		{"an error of the network", errors.New("connection reset"), "unknown_outcome"},
		{"unknown", fault.New(fault.Unknown, "gate_timeout", "no answer"), "unknown_outcome"},
		{"too slow", context.DeadlineExceeded, "unknown_outcome"},
		{"not sent", fault.New(fault.Unavailable, "gate_away", "no connection"), "unavailable"},
	} {
		for _, inAnswer := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, in the answer %t", tc.name, inAnswer), func(t *testing.T) {
				s := newStage(t)
				s.w.Gate.Before = func(auction.Bid) (auction.Answer, bool, error) {
					if inAnswer {
						return auction.Answer{Err: tc.err}, true, nil
					}
					return auction.Answer{}, false, tc.err
				}
				a := s.bid(webtest.Ben, webtest.LotLive)
				if a.Text("code") != tc.code || a.Text("verdict") != "" || (a.JSON["ask_again"] == true) != (tc.code == "unknown_outcome") {
					t.Errorf("%d %s", a.Status, a.Body)
				}
			})
		}
	}
}

// A gate that does not answer is waited for only as long as the bid timeout says.
func TestASlowGateIsAnUnknownOutcome(t *testing.T) {
	w := webtest.NewWorld(t)
	ports := w.Ports()
	ports.Gate = slowGate{ports.Gate}
	o := webtest.Options()
	o.BidTimeout = 30 * time.Millisecond
	c := webtest.NewClient(t, webtest.Serve(t, web.Ports{Ports: ports}, o))
	if a := c.As(w.Token(t, webtest.Ben)).Do("POST", bidPath(webtest.LotLive), wish(webtest.LotLive, 1)); a.Status != http.StatusGatewayTimeout || a.JSON["ask_again"] != true {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

type slowGate struct{ auction.Gate }

func (slowGate) Decide(ctx context.Context, _ int, _ []auction.Bid) ([]auction.Answer, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// Many bidders at once over real sockets: as many receipts as units, each bidder's own and nobody else's, though Fiber
// uses its buffers again and again.
func TestManyBiddersAtOnce(t *testing.T) {
	s := newStage(t)
	const bidders = 150
	var wg sync.WaitGroup
	var mu sync.Mutex
	codes := map[string]int{}
	for n := range bidders {
		id := webtest.ID(1000 + n)
		c := s.c.As(s.w.TokenFor(t, accounts.User{ID: id, Login: fmt.Sprint("b", n), Area: "eu", Roles: accounts.Bidder}))
		wg.Go(func() {
			body := wish(webtest.LotLive, 0)
			body["bid_id"] = webtest.ID(5000 + n)
			a := c.Do("POST", bidPath(webtest.LotLive), body, "X-Request-ID", fmt.Sprint("r-", n))
			if a.Status == 201 && a.Text("bid_id") != webtest.ID(5000+n).String() || a.Header.Get("X-Request-Id") != fmt.Sprint("r-", n) {
				t.Errorf("bidder %d got the answer of another: %s", n, a.Body)
			}
			mu.Lock()
			defer mu.Unlock()
			codes[fmt.Sprint(a.Status, " ", a.Text("code"))]++
		})
	}
	wg.Wait()
	if codes["201 "] != 100 || codes["409 sold_out"] != bidders-100 {
		t.Errorf("answers: %v", codes)
	}
	for _, r := range s.w.Gate.Records() {
		if n := r.Bid.String()[32:]; r.Buyer.String()[32:] != fmt.Sprintf("%04d", number(n)-4000) || r.Trace != fmt.Sprint("r-", number(n)-5000) {
			t.Errorf("a record mixes bidders: %+v", r)
		}
	}
	if s.w.Counters.Count("bid admitted") != 100 || s.w.Counters.Count("bid sold_out") != bidders-100 {
		t.Errorf("counts: %v", s.w.Counters.All())
	}
}

func number(s string) (n int) {
	if _, err := fmt.Sscanf(s, "%d", &n); err != nil {
		panic(err)
	}
	return n
}

// A limiter that is away refuses nobody: not even who it would have refused.
func TestALimiterThatIsAwayLetsBidsPass(t *testing.T) {
	s := newStage(t)
	key := "bid:u:" + webtest.Ben.String()
	s.w.Limit.Err = errors.New("away")
	s.w.Limit.Fill(key, time.Second)
	for n := range 6 { // the first four are the node's own
		if a := s.bid(webtest.Ben, webtest.LotLive); a.Status != http.StatusCreated && a.Status != http.StatusOK {
			t.Fatalf("bid %d: %d %s", n, a.Status, a.Body)
		}
	}
	if asks := s.w.Limit.Asks(); len(asks) != 2 || asks[0].Key != key {
		t.Errorf("it was asked for %v", asks)
	}
	s.w.Limit.Err = nil
	if a := s.bid(webtest.Ben, webtest.LotLive); a.Text("code") != "rate_limited" {
		t.Errorf("when it is back: %d %s", a.Status, a.Body)
	} else if a.Status != http.StatusTooManyRequests || !strings.HasPrefix(a.Header.Get("RateLimit"), `"bids";r=0;t=`) || a.Header.Get("RateLimit-Policy") != `"bids";q=40;w=2` || a.Header.Get("Retry-After") == "" {
		t.Errorf("a 429 does not say which limit was met: %d %v", a.Status, a.Header)
	}
}
