package bench

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rostrum/orders"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values            []float64
		median, low, high float64
	}{
		{nil, 0, 0, 0},
		{[]float64{3}, 3, 3, 3},
		{[]float64{9, 1}, 5, 1, 9},
		{[]float64{7, 1, 100}, 7, 1, 100},
		{[]float64{4, 1, 3, 2}, 2.5, 1, 4},
	} {
		given := append([]float64(nil), c.values...)
		if median, low, high := spread(c.values); median != c.median || low != c.low || high != c.high {
			t.Errorf("%v: %v, %v … %v; want %v, %v … %v", given, median, low, high, c.median, c.low, c.high)
		}
		if diff := cmp.Diff(given, c.values); diff != "" {
			t.Errorf("the values were changed: %s", diff)
		}
	}
}

// sampled is figures of three rounds, the last of which was interrupted before its yardstick.
func sampled() *figures {
	f := newFigures()
	for round, v := range []float64{100, 200} {
		f.note(round, "fiber_post", v)
	}
	for round, v := range []float64{50, 60, 70} {
		f.note(round, "admit_everysec", v)
	}
	f.note(0, "consume", 10)
	return f
}

func TestARatioIsTakenWithinItsRound(t *testing.T) {
	for _, r := range sampled().rows() {
		if r.Name != "admit_everysec" {
			continue
		}
		if r.N != 3 || r.Median != 60 || r.Low != 50 || r.High != 70 {
			t.Errorf("values: %+v", r)
		}
		// 50/100 and 60/200: the third round has no yardstick and no ratio.
		if r.RatioN != 2 || r.Ratio != 0.4 || r.RatioLow != 0.3 || r.RatioHigh != 0.5 {
			t.Errorf("ratios: %+v", r)
		}
	}
}

func TestEachFigureHasItsYardstickBeforeIt(t *testing.T) {
	seen := map[string]bool{"": true}
	for _, g := range list() {
		if !seen[g.Of] {
			t.Errorf("%s is a ratio of %q, which is not above it", g.Name, g.Of)
		}
		if seen[g.Name] || strings.ContainsAny(g.Name+g.Unit, " \t") || g.Unit == "" || !strings.HasSuffix(g.What, ".") {
			t.Errorf("%+v: a name twice, no unit, a space in what programs read, or no sentence", g)
		}
		seen[g.Name] = true
	}
}

func TestLinesAndTableHoldWhatWasTaken(t *testing.T) {
	var lines, table bytes.Buffer
	rows := sampled().rows()
	Lines(&lines, rows)
	want := "bench fiber_post 150 requests/s -\nbench admit_everysec 60 bids/s 0.400\nbench consume 10 records/s -\n"
	if diff := cmp.Diff(want, lines.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if err := Table(&table, rows); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(table.String(), "\n"); got != 1+1+3 || !strings.Contains(table.String(), "0.300 – 0.500") {
		t.Errorf("table:\n%s", &table)
	}
}

func TestTimeKeepsNothingOfAFailure(t *testing.T) {
	f, broken := newFigures(), errors.New("broken")
	if err := f.time(0, "relay", 5, func() error { return broken }); !errors.Is(err, broken) || !strings.Contains(err.Error(), "relay") {
		t.Errorf("error %v", err)
	}
	if err := f.time(1, "relay", 5, func() error { return nil }); err != nil {
		t.Error(err)
	}
	if r := f.named("relay").rounds; len(r) != 1 || r[1] <= 0 {
		t.Errorf("rounds %v", r)
	}
}

func report(m Machine) Report {
	o := Defaults()
	return Report{Options: o, Machine: m, Versions: []string{"Redis: redis 7.0.15"}, Rows: sampled().rows(), Invariants: []Counted{
		{"bids, everysec", orders.Invariant{Name: "orders within stock", Checked: 7}},
		{"bids, always", orders.Invariant{Name: "no bid twice", Checked: 5}},
	}}
}

func TestThePage(t *testing.T) {
	idle := Machine{Cores: 2, Model: "A processor", Go: "go1.26", OS: "linux/amd64", Load: "0.04", Busy: 0.95}
	loaded, unknown, waiting := idle, idle, idle
	loaded.Load, unknown.Busy, waiting.Busy, unknown.Load = "7.5", -1, 0.4, ""
	wrong := report(idle)
	wrong.Odd = 12
	wrong.Invariants[1].Wrong = 3
	for name, c := range map[string]struct {
		report  Report
		has     []string
		hasNone []string
	}{
		"idle":    {report(idle), []string{"2 cores (A processor)", "redis 7.0.15", "| `admit_everysec` | 0.400 |", "total CPU", "2 invariants were counted over 12 things", ": 0 do not hold"}, []string{"not quiet", "relay` |", "of another kind"}},
		"loaded":  {report(loaded), []string{"**the machine was not quiet**", "cannot be told"}, []string{"total CPU"}},
		"unknown": {report(unknown), []string{"cannot say whether"}, []string{"load average", "busy:"}},
		"waiting": {report(waiting), []string{"40 % busy: waiting"}, []string{"total CPU"}},
		"wrong":   {wrong, []string{"1 do not hold", "no bid twice (bids, always): 3", "12 answers were of another kind"}, nil},
	} {
		var out bytes.Buffer
		if err := Page(&out, c.report); err != nil {
			t.Fatal(err)
		}
		for _, want := range c.has {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%s: no %q in\n%s", name, want, &out)
			}
		}
		for _, not := range c.hasNone {
			if strings.Contains(out.String(), not) {
				t.Errorf("%s: %q in\n%s", name, not, &out)
			}
		}
	}
}

