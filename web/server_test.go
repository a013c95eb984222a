package web_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/web"
	"rostrum/web/webtest"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// fasthttp keeps a clock for its Date header, and its worker pool notices the end within its idle time.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		goleak.IgnoreAnyFunction("github.com/gofiber/fiber/v2/utils.StartTimeStampUpdater.func1.1"))
}

// Every answer, whatever it is, carries the headers that keep browsers safe.
func TestHeadersOfEveryAnswer(t *testing.T) {
	w := webtest.NewWorld(t)
	o := webtest.Options()
	o.CookieSecure = true
	c := webtest.NewClient(t, webtest.Serve(t, web.Ports{Ports: w.Ports()}, o))
	for _, path := range []string{"/", "/log-in", "/docs", "/openapi.json", "/static/style.css", "/api/v1/areas", "/api/v1/nothing", "/nothing", "/livez", "/problems"} {
		h := c.Do("GET", path, nil).Header
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
			"Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": "max-age=31536000"} {
			if h.Get(name) != want {
				t.Errorf("%s: %s is %q", path, name, h.Get(name))
			}
		}
		if policy := h.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "base-uri 'none'") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if h.Get("Access-Control-Allow-Origin") != "" || h.Get("Server") != "" || h.Get("X-Request-Id") == "" {
			t.Errorf("%s: %v", path, h)
		}
	}
	if h := c.Do("OPTIONS", "/api/v1/areas", nil, "Origin", "https://evil.example", "Access-Control-Request-Method", "POST").Header; h.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("another site's script may call: %v", h)
	}
}

// HEAD says what GET says, without the body, and changes nothing.
func TestHead(t *testing.T) {
	c := webtest.NewWorld(t).Start(t)
	for path, status := range map[string]int{"/": 200, "/api/v1/areas": 200, "/api/v1/lots/" + nothingPath: 404, "/livez": 200} {
		if a := c.Do("HEAD", path, nil); a.Status != status || len(a.Body) != 0 {
			t.Errorf("%s: %d %q", path, a.Status, a.Body)
		}
	}
}

func TestRequestIDs(t *testing.T) {
	c := webtest.NewWorld(t).Start(t)
	for sent, kept := range map[string]bool{"abc-DEF_123": true, strings.Repeat("x", 64): true, strings.Repeat("x", 65): false, "with space": false, "ünï": false, "a;b": false, "": false} {
		got := c.Do("GET", "/api/v1/areas", nil, "X-Request-ID", sent).Header.Get("X-Request-Id")
		if (got == sent) != kept || len(got) == 0 || len(got) > auction.MaxTrace {
			t.Errorf("%q became %q", sent, got)
		}
	}
}

// A panic in a handler is a 500 and an alarm, and the next request is served.
func TestAPanicEndsOneRequestOnly(t *testing.T) {
	w := webtest.NewWorld(t)
	ports := w.Ports()
	ports.Gate = panicking{ports.Gate}
	c := webtest.NewClient(t, webtest.Serve(t, web.Ports{Ports: ports}, webtest.Options()))
	a := c.As(w.Token(t, webtest.Ben)).Do("POST", bidPath(webtest.LotLive), wish(webtest.LotLive, 1))
	if a.Status != http.StatusInternalServerError || a.Text("code") != "internal" || strings.Contains(string(a.Body), "rotten") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	if w.Counters.Count("alarm panic") != 1 {
		t.Errorf("alarms: %v", w.Counters.All())
	}
	if a := c.Do("GET", "/api/v1/areas", nil); a.Status != http.StatusOK {
		t.Errorf("the next request: %d", a.Status)
	}
}

type panicking struct{ auction.Gate }

func (panicking) Decide(context.Context, int, []auction.Bid) ([]auction.Answer, error) {
	panic("something rotten")
}

// The metrics name routes by their template, and what is no route by one word: clients cannot make series.
func TestMetricsNameRoutesNotPaths(t *testing.T) {
	w := webtest.NewWorld(t)
	c := w.Start(t)
	for n := range 5 {
		c.Do("GET", fmt.Sprint("/api/v1/lots/", webtest.ID(800+n)), nil)
		c.Do("GET", fmt.Sprint("/no/", n), nil)
	}
	c.Do("GET", "/api/v1/areas", nil)
	counts := w.Counters.All()
	if counts["request GET /api/v1/lots/:id"] != 5 || counts["request GET other"] != 5 || counts["request GET /api/v1/areas"] != 1 || len(counts) != 3 {
		t.Errorf("%v", counts)
	}
}

type checks []web.Check

func (c checks) Check(context.Context, bool) []web.Check { return c }

