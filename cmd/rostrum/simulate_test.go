package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/internal/app"
	"rostrum/internal/config"
	"rostrum/internal/fault"
	"rostrum/internal/live"
	"rostrum/internal/simulate"
	standinkafka "rostrum/internal/standin/kafka"
	standinredis "rostrum/internal/standin/redis"
	standinsql "rostrum/internal/standin/sql"
	"rostrum/orders"
	"rostrum/web/webtest"
)

func (f *fake) Remaining(context.Context) (lag, journal int64, err error) { return 0, 0, f.err }

func (f *fake) ReconcileSession(context.Context, uuid.UUID, orders.Side) ([]orders.Invariant, error) {
	return nil, f.note("reconcile session")
}

func (f *fake) WithdrawSession(_ context.Context, session uuid.UUID, _ string) error {
	return f.note("withdraw " + session.String())
}

func (f *fake) CancelOrders(context.Context, uuid.UUID, string) (int, error) {
	return 0, f.note("cancel")
}

// standing is an installation on stand-ins that serves, and how commands get at it.
type standing struct {
	t      *testing.T
	target string
	open   func(c config.Config, log *slog.Logger) (platform, error)
	parts  func() app.Parts
	base   config.Config
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// stand starts an installation of all roles.
func stand(t *testing.T) *standing {
	t.Helper()
	k, err := standinkafka.Start(standinkafka.Options{})
	must(t, err)
	t.Cleanup(k.Close)
	r, err := standinredis.Start("127.0.0.1:0")
	must(t, err)
	t.Cleanup(r.Close)
	db, err := standinsql.Open(filepath.Join(t.TempDir(), "rostrum.sqlite"))
	must(t, err)
	t.Cleanup(func() { db.Close() })
	c := config.Development()
	c.Kafka.Brokers, c.Redis.GateURL = []string{k.Addr()}, config.Secret("redis://"+r.Addr()+"/0")
	c.Sale.Shards, c.Log.Level = 4, "error"
	c.Redis.Timeout, c.HTTP.BidTimeout, c.HTTP.RequestTimeout = 5*time.Second, 5*time.Second, 10*time.Second
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	s := &standing{t: t, target: "http://" + listener.Addr().String(), base: c, parts: func() app.Parts {
		return app.Parts{DB: db, Lineage: r.Lineage(), Version: "test", KeeperPoll: 50 * time.Millisecond}
	}}
	s.serve(listener)
	s.open = func(_ config.Config, log *slog.Logger) (platform, error) {
		parts := s.parts()
		parts.Log = log
		a, err := app.New(s.base, parts)
		return &installation{a}, err
	}
	return s
}

func (s *standing) serve(listener net.Listener) {
	s.t.Helper()
	parts := s.parts()
	parts.Listener = listener
	a, err := app.New(s.base, parts)
	must(s.t, err)
	ctx, cancel := context.WithTimeout(s.t.Context(), time.Minute)
	defer cancel()
	must(s.t, inOrder(ctx, a.OpenStore, a.OpenRedis, a.OpenKafka))
	_, err = a.Kafka.Apply(ctx)
	must(s.t, err)
	must(s.t, a.Kafka.Ready(ctx))
	must(s.t, a.Start(ctx))
	s.t.Cleanup(func() { _ = a.Stop(context.WithoutCancel(s.t.Context())) })
	must(s.t, a.AwaitShards(ctx, time.Minute))
}

// run runs one command line against it.
func (s *standing) run(ctx context.Context, line ...string) outcome {
	s.t.Helper()
	var out, errs syncBuffer
	w := world{args: append([]string{"simulate", "--target", s.target}, line...), environ: goodEnviron, in: strings.NewReader(""), out: &out, err: &errs, open: s.open}
	status := w.run(ctx)
	return outcome{status, out.String(), errs.String()}
}

func report(t *testing.T, o outcome) simulate.Report {
	t.Helper()
	var r simulate.Report
	if err := json.Unmarshal([]byte(o.out), &r); err != nil {
		t.Fatalf("status %d, no report (%v): %s%s", o.status, err, o.out, o.err)
	}
	return r
}

// A whole simulation: a sale of its own, a rush, all sides counted, and what it made removed.
func TestSimulateASaleOfItsOwn(t *testing.T) {
	s := stand(t)
	dir := t.TempDir()
	got := s.run(t.Context(), "--rate", "150", "--for", "2s", "--lots", "4", "--stock", "20", "--zipf", "1", "--readers", "0.2", "--users", "300",
		"--output", "json", "--json", filepath.Join(dir, "r.json"), "--html", filepath.Join(dir, "r.html"))
	if got.status != exitGood {
		t.Fatalf("status %d: %s%s", got.status, got.out, got.err)
	}
	r := report(t, got)
	if r.Bids.Offered != r.Bids.Answered || r.Bids.Offered < 150 || r.Pages.Answered < 20 || r.Admitted == 0 || r.Admitted > 80 {
		t.Errorf("bids %+v, pages %+v, %d admitted", r.Bids, r.Pages, r.Admitted)
	}
	if len(r.NotCounted) > 0 || len(r.Invariants) < 20 {
		t.Errorf("%d invariants, not counted %v", len(r.Invariants), r.NotCounted)
	}
	for _, i := range r.Invariants {
		if !i.OK() {
			t.Errorf("%s: %d of %d wrong: %s", i.Name, i.Wrong, i.Checked, i.Detail)
		}
	}
	stays := strings.Join(r.Stays, "\n")
	if !strings.Contains(stays, ", ended") || !strings.Contains(stays, "4 items, withdrawn") || !strings.Contains(stays, fmt.Sprintf("%d orders, cancelled", r.Admitted)) {
		t.Errorf("stays: %s", stays)
	}
	text, err := os.ReadFile(filepath.Join(dir, "r.json"))
	must(t, err)
	var kept simulate.Report
	must(t, json.Unmarshal(text, &kept))
	if kept.Admitted != r.Admitted || kept.Session != r.Session {
		t.Errorf("the file says %d of %s", kept.Admitted, kept.Session)
	}
	page, err := os.ReadFile(filepath.Join(dir, "r.html"))
	must(t, err)
	if strings.Count(string(page), "<svg") != 3 || !strings.Contains(string(page), "units sold over stock") {
		t.Errorf("%d charts in %d bytes", strings.Count(string(page), "<svg"), len(page))
	}

	t.Run("again with the same users", func(t *testing.T) {
		got := s.run(t.Context(), "--rate", "100", "--for", "1s", "--lots", "2", "--stock", "1", "--users", "300")
		if got.status != exitGood || !strings.Contains(got.out, "remark: it was sold out after 2 admissions") {
			t.Errorf("status %d: %s%s", got.status, got.out, got.err)
		}
	})
	t.Run("interrupted", func(t *testing.T) {
		r, got := s.interrupt(t, "waiting", "--rate", "50", "--for", "1m", "--lots", "2", "--users", "100")
		if got.status != exitInterrupted || !r.Interrupted || r.Bids.Offered == 0 || r.TookMS > 30_000 || len(r.Invariants) < 20 {
			t.Errorf("status %d after %d ms with %d bids and %d invariants: %s", got.status, r.TookMS, r.Bids.Offered, len(r.Invariants), got.err)
		}
		if !strings.Contains(strings.Join(r.Stays, "\n"), "2 items, withdrawn") || !strings.Contains(got.err, "interrupted after") {
			t.Errorf("stays: %v", r.Stays)
		}
	})
	t.Run("interrupted while the sale is made", func(t *testing.T) {
		_, got := s.interrupt(t, "making a sale", "--lots", "2000", "--users", "10")
		if got.status != exitInterrupted || !strings.Contains(got.err, "interrupted before anybody came") || !strings.Contains(got.err, ", cancelled") ||
			strings.Contains(got.err, "could not be withdrawn") {
			t.Errorf("status %d: %s", got.status, got.err)
		}
	})
}

// interrupt runs a command line until its progress says something, interrupts it, and gives the report it kept; an empty
// one where it kept none.
func (s *standing) interrupt(t *testing.T, at string, line ...string) (r simulate.Report, got outcome) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	file := filepath.Join(t.TempDir(), "r.json")
	var out, errs syncBuffer
	w := world{args: append([]string{"simulate", "--target", s.target, "--json", file}, line...), environ: goodEnviron, in: strings.NewReader(""), out: &out, err: &errs,
		errTerminal: true, open: s.open}
	ended := make(chan int, 1)
	go func() { ended <- w.run(ctx) }()
	live.Eventually(t, 30*time.Second, at, func() (bool, error) { return strings.Contains(errs.String(), at), nil })
	stop()
	got = outcome{<-ended, out.String(), errs.String()}
	text, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		return r, got
	}
	must(t, err)
	must(t, json.Unmarshal(text, &r))
	return r, got
}

