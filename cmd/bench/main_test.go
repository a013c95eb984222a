package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"rostrum/internal/bench"
	"rostrum/orders"
)

func none(string) string { return "" }

func loopback(string) string { return "127.0.0.1:1" }

func TestWhatCannotBeRun(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		get  func(string) string
		code int
		says string
	}{
		"no servers":   {nil, none, unusable, "bench: bench_servers: no servers: [ROSTRUM_TEST_MYSQL ROSTRUM_TEST_REDIS ROSTRUM_TEST_KAFKA] not set"},
		"help":         {[]string{"--help"}, none, ok, "-rounds"},
		"a word":       {[]string{"all"}, loopback, unusable, `"all" is no flag`},
		"unknown flag": {[]string{"--fast"}, loopback, unusable, "-fast"},
		"many rounds":  {[]string{"--rounds", "17"}, loopback, unusable, "rounds is 17: use 1 to 16"},
		"a long round": {[]string{"--seconds", "6"}, loopback, unusable, "6000: use 10 to 5000"},
		"too much":     {[]string{"--rounds", "16", "--seconds", "5"}, loopback, unusable, "do not fit"},
	} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), c.args, c.get, &out, &errs); code != c.code || !strings.Contains(errs.String(), c.says) || out.Len() > 0 {
			t.Errorf("%s: status %d, %q %q; want %d and %q", name, code, &out, &errs, c.code, c.says)
		}
		if c.code == unusable && name == "no servers" && strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%s: more than one line: %q", name, &errs)
		}
	}
}

func TestFlags(t *testing.T) {
	var errs bytes.Buffer
	f, err := parse([]string{"--rounds", "3", "--seconds", "0.5", "--out", "docs"}, &errs)
	if err != nil || f.Rounds != 3 || f.Round != 500*time.Millisecond || f.folder != "docs" || f.Rows != bench.Defaults().Rows {
		t.Errorf("%+v, %v", f, err)
	}
	f, err = parse([]string{"--short", "--rounds", "20"}, &errs)
	if err != nil || f.Rounds != bench.Short().Rounds || f.Limit != bench.Short().Limit {
		t.Errorf("short: %+v, %v", f, err)
	}
}

func TestTheStatusSaysHowItEnded(t *testing.T) {
	wrong := bench.Report{Invariants: []bench.Counted{{On: "bids, always", Invariant: orders.Invariant{Name: "no bid twice", Checked: 9, Wrong: 2}}}}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		report bench.Report
		err    error
		code   int
		says   string
	}{
		"well":   {t.Context(), bench.Report{}, nil, ok, "invariants hold"},
		"wrong":  {t.Context(), wrong, nil, failed, "does not hold on bids, always: no bid twice: 2 of 9"},
		"broken": {t.Context(), bench.Report{}, errors.New("the broker is gone"), failed, "the broker is gone"},
		"not whole": {t.Context(), bench.Report{Options: bench.Short(), Rows: []bench.Row{{Figure: &bench.Figure{Name: "relay"}}}, Left: []string{"relay: no broker"}}, nil,
			failed, "not taken: relay; relay: no broker"},
		"interrupted": {cancelled, bench.Report{}, context.Canceled, interrupted, "until then"},
	} {
		var errs bytes.Buffer
		if code := verdict(c.ctx, c.report, c.err, &errs); code != c.code || !strings.Contains(errs.String(), c.says) {
			t.Errorf("%s: status %d, %q", name, code, &errs)
		}
	}
}

func TestServersThatAreNotThere(t *testing.T) {
	var out, errs bytes.Buffer
	folder := t.TempDir()
	code := run(t.Context(), []string{"--short", "--out", folder}, loopback, &out, &errs)
	if code != failed || out.Len() > 0 {
		t.Errorf("status %d, %q", code, &out)
	}
	for _, name := range []string{bench.EnvRedis, bench.EnvShelf, bench.EnvKafka} {
		if !strings.Contains(errs.String(), name+": nothing of use at 127.0.0.1:1") {
			t.Errorf("nothing about %s in %q", name, &errs)
		}
	}
	if files, err := os.ReadDir(folder); len(files) > 0 || err != nil {
		t.Errorf("pages of nothing: %v, %v", files, err)
	}
}

func TestWhatIsShown(t *testing.T) {
	var out bytes.Buffer
	if err := show(bench.Report{Options: bench.Short()}, &out); err != nil || out.Len() > 0 {
		t.Errorf("of nothing: %q, %v", &out, err)
	}
	row := bench.Row{Figure: &bench.Figure{Name: "relay", Unit: "records/s", Of: "produce_raw", Target: bench.Target{Low: 0.6}}, N: 1, Median: 1234, RatioN: 1, Ratio: 0.5}
	report := bench.Report{Options: bench.Short(), Rows: []bench.Row{row}}
	if err := show(report, &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"# a short run: 2000 lots", "bench relay 1234 records/s 0.500\n", "not reached"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %q", want, &out)
		}
	}
	if got := reached(report); got != "0 of 1 targets reached" {
		t.Error(got)
	}
}

func TestTheLogIsBounded(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&some{w: &out, left: 2}, nil))
	for n := range 5 {
		log.Error("it failed", "n", n)
	}
	if lines := strings.Split(out.String(), "\n"); len(lines) != 4 || !strings.Contains(lines[1], "n=1") || lines[2] != "(and more)" {
		t.Errorf("%q", lines)
	}
}
