package bench

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Lines writes one line a figure that was taken, for programs: "bench NAME VALUE UNIT RATIO", RATIO - where there is none.
func Lines(w io.Writer, all []Row) {
	for _, r := range all {
		if r.N > 0 {
			fmt.Fprintf(w, "bench %s %s %s %s\n", r.Name, number(r.Median), r.Unit, r.ratio())
		}
	}
}

// Table writes the figures that were taken, for people.
func Table(w io.Writer, all []Row) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\nFIGURE\tRATIO\tTARGET\t\tSPREAD\tOF\tMEDIAN\tSPREAD\tUNIT\tROUNDS")
	for _, r := range all {
		if r.N > 0 {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%d\n", r.Name, r.ratio(), r.target(), r.Verdict(), r.ratioSpread(), r.of(),
				number(r.Median), r.valueSpread(), r.Unit, r.N)
		}
	}
	return t.Flush()
}

// number writes a value with as many places as mean something.
func number(v float64) string {
	if v < 100 {
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.0f", v)
}

// held is what the target bounds: the ratio, or the value of a figure that is none of another.
func (r Row) held() (v float64, ok bool) {
	if r.Of != "" {
		return r.Ratio, r.RatioN > 0
	}
	return r.Median, r.N > 0
}

// Reached says whether the median is within its target; has is false where there is no target or nothing to hold to it.
func (r Row) Reached() (reached, has bool) {
	v, ok := r.held()
	if r.Target == (Target{}) || !ok {
		return false, false
	}
	return r.Target.met(v), true
}

// Verdict says it in words: "reached", "not reached", or nothing.
func (r Row) Verdict() string {
	switch reached, has := r.Reached(); {
	case !has:
		return ""
	case reached:
		return "reached"
	}
	return "not reached"
}

func (r Row) target() string {
	if r.Target == (Target{}) {
		return "-"
	}
	return r.Target.String()
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

func (r Row) valueSpread() string {
	if r.N < 2 {
		return "-"
	}
	return number(r.Low) + " – " + number(r.High)
}

func (r Row) of() string {
	if r.Of == "" {
		return "-"
	}
	return r.Of
}