// Two crowds in one sale: one that made it, and one that was sent into a session that was there.
func TestSimulateInASessionThatIsThere(t *testing.T) {
	s := stand(t)
	first := make(chan outcome, 1)
	go func() {
		first <- s.run(t.Context(), "--rate", "40", "--for", "8s", "--lots", "3", "--stock", "500", "--users", "400", "--output", "json")
	}()
	var found struct{ Items []struct{ ID uuid.UUID } }
	live.Eventually(t, 30*time.Second, "the sale to open", func() (bool, error) {
		answer, err := http.Get(s.target + "/api/v1/sessions?state=live")
		if err != nil {
			return false, err
		}
		defer answer.Body.Close()
		return len(found.Items) == 1, json.NewDecoder(answer.Body).Decode(&found)
	})
	got := s.run(t.Context(), "--session", found.Items[0].ID.String(), "--rate", "50", "--for", "1s", "--users", "200", "--output", "json")
	r := report(t, got)
	if got.status != exitGood || r.Session != found.Items[0].ID || r.Admitted == 0 || len(r.NotCounted) > 0 || len(r.Stays) > 0 {
		t.Errorf("status %d, %d admitted, not counted %v, stays %v: %s", got.status, r.Admitted, r.NotCounted, r.Stays, got.err)
	}
	if got := <-first; got.status != exitGood || report(t, got).Admitted <= r.Admitted {
		t.Errorf("the other: status %d: %s%s", got.status, got.out, got.err)
	}
}

