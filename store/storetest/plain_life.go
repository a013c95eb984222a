package storetest

import (
	"testing"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/orders"
	"rostrum/store"
)

// sessionLife: due to preheat, due to close, ended with its last lot, settled with its last order, repeated once.
func sessionLife(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 1, PerBuyer: 1}, Terms{Stock: 1, PerBuyer: 1})
	ctx, l := t.Context(), sale.Lots[0]
	due := func(now, until int64) int {
		list, err := s.DueToPreheat(ctx, now, until, auction.Page{Limit: 10})
		must(t, err)
		return len(list)
	}
	if a, b, c := due(0, Opens-1), due(0, Opens), due(Opens+Hour, Opens+Hour); a != 0 || b != 1 || c != 0 {
		t.Errorf("due to preheat: early %d, in time %d, late %d", a, b, c)
	}
	toClose := func(until int64) int {
		list, err := s.DueToClose(ctx, until, auction.Page{Limit: 10})
		must(t, err)
		return len(list)
	}
	if a, b := toClose(Opens+Hour-1), toClose(Opens+Hour); a != 0 || b != 2 {
		t.Errorf("due to close: early %d, in time %d", a, b)
	}
	dueByPages(t, s, sale)
	end := func() auction.SessionState {
		_, err := s.EndSessions(ctx, Opens+2*Hour)
		must(t, err)
		a, err := s.Session(ctx, sale.Session.ID)
		must(t, err)
		return a.State
	}
	bid := sale.Bid(l, sale.ID(), 1)
	sale.Apply(0, sale.Deliver(bid, sale.Close(l))...)
	if got := end(); got != auction.SessionScheduled {
		t.Errorf("with an open lot: %s", got)
	}
	sale.Apply(0, sale.Deliver(sale.Close(sale.Lots[1]))...)
	if got := end(); got != auction.SessionEnded || toClose(Opens+2*Hour) != 0 {
		t.Errorf("with all lots closed: %s", got)
	}
	order, err := s.Order(ctx, bid.Order)
	must(t, err)
	after := order
	after.State = orders.Cancelled
	must(t, s.SaveMove(ctx, order, after, orders.Event{ID: sale.ID()}))
	if got := end(); got != auction.SessionEnded {
		t.Errorf("with a unit on its way back: %s", got)
	}
	sale.Apply(0, sale.Deliver(sale.Release(bid))...)
	if got := end(); got != auction.SessionSettled {
		t.Errorf("with all orders final: %s", got)
	}
	if list, err := s.LotsToLoad(ctx, 0, uuid.Nil, 10); err != nil || len(list) != 0 {
		t.Errorf("a settled session's lots to load: %v, %v", list, err)
	}
	if list, err := s.LotIDs(ctx, uuid.Nil, 10); err != nil || len(list) != 2 {
		t.Errorf("a settled session's lots are known: %v, %v", list, err)
	}
}

// withdrawnSession: a scheduled session is cancelled when the last of its lots is withdrawn, and not before.
func withdrawnSession(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 1, PerBuyer: 1}, Terms{Stock: 1, PerBuyer: 1})
	for i, want := range []auction.SessionState{auction.SessionScheduled, auction.SessionCancelled} {
		sale.Apply(0, sale.Deliver(sale.Withdraw(sale.Lots[i]))...)
		again, err := s.EndSessions(t.Context(), Opens)
		must(t, err)
		got, err := s.Session(t.Context(), sale.Session.ID)
		must(t, err)
		if got.State != want || len(again) != 0 {
			t.Errorf("with %d of 2 lots withdrawn: %s, to be repeated %+v", i+1, got.State, again)
		}
	}
}

// withdrawnAndSold: what was admitted before the last lot was withdrawn stays, so the session is over and not cancelled.
func withdrawnAndSold(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 1, PerBuyer: 1})
	bid := sale.Bid(sale.Lots[0], sale.ID(), 1)
	sale.Apply(0, sale.Deliver(bid, sale.Withdraw(sale.Lots[0]))...)
	_, err := s.EndSessions(t.Context(), Opens+1)
	must(t, err)
	if got, err := s.Session(t.Context(), sale.Session.ID); err != nil || got.State != auction.SessionEnded {
		t.Errorf("withdrawn with something sold: %s, %v", got.State, err)
	}
	if list, err := s.LotsToLoad(t.Context(), 0, uuid.Nil, 10); err != nil || len(list) != 1 {
		t.Errorf("the gate is not given the lot whose units may still come back: %v, %v", list, err)
	}
}

func dailySession(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1)
	a := auction.Session{ID: sale.ID(), Area: "north", Name: "Daily", Currency: "EUR", StartsUS: Opens, EndsUS: Opens + Hour,
		Recurrence: auction.Daily, Zone: "UTC", State: auction.SessionScheduled, Creator: sale.Seller}
	must(t, s.CreateSession(t.Context(), a))
	if again, err := s.EndSessions(t.Context(), Opens-1); err != nil || len(again) != 0 {
		t.Fatalf("to be repeated before it starts: %+v, %v", again, err)
	}
	again, err := s.EndSessions(t.Context(), Opens)
	must(t, err)
	if len(again) != 1 || again[0].ID != a.ID {
		t.Fatalf("to be repeated: %+v", again)
	}
	next := a.NextOccurrence(sale.ID(), Opens)
	must(t, s.CreateSession(t.Context(), next))
	if again, err = s.EndSessions(t.Context(), Opens+Hour); err != nil || len(again) != 0 {
		t.Errorf("to be repeated again: %+v, %v", again, err)
	}
}

