package simulate

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// Text writes the report for a terminal.
func (r Report) Text(w io.Writer) {
	line := func(text string, args ...any) { _, _ = fmt.Fprintf(w, text+"\n", args...) }
	line("%s", r.headline())
	line("%s", r.crowdLine())
	line("")
	line("%s", r.offeredLine("bids", r.Bids))
	if r.Pages.Offered > 0 {
		line("%s", r.offeredLine("pages", r.Pages))
	}
	line("requests %d, with those that asked again", r.Requests)
	if r.ClientCPUms > 0 {
		line("this program used %s of CPU, %.0f requests a second of it", time.Duration(r.ClientCPUms)*time.Millisecond, r.perCPU())
	}
	line("")
	table(w, []string{"VERDICT", "BIDS", "SHARE", "ANSWERS"}, r.verdictRows())
	line("")
	table(w, []string{"FROM THE SCHEDULED MOMENT TO", "COUNT", "P50", "P90", "P99", "P99.9", "MAX"}, r.latencyRows())
	line("")
	table(w, []string{"MUST HOLD", "CHECKED", "WRONG", "DETAIL"}, r.invariantRows())
	list := func(title string, of []string) {
		for _, text := range of {
			line("%s: %s", title, text)
		}
	}
	list("not counted", r.NotCounted)
	list("remark", r.Remarks)
	list("stays", r.Stays)
}

func (r Report) headline() string {
	text := fmt.Sprintf("%s: session %s (%s), %s of %.6g/s for %s", r.Target, r.Session, r.Name, r.Setting.Shape, r.Setting.Rate,
		time.Duration(r.Setting.LengthMS)*time.Millisecond)
	if r.Interrupted {
		text += fmt.Sprintf(", interrupted after %s", r.took())
	}
	return text
}

func (r Report) crowdLine() string {
	s := r.Setting
	choice := "uniform choice"
	if s.Zipf > 0 {
		choice = fmt.Sprintf("Zipf %.3g", s.Zipf)
	}
	return fmt.Sprintf("%d users, %d lots with %d units (%s), %.3g%% readers, %d connections, seed %d", s.Users, s.Lots, s.Units, choice, 100*s.Readers, s.Connections, s.Seed)
}

func (r Report) offeredLine(what string, c Counts) string {
	text := fmt.Sprintf("%s: %d offered, %d answered", what, c.Offered, c.Answered)
	if what == "bids" {
		text += fmt.Sprintf(", %d admitted", r.Admitted)
	}
	return text + fmt.Sprintf(", %d without an answer, %d not sent", c.Unanswered, c.NotSent)
}

func (r Report) took() time.Duration { return time.Duration(r.TookMS) * time.Millisecond }

// perCPU is requests per second of this program's CPU time.
func (r Report) perCPU() float64 { return 1000 * float64(r.Requests) / float64(max(r.ClientCPUms, 1)) }

func (r Report) verdictRows() (rows [][]string) {
	for _, v := range r.Verdicts {
		rows = append(rows, []string{v.Verdict, count(v.Bids), share(v.Bids, r.Bids.Offered), count(v.Answers)})
	}
	said := make([]string, 0, len(r.PageSaid))
	for word := range r.PageSaid {
		said = append(said, word)
	}
	slices.Sort(said)
	for _, word := range said {
		name := "page"
		if word != "page" {
			name = "page: " + word
		}
		rows = append(rows, []string{name, count(r.PageSaid[word]), share(r.PageSaid[word], r.Pages.Offered), count(r.PageSaid[word])})
	}
	return rows
}

func share(n, of int64) string { return fmt.Sprintf("%.1f%%", 100*float64(n)/float64(max(of, 1))) }

func count(n int64) string { return fmt.Sprint(n) }

func (r Report) latencyRows() (rows [][]string) {
	for _, l := range latencies {
		s := r.Latency[l.word]
		if s.Count == 0 {
			continue
		}
		rows = append(rows, []string{l.title, count(s.Count), micros(s.P50US), micros(s.P90US), micros(s.P99US), micros(s.P999US), micros(s.MaxUS)})
	}
	return rows
}

// micros writes microseconds with three digits and a unit.
func micros(us int64) string {
	switch {
	case us < 1000:
		return fmt.Sprintf("%d µs", us)
	case us < 1_000_000:
		return fmt.Sprintf("%.3g ms", float64(us)/1e3)
	}
	return fmt.Sprintf("%.3g s", float64(us)/1e6)
}

func (r Report) invariantRows() (rows [][]string) {
	for _, i := range r.Invariants {
		rows = append(rows, []string{i.Name, fmt.Sprint(i.Checked), fmt.Sprint(i.Wrong), i.Detail})
	}
	return rows
}

func table(w io.Writer, heading []string, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{heading}, rows...) {
		_, _ = fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	_ = t.Flush()
}

// Line is the progress in one line of a terminal.
func (p Progress) Line() string {
	return fmt.Sprintf("%3.0f s of %.0f s   offered %d   answered %d   admitted %d   waiting %d   p50 %s   p99 %s   worst second's p99 %s",
		p.At.Seconds(), p.Length.Seconds(), p.Offered, p.Answered, p.Admitted, p.Backlog, micros(p.P50.Microseconds()), micros(p.P99.Microseconds()),
		micros(p.P99Worst.Microseconds()))
}
