package main

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
)

// show prints v as JSON, or what text writes. A list of nothing is [] and not null.
func (c *cli) show(v any, text func(w io.Writer)) error {
	if c.output != "json" {
		text(c.out)
		return nil
	}
	if list := reflect.ValueOf(v); list.Kind() == reflect.Slice && list.IsNil() {
		v = []struct{}{}
	}
	encoder := json.NewEncoder(c.out)
	if !c.outTerminal {
		return encoder.Encode(v) // one line, so that a watching command gives JSON lines
	}
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

// table prints rows in columns under a heading.
func table(w io.Writer, heading []string, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{heading}, rows...) {
		_, _ = fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	_ = t.Flush()
}

// progress draws a bar where somebody looks, and nothing elsewhere. It returns what to call with how much is done of how
// much, and what to call at the end.
func (c *cli) progress(what string) (step func(done, total int), end func()) {
	if !c.errTerminal || c.quiet || c.output == "json" {
		return func(int, int) {}, func() {}
	}
	bar := progressbar.NewOptions(1, progressbar.OptionSetWriter(c.err), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString(what), progressbar.OptionSetPredictTime(true),
		progressbar.OptionThrottle(50*time.Millisecond), progressbar.OptionSetWidth(30), progressbar.OptionClearOnFinish())
	step = func(done, total int) {
		bar.ChangeMax(total)
		_ = bar.Set(done) // a bar that cannot be drawn must not stop the work
	}
	return step, func() { _ = bar.Finish() }
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
