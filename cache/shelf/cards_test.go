package shelf_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/cache/cachetest"
	"rostrum/cache/shelf"
	"rostrum/internal/fault"
	"rostrum/internal/live"
)

// A card comes from the source once, then from the node's memory, then from the shelf.
func TestCardIsReadOnce(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		_, lots := w.session(1)
		for range 3 {
			got, err := w.shelf.Card(ctx, lots[0].ID)
			if d := cmp.Diff(lots[0], got); err != nil || d != "" {
				t.Fatalf("card: %v %s", err, d)
			}
		}
		if n := w.counted("node hit"); n != 2 {
			t.Errorf("node hits: %d, want 2", n)
		}
		if got, err := w.node().Card(ctx, lots[0].ID); err != nil || got.ID != lots[0].ID {
			t.Fatalf("on another node: %+v %v", got, err)
		}
		if n := w.source.Calls(""); n != 1 {
			t.Errorf("the source was asked %d times, want 1", n)
		}
		if w.counted("shelf hit") != 1 || w.counted("shelf miss") != 1 {
			t.Errorf("counts: %v", w.counts)
		}
	})
}

// What has grown old is served at once and filled behind the reader's back, by one node.
func TestCardIsServedStaleWhileItIsFilled(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		session, lots := w.session(1)
		if _, err := w.shelf.Card(ctx, lots[0].ID); err != nil {
			t.Fatal(err)
		}
		lots[0].State, lots[0].Sold = auction.LotClosed, 5
		w.source.Put(session, lots[0])
		w.pass(time.Minute)
		release := w.source.Hold()
		for range 5 {
			got, err := w.node().Card(ctx, lots[0].ID)
			if err != nil || got.State != auction.LotOpen {
				t.Fatalf("while it is filled: %+v %v", got.State, err)
			}
		}
		release()
		live.Eventually(t, 5*time.Second, "the card is filled", func() (bool, error) {
			got, err := w.node().Card(ctx, lots[0].ID)
			return got.State == auction.LotClosed && got.Sold == 5, err
		})
		if n := w.source.Calls("Lot"); n > 3 {
			t.Errorf("the source was asked %d times", n)
		}
	})
}

func TestThousandMissesAreOneVisit(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		_, lots := w.session(1)
		nodes := []*shelf.Shelf{w.shelf, w.node(), w.node(), w.node()}
		release := w.source.Hold()
		var all sync.WaitGroup
		errs := make([]error, 1000)
		for i := range errs {
			all.Go(func() {
				var got auction.Lot
				if got, errs[i] = nodes[i%len(nodes)].Card(ctx, lots[0].ID); errs[i] == nil && got.ID != lots[0].ID {
					errs[i] = errors.New("another lot's card")
				}
			})
		}
		live.Eventually(t, 5*time.Second, "the source is asked", func() (bool, error) { return w.source.Calls("Lot") > 0, nil })
		// A node that comes to the lock when the first has filled and gone wins it, too, and finds the card there.
		live.Eventually(t, 5*time.Second, "all nodes have met the lock", func() (bool, error) {
			return w.counted("lock won")+w.counted("lock lost") == len(nodes), nil
		})
		release()
		all.Wait()
		if err := errors.Join(errs...); err != nil {
			t.Fatal(err)
		}
		if n := w.source.Calls("Lot"); n != 1 {
			t.Errorf("the source was asked %d times, want 1: %v", n, w.counts)
		}
		if w.counted("lock won") != 1 || w.counted("flight joined") == 0 {
			t.Errorf("counts: %v", w.counts)
		}
	})
}

func TestCardOfNoLot(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		_, drafts := w.session(1, func(_ int, l *auction.Lot) { l.State = auction.LotDraft })
		w.o.Negative = time.Hour
		for _, id := range []uuid.UUID{uuid.New(), drafts[0].ID} {
			before := w.source.Calls("")
			for range 4 {
				if got, err := w.node().Card(ctx, id); fault.CodeOf(err) != "lot_not_found" {
					t.Fatalf("card of no lot: %+v %v", got, err)
				}
			}
			if n := w.source.Calls("") - before; n != 1 {
				t.Errorf("the source was asked %d times, want 1: the negative entry is not used", n)
			}
		}
		if w.counted("negative set") != 2 || w.counted("negative hit") == 0 {
			t.Errorf("counts: %v", w.counts)
		}
	})
}

