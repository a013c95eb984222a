package simulate

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"rostrum/auction"
	"rostrum/orders"
)

// The histograms' range and digits; what is longer counts as the longest.
const (
	longestUS  = int64(time.Hour / time.Microsecond)
	digits     = 3
	slotDigits = 2 // of the many small ones over time
)

// mostSlots bounds the pieces that a run is cut into for what is drawn over time.
const mostSlots = 300

// kind is what an arrival came for.
type kind uint8

const (
	aBid kind = iota
	aPage
)

// slot is a piece of time. What was offered and how long it took stand where the arrival was scheduled: at a second in
// which the API stood still one sees how long those waited who came in it. Answers stand where they came.
type slot struct {
	offered, answered, admitted int64
	latency                     *hdrhistogram.Histogram
}

// recorder counts everything that happens. It is safe for concurrent use.
type recorder struct {
	mu     sync.Mutex
	width  time.Duration
	slots  []slot
	counts [2]Counts // by kind
	asked  int64     // requests sent
	bids   map[string]*Verdict
	pages  map[string]int64

	answer  [2]*hdrhistogram.Histogram // from the scheduled moment to the first answer, or to giving it up
	verdict *hdrhistogram.Histogram    // from the scheduled moment to the last answer, all asking again included
	late    *hdrhistogram.Histogram    // how late the client sent what it had a free connection for

	receipts []orders.Admission
	unknown  []Bid // that may have been decided without our being told
	odd      int64 // receipts that are for another bid than was asked for
}

// Counts is what became of the arrivals of one kind. Offered = Answered + Unanswered + NotSent, once a run is over.
type Counts struct {
	Offered    int64 `json:"offered"`    // came
	Answered   int64 `json:"answered"`   // were told something in the end
	Unanswered int64 `json:"unanswered"` // were sent, and were told nothing that is final
	NotSent    int64 `json:"not_sent"`   // waited for a connection to the end
}

// Verdict is how many bids ended with a word, and how often it was said at all.
type Verdict struct {
	Verdict string `json:"verdict"`
	Bids    int64  `json:"bids"`    // for which it was the last word
	Answers int64  `json:"answers"` // with those after which was asked again
}

func newRecorder(length time.Duration) *recorder {
	width := time.Second
	for length/width > mostSlots {
		width *= 2
	}
	wide := func() *hdrhistogram.Histogram { return hdrhistogram.New(1, longestUS, digits) }
	return &recorder{width: width, bids: map[string]*Verdict{}, pages: map[string]int64{},
		answer: [2]*hdrhistogram.Histogram{wide(), wide()}, verdict: wide(), late: wide()}
}

// at gives the slot of a moment.
func (r *recorder) at(moment time.Duration) *slot {
	n := int(max(0, moment) / r.width)
	for len(r.slots) <= n {
		r.slots = append(r.slots, slot{latency: hdrhistogram.New(1, longestUS, slotDigits)})
	}
	return &r.slots[n]
}

// put records a duration; the histogram takes whatever lies within.
func put(h *hdrhistogram.Histogram, d time.Duration) {
	_ = h.RecordValue(min(max(d.Microseconds(), 1), longestUS)) // it is in range
}

func (r *recorder) offered(k kind, scheduled time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[k].Offered++
	r.at(scheduled).offered++
}

// sent counts a request, with how late it was where a connection had been free for it.
func (r *recorder) sent(a *arrival, now time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked++
	if a.free {
		put(r.late, now-a.due)
	}
}

// first records how long somebody waited for a first answer, or in vain.
func (r *recorder) first(a *arrival, now time.Duration) {
	if !a.heard {
		a.heard = true
		put(r.answer[a.kind], now-a.scheduled)
		put(r.at(a.scheduled).latency, now-a.scheduled)
	}
}

// page records the answer to a reader.
func (r *recorder) page(a *arrival, now time.Duration, word string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.first(a, now)
	r.pages[word]++
	if word == NoAnswer || word == NoConnection {
		r.counts[aPage].Unanswered++
		return
	}
	r.counts[aPage].Answered++
	r.at(now).answered++
}

// replied records what a bid was told; last: it is not asked again.
func (r *recorder) replied(a *arrival, now time.Duration, reply Reply, last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	silent := reply.Verdict == NoAnswer || reply.Verdict == NoConnection
	if !silent || last {
		r.first(a, now)
	}
	v := r.bids[reply.Verdict]
	if v == nil {
		v = &Verdict{Verdict: reply.Verdict}
		r.bids[reply.Verdict] = v
	}
	v.Answers++
	if !last {
		return
	}
	v.Bids++
	put(r.verdict, now-a.scheduled)
	if reply.Retry && (a.bid.Again || reply.Again) {
		r.unknown = append(r.unknown, a.bid)
	}
	if silent {
		r.counts[aBid].Unanswered++
		return
	}
	r.counts[aBid].Answered++
	at := r.at(now)
	at.answered++
	if reply.Verdict == string(auction.Admitted) {
		at.admitted++
		r.receipts = append(r.receipts, reply.Receipt)
		if reply.Receipt.Bid != a.bid.ID || reply.Receipt.Lot != a.bid.Lot.ID {
			r.odd++
		}
	}
}

// waited records an arrival that the end of the run found waiting: for a connection, or for its turn to ask again.
func (r *recorder) waited(a *arrival, now time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.first(a, now)
	if a.kind == aBid {
		put(r.verdict, now-a.scheduled)
	}
	if a.asks == 0 {
		r.counts[a.kind].NotSent++
		return
	}
	r.counts[a.kind].Unanswered++
	if a.bid.Again {
		r.unknown = append(r.unknown, a.bid)
	}
}

// Progress is a run at a moment, for whoever watches.
type Progress struct {
	At, Length         time.Duration
	Offered, Answered  int64 // bids and pages
	Admitted, Backlog  int64
	P50, P99, P99Worst time.Duration // of all so far; of the worst second
}

func (r *recorder) progress() Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	var p Progress
	for _, c := range r.counts {
		p.Offered, p.Answered = p.Offered+c.Offered, p.Answered+c.Answered
	}
	p.Admitted = int64(len(r.receipts))
	p.P50, p.P99 = quantile(r.answer[aBid], 50), quantile(r.answer[aBid], 99)
	for _, s := range r.slots {
		p.P99Worst = max(p.P99Worst, quantile(s.latency, 99))
	}
	return p
}

func quantile(h *hdrhistogram.Histogram, percent float64) time.Duration {
	return time.Duration(h.ValueAtPercentile(percent)) * time.Microsecond
}
