package simulate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/orders"
)

// Report is what a simulation found. Latencies are microseconds from the scheduled moment of an arrival.
type Report struct {
	Target      string    `json:"target"`
	Session     uuid.UUID `json:"session"`
	Name        string    `json:"session_name"`
	Area        string    `json:"area"`
	Began       time.Time `json:"began"`
	TookMS      int64     `json:"took_ms"` // sending and waiting for answers, without what was counted afterwards
	Interrupted bool      `json:"interrupted"`
	Setting     Setting   `json:"setting"`

	Bids     Counts            `json:"bids"`
	Pages    Counts            `json:"pages"`
	Requests int64             `json:"requests"` // of both, with those that asked again
	Admitted int64             `json:"admitted"`
	Verdicts []Verdict         `json:"verdicts"` // most frequent first
	PageSaid map[string]int64  `json:"pages_said"`
	Latency  map[string]Spread `json:"latency"` // by the words below

	Histogram []Bar  `json:"histogram"` // of first answers to bids
	Timeline  []Slot `json:"timeline"`

	ClientCPUms int64 `json:"client_cpu_ms"` // of the simulating process, 0 where it is not known

	Invariants []orders.Invariant `json:"invariants"`
	NotCounted []string           `json:"not_counted"` // what of the invariants was not, and why
	Remarks    []string           `json:"remarks"`     // what to think of before trusting or repeating this
	Stays      []string           `json:"stays"`       // of what it made
}

// What latency is told of.
const (
	LatencyAnswer  = "answer"      // bids: to the first answer
	LatencyVerdict = "verdict"     // bids: to the last answer, all asking again included
	LatencyPage    = "page"        // goods pages
	LatencyClient  = "client_late" // how late this program sent what it had a free connection for
)

// latencies are in the order in which people read them.
var latencies = []struct{ word, title string }{
	{LatencyAnswer, "a bid's first answer"}, {LatencyVerdict, "a bid's verdict"}, {LatencyPage, "a goods page"}, {LatencyClient, "sent late by us"},
}

// Setting is what was asked for.
type Setting struct {
	Shape       Shape   `json:"shape"`
	Rate        float64 `json:"rate_per_second"`
	LengthMS    int64   `json:"length_ms"`
	Even        bool    `json:"even"`
	Zipf        float64 `json:"zipf"`
	Readers     float64 `json:"readers"`
	Users       int     `json:"users"`
	Lots        int     `json:"lots"`
	Units       int64   `json:"units"` // that were left when it began
	Connections int     `json:"connections"`
	Asks        int     `json:"asks"`
	TimeoutMS   int64   `json:"timeout_ms"`
	Seed        uint64  `json:"seed"`
}

// Spread is the spread of a latency.
type Spread struct {
	Count  int64   `json:"count"`
	MeanUS float64 `json:"mean_us"`
	P50US  int64   `json:"p50_us"`
	P90US  int64   `json:"p90_us"`
	P99US  int64   `json:"p99_us"`
	P999US int64   `json:"p999_us"`
	MaxUS  int64   `json:"max_us"`
}

// Bar is how many took from … to, microseconds.
type Bar struct {
	FromUS int64 `json:"from_us"`
	ToUS   int64 `json:"to_us"`
	Count  int64 `json:"count"`
}

// Slot is a piece of the run. Offered and the latencies are of who came in it, answers those that came in it.
type Slot struct {
	AtMS     int64 `json:"at_ms"`
	LengthMS int64 `json:"length_ms"`
	Offered  int64 `json:"offered"`
	Answered int64 `json:"answered"`
	Admitted int64 `json:"admitted"`
	P50US    int64 `json:"p50_us"`
	P99US    int64 `json:"p99_us"`
	MaxUS    int64 `json:"max_us"`
}

// report makes a report of what was counted.
func (r *recorder) report(took time.Duration) Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := Report{TookMS: took.Milliseconds(), Bids: r.counts[aBid], Pages: r.counts[aPage], Requests: r.asked, PageSaid: r.pages,
		Latency: map[string]Spread{LatencyAnswer: spread(r.answer[aBid]), LatencyVerdict: spread(r.verdict),
			LatencyPage: spread(r.answer[aPage]), LatencyClient: spread(r.late)},
		Histogram: bars(r.answer[aBid]), Timeline: []Slot{}, NotCounted: []string{}, Remarks: []string{}, Stays: []string{}}
	for _, v := range r.bids {
		out.Verdicts = append(out.Verdicts, *v)
		if v.Verdict == string(auction.Admitted) {
			out.Admitted = v.Bids
		}
	}
	slices.SortFunc(out.Verdicts, func(a, b Verdict) int {
		return cmp.Or(cmp.Compare(b.Bids, a.Bids), cmp.Compare(b.Answers, a.Answers), strings.Compare(a.Verdict, b.Verdict))
	})
	for n, s := range r.slots {
		out.Timeline = append(out.Timeline, Slot{AtMS: (time.Duration(n) * r.width).Milliseconds(), LengthMS: r.width.Milliseconds(), Offered: s.offered,
			Answered: s.answered, Admitted: s.admitted, P50US: s.latency.ValueAtPercentile(50), P99US: s.latency.ValueAtPercentile(99), MaxUS: s.latency.Max()})
	}
	return out
}

