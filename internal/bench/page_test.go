package bench

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rostrum/orders"
)

// measured is sampled with CPU times, for a machine that tells them.
func measured() *figures {
	f := sampled()
	const ms = time.Millisecond
	for name, cpu := range map[string][3]time.Duration{ // of 1,000 things in 100 ms: this process, redis, mysql
		"fiber_post_64":     {20 * ms, 0, 0},
		"admit_hot_256":     {60 * ms, 40 * ms, 0},
		"admit_spread_256":  {70 * ms, 30 * ms, 0},
		"refuse_sold_out":   {30 * ms, 0, 0},
		"orders_end_to_end": {100 * ms, 30 * ms, 60 * ms},
	} {
		if name != "fiber_post_64" {
			f.note(9, name, 10_000) // a round without its yardstick
		}
		f.spent(name, Usage{Things: 1000, Wall: 100 * time.Millisecond, CPU: map[string]time.Duration{
			itself: cpu[0], "redis (gate)": cpu[1], "mysql": cpu[2]}})
	}
	f.note(0, "redis_bytes_lot", 2000)
	return f
}

func report(m Machine, f *figures) Report {
	o := Defaults()
	return Report{Options: o, Machine: m, Versions: []string{"Redis: redis 7.0.15"}, Rows: f.rows(), Invariants: []Counted{
		{"bids, everysec", orders.Invariant{Name: "orders within stock", Checked: 7}},
		{"bids, always", orders.Invariant{Name: "no bid twice", Checked: 5}},
	}}
}

var idle = Machine{Cores: 2, Model: "A processor", Go: "go1.26", OS: "linux/amd64", Load: "0.04", Busy: 0.95}

// holds fails where a text lacks a part, or has one that it should not have.
func holds(t *testing.T, name, text string, has, hasNone []string) {
	t.Helper()
	for _, want := range has {
		if !strings.Contains(text, want) {
			t.Errorf("%s: no %q in\n%s", name, want, text)
		}
	}
	for _, not := range hasNone {
		if strings.Contains(text, not) {
			t.Errorf("%s: %q in\n%s", name, not, text)
		}
	}
}

func TestThePage(t *testing.T) {
	loaded, unknown := idle, idle
	loaded.Load, unknown.Load = "7.5", ""
	wrong := report(idle, sampled())
	wrong.Odd, wrong.Left = 12, []string{"admit_always_256: no redis-server"}
	wrong.Invariants[1].Wrong = 3
	short := report(idle, sampled())
	short.Options = Short()
	for name, c := range map[string]struct {
		report  Report
		has     []string
		hasNone []string
	}{
		"idle": {report(idle, measured()), []string{"2 cores (A processor)", "redis 7.0.15", "| `admit_hot_64` | 0.400 | ≥ 0.5 | **not reached** |", "| `redis_bytes_lot` | - | ≤ 1536 | **not reached** |",
			"2 invariants were counted over 12 things", ": 0 do not hold", "0 of 2 targets", "| `admit_hot_256` | 60.0 | 0.0 | 40.0 | 100.0 | 1.00 |", "`orders_end_to_end`: of the CPU time 53 % went into this process; **the CPU** bound it: 1.90 of 2 cores", "**waiting**"},
			[]string{"not quiet", "`relay` |", "of another kind", "Left out", "short run"}},
		"loaded":  {report(loaded, measured()), []string{"**the machine was not quiet**", "cannot be told from this run"}, []string{"**waiting**"}},
		"unknown": {report(unknown, sampled()), []string{"cannot say what bound"}, []string{"load average", "cores busy |"}},
		"wrong":   {wrong, []string{"1 do not hold", "no bid twice (bids, always): 3", "12 answers were of another kind", "## Left out\n\n- admit_always_256: no redis-server"}, nil},
		"short":   {short, []string{"**This was a short run**: 2000 lots and 10000 users"}, nil},
	} {
		var out bytes.Buffer
		if err := Page(&out, c.report); err != nil {
			t.Fatal(err)
		}
		holds(t, name, out.String(), c.has, c.hasNone)
	}
}

func TestARedisThatIsAtItsLimitBinds(t *testing.T) {
	row := Row{Figure: &Figure{Name: "admit_hot_256", used: Usage{Things: 10, Wall: time.Second,
		CPU: map[string]time.Duration{itself: time.Second, "redis (gate)": 950 * time.Millisecond}}}}
	if got := row.bound(idle); !strings.Contains(got, "**the one core that redis (gate) runs its scripts on** bound it, 0.95") {
		t.Error(got)
	}
}

