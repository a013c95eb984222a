package shelf_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/cache/cachetest"
	"rostrum/cache/shelf"
	"rostrum/internal/fault"
	"rostrum/internal/live"
)

// stock is a source of many lots that does not sort them anew for each page.
type stock struct {
	*cachetest.Source
	lots []auction.Lot // by id
}

func (s stock) page(after uuid.UUID, limit int) []auction.Lot {
	at, found := slices.BinarySearchFunc(s.lots, after, func(l auction.Lot, id uuid.UUID) int { return slices.Compare(l.ID[:], id[:]) })
	if found {
		at++
	}
	return slices.Clone(s.lots[at:min(at+limit, len(s.lots))])
}

func (s stock) Lots(_ context.Context, _, after uuid.UUID, limit int) ([]auction.Lot, error) {
	return s.page(after, limit), nil
}

func (s stock) LotIDs(_ context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	var ids []uuid.UUID
	for _, l := range s.page(after, limit) {
		ids = append(ids, l.ID)
	}
	return ids, nil
}

// stocked gives a shelf whose source has a session of n lots, on the real Redis.
func stocked(t *testing.T, n int, change ...func(*shelf.Options)) (*world, *shelf.Shelf, auction.Session, []auction.Lot) {
	t.Helper()
	w := newWorld(t, cachetest.Client(t, live.Shelf(t)), change...)
	session, _ := w.session(0)
	source := stock{w.source, make([]auction.Lot, n)}
	for i := range source.lots {
		source.lots[i] = cachetest.LotOf(i%cachetest.Shards, func(l *auction.Lot) {
			l.Session, l.OpensUS, l.ClosesUS, l.Title = session.ID, session.StartsUS, session.EndsUS, "Lamp, brass"
		})
	}
	slices.SortFunc(source.lots, func(x, y auction.Lot) int { return slices.Compare(x.ID[:], y.ID[:]) })
	s, err := shelf.New(w.client, source, w.o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return w, s, session, source.lots
}

// Penetration: a million ids that never were ask the database no more often than the filter errs, and the filter errs as
// rarely as it says of itself.
func TestAMillionRandomIDs(t *testing.T) {
	const asked, share = 1_000_000, 0.002 // the filter is made for 0.001
	var counts [2]atomic.Int64            // refused, passed
	w, s, session, lots := stocked(t, 20_000, func(o *shelf.Options) {
		o.Count = func(guard, outcome string) {
			switch {
			case guard == "bloom" && outcome == "refused":
				counts[0].Add(1)
			case guard == "bloom" && outcome == "pass":
				counts[1].Add(1)
			}
		}
	})
	running(t, s)
	eventuallyKnown(t, s, uuid.New(), false)
	more := make([]uuid.UUID, 79_000) // as many as the filter has room for: it errs the more, the fuller it is
	for i := range more {
		more[i] = uuid.New()
	}
	if err := s.Announce(ctx, session, more); err != nil {
		t.Fatal(err)
	}
	before, passed := w.source.Calls(""), counts[1].Load()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range asked / 8 {
				if _, err := s.Card(ctx, uuid.New()); fault.CodeOf(err) != "lot_not_found" {
					t.Errorf("card of a random id: %v", err)
					return
				}
			}
		})
	}
	all.Wait()
	let, queries := counts[1].Load()-passed, int64(w.source.Calls("")-before)
	if let > asked*share || queries > let {
		t.Errorf("of %d random ids %d passed the filter, and the database was asked %d times", asked, let, queries)
	}
	live.Eventually(t, time.Minute, "the filter's measure of itself, a thousand probes a second, to come near", func() (bool, error) {
		if says, did := s.FalsePositives(), float64(let)/asked; says > share || did > says+share/2 {
			return false, fmt.Errorf("it says that it errs for %.5f, and did for %.5f", says, did)
		}
		return true, nil
	})
	if counts[0].Load()+let < asked {
		t.Errorf("%d of %d were counted", counts[0].Load()+let, asked)
	}
	for _, l := range lots[:1000] {
		if !s.Known(l.ID) {
			t.Fatalf("lot %s is unknown", l.ID)
		}
	}
	t.Logf("%d passed, %d queries, the filter's own measure %.5f", let, queries, s.FalsePositives())
}