func TestWhereAListenerIsReached(t *testing.T) {
	for listen, want := range map[string]string{":8080": "127.0.0.1:8080", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "127.0.0.1:80", "127.0.0.1:9": "127.0.0.1:9", "shop:80": "shop:80"} {
		if got := reached(listen); got != want {
			t.Errorf("%s: %s, want %s", listen, got, want)
		}
	}
}

// The targets of the tests below: an API in memory, whose session is live, and bidders for it.
func edge(t *testing.T) (target, tokens string, w *webtest.World) {
	t.Helper()
	w = webtest.NewWorld(t)
	minted, err := w.Service.MintTokens(t.Context(), uuid.Nil, accounts.MintRequest{Area: "eu", Count: 50, TTL: time.Hour})
	must(t, err)
	var lines []string
	for _, m := range minted {
		lines = append(lines, m.Token)
	}
	tokens = filepath.Join(t.TempDir(), "tokens")
	must(t, os.WriteFile(tokens, []byte(strings.Join(lines, "\n")+"\n"), 0o600))
	return w.Start(t).Base, tokens, w
}

// From a machine that has nothing but tokens.
func TestSimulateFromOutside(t *testing.T) {
	target, tokens, w := edge(t)
	line := []string{"simulate", "--target", target, "--session", webtest.Live.String(), "--rate", "100", "--for", "500ms", "--readers", "0.2", "--asks", "2"}
	for name, in := range map[string]struct {
		args  []string
		stdin string
	}{
		"a file":         {[]string{"--tokens", tokens}, ""},
		"standard input": {[]string{"--tokens", "-", "--users", "5"}, readFile(t, tokens)},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{}
			got := runWorld(t.Context(), f, world{args: append(line, in.args...), in: strings.NewReader(in.stdin)})
			if got.status != exitGood || !strings.Contains(got.out, "not counted: gate, Kafka and MySQL") || !strings.Contains(got.out, "admitted") {
				t.Errorf("status %d: %s%s", got.status, got.out, got.err)
			}
			if len(f.asked) > 0 || f.closed > 0 {
				t.Errorf("the installation was asked %v", f.asked)
			}
		})
	}
	if n := len(w.Gate.Records()); n == 0 {
		t.Error("nobody bought")
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	must(t, err)
	return string(text)
}