func spread(h *hdrhistogram.Histogram) Spread {
	if h.TotalCount() == 0 {
		return Spread{}
	}
	return Spread{Count: h.TotalCount(), MeanUS: h.Mean(), P50US: h.ValueAtPercentile(50), P90US: h.ValueAtPercentile(90), P99US: h.ValueAtPercentile(99),
		P999US: h.ValueAtPercentile(99.9), MaxUS: h.Max()}
}

// barsPerOctave is how finely the histogram is drawn.
const barsPerOctave = 4

// bars puts a histogram into bars whose borders grow by a constant factor, without the empty ones at both ends.
func bars(h *hdrhistogram.Histogram) []Bar {
	all := []Bar{}
	edge := 0
	for _, b := range h.Distribution() {
		if b.Count == 0 {
			continue
		}
		for b.From >= border(edge+1) {
			edge++
		}
		if last := len(all) - 1; last >= 0 && all[last].FromUS == border(edge) {
			all[last].Count += b.Count
			continue
		}
		all = append(all, Bar{border(edge), border(edge + 1), b.Count})
	}
	return all
}

// border gives the nth border, microseconds: from 1 up, four to a doubling once whole numbers are that fine.
func border(n int) int64 {
	whole, part := n/barsPerOctave, n%barsPerOctave
	base := int64(1) << whole
	return base + base*int64(part)/barsPerOctave
}

// describe puts down what was asked for, and of whom.
func (r *Report) describe(of *run, began time.Time, cpu time.Duration) {
	o := of.o
	r.Target, r.Session, r.Name, r.Area, r.Began = o.Target, o.Session, of.where.Name, of.where.Area, began.UTC()
	r.ClientCPUms = cpu.Milliseconds()
	r.Setting = Setting{Shape: o.Shape, Rate: o.Rate, LengthMS: o.Length.Milliseconds(), Even: o.Even, Zipf: o.Zipf, Readers: o.Readers,
		Users: len(of.members), Lots: len(of.lots), Connections: o.Connections, Asks: o.Asks, TimeoutMS: o.Timeout.Milliseconds(), Seed: o.Seed}
	for _, l := range of.lots {
		r.Setting.Units += l.Left
	}
}

// remark says what a reader should think of. Each line has a remedy.
func (r *Report) remark(of *run) {
	say := func(so bool, text string, args ...any) {
		if so {
			r.Remarks = append(r.Remarks, fmt.Sprintf(text, args...))
		}
	}
	said := map[string]int64{}
	for _, v := range r.Verdicts {
		said[v.Verdict] = v.Bids
	}
	sold, all := said[string(auction.SoldOut)], max(r.Bids.Answered, 1)
	say(sold > 0 && r.Admitted == 0, "the target was sold out before the first bid: what was measured is refusing; give more units (--stock, --lots) or another --session")
	say(r.Admitted > 0 && 2*sold > all, "it was sold out after %d admissions, and %d%% of the bids were refused for it: give more units (--stock, --lots) to measure admitting",
		r.Admitted, 100*sold/all)
	say(said[string(auction.AlreadyBought)]+said[string(auction.LimitReached)] > all/10, "many bidders had bought already: give more --users, or --per-buyer")
	say(said[string(auction.RateLimited)] > 0, "some bidders came too often (limits.bids_per_second_user): give more --users")
	say(said["token_expired"] > 0 || said["token_invalid"] > 0, "some tokens were not taken: take new ones with a longer --ttl")
	say(said[string(auction.Ended)] > 0, "the sale ended during the run: what came later was refused for it")
	say(r.Bids.NotSent+r.Pages.NotSent > 0, "%d arrivals still waited for a connection at the end, and count with the time they waited: the target, or --connections, is too small for this rate",
		r.Bids.NotSent+r.Pages.NotSent)
	say(said[NoConnection] > 0, "%d bids were never sent, for the target took no connection", said[NoConnection])
	say(len(of.rec.unknown) > 0, "%d bids were left without an answer that is final; asked afterwards, those that had been admitted are among the receipts", len(of.rec.unknown))
	late := r.Latency[LatencyClient].P99US
	say(late > 10_000, "this program itself was late by %s (p99): it needs a core of its own, so read latencies with that in mind", time.Duration(late)*time.Microsecond)
	offered := r.Bids.Offered + r.Pages.Offered
	say(int(offered) >= of.o.MaxBids && of.o.Shape.Expected(of.o.Rate, of.o.Length) > float64(of.o.MaxBids)*1.05, "it ended early, with the %d arrivals that --max-bids allows", offered)
}

// Broken says how many of the invariants do not hold.
func (r *Report) Broken() int {
	n := 0
	for _, i := range r.Invariants {
		if !i.OK() {
			n++
		}
	}
	return n
}
