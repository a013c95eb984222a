package shelf_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"rostrum/auction"
	"rostrum/cache/cachetest"
	"rostrum/cache/shelf"
	"rostrum/internal/fault"
)

// wanted gives the lots a user sees, by the rule in one line: not the own ones, by opening, then id.
func wanted(lots []auction.Lot, user uuid.UUID) []auction.Lot {
	seen := slices.DeleteFunc(slices.Clone(lots), func(l auction.Lot) bool { return user != uuid.Nil && l.Seller == user })
	slices.SortFunc(seen, func(x, y auction.Lot) int {
		if x.OpensUS != y.OpensUS {
			return int((x.OpensUS - y.OpensUS) % 1000_000_000)
		}
		return slices.Compare(x.ID[:], y.ID[:])
	})
	return seen
}

// walk reads all pages; between is called after each.
func walk(t fataler, s *shelf.Shelf, session, user uuid.UUID, limit int, between func()) []auction.Lot {
	t.Helper()
	var lots []auction.Lot
	p := auction.Page{Limit: limit}
	for range 1000 {
		some, next, err := s.Page(ctx, session, notOf(user), p)
		if err != nil {
			t.Fatalf("page after %+v: %v", p, err)
		}
		if len(some) > limit || next.Limit != 0 && len(some) != limit {
			t.Fatalf("page of %d lots at a limit of %d, next %+v", len(some), limit, next)
		}
		lots = append(lots, some...)
		if next.Limit == 0 {
			return lots
		}
		p = next
		between()
	}
	t.Fatalf("the pages have no end")
	return nil
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// Whatever is sold by whom and opens when, and whatever the shelf loses in the middle: the pages are those of the rule.
func TestPagesAreThoseOfTheRule(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		rapid.Check(t, func(rt *rapid.T) {
			sellers := []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
			session, lots := w.session(rapid.IntRange(0, 40).Draw(rt, "lots"), func(_ int, l *auction.Lot) {
				l.Seller = rapid.SampledFrom(sellers).Draw(rt, "seller")
				l.OpensUS += rapid.Int64Range(0, 3).Draw(rt, "opens")
			})
			user := rapid.SampledFrom(append(sellers, uuid.Nil, uuid.New())).Draw(rt, "user")
			flushes := rapid.Bool().Draw(rt, "flushes")
			got := walk(rt, w.node(), session.ID, user, rapid.IntRange(1, 15).Draw(rt, "limit"), func() {
				if flushes && rapid.IntRange(0, 2).Draw(rt, "flush") == 0 {
					w.flush()
				}
			})
			if d := cmp.Diff(wanted(lots, user), got); len(got) != len(wanted(lots, user)) || len(got) > 0 && d != "" {
				rt.Fatalf("pages differ:\n%s", d)
			}
		})
	})
}

// Pages that the shelf has cost the source nothing.
func TestPagesCostTheSourceNothing(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		session, lots := w.session(250)
		first := walk(t, w.shelf, session.ID, uuid.Nil, 20, func() {})
		before := w.source.Calls("")
		second := walk(t, w.node(), session.ID, uuid.Nil, 20, func() {})
		if n := w.source.Calls("") - before; n != 0 {
			t.Errorf("the source was asked %d times", n)
		}
		if d := cmp.Diff(first, second); d != "" || len(first) != len(lots) {
			t.Errorf("%d lots, want %d: %s", len(first), len(lots), d)
		}
	})
}

// A page has places for cards that were evicted, one by one.
func TestEvictedCardsAreFilled(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		session, lots := w.session(30)
		walk(t, w.shelf, session.ID, uuid.Nil, 10, func() {})
		for _, l := range lots[:7] {
			w.client.Del(ctx, w.keys.Card(l.ID))
		}
		w.client.Set(ctx, w.keys.Card(lots[7].ID), "what nobody wrote", 0)
		w.source.Remove(lots[6].ID)
		got := walk(t, w.node(), session.ID, uuid.Nil, 10, func() {})
		if d := cmp.Diff(wanted(append(slices.Clone(lots[:6]), lots[7:]...), uuid.Nil), got); d != "" {
			t.Errorf("pages differ:\n%s", d)
		}
	})
}

