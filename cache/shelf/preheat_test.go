package shelf_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/cache/cachetest"
	"rostrum/cache/shelf"
	"rostrum/internal/fault"
	"rostrum/internal/live"
	standinredis "rostrum/internal/standin/redis"
)

// pregate is the gate's side of preheating: it notes what it is given, by the rules of auction.Gate.Preheat in short.
type pregate struct {
	mu   sync.Mutex
	lots map[uuid.UUID]auction.Lot
	now  func() time.Time
	fail func(n int) error // asked with the number of the call
	call int

	spoilt bool       // it holds other than it was given
	room   cache.Room // that it has
}

func (g *pregate) PreheatLots(_ context.Context, lots []auction.Lot) ([]auction.PreheatResult, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.call++; g.fail != nil {
		if err := g.fail(g.call); err != nil {
			return nil, err
		}
	}
	results := make([]auction.PreheatResult, len(lots))
	for i, l := range lots {
		switch {
		case l.Code == "":
			results[i] = auction.PreheatBroken
		case g.lots[l.ID].State == auction.LotClosed:
			results[i] = auction.PreheatClosed
		case g.now().UnixMicro() >= l.OpensUS && g.lots[l.ID].ID == l.ID:
			results[i] = auction.PreheatOpen
		case g.now().UnixMicro() >= l.OpensUS:
			results[i] = auction.PreheatMissed
		default:
			results[i], g.lots[l.ID] = auction.PreheatWritten, l
		}
	}
	return results, nil
}

func (g *pregate) Compare(_ context.Context, lots []auction.Lot) (missing, different []uuid.UUID, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, l := range lots {
		if held, ok := g.lots[l.ID]; !ok {
			missing = append(missing, l.ID)
		} else if g.spoilt || !cmp.Equal(held, l) {
			different = append(different, l.ID)
		}
	}
	return missing, different, nil
}

func (g *pregate) Room(context.Context) (cache.Room, error) { return g.room, nil }

func newPregate(w *world) *pregate { return &pregate{lots: map[uuid.UUID]auction.Lot{}, now: w.clock} }

func TestPreheat(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		const n = 1500
		session, lots := w.session(n, func(i int, l *auction.Lot) { l.OpensUS += int64(i % 3) })
		g := newPregate(w)
		first := slices.MinFunc(lots, func(x, y auction.Lot) int { return slices.Compare(x.ID[:], y.ID[:]) })
		g.lots[first.ID] = auction.Lot{State: auction.LotClosed}
		w.o.Random = func() float64 { return 0.5 } // the lot in the middle of each page is looked at again, and is not that one
		s := w.node()
		var seen []int
		got, err := s.Preheat(ctx, g, session.ID, shelf.How{Progress: func(done, total int) {
			if total != n {
				t.Errorf("total %d", total)
			}
			seen = append(seen, done)
		}})
		want := shelf.Report{Session: session.ID, Lots: n, Written: n - 1, Closed: 1, Verified: n, Sampled: 2}
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Fatalf("report: %v\n%s", err, d)
		}
		if len(seen) < 3 || seen[0] != 0 || seen[len(seen)-1] != n {
			t.Errorf("progress: %v", seen)
		}
		if len(g.lots) != n {
			t.Errorf("the gate has %d lots", len(g.lots))
		}
		// Pages, cards and ids are there, and cost the source nothing.
		before := w.source.Calls("Lots") + w.source.Calls("Lot")
		if d := cmp.Diff(wanted(lots, uuid.Nil), walk(t, w.node(), session.ID, uuid.Nil, 100, func() {})); d != "" {
			t.Errorf("pages:\n%s", d)
		}
		if _, err := w.node().Card(ctx, lots[n-1].ID); err != nil {
			t.Error(err)
		}
		if after := w.source.Calls("Lots") + w.source.Calls("Lot"); after != before {
			t.Errorf("the source was asked %d times", after-before)
		}
		if again, err := s.Preheat(ctx, g, session.ID, shelf.How{}); err != nil || !cmp.Equal(again, want) {
			t.Errorf("a second time: %+v %v", again, err)
		}
	})
}

