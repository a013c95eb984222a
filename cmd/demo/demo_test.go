package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/ncruces/go-sqlite3"

	"rostrum/auction"
	"rostrum/internal/crowd"
	"rostrum/orders"
)

// small is the demo with a crowd that a test can wait for.
func small(data string) options {
	return options{listen: "127.0.0.1:0", data: data, once: true, relay: true, log: "error", sale: time.Minute, lead: 2 * time.Second, crowd: 150}
}

// said is a screen that does something as soon as the demo says a thing.
type said struct {
	bytes.Buffer
	what string
	then func()
}

func (s *said) Write(p []byte) (int, error) {
	n, err := s.Buffer.Write(p)
	if s.then != nil && strings.Contains(s.String(), s.what) {
		then := s.then
		s.then = nil
		then()
	}
	return n, err
}

// On a terminal the bar of preheating and the line of what has happened move.
func TestDemoCountsNothingWrong(t *testing.T) {
	var out bytes.Buffer
	wrong, err := demo(t.Context(), small(""), screen{out: &out, terminal: true})
	if err != nil || wrong != 0 {
		t.Fatalf("%d wrong, error %v\n%s", wrong, err, &out)
	}
	for _, want := range []string{"durability none", "Seeding: 3 areas, 25 people", "\r\x1b[KSeeding: 200 items", "Preheating", "(8/8)",
		"Preheated 8 lots, 8 verified", "150 bidders for 100 units on 8 lots", "units in orders 100", "units sold over stock", "orders unknown to Kafka"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo does not say %q:\n%s", want, &out)
		}
	}
	if line := regexp.MustCompile(`\r\x1b\[Kadmitted +\d+ .* journal +\d+ +lag +\d+ .* units in orders +\d+`); !line.Match(out.Bytes()) {
		t.Errorf("no line of admission, lag and orders moves:\n%s", &out)
	}
}

// The whole demo, as it is typed: after its table it serves on, everybody it shows can log in, and Ctrl-C is a good end.
func TestDemoServesOnAfterItsTable(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, errs := &said{what: "Ctrl-C ends it."}, &bytes.Buffer{}
	visited := false
	out.then = func() {
		defer cancel()
		visited = true
		visit(t, out.String())
	}
	if code := run(ctx, []string{"--listen", "127.0.0.1:0"}, out, errs); code != 0 || !visited {
		t.Fatalf("exit status %d, %s\n%s", code, errs, out)
	}
	for _, want := range []string{"Logging in: 20 of 20 with their passwords", "Minting tokens: 1980 of 1980", "2000 bidders for 100 units on 8 lots", "INVARIANT"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo does not say %q:\n%s", want, out)
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Error("it draws where nobody looks")
	}
}