// A place that no lot has is a place all the same, and leaves nothing behind in the order.
func TestPlaceOfNoLot(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		session, lots := w.session(10)
		walk(t, w.shelf, session.ID, uuid.Nil, 10, func() {})
		sorted := wanted(lots, uuid.Nil)
		between := sorted[4].ID
		between[15]++ // behind the fifth, before the sixth
		got, _, err := w.shelf.Page(ctx, session.ID, nil, auction.Page{Limit: 100, Key: sorted[4].OpensUS, ID: between})
		if d := cmp.Diff(sorted[5:], got); err != nil || d != "" {
			t.Errorf("behind a place of no lot: %v\n%s", err, d)
		}
		if n, err := w.client.ZCard(ctx, w.keys.Order(session.ID)).Result(); n != 11 || err != nil {
			t.Errorf("the order has %d members, want 10 and the mark (%v)", n, err)
		}
	})
}

// However little of a session is wanted, a page looks at a bounded number of lots, each once and in order, and the next
// page goes on where it stopped: also where the order is lost in the middle.
func TestPagesLookAtABoundedNumberOfLots(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		session, lots := w.session(2345)
		sorted := wanted(lots, uuid.Nil)
		rare := map[uuid.UUID]bool{sorted[0].ID: true, sorted[999].ID: true, sorted[1001].ID: true, sorted[2344].ID: true}
		for _, limit := range []int{1, 3, 100} {
			var found []auction.Lot
			looked, pages, p := 0, 0, auction.Page{Limit: limit}
			for ; pages == 0 || p.Limit != 0; pages++ {
				before := looked
				some, next, err := w.shelf.Page(ctx, session.ID, func(l *auction.Lot) bool { looked++; return rare[l.ID] }, p)
				if err != nil || looked-before > 1000 || len(some) > limit || pages > 20 {
					t.Fatalf("page %d of %d lots after %d looks: %v", pages, len(some), looked-before, err)
				}
				found, p = append(found, some...), next
				if pages == 1 {
					w.flush()
				}
			}
			if d := cmp.Diff([]auction.Lot{sorted[0], sorted[999], sorted[1001], sorted[2344]}, found); d != "" || pages < 3 {
				t.Errorf("in pages of %d, %d of them:\n%s", limit, pages, d)
			}
		}
	})
}

// Between two pages lots leave the order and come into it. Who was there all the time is seen once.
func TestPlacesOutliveLots(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		session, lots := w.session(40)
		sorted := wanted(lots, uuid.Nil)
		walk(t, w.shelf, session.ID, uuid.Nil, 10, func() {})
		gone, come := map[uuid.UUID]bool{}, []auction.Lot{}
		page := 0
		got := walk(t, w.node(), session.ID, uuid.Nil, 5, func() {
			page++
			last := sorted[min(5*page-1, 39)] // the cursor names it, about
			for _, l := range []auction.Lot{last, sorted[min(5*page+1, 39)]} {
				gone[l.ID] = true
				w.source.Remove(l.ID)
				w.client.Del(ctx, w.keys.Card(l.ID))
				w.client.ZRem(ctx, w.keys.Order(session.ID), l.ID.String())
			}
			l := sorted[min(5*page+2, 39)]
			l.ID = uuid.New()
			come = append(come, l)
			w.source.Put(session, l)
			w.client.ZAdd(ctx, w.keys.Order(session.ID), redis.Z{Score: float64(l.OpensUS), Member: l.ID.String()})
		})
		seen := map[uuid.UUID]int{}
		for _, l := range got {
			seen[l.ID]++
		}
		for _, l := range sorted {
			if n := seen[l.ID]; n > 1 || n == 0 && !gone[l.ID] {
				t.Errorf("lot %s was seen %d times", l.ID, n)
			}
		}
		for _, l := range come {
			if seen[l.ID] > 1 {
				t.Errorf("lot %s, which came, was seen %d times", l.ID, seen[l.ID])
			}
		}
		if page < 5 || len(gone) < 8 {
			t.Errorf("only %d pages, %d lots gone", page, len(gone))
		}
	})
}

func TestPageOfNoSession(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		draft, _ := w.session(2)
		draft.State = auction.SessionDraft
		w.source.Put(draft)
		for _, id := range []uuid.UUID{uuid.New(), draft.ID} {
			if lots, _, err := w.shelf.Page(ctx, id, nil, auction.Page{Limit: 5}); fault.CodeOf(err) != "session_not_found" {
				t.Errorf("page of no session: %v %v", lots, err)
			}
		}
	})
}

