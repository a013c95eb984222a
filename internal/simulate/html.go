package simulate

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"time"
)

//go:embed report.html
var reportPage string

var reportTemplate = template.Must(template.New("report").Parse(reportPage))

// JSON writes the report as one JSON object, indented.
func (r Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// page is the report as its template shows it.
type page struct {
	Title, Crowd string
	When, Took   string
	Figures      []figure
	Charts       []chartOf
	Tables       []tableOf
	Lists        []listOf
	Broken       int
	Interrupted  bool
}

type figure struct{ Value, Name string }

type chartOf struct {
	Title, Says string
	SVG         template.HTML
}

type tableOf struct {
	Title   string
	Heading []string
	Rows    []tableRow
	Hold    bool // the last column is a text
}

type tableRow struct {
	Cells []string
	Wrong bool
}

type listOf struct {
	Title string
	Items []string
}

// HTML writes the report as one page that needs nothing else: no script, no network.
func (r Report) HTML(w io.Writer) error {
	p := page{Title: r.headline(), Crowd: r.crowdLine(), When: r.Began.Format("2006-01-02 15:04:05 MST"), Took: r.took().String(), Broken: r.Broken(), Interrupted: r.Interrupted,
		Figures: r.figures(), Charts: r.charts()}
	p.Tables = []tableOf{
		{"What the bids were told", []string{"Verdict", "Bids", "Share", "Answers"}, plainRows(r.verdictRows()), false},
		{"From the scheduled moment to", []string{"", "Count", "p50", "p90", "p99", "p99.9", "Longest"}, plainRows(r.latencyRows()), false},
		{"What must hold", []string{"", "Checked", "Wrong", "Detail"}, r.holdRows(), true},
	}
	p.Lists = []listOf{{"Not counted", r.NotCounted}, {"Remarks", r.Remarks}, {"What stays", r.Stays}}
	return reportTemplate.Execute(w, p)
}

func plainRows(rows [][]string) (out []tableRow) {
	for _, cells := range rows {
		out = append(out, tableRow{Cells: cells})
	}
	return out
}

func (r Report) holdRows() (out []tableRow) {
	for n, cells := range r.invariantRows() {
		out = append(out, tableRow{cells, !r.Invariants[n].OK()})
	}
	return out
}

func (r Report) figures() []figure {
	seconds := max(r.took().Seconds(), 0.001)
	answer := r.Latency[LatencyAnswer]
	return []figure{
		{fmt.Sprintf("%.4g/s", 1000*float64(r.Bids.Offered+r.Pages.Offered)/float64(max(r.Setting.LengthMS, 1))), "offered"},
		{fmt.Sprintf("%.4g/s", float64(r.Bids.Answered+r.Pages.Answered)/seconds), "answered"},
		{count(r.Admitted), "admitted"},
		{micros(answer.P50US), "p50 of a bid's first answer"},
		{micros(answer.P99US), "p99"},
		{micros(answer.P999US), "p99.9"},
	}
}

func (r Report) charts() []chartOf {
	offered, answered, admitted := []float64{}, []float64{}, []float64{}
	p50, p99, most := []float64{}, []float64{}, []float64{}
	var seconds []float64
	for n, s := range r.Timeline {
		length := float64(s.LengthMS) / 1000
		if end := r.TookMS - s.AtMS; n == len(r.Timeline)-1 && end > 0 {
			length = min(length, float64(end)/1000) // the last is shorter
		}
		length = max(length, 0.1)
		seconds = append(seconds, float64(s.AtMS)/1000)
		offered, answered, admitted = append(offered, float64(s.Offered)/length), append(answered, float64(s.Answered)/length), append(admitted, float64(s.Admitted)/length)
		p50, p99, most = append(p50, float64(s.P50US)), append(p99, float64(s.P99US)), append(most, float64(s.MaxUS))
	}
	return []chartOf{
		{"Rate", "Who came, what was answered, and what was admitted, each second.",
			lines(seconds, linear, perSecond, series{"offered", "a", offered}, series{"answered", "b", answered}, series{"admitted", "c", admitted})},
		{"Time to the first answer", "Of those who came in each second, from the moment they came.",
			lines(seconds, logarithmic, microsAxis, series{"longest", "c", most}, series{"p99", "b", p99}, series{"p50", "a", p50})},
		{"How many waited how long", "First answers to bids; both axes are logarithmic.", histogramChart(r.Histogram)},
	}
}

func perSecond(v float64) string  { return fmt.Sprintf("%.4g/s", v) }
func microsAxis(v float64) string { return micros(int64(v)) }

func secondsAxis(v float64) string {
	if v >= 120 {
		return fmt.Sprintf("%.3g min", v/60)
	}
	return (time.Duration(v*1000) * time.Millisecond).String()
}
