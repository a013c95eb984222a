package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"rostrum/orders"
)

// screen is what the demo shows. On a terminal the moving line is drawn over itself; elsewhere each state is a line.
type screen struct {
	out      io.Writer
	terminal bool
}

func (s screen) say(format string, args ...any) { fmt.Fprintf(s.out, format+"\n", args...) }

// move draws the moving line.
func (s screen) move(format string, args ...any) {
	if s.terminal {
		fmt.Fprintf(s.out, "\r\x1b[K"+format, args...)
		return
	}
	s.say(format, args...)
}

// still ends the moving line.
func (s screen) still() {
	if s.terminal {
		fmt.Fprintln(s.out)
	}
}

// verdicts prints what the crowd was told, most often first.
func (s screen) verdicts(counts map[string]int) {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, name := range names {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	s.say("The crowd was told: %s", strings.Join(parts, " · "))
}

// table prints the invariants and gives how many do not hold.
func (s screen) table(invariants []orders.Invariant) (wrong int) {
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nINVARIANT\tCHECKED\tWRONG\t")
	for _, i := range invariants {
		mark := "ok"
		if !i.OK() {
			wrong++
			mark = "WRONG  " + i.Detail
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", i.Name, i.Checked, i.Wrong, mark)
	}
	_ = w.Flush()
	return wrong
}

// people prints who can log in.
func (s screen) people() {
	w := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nLOG IN AS\tROLES")
	for _, p := range people {
		fmt.Fprintf(w, "%s\t%s\n", p.login, p.roles)
	}
	fmt.Fprintf(w, "%s … %s\tbidder\n", bidderLogin(0), bidderLogin(passwordBidders-1))
	_ = w.Flush()
	s.say("Everybody's password is %q.", password)
}
