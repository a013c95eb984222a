package bench

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// The files of a report, in one folder.
const (
	pageFile     = "performance.md"
	capacityFile = "capacity.md"
	targetsFile  = "performance-targets.svg"
	cpuFile      = "performance-cpu.svg"
)

// Write writes the report's pages and charts into a folder that is there.
func Write(folder string, r Report) error {
	for name, write := range map[string]func(io.Writer) error{
		pageFile:     func(w io.Writer) error { return Page(w, r) },
		capacityFile: func(w io.Writer) error { return Capacity(w, r) },
		targetsFile:  func(w io.Writer) error { return TargetChart(w, r.Rows) },
		cpuFile:      func(w io.Writer) error { return CPUChart(w, r.Rows) },
	} {
		if err := writeFile(filepath.Join(folder, name), write); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path string, write func(io.Writer) error) (err error) {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return write(file)
}

// Page writes the report as docs/performance.md. Figures that were not taken are left out.
func Page(w io.Writer, r Report) error {
	p := &page{w: w}
	p.say("# Performance\n\nThis page is written by `make bench`; do not edit it. **Only the ratios mean anything**: they compare two things measured")
	p.say("in the same run, on the same servers, by the same client. The rates are for people who want a feeling for the machine;")
	p.say("none is a promise. [What it means for an installation](%s) is written by the same run.\n", capacityFile)
	p.machine(r)
	p.table(r)
	p.binds(r)
	p.how(r)
	p.leftOut(r)
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
	p.say("- rounds: %d, of costs, pages and memory %d; over HTTP %s a figure on loopback, by %d users; %d records a round for relay and consumer; %s in all\n",
		o.Rounds, o.scaleRounds(), o.Round, o.Members, o.Rows, r.Took.Round(1e9))
	if o.Scaled() {
		p.say("**This was a short run**: %d lots and %d users stand for the 100,000 and 1,000,000 in the names of figures, which says that these can be taken, and nothing more.\n", o.Lots, o.Users)
	}
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
	reached, of := 0, 0
	for _, row := range r.Rows {
		if ok, has := row.Reached(); has {
			of++
			if ok {
				reached++
			}
		}
	}
	p.say("## The figures\n")
	p.say("Median over the rounds, with the least and the greatest. A ratio is taken within its round, and the target is for the ratio, or for the value where there is none. %d of %d targets are reached.\n", reached, of)
	p.say("| figure | ratio | target | | spread | of | median | spread | unit |\n|---|---|---|---|---|---|---|---|---|")
	for _, row := range r.Rows {
		if row.N > 0 {
			p.say("| `%s` | %s | %s | %s | %s | %s | %s | %s | %s |", row.Name, row.ratio(), row.target(), verdict(row), row.ratioSpread(), code(row.Of),
				number(row.Median), row.valueSpread(), row.Unit)
		}
	}
	p.say("\n![How far each figure is past its target](%s)\n", targetsFile)
	if r.Odd > 0 {
		p.say("%d answers were of another kind than their figure counts (busy, paused, too late) and are in none.\n", r.Odd)
	}
}

func verdict(r Row) string {
	if reached, has := r.Reached(); has && !reached {
		return "**not reached**"
	}
	return r.Verdict()
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
			p.say("- `%s`: %s", row.Name, strings.TrimSpace(row.What+" "+row.Note))
		}
	}
	p.say("\nThe client is a few lines over keep-alive TCP connections, the same for all, and part of every rate. Bids carry tokens minted")
	p.say("beforehand, and every check on their way is on; limits of a user and of an address are set where one client that bids for")
	p.say("everybody does not meet them. Each round has lots of its own, or others for each user, so that everybody may bid again. What a")
	p.say("figure is held against is measured in the same round. Over HTTP every second round goes backwards, but for what needs the round's")
	p.say("peak; of relay and consumer the yardstick comes second, being made of their bytes.\n")
}

func (p *page) leftOut(r Report) {
	if len(r.Left) == 0 {
		return
	}
	p.say("## Left out\n")
	for _, what := range r.Left {
		p.say("- %s", what)
	}
	p.say("")
}

// binds says what the run can know of what binds.
func (p *page) binds(r Report) {
	p.say("## What binds\n")
	shown := overHTTP(r.Rows)
	if len(shown) == 0 {
		p.say("What each process used of the CPU is not to be had on this system, so this run cannot say what bound the bids.\n")
		return
	}
	names := processesOf(shown)
	p.say("CPU time of one request or bid in each process, µs, and how many of the %d cores all of them kept busy. Client and platform are", r.Machine.Cores)
	p.say("one process (%s): what a bare handler uses there is the client and HTTP.\n", itself)
	p.say("| figure | %s | all | cores busy |\n|---|%s", strings.Join(names, " | "), strings.Repeat("---|", len(names)+2))
	for _, row := range shown {
		cells := make([]string, len(names))
		for n, name := range names {
			cells[n] = fmt.Sprintf("%.1f", row.used.Each(name))
		}
		p.say("| `%s` | %s | %.1f | %.2f |", row.Name, strings.Join(cells, " | "), row.used.total(), row.used.busy())
	}
	p.say("\n![CPU time of one request by process](%s)\n", cpuFile)
	for _, name := range []string{"admit_hot_256", "orders_end_to_end"} {
		if row, ok := find(shown, name); ok {
			p.say("%s\n", row.bound(r.Machine))
		}
	}
	p.say("What was tried for each figure, with what it gave, stands where the code is: [gate, preheating and memory](../cache/DESIGN.md),")
	p.say("[the API's own part of a bid](../web/DESIGN.md), [relay, consumer and publisher](../pipeline/DESIGN.md), [the SQL](../store/DESIGN.md),")
	p.say("[how the figures are taken](../internal/bench/DESIGN.md).\n")
}

// busy is how many cores all processes kept busy.
func (u Usage) busy() float64 {
	sum := 0.0
	for name := range u.CPU {
		sum += u.Cores(name)
	}
	return sum
}

// largest names the process that used most, with its share of what all used.
func (u Usage) largest() (name string, share float64) {
	for _, p := range u.Processes() {
		if s := u.Each(p) / u.total(); s > share {
			name, share = p, s
		}
	}
	return name, share
}

// bound says in a sentence what bound a figure.
func (r Row) bound(m Machine) string {
	u := r.used
	name, share := u.largest()
	most := fmt.Sprintf("`%s`: of the CPU time %.0f %% went into %s", r.Name, 100*share, name)
	for _, p := range u.Processes() {
		if strings.HasPrefix(p, "redis") && u.Cores(p) > 0.9 {
			return fmt.Sprintf("%s; **the one core that %s runs its scripts on** bound it, %.2f of a core.", most, p, u.Cores(p))
		}
	}
	switch {
	case u.busy() >= 0.9*float64(m.Cores):
		return fmt.Sprintf("%s; **the CPU** bound it: %.2f of %d cores were busy with it.", most, u.busy(), m.Cores)
	case !m.quiet():
		return fmt.Sprintf("%s; %.2f of %d cores were busy with it, but not with it alone: what bound it cannot be told from this run.", most, u.busy(), m.Cores)
	}
	return fmt.Sprintf("%s; **waiting** (round trips, fsyncs, lingering) bound it: %.2f of %d cores were busy with it.", most, u.busy(), m.Cores)
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