// A lot that was asked for before it was published is there as soon as it is announced.
func TestAnnouncedLotIsThere(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		session, _ := w.session(0)
		l := cachetest.LotOf(0, func(l *auction.Lot) { l.Session = session.ID })
		if _, err := w.shelf.Card(ctx, l.ID); fault.CodeOf(err) != "lot_not_found" {
			t.Fatal(err)
		}
		w.source.Put(session, l)
		if err := w.shelf.Announce(ctx, session, []uuid.UUID{l.ID}); err != nil {
			t.Fatal(err)
		}
		for _, node := range []*shelf.Shelf{w.shelf, w.node()} {
			if got, err := node.Card(ctx, l.ID); err != nil || got.ID != l.ID {
				t.Errorf("announced: %+v %v", got, err)
			}
		}
	})
}

// A source that fails is not remembered as "there is no such lot".
func TestSourceFailureIsNotKept(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		_, lots := w.session(1)
		w.source.Fail(func(string) error { return cachetest.ErrAway })
		if _, err := w.shelf.Card(ctx, lots[0].ID); !errors.Is(err, cachetest.ErrAway) {
			t.Fatalf("error of the source: %v", err)
		}
		w.source.Fail(nil)
		if got, err := w.shelf.Card(ctx, lots[0].ID); err != nil || got.ID != lots[0].ID {
			t.Fatalf("after it: %+v %v", got, err)
		}
		if w.counted("source failed") != 1 {
			t.Errorf("counts: %v", w.counts)
		}
	})
}

// Keys that were written together do not end together.
func TestTimesToLiveAreSpread(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		_, lots := w.session(40)
		for _, l := range lots {
			if _, err := w.shelf.Card(ctx, l.ID); err != nil {
				t.Fatal(err)
			}
		}
		least, most, seen := 3*time.Hour-time.Minute, 3*time.Hour+30*time.Minute, map[time.Duration]bool{}
		for _, key := range w.keysOf("shelf:lot:*") {
			ttl, err := w.client.PTTL(ctx, key).Result()
			if err != nil || ttl < least || ttl > most {
				t.Errorf("%s ends in %v (%v), want %v … %v", key, ttl, err, least, most)
			}
			seen[ttl.Round(10*time.Second)] = true
		}
		if len(seen) < 20 {
			t.Errorf("40 cards end at %d different moments", len(seen))
		}
	})
}

// Without its Redis the shelf is slow and right.
func TestShelfAway(t *testing.T) {
	server := live.StartRedis(t)
	w := newWorld(t, cachetest.Client(t, server.Addr), func(o *shelf.Options) { o.Timeout = 100 * time.Millisecond })
	session, lots := w.session(5)
	server.Kill9()
	if got, err := w.shelf.Card(ctx, lots[0].ID); err != nil || got.ID != lots[0].ID {
		t.Errorf("card: %+v %v", got, err)
	}
	if got, err := w.shelf.Session(ctx, session.ID); err != nil || got.ID != session.ID {
		t.Errorf("session: %+v %v", got, err)
	}
	got, next, err := w.shelf.Page(ctx, session.ID, nil, auction.Page{Limit: 3})
	if err != nil || len(got) != 3 || next.Limit != 3 {
		t.Errorf("page: %d lots, %+v, %v", len(got), next, err)
	}
	list, err := w.shelf.ListSessions(ctx, auction.SessionFilter{Area: "north", State: auction.SessionScheduled, NowUS: cachetest.T0}, auction.Page{Limit: 10})
	if err != nil || len(list) != 1 {
		t.Errorf("sessions: %v %v", list, err)
	}
	if ok, _, err := w.shelf.Allow(ctx, "user", 1, 1); !ok || err == nil {
		t.Errorf("a limiter that is away: %v %v, want to pass with an error", ok, err)
	}
	if !w.shelf.Known(uuid.New()) {
		t.Error("without a filter an id is unknown")
	}
	if w.counted("shelf error") == 0 || w.counted("limit error") != 1 || w.counted("bloom unbuilt") == 0 {
		t.Errorf("counts: %v", w.counts)
	}
}
