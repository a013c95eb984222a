package bench

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
)

// Sizes of a chart, pixels.
const (
	chartWidth = 920
	chartLeft  = 190 // where the bars begin: names stand before
	chartBar   = 14
	chartStep  = 24
	chartTop   = 56
)

// hues tell processes apart; reachedHue and missedHue whether a target was reached, which the words beside say too.
var hues = []string{"#4c78a8", "#f58518", "#54a24b", "#b279a2", "#e45756", "#72b7b2"}

const (
	reachedHue = "#54a24b"
	missedHue  = "#e45756"
)

// chart writes an SVG of horizontal bars. It remembers the first error.
type chart struct {
	w   io.Writer
	err error
	y   int
}

func newChart(w io.Writer, title, under string, bars int) *chart {
	c := &chart{w: w, y: chartTop}
	height := chartTop + bars*chartStep + 16
	c.say(`<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12" role="img">`, chartWidth, height, chartWidth, height)
	c.say(`<title>%s</title><rect width="100%%" height="100%%" fill="#ffffff"/>`, escaped(title))
	c.text(12, 20, "start", "#222222", title)
	c.text(12, 38, "start", "#666666", under)
	return c
}

func (c *chart) say(format string, args ...any) {
	if _, err := fmt.Fprintf(c.w, format+"\n", args...); c.err == nil {
		c.err = err
	}
}

func (c *chart) text(x, y int, anchor, hue, text string) {
	c.say(`<text x="%d" y="%d" text-anchor="%s" fill="%s">%s</text>`, x, y, anchor, hue, escaped(text))
}

func (c *chart) bar(from, to float64, hue string) {
	c.say(`<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="%s"/>`, from, c.y, max(to-from, 0.5), chartBar, hue)
}

func (c *chart) name(name string) { c.text(chartLeft-8, c.y+11, "end", "#222222", name) }

func (c *chart) end() error {
	c.say("</svg>")
	return c.err
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a builder takes everything
	return b.String()
}

// furthest is where a chart of targets ends: what is past it is past it.
const furthest = 2.5

// reach says how far a value is past its target: 1 is just there, more is better.
func (t Target) reach(v float64) float64 {
	out := furthest * 2
	if t.Low > 0 {
		out = min(out, v/t.Low)
	}
	if t.High > 0 && v > 0 {
		out = min(out, t.High/v)
	}
	return out
}

// TargetChart draws how far each figure is past its target, with the least and the greatest of its rounds.
func TargetChart(w io.Writer, all []Row) error {
	var shown []Row
	for _, r := range all {
		if _, has := r.Reached(); has {
			shown = append(shown, r)
		}
	}
	c := newChart(w, "Figures against their targets", "1 is the target, further right is better; the line through a bar is the spread of the rounds", len(shown))
	at := func(v float64) float64 {
		return chartLeft + min(max(v, 0), furthest)/furthest*(chartWidth-chartLeft-240)
	}
	for _, r := range shown {
		v, _ := r.held()
		reached, _ := r.Reached()
		hue, said := missedHue, r.ratio()
		if reached {
			hue = reachedHue
		}
		if r.RatioN == 0 {
			said = number(v) + " " + r.Unit
		}
		c.name(r.Name)
		c.bar(chartLeft, at(r.Target.reach(v)), hue)
		if r.RatioN > 1 {
			low, high := at(r.Target.reach(r.RatioLow)), at(r.Target.reach(r.RatioHigh))
			c.say(`<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#222222"/>`, min(low, high), max(low, high), c.y+chartBar/2, c.y+chartBar/2)
		}
		c.text(chartWidth-232, c.y+11, "start", "#222222", said+" ("+r.Target.String()+")")
		c.y += chartStep
	}
	c.say(`<line x1="%.1f" x2="%.1f" y1="%d" y2="%d" stroke="#222222" stroke-dasharray="4 3"/>`, at(1), at(1), chartTop-6, c.y)
	return c.end()
}

// CPUChart draws the CPU time of one thing of each figure over HTTP, by process.
func CPUChart(w io.Writer, all []Row) error {
	shown, longest := overHTTP(all), 1.0
	names := processesOf(shown)
	for _, r := range shown {
		longest = max(longest, r.used.total())
	}
	c := newChart(w, "CPU time of one request, µs", "client and platform are one process, so a bare handler's bar is the client and HTTP alone", len(shown)+1)
	x := chartLeft
	for n, name := range names {
		c.say(`<rect x="%d" y="%d" width="10" height="10" fill="%s"/>`, x, c.y, hues[n%len(hues)])
		c.text(x+14, c.y+10, "start", "#222222", name)
		x += 30 + 7*len(name)
	}
	c.y += chartStep
	for _, r := range shown {
		c.name(r.Name)
		from := float64(chartLeft)
		for n, name := range names {
			to := from + r.used.Each(name)/longest*(chartWidth-chartLeft-80)
			c.bar(from, to, hues[n%len(hues)])
			from = to
		}
		c.text(int(from)+6, c.y+11, "start", "#222222", number(r.used.total()))
		c.y += chartStep
	}
	return c.end()
}

// httpFigures are those whose use of the CPU is told, in order.
var httpFigures = []string{"fiber_post_64", "fiber_post_256", "admit_hot_64", "admit_hot_256", "admit_spread_64", "admit_spread_256",
	"admit_always_256", "refuse_sold_out", "orders_end_to_end", "fiber_get_64", "page_20"}

func overHTTP(all []Row) []Row {
	var shown []Row
	for _, name := range httpFigures {
		if r, ok := find(all, name); ok && len(r.used.CPU) > 0 {
			shown = append(shown, r)
		}
	}
	return shown
}

// find gives a figure that was taken.
func find(all []Row, name string) (Row, bool) {
	for _, r := range all {
		if r.Name == name {
			return r, r.N > 0
		}
	}
	return Row{}, false
}

// processesOf names the processes that figures have used, this one first; those that did next to nothing are left out.
func processesOf(all []Row) []string {
	var sum Usage
	for _, r := range all {
		sum.add(r.used)
	}
	total := sum.total()
	var names []string
	for _, name := range sum.Processes() {
		if sum.Each(name) > total/200 {
			names = append(names, name)
		}
	}
	return names
}
