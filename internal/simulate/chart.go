package simulate

import (
	"fmt"
	"html"
	"html/template"
	"math"
	"strings"
)

// The drawing, in its own units: the page scales it.
const (
	chartWide, chartHigh = 760.0, 260.0
	chartLeft, chartTop  = 70.0, 24.0
	plotWide, plotHigh   = chartWide - chartLeft - 24, chartHigh - chartTop - 34
)

// series is one line: its name, the class that gives it its colour, and its values.
type series struct {
	name, class string
	values      []float64
}

// axis maps values to 0 … 1 and says where its ticks are.
type axis struct {
	least, most float64
	log         bool
}

type axisOf func(values []float64) axis

// linear begins at 0 and ends at a round number.
func linear(values []float64) axis {
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	return axis{0, roundUp(most), false}
}

// roundUp gives the next of 1, 2, 5 times a power of ten.
func roundUp(v float64) float64 {
	if v <= 0 {
		return 1
	}
	unit := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*unit >= v {
			return m * unit
		}
	}
	return 10 * unit
}

// logarithmic goes from one power of ten to another; what is not positive has no place on it.
func logarithmic(values []float64) axis {
	least, most := math.Inf(1), 0.0
	for _, v := range values {
		if v > 0 {
			least, most = min(least, v), max(most, v)
		}
	}
	if most == 0 {
		return axis{1, 10, true}
	}
	a := axis{math.Pow(10, math.Floor(math.Log10(least))), math.Pow(10, math.Ceil(math.Log10(most))), true}
	if a.least == a.most {
		a.most *= 10
	}
	return a
}

func (a axis) place(v float64) float64 {
	if a.log {
		return math.Log10(max(v, a.least)/a.least) / math.Log10(a.most/a.least)
	}
	return (v - a.least) / (a.most - a.least)
}

// ticks are powers of ten, or round numbers from the least on.
func (a axis) ticks() []float64 {
	const parts = 6 // at most
	var at []float64
	if a.log {
		for v := a.least; v <= a.most*1.001; v *= 10 {
			at = append(at, v)
		}
		return at
	}
	step := roundUp((a.most - a.least) / parts)
	for n := 0; a.least+float64(n)*step <= a.most*1.001; n++ {
		at = append(at, a.least+float64(n)*step)
	}
	return at
}

// drawing is an SVG under way. Colours come from the page's classes, so that they follow light and dark.
type drawing struct{ strings.Builder }

func newDrawing(label string) *drawing {
	d := &drawing{}
	d.add(`<svg viewBox="0 0 %g %g" role="img" aria-label="%s">`, chartWide, chartHigh, html.EscapeString(label))
	return d
}

func (d *drawing) add(text string, args ...any) { fmt.Fprintf(&d.Builder, text, args...) }

func (d *drawing) text(x, y float64, anchor, class, text string) {
	d.add(`<text x="%.1f" y="%.1f" text-anchor="%s" class="%s">%s</text>`, x, y, anchor, class, html.EscapeString(text))
}

func (d *drawing) end() template.HTML {
	d.WriteString("</svg>")
	return template.HTML(d.String()) //nolint:gosec // numbers, and texts that were escaped above
}

func up(share float64) float64    { return chartTop + plotHigh*(1-share) }
func along(share float64) float64 { return chartLeft + plotWide*share }

func (d *drawing) upAxis(a axis, write func(float64) string) {
	for _, v := range a.ticks() {
		y := up(a.place(v))
		d.add(`<line x1="%g" y1="%.1f" x2="%g" y2="%.1f" class="grid"/>`, chartLeft, y, chartLeft+plotWide, y)
		d.text(chartLeft-6, y+4, "end", "tick", write(v))
	}
}

func (d *drawing) alongAxis(a axis, write func(float64) string) {
	for _, v := range a.ticks() {
		d.text(along(a.place(v)), chartTop+plotHigh+16, "middle", "tick", write(v))
	}
}

// lines draws series over time, with a legend. A gap is a value that its axis has no place for.
func lines(seconds []float64, scale axisOf, write func(float64) string, of ...series) template.HTML {
	var all []float64
	var names []string
	for _, s := range of {
		all = append(all, s.values...)
		names = append(names, s.name)
	}
	y, x := scale(all), axis{0, 1, false}
	if n := len(seconds); n > 1 {
		x.most = seconds[n-1]
	}
	d := newDrawing(strings.Join(names, ", ") + " over time")
	d.upAxis(y, write)
	d.alongAxis(x, secondsAxis)
	at := chartLeft
	for _, s := range of {
		d.line(seconds, s, x, y)
		d.add(`<line x1="%.1f" y1="10" x2="%.1f" y2="10" class="line %s"/>`, at, at+18, s.class)
		d.text(at+23, 14, "start", "legend", s.name)
		at += 40 + 7*float64(len(s.name))
	}
	return d.end()
}

func (d *drawing) line(seconds []float64, s series, x, y axis) {
	var path strings.Builder
	move := "M"
	for n, v := range s.values {
		if y.log && v <= 0 {
			move = "M"
			continue
		}
		fmt.Fprintf(&path, "%s%.1f %.1f", move, along(x.place(seconds[n])), up(y.place(v)))
		move = "L"
	}
	if path.Len() == 0 {
		return
	}
	d.add(`<path d="%s" class="line %s"/>`, path.String(), s.class)
	if len(s.values) == 1 { // a line of one point would not be seen
		d.add(`<circle cx="%.1f" cy="%.1f" r="3" class="dot %s"/>`, along(x.place(seconds[0])), up(y.place(max(s.values[0], y.least))), s.class)
	}
}

// histogramChart draws bars on two logarithmic axes.
func histogramChart(bars []Bar) template.HTML {
	d := newDrawing("histogram of the time to the first answer")
	if len(bars) == 0 {
		d.text(chartWide/2, chartHigh/2, "middle", "legend", "no bids")
		return d.end()
	}
	var counts []float64
	edges := []float64{float64(bars[0].FromUS), float64(bars[len(bars)-1].ToUS)}
	for _, b := range bars {
		counts = append(counts, float64(b.Count))
	}
	x, y := logarithmic(edges), logarithmic(append(counts, 1))
	d.upAxis(y, func(v float64) string { return fmt.Sprintf("%g", v) })
	d.alongAxis(x, microsAxis)
	for _, b := range bars {
		left, right := along(x.place(float64(b.FromUS))), along(x.place(float64(b.ToUS)))
		top := min(up(y.place(float64(b.Count))), up(0)-2) // one is to be seen too
		d.add(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" class="bar"><title>%s to %s: %d</title></rect>`,
			left, top, max(right-left-1, 1), up(0)-top, micros(b.FromUS), micros(b.ToUS), b.Count)
	}
	return d.end()
}