// dailyDraft: the series goes on after an occurrence that nobody published, and after one that was cancelled.
func dailyDraft(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1)
	a := sale.draft(Opens)
	a.Recurrence = auction.Daily
	a, err := s.ChangeSession(t.Context(), a)
	must(t, err)
	sale.draft(Opens) // once: it does not come again
	for _, want := range []auction.SessionState{auction.SessionDraft, auction.SessionCancelled} {
		again, err := s.EndSessions(t.Context(), Opens)
		must(t, err)
		if len(again) != 1 || again[0].ID != a.ID || again[0].State != want {
			t.Errorf("to be repeated: %+v, want the one that is a %s", again, want)
		}
		if want == auction.SessionDraft {
			must(t, s.CancelSession(t.Context(), a.ID, a.Rev))
		}
	}
}

// prolongedSession: a session ends with its last lot, so it moves when recovery gives time back to one, and its state with
// it. What an older record says moves it no more.
func prolongedSession(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 1, PerBuyer: 1}, Terms{Stock: 1, PerBuyer: 1})
	live := func(atUS int64) int {
		list, err := s.ListSessions(t.Context(), auction.SessionFilter{State: auction.SessionLive, NowUS: atUS}, auction.Page{Limit: 9})
		must(t, err)
		return len(list)
	}
	if live(Opens+Hour-1) != 1 || live(Opens+Hour) != 0 {
		t.Fatal("not live until its planned end")
	}
	credits := sale.Books[0].Credit(Opens+Hour/2, Opens+Hour)
	if len(credits) != 2 {
		t.Fatalf("%d lots were given time back", len(credits))
	}
	sale.Apply(0, sale.Deliver(credits...)...)
	a, err := s.Session(t.Context(), sale.Session.ID)
	must(t, err)
	if end := credits[0].ClosesUS; a.EndsUS != end || end <= Opens+Hour || a.Rev != sale.Session.Rev || live(end-1) != 1 || live(end) != 0 {
		t.Errorf("its lots close at %d, it ends at %d: %+v", end, a.EndsUS, a)
	}
	later := sale.Books[0].Credit(a.EndsUS-5, a.EndsUS-2)
	sale.Apply(0, sale.Deliver(append(later, sale.Books[0].Credit(a.EndsUS, a.EndsUS+9)...)...)...)
	b, err := s.Session(t.Context(), sale.Session.ID)
	must(t, err)
	if b.EndsUS <= a.EndsUS {
		t.Errorf("moved to %d, and then to %d", a.EndsUS, b.EndsUS)
	}
}

// dailyProlonged: a daily session that is given time back twice lends none of it to its next occurrence.
func dailyProlonged(t *testing.T, s *store.Store) {
	sale := newSale(t, s, auction.Daily, 2, []Terms{{Stock: 1, PerBuyer: 1}, {Stock: 1, PerBuyer: 1}, {Stock: 1, PerBuyer: 1}})
	repeatedAsPlanned(t, sale)
}

// dailyRepeated: the same where the next occurrence was there before.
func dailyRepeated(t *testing.T, s *store.Store) {
	sale := newSale(t, s, auction.Daily, 2, []Terms{{Stock: 1, PerBuyer: 1}, {Stock: 1, PerBuyer: 1}, {Stock: 1, PerBuyer: 1}})
	must(t, s.CreateSession(t.Context(), sale.Session.NextOccurrence(sale.ID(), Opens)))
	repeatedAsPlanned(t, sale)
}

func repeatedAsPlanned(t *testing.T, sale *Sale) {
	t.Helper()
	for shard, book := range sale.Books {
		sale.Apply(shard, sale.Deliver(book.Credit(Opens+1, Opens+Hour/2)...)...)
		sale.Apply(shard, sale.Deliver(book.Credit(Opens+Hour/2+1, Opens+Hour)...)...)
	}
	a, err := sale.Store.Session(t.Context(), sale.Session.ID)
	must(t, err)
	if a.EndsUS < Opens+2*Hour-9 {
		t.Errorf("two half hours were given back, and it ends at %d", a.EndsUS)
	}
	list, err := sale.Store.ListSessions(t.Context(), auction.SessionFilter{Drafts: true}, auction.Page{Limit: 9})
	must(t, err)
	if len(list) != 2 {
		t.Fatalf("want it and its next: %+v", list)
	}
	next := list[1]
	if next.Parent != a.ID || next.State != auction.SessionDraft || next.EndsUS-next.StartsUS != Hour || (next.StartsUS-Opens)%(24*Hour) != 0 {
		t.Errorf("planned for an hour, it lasts %d µs, and the next is %+v", a.EndsUS-a.StartsUS, next)
	}
	again, err := sale.Store.EndSessions(t.Context(), Opens+Hour)
	if err != nil || len(again) != 0 {
		t.Errorf("to be repeated again: %+v, %v", again, err)
	}
}