// Avalanche: a hundred thousand cards that were written together end spread evenly over the whole jitter.
func TestPreheatedEndsAreSpread(t *testing.T) {
	const n, grace, jitter, parts = 100_000, time.Hour, 10 * time.Hour, 20
	w, s, session, lots := stocked(t, n, func(o *shelf.Options) { o.Grace, o.Jitter = grace, jitter })
	if r, err := s.Preheat(ctx, newPregate(w), session.ID, shelf.How{}); err != nil || r.Verified != n {
		t.Fatalf("%+v %v", r, err)
	}
	least := 2*time.Hour + grace // it ends in two hours by the world's clock
	var in [parts]int
	for some := range slices.Chunk(lots, 1000) {
		ends := make([]*redis.DurationCmd, len(some))
		_, err := w.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			for i, l := range some {
				ends[i] = p.PTTL(ctx, w.keys.Card(l.ID))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, end := range ends {
			// What has passed since the first was written is small beside a part of the jitter.
			part := int(float64(end.Val()-least) / float64(jitter) * parts)
			in[min(max(part, 0), parts-1)]++
		}
	}
	for part, got := range in {
		if want := n / parts; got < want*7/10 || got > want*13/10 {
			t.Errorf("in part %d of the jitter %d cards end, want about %d: %v", part, got, want, in)
		}
	}
}

// A card that this node remembers is refreshed before it ends, while the old one serves: a lot in demand never waits.
func TestRefreshedAhead(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		session, lots := w.session(1)
		title := func() string {
			t.Helper()
			l, err := w.shelf.Card(ctx, lots[0].ID)
			if err != nil {
				t.Fatal(err)
			}
			return l.Title
		}
		title()
		w.pass(time.Minute) // the shelf's card is stale too
		title()             // and is filled behind the reader's back
		lots[0].Title = "changed"
		w.source.Put(session, lots...)
		w.pass(20 * time.Second)
		live.Eventually(t, 5*time.Second, "the shelf is filled anew", func() (bool, error) {
			w.pass(time.Second)
			return title() == "changed", nil
		})
		misses := w.counted("node miss")
		for range 20 { // each a little later: within the time of a card, behind the half of it
			w.pass(650 * time.Millisecond)
			was := w.counted("ahead refreshed")
			title()
			live.Eventually(t, 5*time.Second, "it is refreshed", func() (bool, error) { return w.counted("ahead refreshed") > was, nil })
			w.shelf.Close() // waits for what goes on behind the reader's back
		}
		if more := w.counted("node miss") - misses; more != 0 {
			t.Errorf("a reader waited %d times: %v", more, w.counts)
		}
	})
}

// What a bid needs of a lot is frozen until its end: nobody is asked for it. Once it is over by the clock the node learns soon
// that it is closed, and no bidder waits for that.
func TestTermsAreLookedAtAgainAfterTheEnd(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		session, lots := w.session(1)
		lots[0].ClosesUS = w.clock().Add(3 * time.Minute).UnixMicro()
		w.source.Put(session, lots...)
		state := func() auction.LotState {
			t.Helper()
			l, err := w.shelf.Terms(ctx, lots[0].ID)
			if err != nil {
				t.Fatal(err)
			}
			return l.State
		}
		live := state()
		lots[0].State = auction.LotClosed
		w.source.Put(session, lots...)
		misses, asked := w.counted("node miss"), w.counted("source asked")
		for range 5 {
			w.pass(25 * time.Second)
			if got := state(); got != live {
				t.Errorf("before the end by the clock: %s", got)
			}
		}
		w.shelf.Close() // waits for what goes on behind the reader's back
		if again, visits := w.counted("ahead refreshed"), w.counted("source asked")-asked; again != 0 || visits != 0 {
			t.Errorf("before its end it was refreshed %d times, by %d visits to the source", again, visits)
		}
		w.pass(time.Minute)
		eventually(t, "it is known to be closed", func() bool {
			w.shelf.Close() // waits for what goes on behind the reader's back
			w.pass(time.Second)
			return state() == auction.LotClosed
		})
		if more := w.counted("node miss") - misses; more != 0 {
			t.Errorf("a bidder waited %d times", more)
		}
	})
}

// eventually waits for what goes on behind a reader's back.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	live.Eventually(t, 5*time.Second, what, func() (bool, error) { return ok(), nil })
}

// What a node remembers of a lot is bounded in bytes, too.
func TestNodeThatKnowsManyLots(t *testing.T) {
	const n, most = 100_000, 32 << 20 // the gate's memory of their keys has as much again of 64 MiB
	w, s, session, lots := stocked(t, n)
	if _, err := s.Preheat(ctx, newPregate(w), session.ID, shelf.How{}); err != nil {
		t.Fatal(err)
	}
	empty := heap()
	for _, l := range lots {
		if got, err := s.Terms(ctx, l.ID); err != nil || got.Code != l.Code {
			t.Fatalf("terms: %+v %v", got, err)
		}
	}
	used := heap() - empty
	t.Logf("%d bytes a lot", used/n)
	if used > most {
		t.Errorf("a node that knows %d lots holds %d MiB of them, want at most %d", n, used>>20, most>>20)
	}
}

// heap gives what is in use after a collection, bytes.
func heap() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// BenchmarkKnownCard is the look that a bid makes at its lot, on a node that knows it.
func BenchmarkKnownCard(b *testing.B) {
	source := cachetest.NewSource()
	session := auction.Session{ID: uuid.New(), State: auction.SessionScheduled}
	l := cachetest.LotOf(0, func(l *auction.Lot) { l.Session, l.Title = session.ID, "Lamp, brass" })
	source.Put(session, l)
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1, DialerRetries: 1}) // nobody there: the source answers, once
	defer client.Close()
	s, err := shelf.New(client, source, shelf.Options{Node: time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Card(ctx, l.ID); err != nil {
			b.Fatal(err)
		}
	}
}
