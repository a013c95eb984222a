package app

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rostrum/internal/fault"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestSequenceStopsInReverse(t *testing.T) {
	var did []string
	note := func(what string) func(context.Context) error {
		return func(context.Context) error { did = append(did, what); return nil }
	}
	s := sequence{log: quiet()}
	steps := []step{{name: "a", start: note("+a"), stop: note("-a")}, {name: "b", start: note("+b")}, {name: "c", start: note("+c"), stop: note("-c")}}
	if err := s.up(t.Context(), steps); err != nil {
		t.Fatal(err)
	}
	if err := s.down(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{"+a", "+b", "+c", "-c", "-a"}; !slices.Equal(did, want) {
		t.Fatalf("did %v, want %v", did, want)
	}
	if err := s.down(t.Context()); err != nil || len(did) != 5 {
		t.Fatalf("a second stop did %v, error %v", did[5:], err)
	}
}

func TestSequenceStopsWhatHadStartedWhenAStepFails(t *testing.T) {
	var stopped []string
	stop := func(name string) func(context.Context) error {
		return func(context.Context) error { stopped = append(stopped, name); return errors.New("stuck " + name) }
	}
	fine := func(context.Context) error { return nil }
	s := sequence{log: quiet()}
	err := s.up(t.Context(), []step{{"a", "", fine, stop("a")}, {"b", "", fine, stop("b")},
		{"c", "", func(context.Context) error { return errors.New("no port") }, stop("c")}})
	for _, want := range []string{"start of c: no port", "stop of b: stuck b", "stop of a: stuck a"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	if !slices.Equal(stopped, []string{"b", "a"}) {
		t.Errorf("stopped %v, want b then a, and never c", stopped)
	}
}

func TestBackgroundDeathIsTold(t *testing.T) {
	for name, run := range map[string]func(context.Context) error{
		"error": func(context.Context) error { return errors.New("broken") },
		"panic": func(context.Context) error { panic("broken") },
	} {
		t.Run(name, func(t *testing.T) {
			died := make(chan error, 1)
			st := background("task", "", run, func(_ string, err error) { died <- err })
			if err := st.start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := <-died; !strings.Contains(err.Error(), "broken") {
				t.Errorf("died of %v", err)
			}
			if err := st.stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBackgroundStopWaitsOnlySoLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		st := background("deaf", "", func(context.Context) error { <-release; return nil }, func(string, error) {})
		_ = st.start(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := st.stop(ctx); err == nil || !strings.Contains(err.Error(), "deaf did not stop in time") {
			t.Errorf("stop gave %v", err)
		}
		close(release)
	})
}

func TestAwait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		err := await(t.Context(), quiet(), "a thing", time.Minute, func(context.Context) error {
			if tries++; tries < 4 {
				return errors.New("not yet")
			}
			return nil
		})
		if err != nil || tries != 4 {
			t.Errorf("tried %d times, error %v", tries, err)
		}
		err = await(t.Context(), quiet(), "a thing", time.Minute, func(context.Context) error { return errors.New("never") })
		if err == nil || !strings.Contains(err.Error(), "a thing did not come within 1m0s: never") {
			t.Errorf("a thing that never comes gives %v", err)
		}
		told, stop := context.WithTimeout(t.Context(), 30*time.Second)
		defer stop()
		err = await(told, quiet(), "a thing", time.Minute, func(context.Context) error { return errors.New("not yet") })
		if err == nil || err.Error() != "told to stop while waiting for a thing: not yet" {
			t.Errorf("who is told to stop says %v", err)
		}
		tries = 0
		_ = await(t.Context(), quiet(), "a thing", time.Minute, func(context.Context) error {
			tries++
			return fault.New(fault.Conflict, "deployment_differs", "")
		})
		if tries != 1 {
			t.Errorf("what waiting cannot mend was tried %d times", tries)
		}
	})
}

func TestEveryGoesOnAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		runs := 0
		_ = every(ctx, quiet(), "job", 3*time.Second, func(context.Context) error { runs++; return errors.New("no") })
		if runs != 4 {
			t.Errorf("ran %d times in 10 s at 3 s, want 4", runs)
		}
	})
}
