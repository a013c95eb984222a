package shelf_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/internal/live"
)

func TestAllow(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		key := uuid.NewString()
		began, passed := time.Now(), 0
		ok, wait, err := w.shelf.Allow(ctx, key, 2, 5)
		for ; ok && wait == 0 && err == nil; ok, wait, err = w.shelf.Allow(ctx, key, 2, 5) {
			passed++
		}
		if most := 5 + int(2*time.Since(began).Seconds()); passed < 5 || passed > most {
			t.Errorf("%d passed of a burst of 5, want up to %d", passed, most)
		}
		if ok || wait <= 0 || wait > 500*time.Millisecond || err != nil {
			t.Errorf("behind the burst: %v %v %v, want to wait up to half a second", ok, wait, err)
		}
		if ok, _, err := w.shelf.Allow(ctx, uuid.NewString(), 2, 5); !ok || err != nil {
			t.Errorf("another key: %v %v", ok, err)
		}
		live.Eventually(t, 5*time.Second, "it passes again", func() (bool, error) {
			ok, _, err := w.shelf.Allow(ctx, key, 2, 5)
			return ok, err
		})
		if w.counted("limit passed") < 7 || w.counted("limit refused") == 0 {
			t.Errorf("counts: %v", w.counts)
		}
	})
}

func TestAllowTakesNoNonsense(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			key              string
			perSecond, burst int
		}{{"a", 0, 1}, {"a", 1, 0}, {strings.Repeat("a", 129), 1, 1}} {
			if ok, _, err := w.shelf.Allow(ctx, c.key, c.perSecond, c.burst); !ok || err == nil {
				t.Errorf("Allow(%d bytes, %d, %d) = %v, %v: want to pass with an error", len(c.key), c.perSecond, c.burst, ok, err)
			}
		}
	})
}