func TestProbes(t *testing.T) {
	w := webtest.NewWorld(t)
	metrics := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("rostrum_up 1\n")) })
	for _, tc := range []struct {
		checks checks
		status int
		verbose,
		word string
	}{
		{checks{{Name: "mysql", OK: true, Took: 3 * time.Millisecond}}, 200, `"took_ms":3`, "ready\n"},
		{checks{{Name: "mysql", OK: true}, {Name: "gate", Detail: "no connection"}}, 503, `"detail":"no connection"`, "not ready\n"},
	} {
		c := webtest.NewClient(t, webtest.Serve(t, web.Ports{Ports: w.Ports(), Checks: tc.checks, Metrics: metrics}, webtest.Options()))
		if a := c.Do("GET", "/readyz", nil); a.Status != tc.status || string(a.Body) != tc.word {
			t.Errorf("%d %q", a.Status, a.Body)
		}
		if a := c.Do("GET", "/readyz?verbose", nil); a.Status != tc.status || !strings.Contains(string(a.Body), tc.verbose) {
			t.Errorf("verbose: %d %s", a.Status, a.Body)
		}
		if a := c.Do("GET", "/livez", nil); a.Status != 200 {
			t.Errorf("livez: %d", a.Status)
		}
		if a := c.Do("GET", "/metrics", nil); string(a.Body) != "rostrum_up 1\n" {
			t.Errorf("metrics: %s", a.Body)
		}
	}
}

// A server that is about to stop says so first, then finishes what it is answering.
func TestLeaveThenShutdown(t *testing.T) {
	w := webtest.NewWorld(t)
	ports, entered, release := w.Ports(), make(chan struct{}), make(chan struct{})
	ports.Gate = waiting{ports.Gate, entered, release}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, served := web.New(web.Ports{Ports: ports}, webtest.Options()), make(chan error, 1)
	go func() { served <- s.Serve(ln) }()
	c := webtest.NewClient(t, "http://"+ln.Addr().String())
	s.Leave()
	if a := c.Do("GET", "/readyz", nil); a.Status != http.StatusServiceUnavailable {
		t.Errorf("readyz of a server that leaves: %d", a.Status)
	}
	answered, stopped := make(chan webtest.Answer, 1), make(chan error, 1)
	go func() {
		answered <- c.As(w.Token(t, webtest.Ben)).Do("POST", bidPath(webtest.LotLive), wish(webtest.LotLive, 1))
	}()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	go func() { stopped <- s.Shutdown(ctx) }()
	close(release)
	if a := <-answered; a.Status != http.StatusCreated {
		t.Errorf("the bid on its way: %d %s", a.Status, a.Body)
	}
	if err := <-stopped; err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := <-served; err != nil {
		t.Errorf("serve: %v", err)
	}
}

type waiting struct {
	auction.Gate
	entered, release chan struct{}
}

func (w waiting) Decide(ctx context.Context, shard int, bids []auction.Bid) ([]auction.Answer, error) {
	close(w.entered)
	<-w.release
	return w.Gate.Decide(ctx, shard, bids)
}

func TestShutdownBeforeServe(t *testing.T) {
	s := web.New(web.Ports{Ports: webtest.NewWorld(t).Ports()}, webtest.Options())
	if err := s.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Listen("127.0.0.1:0"); err != nil {
		t.Errorf("a server that was stopped listens: %v", err)
	}
}

func TestAPortThatIsTaken(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	err = web.New(web.Ports{Ports: webtest.NewWorld(t).Ports()}, webtest.Options()).Listen(ln.Addr().String())
	if err == nil || !strings.Contains(err.Error(), ln.Addr().String()) {
		t.Errorf("%v", err)
	}
}

// An address that a client writes into a header counts only from a proxy that is trusted.
func TestOnlyTrustedProxiesNameTheClient(t *testing.T) {
	for _, tc := range []struct {
		trusted []string
		key     string
	}{{nil, "login:a:127.0.0.1"}, {[]string{"127.0.0.1"}, "login:a:203.0.113.9"}} {
		w := webtest.NewWorld(t)
		w.Limit.Fill(tc.key, time.Second)
		o := webtest.Options()
		o.TrustedProxies = tc.trusted
		c := webtest.NewClient(t, webtest.Serve(t, web.Ports{Ports: w.Ports()}, o))
		a := c.Do("POST", "/api/v1/auth/login", `{"login":"x","password":"y"}`, "X-Real-IP", "203.0.113.9")
		if a.Status != http.StatusTooManyRequests {
			t.Errorf("trusted %v: %d %s", tc.trusted, a.Status, a.Body)
		}
	}
}

// A part that is away is told as that, for every route that needs it, and as the client's fault never.
func TestPartsThatAreAway(t *testing.T) {
	s := newStage(t)
	away := fault.New(fault.Unavailable, "mysql_away", "the database does not answer")
	away.RetryAfter = 1500 * time.Millisecond
	s.w.Shelf.Fail, s.w.Pipeline.Err, s.w.Goods.Fail = away, away, away
	for path, as := range map[string]*webtest.Client{"/api/v1/lots/" + webtest.LotLive.String(): s.c, "/api/v1/ops/pipeline": s.as(webtest.Olga),
		"/api/v1/sessions/" + webtest.Live.String() + "/lots": s.c} {
		if a := as.Do("GET", path, nil); a.Status != 503 || a.Text("code") != "unavailable" || a.Header.Get("Retry-After") != "2" {
			t.Errorf("%s: %d %v %s", path, a.Status, a.Header, a.Body)
		}
	}
	if a := s.as(webtest.Sam).Do("POST", itemsPath, goodItem); a.Status != 503 {
		t.Errorf("a change: %d %s", a.Status, a.Body)
	}
}

func TestASecretIsNeeded(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a server without a secret started")
		}
	}()
	web.New(web.Ports{Ports: webtest.NewWorld(t).Ports()}, web.Options{})
}
