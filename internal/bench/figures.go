package bench

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Figure is one line of the table: what was measured in each round, what it is held against, and what it should reach.
type Figure struct {
	Name, Unit string
	Of         string // the figure it is a ratio of; "": none
	Target     Target
	What       string // one sentence: how it is taken
	Note       string // what this run found besides; "": nothing

	rounds map[int]float64
	used   Usage
}

// Target is what a figure should reach: bounds of its ratio, or of its value where it has none. A bound of 0 is none.
type Target struct{ Low, High float64 }

func (t Target) String() string {
	switch {
	case t.Low > 0 && t.High > 0:
		return fmt.Sprintf("%s … %s", plain(t.Low), plain(t.High))
	case t.Low > 0:
		return "≥ " + plain(t.Low)
	case t.High > 0:
		return "≤ " + plain(t.High)
	}
	return ""
}

func (t Target) met(v float64) bool { return v >= t.Low && (t.High == 0 || v <= t.High) }

func plain(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

const (
	requestsUnit = "requests/s"
	bidsUnit     = "bids/s"
	recordsUnit  = "records/s"
	costUnit     = "µs/bid"
	mebibyte     = 1 << 20
)

// list gives all figures, yardsticks before what is held against them.
func list() []*Figure {
	return slices.Concat(doorList(), roadList(), readingList(), costList(), memoryList())
}

func namesOf(list []*Figure) []string {
	names := make([]string, len(list))
	for n, g := range list {
		names[n] = g.Name
	}
	return names
}

func doorList() []*Figure {
	return []*Figure{
		{Name: "fiber_post_64", Unit: requestsUnit, What: "A bare Fiber POST handler, configured as the API is, that reads the same requests from 64 connections and gives the bytes of a receipt, headers too. A yardstick."},
		{Name: "fiber_post_256", Unit: requestsUnit, What: "The same from 256 connections. A yardstick."},
		{Name: "admit_hot_64", Unit: bidsUnit, Of: "fiber_post_64", Target: Target{Low: 0.50}, What: "Bids on one hot lot from 64 connections, a distinct user a bid, all admitted; appendfsync everysec. Admission alone: what it admits is carried and written after the round."},
		{Name: "admit_hot_256", Unit: bidsUnit, Of: "fiber_post_256", Target: Target{Low: 0.50}, What: "The same from 256 connections."},
		{Name: "admit_spread_64", Unit: bidsUnit, Of: "fiber_post_64", Target: Target{Low: 0.42}, What: "As admit_hot_64, over the lots of a sale on all shards, one after the other. The node has just been asked for each of them: what it remembers is refreshed every few minutes, not in each second."},
		{Name: "admit_spread_256", Unit: bidsUnit, Of: "fiber_post_256", Target: Target{Low: 0.45}, What: "The same from 256 connections."},
		{Name: "admit_always_256", Unit: bidsUnit, Of: "fiber_post_256", Target: Target{Low: 0.30}, What: "As admit_hot_256 on a Redis of its own with appendfsync always: an answer is given after the fsync."},
		{Name: "refuse_sold_out", Unit: bidsUnit, Of: "fiber_post_64", Target: Target{Low: 0.80}, What: "Bids from 64 connections on a lot that is sold out, all refused with sold_out; nearly all by what the node remembers for half a second."},
		{Name: "orders_end_to_end", Unit: "orders/s", Of: "fiber_post_256", Target: Target{Low: 0.22}, What: "Bids of 256 connections for up to 8 s over 32 lots, two a shard, with everything running, until the last one's record, order and unit row are committed and its events published: admitted bids over the time from the first bid until then."},
		{Name: "behind_half_way", Unit: "records", What: "How many bids of orders_end_to_end are decided and not in MySQL yet in the second quarter of its time, the mean of looks four times a second: how far the road is behind at full admission, where all share the machine. A yardstick."},
		{Name: "behind_at_the_end", Unit: "records", Of: "behind_half_way", Target: Target{High: 1.25}, What: "The same in the last quarter: a lag that does not grow is as long as it was half-way."},
		{Name: "spread_peak", Unit: bidsUnit, What: "The better of the round's admit_spread_64 and admit_spread_256. A yardstick."},
		{Name: "p50_half_peak", Unit: "µs", What: "Half of the bids at half of the round's spread_peak, arriving over 256 connections by a schedule that does not wait for answers, are answered within this, counted from the scheduled moment. A yardstick."},
		{Name: "tail_half_peak", Unit: "µs", Of: "p50_half_peak", Target: Target{High: 8}, What: "99 of 100 of the same bids are answered within this."},
		{Name: "goodput_twice_peak", Unit: bidsUnit, Of: "spread_peak", Target: Target{Low: 0.80}, What: "Bids admitted a second while twice the round's spread_peak arrive by schedule over 3,072 connections, half as many again as the node takes bids at once; what finds no connection for half a second, or until the time is over, counts as offered and unanswered."},
		{Name: "p99_twice_peak", Unit: "µs", What: "99 of 100 of the bids that were admitted then are answered within this, counted from the scheduled moment."},
	}
}

func roadList() []*Figure {
	return []*Figure{
		{Name: "produce_raw", Unit: recordsUnit, What: "The bare Kafka client: messages made beforehand, requests of as many records as the relay's, one partition, acks=all. A yardstick."},
		{Name: "relay", Unit: recordsUnit, Of: "produce_raw", Target: Target{Low: 0.60}, What: "The relay draining one shard's journal in Redis: reading, encoding, producing, acks=all. No other part of the platform runs beside it."},
		{Name: "insert_bare", Unit: recordsUnit, What: "The rows that consume has written (a record, an order and a unit row each) into tables of the same definition: multi-row statements whose texts were made beforehand, one transaction a batch, one connection. A yardstick."},
		{Name: "consume", Unit: recordsUnit, Of: "insert_bare", Target: Target{Low: 0.60}, What: "The store applying full batches of one shard: position lock, sifting, record, order and unit rows, stock, position; one connection. No other part of the platform runs beside it."},
		{Name: "publish", Unit: recordsUnit, Of: "consume", Target: Target{Low: 1}, What: "The publisher telling the public topics of the records that consume has applied, two events each: reading them from MySQL, encoding, producing, acks=all, moving its positions. It keeps up where it is no slower than they are applied."},
		{Name: "move_order", Unit: "events/s", What: "Orders paid by eight at a time through the store, each with its event for the outbox in one transaction. A yardstick."},
		{Name: "outbox", Unit: "events/s", Of: "move_order", Target: Target{Low: 1}, What: "The publisher telling the public topic of those events: reading them from MySQL, producing, acks=all, marking them as told. No other part of the platform runs beside it."},
	}
}

func readingList() []*Figure {
	return []*Figure{
		{Name: "set_raw", Unit: "lots/s", What: "As many SETs as lots, of the bytes that preheating one lot sends to the same server, in pipelines of 1,000 over one connection. A yardstick."},
		{Name: "preheat_100k", Unit: "lots/s", Of: "set_raw", Target: Target{Low: 0.60}, What: "Preheating a session of 100,000 lots: read from MySQL, written into gate and shelf on one Redis of its own, verified."},
		{Name: "fiber_get_64", Unit: requestsUnit, What: "A bare Fiber GET handler that gives the bytes of a goods page, headers too, to 64 connections. A yardstick."},
		{Name: "page_20", Unit: "pages/s", Of: "fiber_get_64", Target: Target{Low: 0.45}, What: "The first 20 lots of the same session, warm, a distinct user a page, from 64 connections."},
	}
}

func costList() []*Figure {
	same := Target{Low: 0.85, High: 1.15}
	return []*Figure{
		{Name: "cost_1_lot", Unit: costUnit, What: "CPU time of this process and its Redis for a bid, 256 connections, all on one lot, on an installation that has hardly more. A yardstick."},
		{Name: "cost_1e3_lots", Unit: costUnit, Of: "cost_1_lot", Target: same, What: "The same spread over 1,000 lots, on an installation that has them and whose node has met each of them once."},
		{Name: "cost_1e5_lots", Unit: costUnit, Of: "cost_1_lot", Target: same, What: "The same spread over 100,000 lots."},
		{Name: "cost_1e3_users", Unit: costUnit, What: "As cost_1_lot, over 128 lots, of 1,000 users who come again and again. A yardstick."},
		{Name: "cost_1e5_users", Unit: costUnit, Of: "cost_1e3_users", Target: same, What: "The same of 100,000 users, each of whom has bought something before."},
		{Name: "cost_1e6_users", Unit: costUnit, Of: "cost_1e3_users", Target: same, What: "The same of 1,000,000 users."},
	}
}

func memoryList() []*Figure {
	return []*Figure{
		{Name: "redis_bytes_lot", Unit: "bytes", Target: Target{High: 1536}, What: "used_memory that preheating one lot takes, gate and shelf together: the mean over preheat_100k's first round."},
		{Name: "redis_bytes_bid", Unit: "bytes", Target: Target{High: 700}, What: "used_memory that one admitted bid takes, its entry in the journal included: the mean over the users of cost_1e6_users. The entry goes when MySQL has the order."},
		{Name: "node_bytes_1e5_lots", Unit: "bytes", Target: Target{High: 64 * mebibyte}, What: "Heap of a node that has been asked for each of 100,000 lots and has bid on each, less its heap before it knew of them."},
	}
}

// figures is what a run has taken so far.
type figures struct{ all []*Figure }

func newFigures() *figures { return &figures{list()} }

func (f *figures) named(name string) *Figure {
	n := slices.IndexFunc(f.all, func(g *Figure) bool { return g.Name == name })
	return f.all[n]
}

// note keeps a round's value.
func (f *figures) note(round int, name string, value float64) {
	g := f.named(name)
	if g.rounds == nil {
		g.rounds = map[int]float64{}
	}
	g.rounds[round] = value
}

// value gives what a round noted; 0 for nothing.
func (f *figures) value(round int, name string) float64 { return f.named(name).rounds[round] }

// spent adds what a round has used.
func (f *figures) spent(name string, u Usage) { f.named(name).used.add(u) }

// time keeps how many of n things a second do has done, and what that took of the machine.
func (f *figures) time(round int, name string, n int, p processes, do func() error) error {
	watch := p.watch()
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	u := watch(n)
	f.note(round, name, u.rate())
	f.spent(name, u)
	return nil
}

// Row is a figure over all its rounds. N is how many rounds have a value; with none, all others are 0. Ratios are taken
// round by round; RatioN is 0 for a figure that has none.
type Row struct {
	*Figure
	N                          int
	Median, Low, High          float64
	RatioN                     int
	Ratio, RatioLow, RatioHigh float64
}

// rows gives all figures, in order.
func (f *figures) rows() []Row {
	var all []Row
	for _, g := range f.all {
		r := Row{Figure: g}
		var values, ratios []float64
		for round, v := range g.rounds {
			values = append(values, v)
			if g.Of == "" {
				continue
			}
			if of := f.named(g.Of).rounds[round]; of > 0 {
				ratios = append(ratios, v/of)
			}
		}
		r.N, r.RatioN = len(values), len(ratios)
		r.Median, r.Low, r.High = spread(values)
		r.Ratio, r.RatioLow, r.RatioHigh = spread(ratios)
		all = append(all, r)
	}
	return all
}

// Used is what the figure's rounds have used; no things where nobody looked.
func (r Row) Used() Usage { return r.used }

// spread gives the median (of an even number: the mean of the middle two), the least and the greatest; 0 of nothing.
func spread(values []float64) (median, low, high float64) {
	if len(values) == 0 {
		return 0, 0, 0
	}
	s := slices.Sorted(slices.Values(values))
	middle := len(s) / 2
	median = s[middle]
	if len(s)%2 == 0 {
		median = (s[middle-1] + s[middle]) / 2
	}
	return median, s[0], s[len(s)-1]
}

// percentile gives the value below or at which a share of sorted values lie; 0 of nothing.
func percentile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}
