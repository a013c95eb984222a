package bench

import (
	"fmt"
	"io"
	"strings"
)

// Page writes the report as docs/performance.md. Figures that were not taken are left out.
func Page(w io.Writer, r Report) error {
	p := &page{w: w}
	p.say("# Performance\n\nThis page is written by `make bench`; do not edit it. **Only the ratios mean anything**: they compare two things measured")
	p.say("in the same run, on the same servers, by the same client. The rates are for people who want a feeling for the machine;")
	p.say("none is a promise.\n")
	p.machine(r)
	p.table(r)
	p.how(r)
	p.binds(r)
	p.counted(r)
	return p.err
}

// page is a writer that remembers its first error.
type page struct {
	w   io.Writer
	err error
}

func (p *page) say(format string, args ...any) {
	if _, err := fmt.Fprintf(p.w, format+"\n", args...); p.err == nil {
		p.err = err
	}
}

func (p *page) machine(r Report) {
	m := r.Machine
	p.say("## The machine\n")
	p.say("- %d cores%s, %s, %s; load client, API, relay, consumer and all servers share them", m.Cores, in(m.Model), m.OS, m.Go)
	if m.Load != "" {
		p.say("- load average in the minute before the run: %s%s", m.Load, quiet(m))
	}
	for _, v := range r.Versions {
		p.say("- %s", v)
	}
	o := r.Options
	p.say("- %d rounds; over HTTP %s a figure with %d keep-alive connections on loopback; %d records a round for relay and consumer\n",
		o.Rounds, o.Round, o.Clients, o.Rows)
}

func in(model string) string {
	if model == "" {
		return ""
	}
	return " (" + model + ")"
}

// quiet says what a load before the run does to its figures.
func quiet(m Machine) string {
	if m.quiet() {
		return ""
	}
	return " — **the machine was not quiet**, so the spread is wide and the rates are low; take the run again on one that is"
}

// quiet: nothing much ran before; it is so where that is not known.
func (m Machine) quiet() bool {
	var load float64
	_, err := fmt.Sscan(m.Load, &load)
	return err != nil || load < 0.5
}

func (p *page) table(r Report) {
	p.say("## The figures\n")
	p.say("Median over the rounds, with the least and the greatest. A ratio is taken within its round.\n")
	p.say("| figure | ratio | spread | of | rate | spread | unit |\n|---|---|---|---|---|---|---|")
	for _, row := range r.Rows {
		if row.N > 0 {
			p.say("| `%s` | %s | %s | %s | %.0f | %s | %s |", row.Name, row.ratio(), row.ratioSpread(), code(row.Of), row.Median, row.valueSpread(), row.Unit)
		}
	}
	if r.Odd > 0 {
		p.say("\n%d answers were of another kind than their figure counts (busy, paused, too late) and are in none.", r.Odd)
	}
	p.say("")
}

func code(name string) string {
	if name == "" {
		return "-"
	}
	return "`" + name + "`"
}

func (p *page) how(r Report) {
	p.say("## How each is taken\n")
	for _, row := range r.Rows {
		if row.N > 0 {
			p.say("- `%s`: %s", row.Name, row.What)
		}
	}
	p.say("\nThe client is a few lines over a TCP connection, the same for all, and builds each request anew: it is part of every rate.")
	p.say("Bids carry tokens minted beforehand, and every check on their way is on, but for the limit of bids a second of one user.")
	p.say("Each round has a hot lot of its own, so that every user may bid again; the road is clear before the next figure starts.\n")
}

// binds says in two sentences what the run can know of what binds.
func (p *page) binds(r Report) {
	p.say("## What binds\n")
	switch busy := r.Machine.Busy; {
	case busy < 0:
		p.say("How busy the cores were is not to be had on this system, so this run cannot say whether CPU or waiting bound the bids.")
	case !r.Machine.quiet():
		p.say("During the rounds over HTTP the cores were %.0f %% busy, but not with this run alone: what bound the bids cannot be told from it.", 100*busy)
	case busy >= 0.9:
		p.say("During the rounds over HTTP the cores were %.0f %% busy: total CPU, shared by client, API and servers, bound the bids, not a disk and not one Redis.", 100*busy)
	default:
		p.say("During the rounds over HTTP the cores were %.0f %% busy: waiting (round trips, fsyncs, one script at a time on a hot lot) bound the bids more than CPU.", 100*busy)
	}
	p.say("One hot lot is one shard: one core of one Redis decides it, one partition and one connection to MySQL carry it, so these are figures of a single lot, and more lots or machines would move them.\n")
}

func (p *page) counted(r Report) {
	checked, wrong := 0, r.Wrong()
	for _, c := range r.Invariants {
		checked += c.Checked
	}
	p.say("## And it was right\n")
	p.say("After the rounds %d invariants were counted over %d things, each side taken from another place (clients' receipts, gate, Kafka, MySQL): %d do not hold.",
		len(r.Invariants), checked, len(wrong))
	var names []string
	for _, c := range wrong {
		names = append(names, fmt.Sprintf("%s (%s): %d", c.Name, c.On, c.Wrong))
	}
	if len(names) > 0 {
		p.say("\n%s", strings.Join(names, "\n"))
	}
}
