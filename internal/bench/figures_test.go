package bench

import (
	"bytes"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rostrum/internal/fault"
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
		f.note(round, "fiber_post_64", v)
	}
	for round, v := range []float64{50, 60, 70} {
		f.note(round, "admit_hot_64", v)
	}
	f.note(0, "consume", 10)
	return f
}

func TestARatioIsTakenWithinItsRound(t *testing.T) {
	for _, r := range sampled().rows() {
		if r.Name != "admit_hot_64" {
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

func TestATargetIsForTheRatioOrForTheValueOfWhatHasNone(t *testing.T) {
	low, high, both := Target{Low: 0.5}, Target{High: 8}, Target{Low: 0.85, High: 1.15}
	for name, c := range map[string]struct {
		target       Target
		of           string
		ratio, value float64
		n            int
		reached, has bool
		says         string
	}{
		"above":            {low, "x", 0.5, 1, 1, true, true, "reached"},
		"below":            {low, "x", 0.499, 1, 1, false, true, "not reached"},
		"under its limit":  {high, "x", 8, 99, 1, true, true, "reached"},
		"over its limit":   {high, "x", 8.1, 1, 1, false, true, "not reached"},
		"too cheap":        {both, "x", 0.8, 1, 1, false, true, "not reached"},
		"as cheap":         {both, "x", 1.1, 1, 1, true, true, "reached"},
		"too dear":         {both, "x", 1.2, 1, 1, false, true, "not reached"},
		"a value":          {high, "", 0, 7, 1, true, true, "reached"},
		"a value too much": {high, "", 0, 9, 1, false, true, "not reached"},
		"no target":        {Target{}, "x", 1, 1, 1, false, false, ""},
		"not taken":        {low, "x", 0, 0, 0, false, false, ""},
	} {
		r := Row{Figure: &Figure{Of: c.of, Target: c.target}, N: c.n, RatioN: c.n, Ratio: c.ratio, Median: c.value}
		if reached, has := r.Reached(); reached != c.reached || has != c.has || r.Verdict() != c.says {
			t.Errorf("%s: %v, %v, %q", name, reached, has, r.Verdict())
		}
	}
	for target, want := range map[Target]string{low: "≥ 0.5", high: "≤ 8", both: "0.85 … 1.15", {}: ""} {
		if got := target.String(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// The names are what others read the lines by, and the targets what the table is held to.
func TestTheTable(t *testing.T) {
	want := map[string]string{"admit_hot_64": "≥ 0.5", "admit_hot_256": "≥ 0.5", "admit_spread_64": "≥ 0.42", "admit_spread_256": "≥ 0.45",
		"admit_always_256": "≥ 0.3", "refuse_sold_out": "≥ 0.8", "orders_end_to_end": "≥ 0.22", "behind_at_the_end": "≤ 1.25", "consume": "≥ 0.6", "relay": "≥ 0.6", "publish": "≥ 1", "outbox": "≥ 1", "preheat_100k": "≥ 0.6",
		"page_20": "≥ 0.45", "tail_half_peak": "≤ 8", "goodput_twice_peak": "≥ 0.8", "cost_1e3_lots": "0.85 … 1.15", "cost_1e5_lots": "0.85 … 1.15",
		"cost_1e5_users": "0.85 … 1.15", "cost_1e6_users": "0.85 … 1.15", "redis_bytes_lot": "≤ 1536", "redis_bytes_bid": "≤ 700", "node_bytes_1e5_lots": "≤ 67108864"}
	got, yardsticks := map[string]string{}, map[string]bool{}
	for _, g := range list() {
		yardsticks[g.Of] = true
		if g.Target != (Target{}) {
			got[g.Name] = g.Target.String()
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	besides := map[string]bool{"p99_twice_peak": true}
	for _, g := range list() {
		if g.Target == (Target{}) && !yardsticks[g.Name] && !besides[g.Name] {
			t.Errorf("%s has no target, is no yardstick, and tells nothing besides", g.Name)
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
	want := "bench fiber_post_64 150 requests/s -\nbench admit_hot_64 60.00 bids/s 0.400\nbench consume 10.00 records/s -\n"
	if diff := cmp.Diff(want, lines.String()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if err := Table(&table, rows); err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(table.String(), "\n"); got != 1+1+3 || !strings.Contains(table.String(), "0.300 – 0.500") || !strings.Contains(table.String(), "not reached") {
		t.Errorf("table:\n%s", &table)
	}
}

func TestTimeKeepsNothingOfAFailure(t *testing.T) {
	f, broken := newFigures(), errors.New("broken")
	if err := f.time(0, "relay", 5, nil, func() error { return broken }); !errors.Is(err, broken) || !strings.Contains(err.Error(), "relay") {
		t.Errorf("error %v", err)
	}
	if err := f.time(1, "relay", 5, nil, func() error { return nil }); err != nil {
		t.Error(err)
	}
	if r := f.named("relay").rounds; len(r) != 1 || r[1] <= 0 {
		t.Errorf("rounds %v", r)
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

func TestProcesses(t *testing.T) {
	table := "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n" +
		"   0: 0100007F:52BF 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31415 1\n" +
		"   1: 0100007F:52C0 0100007F:8000 01 00000000:00000000 00:00000000 00000000     0        0 92653 1\n"
	if got := listening(table); len(got) != 1 || got["socket:[31415]"] != 0x52BF {
		t.Errorf("listening: %v", got)
	}
	if used, err := timesIn("42 (a (strange) name) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 0 0 20 0"); err != nil || used != 2*time.Second {
		t.Errorf("%s, %v", used, err)
	}
	for _, stat := range []string{"", "42 (x) S 1", "42 (x) S 1 42 42 0 -1 4194304 100 0 0 0 a b 0 0"} {
		if _, err := timesIn(stat); err == nil {
			t.Errorf("times in %q", stat)
		}
	}
	if _, err := cpuOf(os.Getpid()); err != nil {
		t.Skip("this system does not tell what processes use")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	found := findProcesses(map[string]string{"ours": l.Addr().String(), "nobody's": "127.0.0.1:1", "none": ""})
	if diff := cmp.Diff(processes{itself: os.Getpid(), "ours": os.Getpid()}, found); diff != "" {
		t.Errorf("processes (-want +got):\n%s", diff)
	}
	watch := found.watch()
	before, err := cpuOf(os.Getpid())
	must(t, err)
	for now := before; now < before+30*time.Millisecond; { // three ticks of the CPU's clock, however long they take
		now, err = cpuOf(os.Getpid())
		must(t, err)
	}
	if u := watch(3); u.Things != 3 || u.CPU[itself] < 30*time.Millisecond || u.Wall <= 0 || u.Each(itself) <= 0 || u.Cores(itself) <= 0 {
		t.Errorf("%+v", u)
	}
}

func TestUsage(t *testing.T) {
	var u Usage
	for range 2 {
		u.add(Usage{Things: 100, Wall: time.Second, CPU: map[string]time.Duration{"a": 10 * time.Millisecond, itself: 30 * time.Millisecond}})
	}
	if u.rate() != 100 || u.Each("a") != 100 || u.total() != 400 || u.Cores(itself) != 0.03 {
		t.Errorf("%+v: %v a second, %v and %v µs, %v cores", u, u.rate(), u.Each("a"), u.total(), u.Cores(itself))
	}
	if diff := cmp.Diff([]string{itself, "a"}, u.Processes()); diff != "" {
		t.Error(diff)
	}
	if name, share := u.largest(); name != itself || share != 0.75 {
		t.Errorf("%s %v", name, share)
	}
	if (Usage{}).rate() != 0 || (Usage{}).total() != 0 {
		t.Error("something of nothing")
	}
}

func TestPercentile(t *testing.T) {
	var all []time.Duration
	for n := range 100 {
		all = append(all, time.Duration(n+1))
	}
	if percentile(all, 0.5) != 51 || percentile(all, 0.99) != 100 || percentile(all, 1) != 100 || percentile(nil, 0.5) != 0 {
		t.Errorf("%d %d %d", percentile(all, 0.5), percentile(all, 0.99), percentile(all, 1))
	}
}

func TestFactsOfARedis(t *testing.T) {
	got := factsIn("# Memory\r\nused_memory:1048576\r\nused_memory_human:1.00M\r\nmaxmemory:0\r\n")
	if diff := cmp.Diff(map[string]int64{"used_memory": 1 << 20, "maxmemory": 0}, got); diff != "" {
		t.Error(diff)
	}
}

func TestOnlySomeFigures(t *testing.T) {
	o := Options{Only: []string{"tail_half_peak"}}
	for names, want := range map[[2]string]bool{{"tail_half_peak", ""}: true, {"fiber_post_64", "p50_half_peak"}: true,
		{"fiber_post_64", "admit_hot_64"}: false, {"admit_spread_64", "tail_half_peak"}: true} {
		if got := o.wants(names[0], names[1]); got != want {
			t.Errorf("%v: %t", names, got)
		}
	}
	if !(Options{}).wants("consume") {
		t.Error("with nothing chosen, all are taken")
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
		"lots":      func(o *Options) { o.Lots = 100_001 },
		"spread":    func(o *Options) { o.Spread, o.Rounds = 16, 5 },
		"no figure": func(o *Options) { o.Only = []string{"admit_hot_64", "admit_hot"} },
		"users":     func(o *Options) { o.Users = 999 },
		"bids":      func(o *Options) { o.Members = 100 },
		"rows":      func(o *Options) { o.Rows = 99 },
		"members":   func(o *Options) { o.Members = 100_001 },
		"a round":   func(o *Options) { o.Round = 6 * time.Second },
		"lead":      func(o *Options) { o.Lead = 0 },
		"fit":       func(o *Options) { o.Rounds, o.Round = 16, 5*time.Second },
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
	set[EnvKafka] = "h:3,h:4"
	if s, err = FromEnvironment(func(name string) string { return set[name] }); err != nil || s.Kafka != "h:3" {
		t.Errorf("of several brokers: %+v, %v", s, err)
	}
	set[EnvShelf] = "h:5,h:6"
	if _, err = FromEnvironment(func(name string) string { return set[name] }); fault.CodeOf(err) != "bench_servers" || !strings.Contains(err.Error(), EnvShelf) {
		t.Errorf("a cluster for a shelf: %v", err)
	}
}

func TestADatabasesNameGoesBeforeTheParameters(t *testing.T) {
	for server, want := range map[string]string{"root@tcp(h:1)/": "root@tcp(h:1)/d", "u:p@tcp(h:1)/?tls=true": "u:p@tcp(h:1)/d?tls=true"} {
		if got := named(server, "d"); got != want {
			t.Errorf("%s: %s", server, got)
		}
	}
}