// full is a disk without room.
type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestAPageThatCannotBeWrittenIsAnError(t *testing.T) {
	if err := Page(full{}, report(Machine{})); !errors.Is(err, errFull) {
		t.Errorf("error %v", err)
	}
}

func TestMachine(t *testing.T) {
	busy, all := ticksIn("cpu  10 1 20 60 5 1 2 1 99 99\ncpu0 1 1 1 1\n")
	if busy != 35 || all != 100 {
		t.Errorf("%v of %v ticks, want 35 of 100: guest times are in the first two already", busy, all)
	}
	if busy, all = ticksIn("no numbers"); busy != 0 || all != 0 {
		t.Errorf("%v of %v ticks of nothing", busy, all)
	}
	for text, want := range map[string]string{"processor\t: 0\nmodel name\t: A: fast one\n": "A: fast one", "": ""} {
		if got := modelIn(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	if m := lookAtMachine(); m.Cores < 1 || m.Go == "" || m.OS == "" {
		t.Errorf("%+v", m)
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{Defaults(), Short()} {
		if err := o.Check(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for name, spoil := range map[string]func(*Options){
		"rounds 0":  func(o *Options) { o.Rounds = 0 },
		"rounds 21": func(o *Options) { o.Rounds = 21 },
		"clients":   func(o *Options) { o.Clients = 1025 },
		"rows":      func(o *Options) { o.Rows = 99 },
		"members":   func(o *Options) { o.Members = 100_001 },
		"a round":   func(o *Options) { o.Round = 6 * time.Second },
		"lead":      func(o *Options) { o.Lead = 0 },
		"fit":       func(o *Options) { o.Rounds, o.Round = 20, 5*time.Second },
	} {
		o := Defaults()
		spoil(&o)
		if err := o.Check(); err == nil || !strings.Contains(err.Error(), strings.Fields(name)[0]) && !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFromEnvironment(t *testing.T) {
	set := map[string]string{EnvMySQL: "root@tcp(h:1)/", EnvRedis: "h:2", EnvKafka: "h:3"}
	s, err := FromEnvironment(func(name string) string { return set[name] })
	if err != nil || s.Redis != "h:2" || s.Kafka != "h:3" || s.Shelf != "" || s.NewDatabase == nil {
		t.Errorf("%+v, %v", s, err)
	}
	_, err = FromEnvironment(func(name string) string { return map[string]string{EnvRedis: "h:2"}[name] })
	if err == nil || !strings.Contains(err.Error(), EnvMySQL+" "+EnvKafka) || strings.Contains(err.Error(), EnvRedis) {
		t.Errorf("error %v names not just what is missing", err)
	}
}

func TestADatabasesNameGoesBeforeTheParameters(t *testing.T) {
	for server, want := range map[string]string{"root@tcp(h:1)/": "root@tcp(h:1)/d", "u:p@tcp(h:1)/?tls=true": "u:p@tcp(h:1)/d?tls=true"} {
		if got := named(server, "d"); got != want {
			t.Errorf("%s: %s", server, got)
		}
	}
}
