package app

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/config"
	"rostrum/internal/live"
	standinsql "rostrum/internal/standin/sql"
	"rostrum/store"
	"rostrum/store/storetest"
)

// series is a daily session in a store, and the closer that lets it come again.
type series struct {
	t     *testing.T
	store *store.Store
	c     *closer
	now   time.Time
}

func newSeries(t *testing.T) *series {
	db, err := standinsql.Open(standinsql.Memory)
	must(t, err)
	s := &series{t: t, store: store.New(db, storetest.Options("")), now: time.Date(2027, 3, 26, 12, 0, 0, 0, time.UTC)}
	t.Cleanup(func() { s.store.Close() })
	s.c = &closer{sessions: s.store, now: func() time.Time { return s.now }, newID: newID, log: quiet()}
	starts := s.now.Add(6 * time.Hour)
	must(t, s.store.CreateSession(t.Context(), auction.Session{ID: newID(), Area: "north", Name: "Evening", Currency: "EUR", StartsUS: starts.UnixMicro(),
		EndsUS: starts.Add(time.Hour).UnixMicro(), Recurrence: auction.Daily, Zone: "Europe/Berlin", State: auction.SessionDraft, Creator: newID()}))
	return s
}

// at lets the closer look at a time, twice as a second node would, and gives all sessions of the series by their start.
func (s *series) at(now time.Time) []auction.Session {
	s.t.Helper()
	s.now = now
	for range 2 {
		must(s.t, s.c.endSessions(s.t.Context()))
	}
	list, err := s.store.ListSessions(s.t.Context(), auction.SessionFilter{Drafts: true}, auction.Page{Limit: 100})
	must(s.t, err)
	return list
}

// clock gives when a session starts, by the clocks of its people.
func clock(t *testing.T, s auction.Session) string {
	t.Helper()
	zone, err := time.LoadLocation(s.Zone)
	must(t, err)
	return time.UnixMicro(s.StartsUS).In(zone).Format("01-02 15:04")
}

// publish publishes a draft without asking whether it has lots.
func (s *series) publish(draft auction.Session) {
	s.t.Helper()
	must(s.t, s.store.Publish(s.t.Context(), draft, nil))
}

// A daily session that is published comes again when it starts, once; so does one that is cancelled.
func TestADailySessionComesAgain(t *testing.T) {
	s := newSeries(t)
	s.publish(s.at(s.now)[0])
	starts := time.Date(2027, 3, 26, 18, 0, 0, 0, time.UTC)
	if list := s.at(starts.Add(-time.Microsecond)); len(list) != 1 {
		t.Fatalf("before it starts there are %d", len(list))
	}
	list := s.at(starts)
	if len(list) != 2 || list[1].State != auction.SessionDraft || list[1].Parent != list[0].ID || clock(t, list[1]) != "03-27 19:00" || list[1].Lots != 0 {
		t.Fatalf("as it starts: %+v", list)
	}
	must(t, s.store.CancelSession(t.Context(), list[1].ID, list[1].Rev))
	if list = s.at(starts.Add(24*time.Hour - 1)); len(list) != 2 {
		t.Fatalf("before the cancelled one would have started there are %d", len(list))
	}
	list = s.at(starts.Add(24 * time.Hour)) // in the night between, clocks went forward
	if len(list) != 3 || list[2].State != auction.SessionDraft || clock(t, list[2]) != "03-28 19:00" || list[2].EndsUS-list[2].StartsUS != time.Hour.Microseconds() {
		t.Errorf("after the cancelled one: %+v", list)
	}
}

// Nobody publishes it, and for days nobody is there at all: there is one draft, with its lots, and it is still to come.
func TestADailyDraftMovesOn(t *testing.T) {
	s := newSeries(t)
	first := s.at(s.now)[0]
	for _, day := range []int{1, 2, 9} {
		s.now = time.Date(2027, 3, 25+day, 23, 0, 0, 0, time.UTC)
		list := s.at(s.now)
		if len(list) != 1 || list[0].ID != first.ID || list[0].State != auction.SessionDraft {
			t.Fatalf("on the %dth day: %+v", day, list)
		}
		if at := time.UnixMicro(list[0].StartsUS); !at.After(s.now) || at.Sub(s.now) > 24*time.Hour {
			t.Errorf("on the %dth day it starts at %s", day, at)
		}
		if day == 2 && list[0].Rev != first.Rev+2 {
			t.Errorf("it moved twice, and its revision from %d to %d", first.Rev, list[0].Rev)
		}
	}
	last := s.at(s.now)[0]
	last.Recurrence = auction.Once
	last, err := s.store.ChangeSession(t.Context(), last)
	must(t, err)
	s.publish(last)
	if list := s.at(s.now.AddDate(0, 0, 3)); len(list) != 1 || list[0].State != auction.SessionSettled {
		t.Errorf("after its last occurrence: %+v", list)
	}
}

// An operator publishes the draft in the moment in which the closer moves it on: that is no failure.
func TestADailyDraftIsPublishedMeanwhile(t *testing.T) {
	s := newSeries(t)
	draft := s.at(s.now)[0]
	s.publish(draft)
	if err := s.c.repeat(t.Context(), draft); err != nil {
		t.Error(err)
	}
	if got, err := s.store.Session(t.Context(), draft.ID); err != nil || got.StartsUS != draft.StartsUS {
		t.Errorf("what was published has moved: %+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	draft.ID = uuid.New()
	if err := s.c.repeat(ctx, draft); err == nil {
		t.Error("a failure is not told")
	}
}

// Nobody is there to let a daily session come again until a recovery has given its lots time back: the next is as long as this
// one was planned.
func TestADailySessionIsProlongedByRecovery(t *testing.T) {
	for name, on := range worlds() {
		t.Run(name, func(t *testing.T) {
			i := install(t, on(t), func(c *config.Config, _ *Parts) { c.Roles = []string{"api", "relay", "worker"} })
			i.recurs = auction.Daily
			const planned = 5 * time.Minute
			i.openSale(planned, 1, 10)
			i.recovers(i.lots[0].Shard)
			live.Eventually(t, 20*time.Second, "its end to move", func() (bool, error) {
				s, err := i.app.Store.Session(t.Context(), i.session.ID)
				return s.EndsUS > i.session.EndsUS, err
			})
			i.stop()
			i.start() // with a closer
			live.Eventually(t, 20*time.Second, "its next occurrence", func() (bool, error) {
				list, err := i.app.Store.ListSessions(t.Context(), auction.SessionFilter{Drafts: true}, auction.Page{Limit: 9})
				if err != nil || len(list) != 2 {
					return false, err
				}
				if next := list[1]; next.Parent != i.session.ID || next.EndsUS-next.StartsUS != planned.Microseconds() {
					t.Errorf("the next of a session of %s: %+v", planned, next)
				}
				return true, nil
			})
		})
	}
}
