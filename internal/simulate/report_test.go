package simulate

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rostrum/orders"
)

// sample is a report with everything in it.
func sample() Report {
	rec := newRecorder(20 * time.Second)
	for n := range 2000 {
		at := time.Duration(n) * 10 * time.Millisecond
		a := &arrival{scheduled: at, due: at, free: true}
		took := time.Duration(1+n%7) * time.Millisecond
		if at > 10*time.Second && at < 11*time.Second {
			took += 11*time.Second - at // it stood still
		}
		if n%5 == 0 {
			a.kind = aPage
		}
		rec.offered(a.kind, at)
		rec.sent(a, at+100*time.Microsecond)
		switch {
		case a.kind == aPage:
			rec.page(a, at+took, "page")
		case n%5 == 1 && n < 1000:
			rec.replied(a, at+took, Reply{Verdict: "admitted", Receipt: orders.Admission{Quantity: 1}}, true)
		default:
			rec.replied(a, at+took, Reply{Verdict: "sold_out"}, true)
		}
	}
	r := rec.report(20 * time.Second)
	r.Target, r.Name, r.Setting = "http://127.0.0.1:8080", "<Sale> & more", Setting{Shape: Spike, Rate: 100, LengthMS: 20_000, Users: 500, Lots: 20, Units: 200, Zipf: 1, Connections: 256}
	r.Began = time.Date(2026, 11, 22, 19, 0, 0, 0, time.UTC)
	r.ClientCPUms = 321
	r.Invariants = []orders.Invariant{{Name: "units sold over stock", Checked: 20}, {Name: "bids with more than one order", Checked: 200, Wrong: 3, Detail: "bid <x>"}}
	r.Remarks, r.Stays, r.NotCounted = []string{"a remark"}, []string{"an area"}, []string{"the lag"}
	return r
}

func TestTextReport(t *testing.T) {
	var out bytes.Buffer
	sample().Text(&out)
	for _, want := range []string{
		"http://127.0.0.1:8080: session 00000000-0000-0000-0000-000000000000 (<Sale> & more), spike of 100/s for 20s",
		"500 users, 20 lots with 200 units (Zipf 1), 0% readers, 256 connections, seed 0",
		"bids: 1600 offered, 1600 answered, 200 admitted, 0 without an answer, 0 not sent",
		"pages: 400 offered, 400 answered, 0 without an answer, 0 not sent",
		"sold_out  1400  87.5%   1400", "admitted  200   12.5%   200", "page      400   100.0%  400",
		"units sold over stock          20       0      \n", "bids with more than one order  200      3      bid <x>\n",
		"not counted: the lag", "remark: a remark", "stays: an area", "requests a second of it",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "interrupted") {
		t.Error("it was not interrupted")
	}
}

func TestJSONReport(t *testing.T) {
	var out bytes.Buffer
	r := sample()
	if err := r.JSON(&out); err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(out.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, back); diff != "" {
		t.Error(diff)
	}
	// Lists that are empty are lists: a program need not ask.
	empty := newRecorder(time.Second).report(0)
	out.Reset()
	if err := empty.JSON(&out); err != nil || strings.Contains(out.String(), `"remarks": null`) || strings.Contains(out.String(), `"timeline": null`) {
		t.Errorf("%v %s", err, out.String())
	}
}

func TestHTMLReport(t *testing.T) {
	var out bytes.Buffer
	if err := sample().HTML(&out); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	for _, want := range []string{"&lt;Sale&gt; &amp; more", `<tr class="wrong"><td>bids with more than one order</td>`, "1 of what must hold does not", "a remark", "prefers-color-scheme: dark"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q", want)
		}
	}
	for _, not := range []string{"<script", "http://www", "https://", "src=", "@import", "url("} {
		if strings.Contains(page, not) {
			t.Errorf("there is %q", not)
		}
	}
	if n := strings.Count(page, "<svg"); n != 3 {
		t.Errorf("%d charts", n)
	}
	for _, c := range sample().charts() {
		wellFormed(t, string(c.SVG))
	}
}

func wellFormed(t testing.TB, svg string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(svg))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in %s", err, svg)
		}
	}
}

