package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rostrum/internal/bench"
	"rostrum/orders"
)

func none(string) string { return "" }

func some(string) string { return "127.0.0.1:1" }

func TestWhatCannotBeRun(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		get  func(string) string
		code int
		says string
	}{
		"no servers":     {nil, none, unusable, "bench: bench_servers: no servers: [ROSTRUM_TEST_MYSQL ROSTRUM_TEST_REDIS ROSTRUM_TEST_KAFKA] not set"},
		"help":           {[]string{"--help"}, none, ok, "-rounds"},
		"a word":         {[]string{"all"}, some, unusable, `"all" is no flag`},
		"unknown flag":   {[]string{"--fast"}, some, unusable, "-fast"},
		"many rounds":    {[]string{"--rounds", "21"}, some, unusable, "rounds is 21: use 1 to 20"},
		"a long round":   {[]string{"--seconds", "6"}, some, unusable, "6000: use 10 to 5000"},
		"too much":       {[]string{"--rounds", "20", "--seconds", "5"}, some, unusable, "do not fit"},
		"no connections": {[]string{"--clients", "0"}, some, unusable, "clients is 0"},
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
	f, err := parse([]string{"--rounds", "3", "--seconds", "0.5", "--clients", "8", "--out", "page.md"}, &errs)
	if err != nil || f.Rounds != 3 || f.Round != 500*time.Millisecond || f.Clients != 8 || f.page != "page.md" || f.Rows != bench.Defaults().Rows {
		t.Errorf("%+v, %v", f, err)
	}
	f, err = parse([]string{"--short", "--rounds", "20"}, &errs)
	if err != nil || f.Rounds != bench.Short().Rounds || f.Limit > time.Minute {
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
		"well":        {t.Context(), bench.Report{}, nil, ok, "invariants hold"},
		"wrong":       {t.Context(), wrong, nil, failed, "does not hold on bids, always: no bid twice: 2 of 9"},
		"broken":      {t.Context(), bench.Report{}, errors.New("the broker is gone"), failed, "the broker is gone"},
		"interrupted": {cancelled, bench.Report{}, context.Canceled, interrupted, "until then"},
	} {
		var errs bytes.Buffer
		if code := verdict(c.ctx, c.report, c.err, &errs); code != c.code || !strings.Contains(errs.String(), c.says) {
			t.Errorf("%s: status %d, %q", name, code, &errs)
		}
	}
}

func TestThePageIsWrittenWhereItIsAskedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	if err := write(bench.Report{Options: bench.Short()}, path); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || !strings.HasPrefix(string(text), "# Performance\n") {
		t.Errorf("%q, %v", text, err)
	}
	if err := write(bench.Report{}, ""); err != nil {
		t.Errorf("no page: %v", err)
	}
	if err := write(bench.Report{}, t.TempDir()); err == nil {
		t.Error("a folder was written")
	}
}
