package main

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// small is the demo with a crowd that a test can wait for.
func small(data string) options {
	return options{listen: "127.0.0.1:0", data: data, once: true, relay: true, log: "error", sale: time.Minute, lead: time.Second, crowd: 150}
}

func TestDemoCountsNothingWrong(t *testing.T) {
	var out bytes.Buffer
	wrong, err := demo(t.Context(), small(""), screen{out: &out})
	if err != nil || wrong != 0 {
		t.Fatalf("%d wrong, error %v\n%s", wrong, err, &out)
	}
	for _, want := range []string{"durability none", "Preheated 8 lots, 8 verified", "150 bidders for 100 units on 8 lots", "units in orders 100",
		"units sold over stock", "orders unknown to Kafka"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the demo does not say %q:\n%s", want, &out)
		}
	}
}

// The table is worth something only if it can be wrong.
func TestDemoWithoutItsRelayIsWrong(t *testing.T) {
	o := small("")
	o.relay = false
	s := screen{out: &bytes.Buffer{}}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	wrong, err := demo(ctx, o, s)
	if err != nil || wrong == 0 {
		t.Errorf("%d wrong, error %v\n%s", wrong, err, s.out)
	}
}

// A second start finds what the first left, whose Redis is gone: it is rebuilt from the database.
func TestDemoGoesOnFromItsData(t *testing.T) {
	dir := t.TempDir()
	for start := range 2 {
		var out bytes.Buffer
		if wrong, err := demo(t.Context(), small(dir), screen{out: &out}); err != nil || wrong != 0 {
			t.Fatalf("start %d: %d wrong, error %v\n%s", start+1, wrong, err, &out)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "rostrum.sqlite")); err != nil {
		t.Error(err)
	}
}

func TestDemoSaysWhatIsInItsWay(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	damaged := t.TempDir()
	if err := os.WriteFile(filepath.Join(damaged, "rostrum.sqlite"), []byte(strings.Repeat("no database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"port taken":      {[]string{"--listen", taken.Addr().String()}, "choose another with --listen"},
		"no address":      {[]string{"--listen", "nowhere"}, "choose another with --listen"},
		"folder is file":  {[]string{"--listen", "127.0.0.1:0", "--data", file}, "--data " + file + " cannot be made"},
		"damaged data":    {[]string{"--listen", "127.0.0.1:0", "--data", damaged}, "no SQLite database"},
		"unknown flag":    {[]string{"--twice"}, "-twice"},
		"stray word":      {[]string{"now"}, `"now" is no flag`},
		"no level of log": {[]string{"--listen", "127.0.0.1:0", "--log", "loud"}, `--log "loud"`},
	} {
		t.Run(name, func(t *testing.T) {
			var out, errs bytes.Buffer
			if code := run(t.Context(), c.args, &out, &errs); code != 1 {
				t.Errorf("exit status %d", code)
			}
			if !strings.Contains(errs.String(), c.want) {
				t.Errorf("it says %q, want %q", errs.String(), c.want)
			}
		})
	}
}

func TestTwoDemosDoNotShareAFolder(t *testing.T) {
	dir := t.TempDir()
	first := &world{}
	if err := first.start(t.Context(), small(dir)); err != nil {
		t.Fatal(err)
	}
	defer first.end()
	second := &world{}
	if err := second.start(t.Context(), small(dir)); err == nil || !strings.Contains(err.Error(), "another demo uses") {
		second.end()
		t.Errorf("a second demo on the folder: %v", err)
	}
}