// Before the start a card is overwritten; afterwards one that is there stays, and a missing one comes back.
func TestPreheatAfterTheStart(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		session, lots := w.session(3)
		preheat := func() shelf.Report {
			t.Helper()
			r, err := w.shelf.Preheat(ctx, newPregate(w), session.ID, shelf.How{})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		title := func(l auction.Lot) string {
			t.Helper()
			got, err := w.node().Card(ctx, l.ID)
			if err != nil {
				t.Fatal(err)
			}
			return got.Title
		}
		preheat()
		lots[0].Title = "changed"
		w.source.Put(session, lots...)
		if preheat(); title(lots[0]) != "changed" {
			t.Errorf("before the start: %q", title(lots[0]))
		}
		w.pass(time.Hour)
		w.client.Del(ctx, w.keys.Card(lots[1].ID))
		lots[1].Title, lots[2].Title = "changed late", "changed late"
		w.source.Put(session, lots...)
		if r := preheat(); r.Open != 3 || r.Written != 0 || r.Verified != 3 {
			t.Errorf("after the start: %+v", r)
		}
		text := w.client.Get(ctx, w.keys.Card(lots[2].ID)).Val()
		if missing := title(lots[1]); missing != "changed late" || len(text) == 0 || contains(text, "changed late") {
			t.Errorf("the missing card is %q, the other one %s", missing, text)
		}
	})
}

func contains(text, part string) bool {
	for i := range len(text) - len(part) + 1 {
		if text[i:i+len(part)] == part {
			return true
		}
	}
	return false
}

// An interrupted run is gone on with; where what it wrote was lost meanwhile, the next one begins again by itself.
func TestPreheatGoesOn(t *testing.T) {
	for _, lost := range []bool{false, true} {
		everywhere(t, func(t *testing.T, w *world) {
			const n = 5000
			session, lots := w.session(n)
			g := newPregate(w)
			g.fail = func(call int) error {
				if call > 2 {
					return cachetest.ErrAway
				}
				return nil
			}
			if r, err := w.shelf.Preheat(ctx, g, session.ID, shelf.How{}); !errors.Is(err, cachetest.ErrAway) || r.Lots == 0 || r.Lots == n {
				t.Fatalf("interrupted: %+v %v", r, err)
			}
			// Half an order is no order.
			if d := cmp.Diff(wanted(lots, uuid.Nil), walk(t, w.node(), session.ID, uuid.Nil, 100, func() {})); d != "" {
				t.Errorf("pages while it is half done:\n%s", d)
			}
			if lost {
				for _, key := range w.keysOf("shelf:lot:*") {
					w.client.Del(ctx, key)
				}
				w.client.Del(ctx, w.keys.Order(session.ID))
			}
			g.fail = nil
			r, err := w.shelf.Preheat(ctx, g, session.ID, shelf.How{})
			if err != nil || r.Lots != n || r.Written != n || r.Verified != n || len(g.lots) != n || (r.Resumed > 0) == lost {
				t.Errorf("gone on with (lost: %v): %+v %v, the gate has %d", lost, r, err, len(g.lots))
			}
		})
	}
}

// Writing a session again takes nothing from the life of an order that is complete. What nobody completes goes by itself,
// after the grace and some of the jitter.
func TestPreheatShortensNoLife(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		w.o.Random = func() float64 { return 0.5 }
		s, g := w.node(), newPregate(w)
		session, _ := w.session(3000)
		half, _ := w.session(3000)
		if _, err := s.Preheat(ctx, g, session.ID, shelf.How{}); err != nil {
			t.Fatal(err)
		}
		pages := 0
		g.fail = func(int) error {
			if pages++; pages > 2 { // of three
				return cachetest.ErrAway
			}
			return nil
		}
		for _, of := range []auction.Session{session, half} {
			pages = 0
			if _, err := s.Preheat(ctx, g, of.ID, shelf.How{}); !errors.Is(err, cachetest.ErrAway) {
				t.Fatalf("it was not interrupted: %v", err)
			}
		}
		const grace, jitter, slack = time.Hour, 15 * time.Minute, time.Minute // of half an hour the half
		for name, c := range map[string]struct {
			key  string
			want time.Duration
		}{
			"of a complete order":  {w.keys.Order(session.ID), 2*time.Hour + grace + jitter},
			"of half an order":     {w.keys.Order(half.ID), grace + jitter},
			"of a run's own notes": {w.keys.Preheated(half.ID), grace + jitter},
		} {
			if left := w.client.PTTL(ctx, c.key).Val(); left > c.want || left < c.want-slack {
				t.Errorf("the life %s is %s, want %s", name, left, c.want)
			}
		}
	})
}

// A session without lots is preheated like any other: there is nothing to write, and its page is empty without asking anybody.
func TestPreheatOfASessionWithoutLots(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		session, _ := w.session(0)
		for _, how := range []shelf.How{{}, {GateOnly: true}} {
			if r, err := w.shelf.Preheat(ctx, newPregate(w), session.ID, how); err != nil || !cmp.Equal(r, shelf.Report{Session: session.ID}) {
				t.Errorf("%+v: %+v %v", how, r, err)
			}
		}
		before := w.source.Calls("Lots")
		if lots, next, err := w.node().Page(ctx, session.ID, nil, auction.Page{Limit: 10}); err != nil || len(lots) != 0 || next.Limit != 0 {
			t.Errorf("its page: %d lots, next %+v, %v", len(lots), next, err)
		}
		if n := w.source.Calls("Lots") - before; n != 0 {
			t.Errorf("the source was asked %d times for no lots", n)
		}
	})
}

