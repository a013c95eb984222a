package main

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestPreheatAt(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 1, 15, 8, 0, 0, 0, time.UTC)
	for at, want := range map[string]time.Duration{
		"": 0, "2027-01-15T09:00:00Z": time.Hour, "2027-01-15T10:00:00+01:00": time.Hour, "2027-01-15T07:00:00Z": 0, "2027-01-16T08:00:00Z": maxWait,
	} {
		if got, err := until(at, now); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", at, got, err, want)
		}
	}
	for _, at := range []string{"09:00", "tomorrow", "2027-01-16T08:00:01Z"} {
		if _, err := until(at, now); err == nil {
			t.Errorf("%q is taken", at)
		}
	}
	f := goodFake()
	soon := time.Now().Add(1100 * time.Millisecond)
	if got := run(t, f, "preheat", "--at", soon.UTC().Format(time.RFC3339)); got.status != exitGood || len(f.asked) == 0 {
		t.Errorf("status %d, asked %v: %s", got.status, f.asked, got.err)
	}
	if now := time.Now(); now.Before(soon.Truncate(time.Second)) {
		t.Errorf("it began %v too early", soon.Truncate(time.Second).Sub(now))
	}
}

// Who looks at a terminal sees how much is done, how fast it goes and how long it will take; nobody else sees a bar.
func TestTheBarSaysRateAndTimeLeft(t *testing.T) {
	t.Parallel()
	var screen syncBuffer
	c := &cli{world: world{err: &screen, errTerminal: true}}
	step, end := c.progress("lots")
	says := regexp.MustCompile(`lots +\d+% \|.*\| \((\d+)/100000, \d[\d.]* lots/s\) \[[\dhms]+:[\dhms]+\]`)
	for began, done := time.Now(), 0; !says.MatchString(screen.String()); done = (done + 1) % 100_000 {
		if step(done, 100_000); time.Since(began) > 10*time.Second {
			t.Fatalf("no rate and no time left: %q", screen.String())
		}
	}
	end()
	for name, c := range map[string]*cli{"no terminal": {}, "quiet": {quiet: true, world: world{errTerminal: true}}, "JSON": {output: "json", world: world{errTerminal: true}}} {
		var nothing syncBuffer
		c.err = &nothing
		step, end := c.progress("lots")
		step(1, 2)
		if end(); nothing.String() != "" {
			t.Errorf("%s: %q", name, nothing.String())
		}
	}
}

func TestPreheatOfNoLots(t *testing.T) {
	t.Parallel()
	f := goodFake()
	f.preheated = []preheated{{Session: uuid.MustParse("01890000-0000-7000-8000-000000000001")}}
	if got := run(t, f, "preheat"); got.status != exitGood || !strings.Contains(got.out, "has no lots") {
		t.Errorf("status %d: %s%s", got.status, got.out, got.err)
	}
}
