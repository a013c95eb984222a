package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/config"
	"rostrum/orders"
)

// said serves one connection: whatever is asked, it says that.
func said(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buffer := make([]byte, 4096)
		for {
			if _, err := c.Read(buffer); err != nil {
				return
			}
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
			if answer == "" {
				return
			}
		}
	}()
	return l.Addr().String()
}

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		status int
		body   string
		err    error
	}{
		"a receipt":        {"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX: y\r\n\r\n{}", 201, "{}", nil},
		"lower case":       {"HTTP/1.1 409 Conflict\r\ncontent-length:3\r\n\r\nno!", 409, "no!", nil},
		"an empty body":    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", nil},
		"another protocol": {"SSH-2.0-OpenSSH_9.2 here\r\n", 0, "", errAnswer},
		"no number":        {"HTTP/1.1 abc OK\r\n\r\n", 0, "", errAnswer},
		"chunks":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, "", errAnswer},
		"a bad length":     {"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n", 0, "", errAnswer},
		"too long":         {"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n", 0, "", errAnswer},
		"nothing":          {"", 0, "", io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := dial(t.Context(), said(t, c.answer), time.Now().Add(10*time.Second))
			must(t, err)
			defer conn.close()
			for range 2 { // keep-alive: the second answer is read from where the first one ended
				status, body, size, err := conn.ask([]byte("x"))
				if c.err != nil {
					if !errors.Is(err, c.err) {
						t.Errorf("error %v, want %v", err, c.err)
					}
					return
				}
				if err != nil || status != c.status || string(body) != c.body || size != len(c.answer) {
					t.Errorf("status %d, body %q, %d of %d bytes, %v", status, body, size, len(c.answer), err)
				}
			}
		})
	}
}

func someLot() auction.Lot {
	return auction.Lot{ID: newID(), Code: "0123456789abcdefghijkl", PriceMinor: price}
}

func someMembers(n int) *members {
	m := &members{}
	for i := range n {
		m.add(newID(), fmt.Sprintf("token-%d", i))
	}
	return m
}

func TestARequestIsABid(t *testing.T) {
	lots, seen := []auction.Lot{someLot(), someLot()}, map[uuid.UUID]bool{}
	for _, r := range []*requests{newRequests(), newRequests()} {
		for n, token := range []string{"a.much.longer.token", "short"} {
			lot := lots[n]
			got, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(r.bid(&wants(lots)[n], []byte(token)))))
			must(t, err)
			text, err := io.ReadAll(got.Body)
			must(t, err)
			var bid struct {
				ID    uuid.UUID `json:"bid_id"`
				Code  string    `json:"code"`
				Price int64     `json:"price_seen"`
			}
			must(t, json.Unmarshal(text, &bid))
			if got.Method != http.MethodPost || got.URL.Path != "/api/v1/lots/"+lot.ID.String()+"/bids" || got.Header.Get("Authorization") != "Bearer "+token ||
				got.Header.Get("Content-Type") != "application/json" || !strings.HasPrefix(got.Header.Get("X-Real-IP"), "10.") || bid.Code != lot.Code || bid.Price != price || bid.ID.Version() != 7 || seen[bid.ID] {
				t.Errorf("%+v\n%s", got, text)
			}
			seen[bid.ID] = true
		}
	}
}

func TestARequestIsAPage(t *testing.T) {
	session := newID()
	got, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(newRequests().page(session, []byte("token")))))
	must(t, err)
	if got.Method != http.MethodGet || got.URL.String() != "/api/v1/sessions/"+session.String()+"/lots?limit=20" || got.Header.Get("Authorization") != "Bearer token" || !strings.HasPrefix(got.Header.Get("X-Real-IP"), "10.") {
		t.Errorf("%+v", got)
	}
}

func TestPlans(t *testing.T) {
	const members, lots, rounds = 100, 16, 3
	bought := map[[2]int]bool{}
	for pass := range rounds * passes {
		p := once(members, lots, pass)
		for n := range members {
			who, lot, ok := p(n)
			if !ok || bought[[2]int{who, lot}] {
				t.Fatalf("pass %d, request %d: member %d would bid twice on lot %d", pass, n, who, lot)
			}
			bought[[2]int{who, lot}] = true
		}
		if _, _, ok := p(members); ok {
			t.Error("it goes on when everybody has had a turn")
		}
	}
	if who, lot, ok := again(members)(2*members + 5); who != 5 || lot != 0 || !ok {
		t.Errorf("again: member %d, lot %d, %v", who, lot, ok)
	}
}

func TestACycleHasNobodyBidTwiceOnALot(t *testing.T) {
	long := Defaults()
	long.Rounds = 20
	for _, o := range []Options{Defaults(), Short(), tiny(), long} {
		s := &scale{run: &run{o: o}}
		for name, c := range map[string]struct{ members, lots int }{"few users": {o.Users / 1000, repeatLots}, "many lots": {o.Members, o.Lots / 100}} {
			bought := map[[2]int]bool{}
			for round := range o.scaleRounds() {
				p := s.cycle(round, c.members, c.lots)
				for n := range o.bids() {
					who, lot, ok := p(n)
					if !ok || bought[[2]int{who, lot}] {
						t.Fatalf("%s, %+v: round %d, bid %d", name, o, round, n)
					}
					bought[[2]int{who, lot}] = true
				}
				if _, _, ok := p(o.bids()); ok {
					t.Errorf("%s: a round has no end", name)
				}
			}
		}
	}
}