// Lots that opened before they were in the gate are told of by their shards, by whoever goes on with an interrupted run too.
func TestPreheatComesTooLate(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		const n = 3000
		session, lots := w.session(n)
		g := newPregate(w)
		missed := map[int]int{}
		for _, l := range lots[10:] {
			missed[l.Shard]++
		}
		for _, l := range lots[:10] {
			g.lots[l.ID] = l
		}
		w.pass(time.Hour)
		g.fail = func(call int) error {
			if call == 2 {
				return cachetest.ErrAway
			}
			return nil
		}
		if r, err := w.shelf.Preheat(ctx, g, session.ID, shelf.How{}); !errors.Is(err, cachetest.ErrAway) || len(r.Missed) == 0 {
			t.Fatalf("interrupted: %+v %v", r, err)
		}
		r, err := w.shelf.Preheat(ctx, g, session.ID, shelf.How{})
		if err != nil || r.Open != n || r.Written != 0 || !cmp.Equal(missed, r.Missed) {
			t.Errorf("%+v %v, want %v missed", r, err, missed)
		}
	})
}

func TestPreheatRefuses(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		if _, err := w.shelf.Preheat(ctx, newPregate(w), uuid.New(), shelf.How{}); fault.CodeOf(err) != "session_not_found" {
			t.Errorf("no session: %v", err)
		}
		draft, _ := w.session(1)
		draft.State = auction.SessionDraft
		w.source.Put(draft)
		if _, err := w.shelf.Preheat(ctx, newPregate(w), draft.ID, shelf.How{}); fault.CodeOf(err) != "session_not_scheduled" {
			t.Errorf("a draft: %v", err)
		}
		session, lots := w.session(5)
		w.source.Remove(lots[0].ID)
		if r, err := w.shelf.Preheat(ctx, newPregate(w), session.ID, shelf.How{}); fault.CodeOf(err) != "preheat_unverified" || r.Lots != 4 {
			t.Errorf("a lot is missing: %+v %v", r, err)
		}
	})
}

// One at a time; and who comes after the other is done finds the door open.
func TestPreheatHasOneLeader(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		session, _ := w.session(10)
		release := w.source.Hold()
		first := make(chan error, 1)
		go func() {
			_, err := w.shelf.Preheat(ctx, newPregate(w), session.ID, shelf.How{})
			first <- err
		}()
		live.Eventually(t, 5*time.Second, "the first is at it", func() (bool, error) { return w.source.Calls("Session") > 0, nil })
		if _, err := w.node().Preheat(ctx, newPregate(w), session.ID, shelf.How{}); fault.CodeOf(err) != "preheat_busy" {
			t.Errorf("the second: %v", err)
		}
		release()
		if err := <-first; err != nil {
			t.Errorf("the first: %v", err)
		}
		if _, err := w.node().Preheat(ctx, newPregate(w), session.ID, shelf.How{}); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// The whole way: database → preheat → real gate → a bid, and what was preheated can be seen and bought.
func TestPreheatIntoTheGate(t *testing.T) {
	server, err := standinredis.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	client := cachetest.Client(t, server.Addr())
	w, s := newWorld(t, client), cachetest.New(t, client, server.Lineage())
	for shard := range cachetest.Shards {
		s.Open(t, shard)
	}
	session, lots := w.session(700)
	r, err := w.shelf.Preheat(ctx, s.Gate, session.ID, shelf.How{})
	if err != nil || r.Written != 700 {
		t.Fatalf("preheat: %+v %v", r, err)
	}
	s.SetClock(t, session.StartsUS)
	for _, l := range []auction.Lot{lots[0], lots[350], lots[699]} {
		card, err := w.shelf.Card(ctx, l.ID)
		if err != nil {
			t.Fatal(err)
		}
		answers, err := s.Gate.Decide(ctx, card.Shard, []auction.Bid{cachetest.BidOn(card)})
		if err != nil || answers[0].Verdict != auction.Admitted {
			t.Errorf("bid on a preheated lot: %+v %v", answers, err)
		}
	}
	if r, err = w.shelf.Preheat(ctx, s.Gate, session.ID, shelf.How{}); err != nil || r.Open != 700 {
		t.Errorf("when it is open: %+v %v", r, err)
	}
}
