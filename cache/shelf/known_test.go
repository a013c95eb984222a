package shelf_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/cache/cachetest"
	"rostrum/cache/shelf"
	"rostrum/internal/fault"
	"rostrum/internal/live"
)

// running keeps a shelf's filter until the test ends.
func running(t *testing.T, s *shelf.Shelf) {
	t.Helper()
	own, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- s.Run(own) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run: %v", err)
		}
	})
}

func eventuallyKnown(t *testing.T, s *shelf.Shelf, id uuid.UUID, want bool) {
	t.Helper()
	live.Eventually(t, 20*time.Second, "the filter knows", func() (bool, error) { return s.Known(id) == want, nil })
}

// Asking for what does not exist costs nothing but the filter's few mistakes.
func TestRandomIDsCostNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		_, lots := w.session(200)
		nobody := uuid.New()
		if !w.shelf.Known(nobody) {
			t.Error("before the filter is made an id is unknown")
		}
		running(t, w.shelf)
		eventuallyKnown(t, w.shelf, nobody, false)
		before := w.source.Calls("")
		const asked = 20_000
		for range asked {
			if _, err := w.shelf.Card(ctx, uuid.New()); fault.CodeOf(err) != "lot_not_found" {
				t.Fatalf("card of a random id: %v", err)
			}
		}
		if n := w.source.Calls("") - before; n > asked/200 {
			t.Errorf("the source was asked %d times of %d", n, asked)
		}
		for _, l := range lots {
			if _, err := w.shelf.Card(ctx, l.ID); err != nil {
				t.Fatalf("card of a lot that is there: %v", err)
			}
		}
		if w.counted("bloom refused") < asked*9/10 || w.counted("bloom unbuilt") == 0 {
			t.Errorf("counts: %v", w.counts)
		}
	})
}

// What one node announces every node knows.
func TestAnnouncedIDsReachEveryNode(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		session, _ := w.session(1)
		nodes := []*shelf.Shelf{w.shelf, w.node()}
		first, late := uuid.New(), uuid.New()
		for _, n := range nodes {
			running(t, n)
			eventuallyKnown(t, n, first, false)
		}
		var many []uuid.UUID
		for range 2500 {
			many = append(many, uuid.New())
		}
		if err := nodes[0].Announce(ctx, session, append([]uuid.UUID{first}, many...)); err != nil {
			t.Fatal(err)
		}
		if !nodes[0].Known(first) {
			t.Error("who announces does not know at once")
		}
		for _, id := range append(many, first) {
			eventuallyKnown(t, nodes[1], id, true)
		}
		// The stream is lost, and one more is announced: the nodes notice.
		w.flush()
		l := cachetest.LotOf(0, func(l *auction.Lot) { l.ID, l.Session = late, session.ID })
		w.source.Put(session, l)
		eventuallyKnown(t, nodes[1], late, true)
		eventually(t, "both have made it anew", func() bool { return w.counted("bloom rebuilt") >= 3 })
	})
}

// A filter that is not fed any more is not trusted.
func TestFilterWithoutItsStreamIsOpen(t *testing.T) {
	server := live.StartRedis(t)
	w := newWorld(t, cachetest.Client(t, server.Addr), func(o *shelf.Options) { o.Timeout = 200 * time.Millisecond })
	w.session(5)
	running(t, w.shelf)
	nobody := uuid.New()
	eventuallyKnown(t, w.shelf, nobody, false)
	server.Kill9()
	eventuallyKnown(t, w.shelf, nobody, true)
	server.Restart()
	eventuallyKnown(t, w.shelf, nobody, false)
}

// A filter is made anew when its time has come, and then forgets what is no more.
func TestFilterIsMadeAnew(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		_, lots := w.session(3)
		running(t, w.shelf)
		eventuallyKnown(t, w.shelf, uuid.New(), false)
		w.source.Remove(lots[0].ID)
		if !w.shelf.Known(lots[0].ID) {
			t.Error("forgotten too early")
		}
		w.pass(time.Hour)
		eventuallyKnown(t, w.shelf, lots[0].ID, false)
		eventuallyKnown(t, w.shelf, lots[1].ID, true)
	})
}

// A source that is away leaves everything known.
func TestFilterWithoutSourceIsOpen(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.session(1)
		w.source.Fail(func(string) error { return cachetest.ErrAway })
		running(t, w.shelf)
		live.Eventually(t, 10*time.Second, "the source was asked", func() (bool, error) { return w.source.Calls("LotIDs") > 1, nil })
		if !w.shelf.Known(uuid.New()) {
			t.Error("without a source an id is unknown")
		}
		w.source.Fail(nil)
		eventuallyKnown(t, w.shelf, uuid.New(), false)
	})
}