// What the capacity page reckons is held to sums done by hand from measured's numbers.
func TestTheCapacityPage(t *testing.T) {
	var out bytes.Buffer
	if err := Capacity(&out, report(idle, measured())); err != nil {
		t.Fatal(err)
	}
	holds(t, "measured", out.String(), []string{
		"| mysql | 60.0 | 32 % | 0.60 |",
		// 60 of 190: without half of it 1/(1 - 60/380), without all of it 1/(1 - 60/190).
		"| mysql | 32 % | 11875 (× 1.19) | 14615 (× 1.46) |",
		"twice the cores: 20000 orders",
		// 100,000 bids a second of 70 µs; a tenth of them and nine tenths of 30 µs; Redis 30 µs.
		"| everybody gets one of many lots | 7.0 | 4 | 3.0 |",
		"| one in ten gets something, the others find it sold out | 3.4 | 2 | 0.3 |",
		"a million orders are written in 100 seconds",
		// 40 µs a bid on the hot lot.
		"about 25000 bids a second", "0.40 of a core", "decided in 40 seconds",
	}, []string{"short run"})
	out.Reset()
	if err := Capacity(&out, report(idle, sampled())); err != nil {
		t.Fatal(err)
	}
	holds(t, "nothing measured", out.String(), []string{"has no CPU times of orders_end_to_end"}, []string{"NaN", "## "})
	out.Reset()
	withoutHot := measured()
	withoutHot.named("admit_hot_256").used, withoutHot.named("admit_spread_256").used = Usage{}, Usage{}
	if err := Capacity(&out, report(idle, withoutHot)); err != nil {
		t.Fatal(err)
	}
	holds(t, "less measured", out.String(), []string{"## What doubling"}, []string{"NaN", "Inf", "one hot lot ends", "A million bidders"})
}

func TestChartsAreWellFormed(t *testing.T) {
	for name, draw := range map[string]func(io.Writer, []Row) error{"targets": TargetChart, "cpu": CPUChart} {
		for _, f := range []*figures{newFigures(), sampled(), measured()} {
			var out bytes.Buffer
			if err := draw(&out, f.rows()); err != nil {
				t.Fatal(err)
			}
			d := xml.NewDecoder(&out)
			for {
				token, err := d.Token()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				for _, a := range attributes(token) {
					if strings.HasPrefix(a.Value, "-") || strings.Contains(a.Value, "NaN") || strings.Contains(a.Value, "Inf") {
						t.Errorf("%s: %s=%q", name, a.Name.Local, a.Value)
					}
				}
			}
		}
	}
	var out bytes.Buffer
	if err := TargetChart(&out, measured().rows()); err != nil {
		t.Fatal(err)
	}
	holds(t, "targets", out.String(), []string{"admit_hot_64", "0.400 (≥ 0.5)", "2000 bytes (≤ 1536)", missedHue}, []string{"fiber_post"})
}

func attributes(t xml.Token) []xml.Attr {
	if e, ok := t.(xml.StartElement); ok {
		return e.Attr
	}
	return nil
}

func TestWrite(t *testing.T) {
	folder := t.TempDir()
	if err := Write(folder, report(idle, measured())); err != nil {
		t.Fatal(err)
	}
	for name, begins := range map[string]string{pageFile: "# Performance\n", capacityFile: "# Capacity\n", targetsFile: "<svg ", cpuFile: "<svg "} {
		if text, err := os.ReadFile(filepath.Join(folder, name)); err != nil || !strings.HasPrefix(string(text), begins) {
			t.Errorf("%s: %.20q, %v", name, text, err)
		}
	}
	if err := Write(filepath.Join(folder, "missing"), Report{}); err == nil {
		t.Error("a folder that is not there was written")
	}
}

// full is a disk without room.
type full struct{}

var errFull = errors.New("no room")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestAPageThatCannotBeWrittenIsAnError(t *testing.T) {
	r := report(idle, measured())
	for name, write := range map[string]error{"page": Page(full{}, r), "capacity": Capacity(full{}, r), "targets": TargetChart(full{}, r.Rows), "cpu": CPUChart(full{}, r.Rows)} {
		if !errors.Is(write, errFull) {
			t.Errorf("%s: error %v", name, write)
		}
	}
}