// Each thing that makes a simulation impossible is status 2 with its remedy, and nothing is left behind.
func TestSimulateWhatCannotBe(t *testing.T) {
	target, tokens, _ := edge(t)
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "tokens")
		must(t, os.WriteFile(name, []byte(text), 0o600))
		return name
	}
	session := webtest.Live.String()
	forged := "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"0198c0de-0000-7000-8000-000000000062"}`)) + ".e30"
	for _, c := range []struct{ name, line, says string }{
		{"no shape", "--shape wave", `"wave" is no shape: write constant, ramp, spike, step`},
		{"no rate", "--rate 0", "--rate is 0: write more than nothing"},
		{"a negative rate", "--rate=-5", "--rate is -5: write 0.01 to 200000 a second"},
		{"no time", "--for 0s", "--for is 0s"},
		{"too long", "--for 2h", "--for is 7200: write 0.1 to 3600 seconds"},
		{"too many lots", "--lots 10001", "--lots is 10001: write 1 to 10000"},
		{"no stock", "--stock 0", "--stock is 0"},
		{"too many users", "--users 100001", "--users is 100001: write 0 to 100000"},
		{"too many bids", "--max-bids 3000000", "--max-bids is"},
		{"no session's id", "--session 7", `"7" is not the id of a session`},
		{"lots of a session", "--session " + session + " --lots 3", "--lots is for a sale of its own"},
		{"tokens without a session", "--tokens " + tokens, "--tokens needs --session"},
		{"no such file", "--session " + session + " --tokens /nowhere/tokens", "no such file"},
		{"an empty file", "--session " + session + " --tokens " + file(""), "there are no tokens"},
		{"something else in the file", "--session " + session + " --tokens " + file("hello\n"), "line 1 is no access token"},
		{"tokens of another installation", "--session " + session + " --tokens " + file(forged), "does not take the bidders' tokens (token_invalid)"},
		{"no such session", "--session " + uuid.NewString() + " --tokens " + tokens, "there is no published session"},
		{"a session that is over", "--session " + webtest.Ended.String() + " --tokens " + tokens, "is ended"},
		{"a session of tomorrow", "--session " + webtest.Soon.String() + " --tokens " + tokens, "starts in 24h0m0s"},
		{"a session of another area", "--session " + webtest.LiveFar.String() + " --tokens " + tokens, `the bidders are of area "eu"`},
		{"a folder that is not there", "--session " + session + " --tokens " + tokens + " --html /nowhere/r.html", "the report cannot be written"},
		{"another machine", "--target http://192.0.2.1:8080 --session " + session + " --tokens " + tokens, "say --i-own-this-target"},
		{"nobody there", "--target http://127.0.0.1:1 --session " + session + " --tokens " + tokens, "start it with `rostrum serve`"},
		{"an argument", "now", `unknown command "now"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			kept := filepath.Join(t.TempDir(), "r.json")
			line := append([]string{"simulate", "--target", target, "--json", kept}, strings.Fields(c.line)...)
			f := &fake{}
			got := runWorld(t.Context(), f, world{args: line, environ: goodEnviron, in: strings.NewReader("")})
			if got.status != exitUsage || !strings.Contains(got.err, c.says) || got.out != "" {
				t.Errorf("status %d, want %q: %s%s", got.status, c.says, got.out, got.err)
			}
			if len(f.asked) > 0 {
				t.Errorf("the installation was asked %v", f.asked)
			}
			if _, err := os.Stat(kept); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a report was left: %v", err)
			}
		})
	}
}

// The installation's own servers are away, or its configuration is missing.
func TestSimulateWithoutTheInside(t *testing.T) {
	target, _, _ := edge(t)
	f := &fake{err: fault.New(fault.Unavailable, "unavailable", "MySQL did not come within 1s")}
	for _, line := range []string{"--lots 2", "--session " + webtest.Live.String()} {
		got := runWorld(t.Context(), f, world{args: append([]string{"simulate", "--target", target}, strings.Fields(line)...), environ: goodEnviron, in: strings.NewReader("")})
		if got.status != exitUsage || !strings.Contains(got.err, "MySQL did not come within 1s") {
			t.Errorf("%s: status %d: %s", line, got.status, got.err)
		}
	}
	got := runWorld(t.Context(), f, world{args: []string{"simulate", "--lots", "2"}, in: strings.NewReader("")})
	if got.status != exitUsage || !strings.Contains(got.err, "mysql.dsn") {
		t.Errorf("without a configuration: status %d: %s", got.status, got.err)
	}
	got = runWorld(t.Context(), f, world{args: []string{"simulate", "--target", target, "--lots", "2", "--output", "json"}, environ: goodEnviron, in: strings.NewReader("")})
	var p problem
	if err := json.Unmarshal([]byte(got.err), &p); err != nil || !strings.Contains(p.Detail, "MySQL did not come") {
		t.Errorf("as JSON: %s %v", got.err, err)
	}
}

// Gate and Kafka cannot be reached from here, MySQL can: what can be counted from outside is.
func TestSimulateCountsWhatItCanReach(t *testing.T) {
	s := stand(t)
	open := s.open
	s.open = func(c config.Config, log *slog.Logger) (platform, error) {
		p, err := open(c, log)
		return noRoad{p}, err
	}
	_ = s.run(t.Context(), "--rate", "10", "--for", "200ms", "--lots", "1", "--users", "10") // makes the area
	got := s.run(t.Context(), "--rate", "100", "--for", "500ms", "--lots", "2", "--users", "100", "--output", "json")
	r := report(t, got)
	if got.status != exitGood || r.Admitted == 0 || len(r.NotCounted) != 1 || !strings.Contains(r.NotCounted[0], "no route to Redis") || len(r.Invariants) != 6 {
		t.Errorf("status %d, %d admitted, %d invariants, not counted %v", got.status, r.Admitted, len(r.Invariants), r.NotCounted)
	}
	if !strings.Contains(strings.Join(r.Stays, "\n"), "it ends by itself") {
		t.Errorf("stays %v", r.Stays)
	}
}

// noRoad is a platform that reaches MySQL only.
type noRoad struct{ platform }

var errNoRoute = fault.New(fault.Unavailable, "unavailable", "no route to Redis")

func (noRoad) Remaining(context.Context) (lag, journal int64, err error)    { return 0, 0, errNoRoute }
func (noRoad) WithdrawSession(context.Context, uuid.UUID, string) error     { return errNoRoute }
func (noRoad) CancelOrders(context.Context, uuid.UUID, string) (int, error) { return 0, errNoRoute }

// A sale in which something is wrong ends with 1, and the table says what.
func TestSimulateFindsWhatIsWrong(t *testing.T) {
	s := stand(t)
	open := s.open
	s.open = func(c config.Config, log *slog.Logger) (platform, error) {
		p, err := open(c, log)
		return forger{p}, err
	}
	got := s.run(t.Context(), "--rate", "100", "--for", "500ms", "--lots", "2", "--users", "100")
	if got.status != exitWrong || !strings.Contains(got.out, "admitted by the clients' log, not in MySQL's orders") || !strings.Contains(got.err, "1 of ") {
		t.Errorf("status %d: %s%s", got.status, got.out, got.err)
	}
}

// forger counts with one more receipt than there was.
type forger struct{ platform }

func (f forger) ReconcileSession(ctx context.Context, session uuid.UUID, clients orders.Side) ([]orders.Invariant, error) {
	clients.Admissions = append(clients.Admissions, orders.Admission{Lot: uuid.New(), Buyer: uuid.New(), Bid: uuid.New(), Order: uuid.New(), Quantity: 1})
	return f.platform.ReconcileSession(ctx, session, clients)
}
