package bench

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// Figure is one line of the table: what was measured in each round, and what it is held against.
type Figure struct {
	Name, Unit string
	Of         string // the figure it is a ratio of; "": none
	What       string // one sentence: how it is taken

	rounds map[int]float64
}

// list gives all figures, yardsticks before what is held against them.
func list() []*Figure {
	return []*Figure{
		{Name: "fiber_post", Unit: "requests/s", What: "A bare Fiber POST handler, configured as the API is, that reads the same requests and answers with as many bytes as a receipt has. The yardstick of everything over HTTP."},
		{Name: "admit_everysec", Unit: "bids/s", Of: "fiber_post", What: "Bids on one hot lot, a distinct user a bid, all admitted; appendfsync everysec. Relay, consumer and publisher run beside it and write what was admitted."},
		{Name: "admit_always", Unit: "bids/s", Of: "fiber_post", What: "The same on a Redis of its own with appendfsync always: an answer is given after the fsync."},
		{Name: "refuse_sold_out", Unit: "bids/s", Of: "fiber_post", What: "Bids on a lot that is sold out, all refused with sold_out; nearly all by what the node remembers for half a second."},
		{Name: "orders_end_to_end", Unit: "orders/s", Of: "fiber_post", What: "The bids of admit_everysec, until the last one's record, order and unit row are committed: from the round's start until the lag and the journals are 0. In a short round the lingering of the last batch weighs."},
		{Name: "produce_raw", Unit: "records/s", What: "The bare Kafka client: messages made beforehand, requests of as many records as the relay's, one partition, acks=all. The yardstick of relay."},
		{Name: "relay", Unit: "records/s", Of: "produce_raw", What: "The relay draining one shard's journal in Redis: reading, encoding, producing, acks=all. No other part of the platform runs beside it."},
		{Name: "insert_bare", Unit: "records/s", What: "The rows that consume has written (a record, an order and a unit row each) copied into tables of the same definition: one statement a table, one transaction a batch, one connection. The yardstick of consume."},
		{Name: "consume", Unit: "records/s", Of: "insert_bare", What: "The store applying full batches of one shard: position lock, sifting, record, order and unit rows, stock, position; one connection. No other part of the platform runs beside it."},
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

// time keeps how many of n things a second do has done.
func (f *figures) time(round int, name string, n int, do func() error) error {
	began := time.Now()
	if err := do(); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	f.note(round, name, float64(n)/time.Since(began).Seconds())
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

// Lines writes one line a figure that was taken, for programs: "bench NAME VALUE UNIT RATIO", RATIO - where there is none.
func Lines(w io.Writer, all []Row) {
	for _, r := range all {
		if r.N > 0 {
			fmt.Fprintf(w, "bench %s %.0f %s %s\n", r.Name, r.Median, r.Unit, r.ratio())
		}
	}
}

func (r Row) ratio() string {
	if r.RatioN == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", r.Ratio)
}

func (r Row) ratioSpread() string {
	if r.RatioN == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f – %.3f", r.RatioLow, r.RatioHigh)
}

func (r Row) valueSpread() string { return fmt.Sprintf("%.0f – %.0f", r.Low, r.High) }

func (r Row) of() string {
	if r.Of == "" {
		return "-"
	}
	return r.Of
}

// Table writes the figures that were taken, for people.
func Table(w io.Writer, all []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nFIGURE\tROUNDS\tRATIO\tSPREAD\tOF\tMEDIAN\tSPREAD\tUNIT")
	for _, r := range all {
		if r.N > 0 {
			fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%s\t%.0f\t%s\t%s\n", r.Name, r.N, r.ratio(), r.ratioSpread(), r.of(), r.Median, r.valueSpread(), r.Unit)
		}
	}
	return t.Flush()
}