func TestListSessions(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		for i := range 30 {
			s, _ := w.session(0)
			s.StartsUS = start.Add(time.Duration(i-10) * time.Hour).UnixMicro()
			s.EndsUS, s.Name = s.StartsUS+2*time.Hour.Microseconds(), fmt.Sprint(i)
			s.Area = []string{"north", "south"}[i%2]
			switch i {
			case 3:
				s.State = auction.SessionSettled
			case 4:
				s.State = auction.SessionEnded
			case 15:
				s.State = auction.SessionDraft
			}
			w.source.Put(s)
		}
		for _, f := range []auction.SessionFilter{{State: auction.SessionLive}, {State: auction.SessionScheduled}, {State: auction.SessionEnded}, {},
			{State: auction.SessionEnded, FromUS: start.Add(-48 * time.Hour).UnixMicro()}, {State: auction.SessionSettled, FromUS: start.Add(-48 * time.Hour).UnixMicro()},
			{State: auction.SessionEnded, Area: "south", FromUS: start.Add(-5 * time.Hour).UnixMicro()}, {State: auction.SessionSettled},
			{Area: "north", State: auction.SessionLive}, {Area: "south", State: auction.SessionScheduled},
			{Area: "nowhere", State: auction.SessionLive}, {State: auction.SessionScheduled, FromUS: start.Add(3 * time.Hour).UnixMicro()},
			{State: auction.SessionScheduled, ToUS: start.Add(5 * time.Hour).UnixMicro()}} {
			f.NowUS = cachetest.T0
			want, err := w.source.ListSessions(ctx, f, auction.Page{Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			var got []auction.Session
			for p := (auction.Page{Limit: 4}); ; {
				some, err := w.shelf.ListSessions(ctx, f, p)
				if err != nil {
					t.Fatal(err)
				}
				if got = append(got, some...); len(some) < p.Limit {
					break
				}
				p.Key, p.ID = some[3].StartsUS, some[3].ID
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%+v:\n%s", f, d)
			}
		}
		before := w.source.Calls("")
		for range 20 {
			for _, f := range []auction.SessionFilter{{Area: "north", State: auction.SessionLive}, {State: auction.SessionEnded, FromUS: start.Add(-48 * time.Hour).UnixMicro()}} {
				f.NowUS = cachetest.T0
				if _, err := w.node().ListSessions(ctx, f, auction.Page{Limit: 10}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := w.source.Calls("") - before; n != 0 {
			t.Errorf("a list that the shelf has was asked for %d times", n)
		}
	})
}

// A list is kept, and tells the state of now all the same: what was live is over when it is.
func TestKeptListsTellTheStateOfNow(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s, _ := w.session(0)
		s.StartsUS, s.EndsUS = start.Add(-time.Hour).UnixMicro(), start.Add(time.Second).UnixMicro()
		w.source.Put(s)
		count := func(state auction.SessionState) int {
			t.Helper()
			now := w.clock().UnixMicro()
			list, err := w.shelf.ListSessions(ctx, auction.SessionFilter{State: state, NowUS: now, FromUS: now - time.Hour.Microseconds()*2}, auction.Page{Limit: 10})
			if err != nil {
				t.Fatal(err)
			}
			return len(list)
		}
		if live, ended := count(auction.SessionLive), count(auction.SessionEnded); live != 1 || ended != 0 {
			t.Errorf("at first %d live, %d ended", live, ended)
		}
		before := w.source.Calls("")
		w.pass(time.Second)
		if live, ended := count(auction.SessionLive), count(auction.SessionEnded); live != 0 || ended != 1 {
			t.Errorf("at the end %d live, %d ended", live, ended)
		}
		if n := w.source.Calls("") - before; n != 0 {
			t.Errorf("the source was asked %d times", n)
		}
	})
}

func TestSessionIsReadOnceAndAnew(t *testing.T) {
	everywhere(t, func(t *testing.T, w *world) {
		s, _ := w.session(3)
		for range 3 {
			if got, err := w.shelf.Session(ctx, s.ID); err != nil || got != s {
				t.Fatalf("session: %+v %v", got, err)
			}
		}
		if got, err := w.node().Session(ctx, s.ID); err != nil || got != s {
			t.Fatalf("session: %+v %v", got, err)
		}
		if n := w.source.Calls("Session"); n != 1 {
			t.Errorf("the source was asked %d times, want 1", n)
		}
		s.State = auction.SessionCancelled
		w.source.Put(s)
		if err := w.shelf.Announce(ctx, s, nil); err != nil {
			t.Fatal(err)
		}
		if got, err := w.shelf.Session(ctx, s.ID); err != nil || got.State != auction.SessionCancelled {
			t.Errorf("after it was announced: %v %v", got.State, err)
		}
	})
}

// notOf wants the lots that are not a user's own.
func notOf(user uuid.UUID) func(*auction.Lot) bool {
	if user == uuid.Nil {
		return nil
	}
	return func(l *auction.Lot) bool { return l.Seller != user }
}