// desk is a platform that admits whom it has not seen, and counts.
type desk struct {
	mu     sync.Mutex
	tokens map[string]int
	refuse int // every so many-th bid is answered 503; 0: none
	bids   int
	lot    auction.Lot
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var bid struct {
		ID uuid.UUID `json:"bid_id"`
	}
	_ = json.NewDecoder(r.Body).Decode(&bid)
	d.bids++
	d.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]++
	if d.refuse > 0 && d.bids%d.refuse == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"lot":%q,"bid_id":%q,"order":%q,"quantity":1,"seq":%d}`, d.lot.ID, bid.ID, bid.ID, d.bids)
}

func openDesk(t *testing.T, refuse int) (*desk, string) {
	d := &desk{tokens: map[string]int{}, refuse: refuse, lot: someLot()}
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	return d, strings.TrimPrefix(s.URL, "http://")
}

func (d *desk) load(address string, m *members, p plan) load {
	return load{address: address, lots: wants([]auction.Lot{d.lot}), members: m, plan: p, want: 201, clients: 4, length: time.Minute}
}

func TestEveryMemberBidsOnceAndIsInTheLog(t *testing.T) {
	d, address := openDesk(t, 5)
	members := someMembers(100)
	out, err := d.load(address, members, once(100, 1, 0)).run(t.Context())
	must(t, err)
	if out.counted != 80 || out.asked != 100 || out.odd[503] != 20 {
		t.Errorf("%d counted of %d, others %v", out.counted, out.asked, out.odd)
	}
	log, err := out.admissions(members)
	must(t, err)
	buyers := map[uuid.UUID]orders.Admission{}
	for _, a := range log {
		buyers[a.Buyer] = a
		if a.Lot != d.lot.ID || a.Bid == uuid.Nil || a.Order != a.Bid || a.Quantity != 1 || a.Seq < 1 {
			t.Errorf("%+v", a)
		}
	}
	if len(log) != 80 || len(buyers) != 80 || len(d.tokens) != 100 {
		t.Errorf("%d admissions of %d buyers, %d tokens came", len(log), len(buyers), len(d.tokens))
	}
}

func TestMembersBidAgainWhileThereIsTime(t *testing.T) {
	d, address := openDesk(t, 0)
	l := d.load(address, someMembers(3), again(3))
	l.length, l.forget = 2*time.Second, true
	out, err := l.run(t.Context())
	must(t, err)
	if out.counted <= 3 || len(d.tokens) != 3 || out.took < l.length {
		t.Errorf("%d bids of %d members in %s", out.counted, len(d.tokens), out.took)
	}
	if log, err := out.admissions(l.members); len(log) > 0 || err != nil {
		t.Errorf("%d answers were kept, %v", len(log), err)
	}
}

func TestALoadThatHasNoFigureIsAnError(t *testing.T) {
	d, address := openDesk(t, 1)
	l := d.load(address, someMembers(4), once(4, 1, 0))
	if _, err := l.run(t.Context()); err == nil || !strings.Contains(err.Error(), "503:4") {
		t.Errorf("only refusals: %v", err)
	}
	l.address, l.clients = said(t, ""), 1
	if _, err := l.run(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("a connection that ends: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l.address = address
	if _, err := l.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestTheYardstickGivesTheBytesItWasTaught(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("X-Frame-Options", "DENY")
		w.Header().Set("RateLimit-Remaining", "39")
		if r.Method == http.MethodPost {
			w.WriteHeader(http.StatusCreated)
		}
		fmt.Fprintf(w, "%s %s", r.Method, strings.Repeat("x", 700))
	}))
	defer api.Close()
	address := strings.TrimPrefix(api.URL, "http://")
	y, err := startYardstick(config.Development())
	must(t, err)
	members, lots := someMembers(20), wants([]auction.Lot{someLot()})
	bid, page := newRequests().bid(&lots[0], members.token(0)), newRequests().page(newID(), members.token(0))
	taught, err := learn(t.Context(), address, bid, http.StatusCreated)
	must(t, err)
	y.post.Store(taught)
	taught, err = learn(t.Context(), address, page, http.StatusOK)
	must(t, err)
	y.get.Store(taught)
	for _, request := range [][]byte{bid, page} {
		var status, size [2]int
		var bodies [2]string
		for n, at := range []string{address, y.address} {
			c, err := dial(t.Context(), at, time.Now().Add(grace))
			must(t, err)
			var body []byte
			status[n], body, size[n], err = c.ask(request)
			must(t, err)
			bodies[n] = string(body)
			c.close()
		}
		if status[0] != status[1] || bodies[0] != bodies[1] || size[0] != size[1] {
			t.Errorf("status %v, %v bytes; bodies %.20q %.20q", status, size, bodies[0], bodies[1])
		}
	}
	out, err := load{address: y.address, lots: lots, members: members, plan: once(20, 1, 0), want: 201, clients: 2, length: time.Minute, forget: true}.run(t.Context())
	if err != nil || out.counted != 20 {
		t.Errorf("%d bids of 20: %v", out.counted, err)
	}
	if _, err := learn(t.Context(), address, page, http.StatusCreated); err == nil || !strings.Contains(err.Error(), "200 and not 201") {
		t.Errorf("another answer than the wanted one: %v", err)
	}
	must(t, y.stop(t.Context()))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// slowAPI admits whatever comes, in its own time.
type slowAPI struct{ *httptest.Server }

func answersAfter(t *testing.T, wait func()) slowAPI {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		wait()
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(api.Close)
	return slowAPI{api}
}

// load is of a thousand members, each of whom bids once.
func (a slowAPI) load(clients int, length time.Duration) load {
	return load{address: strings.TrimPrefix(a.URL, "http://"), lots: wants([]auction.Lot{someLot()}), members: someMembers(1000),
		plan: once(1000, 1, 0), want: http.StatusCreated, clients: clients, length: length}
}

// An API that stands still for a while keeps those waiting who come meanwhile, and their waiting is seen.
func TestAScheduleDoesNotWaitForAnswers(t *testing.T) {
	const stands = 200 * time.Millisecond
	var first sync.Once
	api := answersAfter(t, func() { first.Do(func() { <-time.After(stands) }) })
	s := schedule{load: api.load(1, 2*stands), rate: 500}
	m, err := s.run(t.Context())
	must(t, err)
	if m.offered != 200 || m.counted != 200 || m.unanswered != 0 || len(m.latency) != 200 {
		t.Errorf("%d offered, %d counted, %d unanswered, %d latencies", m.offered, m.counted, m.unanswered, len(m.latency))
	}
	// Of 100 who came while it stood still the first waited longest; a client that waits for answers would have seen one.
	if longest, late := m.latency[len(m.latency)-1], percentile(m.latency, 0.7); longest < stands || late < stands/4 {
		t.Errorf("the longest waited %s, 70 of 100 less than %s", longest, late)
	}
}

func TestASaleThatOpensTooSoonIsTriedWithALongerLead(t *testing.T) {
	for opened, want := range map[int]int{0: 1, 1: 3, 2: 9, 3: 9} {
		tries, last := 0, time.Duration(0)
		err := inTime(time.Second, func(lead time.Duration) error {
			tries, last = tries+1, lead
			if tries <= opened {
				return fmt.Errorf("lots: %w", errOpened)
			}
			return nil
		})
		if last != time.Duration(want)*time.Second || errors.Is(err, errOpened) != (opened == 3) {
			t.Errorf("opened %d times: a lead of %s at last, %v", opened, last, err)
		}
	}
	broken := errors.New("broken")
	if err := inTime(time.Second, func(time.Duration) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestWhatDoesNotEndIsNotWaitedForForEver(t *testing.T) {
	broken, stays := errors.New("broken"), make(chan struct{})
	defer close(stays)
	if err := within(time.Minute, "it", func() error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
	if err := within(time.Millisecond, "it to end", func() error { <-stays; return nil }); err == nil || !strings.Contains(err.Error(), "1ms for it to end") {
		t.Error(err)
	}
}

func TestWhatCannotBeSentInTimeIsUnanswered(t *testing.T) {
	api := answersAfter(t, func() { <-time.After(100 * time.Millisecond) })
	s := schedule{load: api.load(2, time.Second), rate: 1000, cut: true}
	m, err := s.run(t.Context())
	must(t, err)
	if m.offered != 1000 || m.inTime < 1 || m.inTime > m.counted || m.counted > 22 || m.unanswered != m.offered-m.asked {
		t.Errorf("%d offered, %d counted, %d of them in time, %d unanswered", m.offered, m.counted, m.inTime, m.unanswered)
	}
}

// Who come while the only connection stands still wait for it: those who have not the patience are not sent.
func TestWhoLosesPatienceIsUnanswered(t *testing.T) {
	const stands = 200 * time.Millisecond
	var first sync.Once
	api := answersAfter(t, func() { first.Do(func() { <-time.After(stands) }) })
	s := schedule{load: api.load(1, 10*stands), rate: 250, patience: stands / 2}
	m, err := s.run(t.Context())
	must(t, err)
	// Those of the first half of its standing, but for the first, whose answer it is.
	if least := int(stands.Seconds()/2*s.rate) - 1; m.offered != 500 || m.unanswered < least || m.counted != m.offered-m.unanswered || m.counted < 2 {
		t.Errorf("%d offered, %d counted, %d unanswered; at least %d had to lose patience", m.offered, m.counted, m.unanswered, least)
	}
}

func TestALotsIDLiesOnItsShard(t *testing.T) {
	for shard := range 16 {
		if got := auction.ShardOf(idOn(shard, 16), uuid.Nil, 16); got != shard {
			t.Errorf("on shard %d, want %d", got, shard)
		}
	}
}