// visit opens the front page at the address that the demo has said, and logs in as each of the people it has shown.
func visit(t *testing.T, text string) {
	t.Helper()
	base := regexp.MustCompile(`Serving on (http://\S+)`).FindStringSubmatch(text)
	password := regexp.MustCompile(`Everybody's password is "(.*)"`).FindStringSubmatch(text)
	_, table, _ := strings.Cut(text, "LOG IN AS")
	people := regexp.MustCompile(`(?m)^(\w+)( … (\w+))? +(admin|operator|analyst|bidder|seller)`).FindAllStringSubmatch(table, -1)
	if base == nil || password == nil || len(people) != 6 {
		t.Errorf("no address, password or log-ins of %q in\n%s", people, text)
		return
	}
	if page, err := http.Get(base[1] + "/"); err != nil || page.StatusCode != http.StatusOK {
		t.Errorf("the front page: %+v, error %v", page, err)
	} else {
		page.Body.Close()
	}
	c := crowd.New(func() string { return base[1] }, crowd.Options{})
	defer c.Close()
	for _, p := range people {
		for _, login := range []string{p[1], p[3]} {
			if login == "" {
				continue
			}
			if _, err := c.LogIn(t.Context(), login, password[1]); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestDefaultAddress(t *testing.T) {
	if o, err := flags(nil, io.Discard); err != nil || o.listen != "127.0.0.1:8080" || o.once || !o.relay {
		t.Errorf("%+v, %v", o, err)
	}
}

// The table is worth something only if it can be wrong, and then it is the exit status.
func TestDemoWithoutItsRelayIsWrong(t *testing.T) {
	var out, errs bytes.Buffer
	code := run(t.Context(), []string{"--listen", "127.0.0.1:0", "--once", "--relay=false"}, &out, &errs)
	if code != 1 || !strings.Contains(errs.String(), "invariants do not hold") || !strings.Contains(out.String(), "WRONG") {
		t.Errorf("exit status %d, %s\n%s", code, &errs, &out)
	}
}

// A demo that is interrupted before its table says so and does not end as one whose counts are right; and wherever it was,
// the next start goes on from its folder.
func TestInterruptedBeforeTheTable(t *testing.T) {
	dir := t.TempDir()
	for _, at := range []string{"Starting stand-ins", "Seeding: 3 areas", "Seeding: 200 items", "Seeding: sessions", "Logging in: 3 of 20",
		"The sale starts in", "The sale is open"} {
		t.Run(at, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			out, errs := &said{what: at, then: cancel}, &bytes.Buffer{}
			o := small(dir)
			if at != "The sale is open" {
				o.lead = 20 * time.Second // it is cut short, and there is time to say so
			}
			code := play(ctx, o, out, errs)
			if code != 130 || errs.String() != "demo: interrupted before its table: nothing was counted\n" {
				t.Errorf("exit status %d, %q\n%s", code, errs, out)
			}
			if strings.Contains(out.String(), "INVARIANT") {
				t.Errorf("it counts all the same:\n%s", out)
			}
		})
	}
	var out, errs bytes.Buffer
	if code := play(t.Context(), small(dir), &out, &errs); code != 0 {
		t.Errorf("the next start: exit status %d, %s\n%s", code, &errs, &out)
	}
}

// kept is what a demo leaves in its folder.
type kept struct {
	sales   []uuid.UUID               // flash sales, in order of their start
	orders  map[uuid.UUID][]uuid.UUID // of each sale, newest first
	seller  uuid.UUID
	planned int // sessions of the seed
	items   int
}

func keptIn(t *testing.T, dir string) kept {
	t.Helper()
	w := opened(t, dir)
	defer w.end()
	k := kept{orders: map[uuid.UUID][]uuid.UUID{}}
	sessions, err := w.app.Store.ListSessions(t.Context(), auction.SessionFilter{Area: areas[0].code, Drafts: true}, auction.Page{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range sessions {
		if s.Name != "Flash sale" {
			k.planned++
			continue
		}
		k.sales = append(k.sales, s.ID)
		list, err := w.app.Store.ListOrders(t.Context(), orders.Filter{Session: s.ID}, orders.Page{Limit: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range list {
			k.orders[s.ID] = append(k.orders[s.ID], o.ID)
		}
	}
	seller, err := w.app.Store.UserByLogin(t.Context(), "seller")
	if err != nil {
		t.Fatal(err)
	}
	items, err := w.sellers().listed(t.Context(), seller.ID)
	if err != nil {
		t.Fatal(err)
	}
	k.seller, k.items = seller.ID, len(items)
	return k
}

// A second start finds what the first left, whose Redis is gone: it is rebuilt from the database.
func TestDemoGoesOnFromItsData(t *testing.T) {
	dir := t.TempDir()
	var found []kept
	for start := range 2 {
		var out bytes.Buffer
		if wrong, err := demo(t.Context(), small(dir), screen{out: &out}); err != nil || wrong != 0 {
			t.Fatalf("start %d: %d wrong, error %v\n%s", start+1, wrong, err, &out)
		}
		if seeds := strings.Contains(out.String(), "Seeding"); seeds != (start == 0) {
			t.Errorf("start %d seeds: %v", start+1, seeds)
		}
		found = append(found, keptIn(t, dir))
	}
	first, second := found[0], found[1]
	if len(first.sales) != 1 || len(second.sales) != 2 || second.sales[0] != first.sales[0] {
		t.Fatalf("sales %v after the first start, %v after the second", first.sales, second.sales)
	}
	sale := first.sales[0]
	if len(first.orders[sale]) != 100 || !slices.Equal(first.orders[sale], second.orders[sale]) {
		t.Errorf("%d orders of the first sale, %d of them or others after the second start", len(first.orders[sale]), len(second.orders[sale]))
	}
	if len(second.orders[second.sales[1]]) != 100 {
		t.Errorf("%d orders of the second sale", len(second.orders[second.sales[1]]))
	}
	if first.seller != second.seller || second.items != 200 || second.planned != 3 {
		t.Errorf("after the second start: %d items, %d planned sessions; it has seeded again", second.items, second.planned)
	}
}

func TestDemoSaysWhatIsInItsWay(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, "rostrum.sqlite"), []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	newer := t.TempDir()
	database(t, newer, `CREATE TABLE goose_db_version (version_id INTEGER PRIMARY KEY); INSERT INTO goose_db_version VALUES (999)`)
	foreign := t.TempDir()
	database(t, foreign, `CREATE TABLE recipes (id INTEGER)`)
	guarded := unwritable(t)
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"folder guarded":  {[]string{"--listen", "127.0.0.1:0", "--data", guarded}, "--data " + guarded + " cannot be written"},
		"newer data":      {[]string{"--listen", "127.0.0.1:0", "--data", newer}, newer + "/rostrum.sqlite: has schema 999"},
		"foreign data":    {[]string{"--listen", "127.0.0.1:0", "--data", foreign}, "holds something else (recipes"},
		"port taken":      {[]string{"--listen", taken.Addr().String()}, "choose another with --listen"},
		"no address":      {[]string{"--listen", "nowhere"}, "choose another with --listen"},
		"folder is file":  {[]string{"--listen", "127.0.0.1:0", "--data", file}, "--data " + file + " cannot be made"},
		"damaged data":    {[]string{"--listen", "127.0.0.1:0", "--data", damaged}, "no SQLite database"},
		"unknown flag":    {[]string{"--twice"}, "-twice"},
		"stray word":      {[]string{"now"}, `"now" is no flag`},
		"no level of log": {[]string{"--listen", "127.0.0.1:0", "--log", "loud"}, `--log "loud"`},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := run(t.Context(), c.args, &out, &errs); code != 1 {
				t.Errorf("exit status %d", code)
			}
			if !strings.Contains(errs.String(), c.want) {
				t.Errorf("it says %q, want %q", errs.String(), c.want)
			}
		})
	}
}

// database makes a demo's database of a folder by other means than the demo's.
func database(t *testing.T, dir, text string) {
	t.Helper()
	c, err := sqlite3.Open(filepath.Join(dir, "rostrum.sqlite"))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Exec(text); err != nil {
		t.Fatal(err)
	}
}

// unwritable gives a folder that is there and in which nobody, not even root, makes a file.
func unwritable(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "linux" {
		return "/proc/self"
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Data of an older demo is brought up to this one's tables, and gone on from.
func TestOlderDataIsBroughtUp(t *testing.T) {
	dir := t.TempDir()
	first, err := os.ReadFile("../../internal/standin/sql/schema/00001_goods.sql")
	if err != nil {
		t.Fatal(err)
	}
	database(t, dir, string(first)+`; INSERT INTO areas VALUES ('lisbon', 'Lisboa');
		CREATE TABLE goose_db_version (version_id INTEGER PRIMARY KEY); INSERT INTO goose_db_version VALUES (0), (1)`)
	w := opened(t, dir)
	if err := w.sellers().seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.seeded(t)
}

func TestTwoDemosDoNotShareAFolder(t *testing.T) {
	dir := t.TempDir()
	first := &world{}
	if err := first.start(t.Context(), small(dir)); err != nil {
		t.Fatal(err)
	}
	defer first.end()
	second := &world{}
	if err := second.start(t.Context(), small(dir)); err == nil || !strings.Contains(err.Error(), "another demo uses") {
		second.end()
		t.Errorf("a second demo on the folder: %v", err)
	}
}