// Nothing came, or one, or all at one moment: there is a report all the same, and no number that is none.
func TestReportsOfLittle(t *testing.T) {
	one := newRecorder(time.Second)
	one.offered(aBid, 0)
	one.replied(&arrival{}, time.Millisecond, Reply{Verdict: "sold_out"}, true)
	for name, r := range map[string]Report{"nothing": newRecorder(time.Second).report(0), "one": one.report(time.Millisecond)} {
		var out bytes.Buffer
		if err := r.HTML(&out); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		r.Text(&out)
		for _, not := range []string{"NaN", "Inf", "%!"} {
			if strings.Contains(out.String(), not) {
				t.Errorf("%s: there is %s", name, not)
			}
		}
	}
}

func TestProgressLine(t *testing.T) {
	p := Progress{At: 12 * time.Second, Length: 30 * time.Second, Offered: 1200, Answered: 1190, Admitted: 7, Backlog: 3, P50: 800 * time.Microsecond, P99: 12 * time.Millisecond, P99Worst: 2 * time.Second}
	const want = " 12 s of 30 s   offered 1200   answered 1190   admitted 7   waiting 3   p50 800 µs   p99 12 ms   worst second's p99 2 s"
	if got := p.Line(); got != want {
		t.Errorf("%q", got)
	}
	rec := newRecorder(time.Second)
	rec.offered(aBid, 0)
	rec.offered(aPage, 0)
	rec.replied(&arrival{}, 40*time.Millisecond, Reply{Verdict: "admitted"}, true)
	if p := rec.progress(); p.Offered != 2 || p.Answered != 1 || p.Admitted != 1 || p.P99 < 39*time.Millisecond || p.P99Worst < 39*time.Millisecond {
		t.Errorf("%+v", p)
	}
}

// The bars hold everything the histogram does, in order, without overlap.
func TestBarsHoldEverything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := hdrhistogram.New(1, longestUS, digits)
		n := int64(0)
		for _, v := range rapid.SliceOf(rapid.Int64Range(0, 2*longestUS)).Draw(t, "values") {
			put(h, time.Duration(v)*time.Microsecond)
			n++
		}
		sum, last := int64(0), int64(0)
		for _, b := range bars(h) {
			if b.FromUS < last || b.ToUS <= b.FromUS || b.Count < 1 {
				t.Fatalf("bar %+v after %d", b, last)
			}
			sum, last = sum+b.Count, b.ToUS
		}
		if sum != n {
			t.Fatalf("%d in the bars, %d recorded", sum, n)
		}
	})
}

// A run of any length is cut into a bounded number of slots.
func TestSlotsAreBounded(t *testing.T) {
	for _, length := range []time.Duration{time.Second, 5 * time.Minute, MaxLength} {
		r := newRecorder(length)
		r.offered(aBid, length-1)
		if n := len(r.slots); n > mostSlots+1 || n < 1 {
			t.Errorf("%v: %d slots", length, n)
		}
	}
}

func TestAxes(t *testing.T) {
	for _, c := range []struct {
		of     axisOf
		values []float64
		want   axis
		ticks  int
	}{
		{linear, []float64{0, 37}, axis{0, 50, false}, 6},
		{linear, nil, axis{0, 1, false}, 6},
		{linear, []float64{7}, axis{0, 10, false}, 6},
		{func([]float64) axis { return axis{0, 19, false} }, []float64{19}, axis{0, 19, false}, 4},
		{logarithmic, []float64{0, 30, 4000}, axis{10, 10_000, true}, 4},
		{logarithmic, []float64{100}, axis{100, 1000, true}, 2},
		{logarithmic, []float64{0}, axis{1, 10, true}, 2},
	} {
		a := c.of(c.values)
		if a != c.want || len(a.ticks()) != c.ticks {
			t.Errorf("%v: %+v with %v", c.values, a, a.ticks())
		}
		for _, v := range append(c.values, a.most) {
			if p := a.place(v); p < 0 || p > 1 || math.IsNaN(p) {
				t.Errorf("%v of %+v lies at %v", v, a, p)
			}
		}
	}
}

func TestMicros(t *testing.T) {
	for us, want := range map[int64]string{0: "0 µs", 999: "999 µs", 1000: "1 ms", 12_345: "12.3 ms", 1_000_000: "1 s", 61_000_000: "61 s"} {
		if got := micros(us); got != want {
			t.Errorf("%d: %q", us, got)
		}
	}
}
