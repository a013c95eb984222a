package storetest

import (
	"bytes"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/goods"
	"rostrum/internal/fault"
	"rostrum/store"
)

// draft makes an empty draft that starts at a time.
func (s *Sale) draft(startsUS int64) auction.Session {
	s.t.Helper()
	a := auction.Session{ID: s.ID(), Area: "north", Name: "Next", Currency: "EUR", StartsUS: startsUS, EndsUS: startsUS + Hour,
		Recurrence: auction.Once, Zone: "UTC", State: auction.SessionDraft, Creator: s.Seller, CreatedUS: startsUS - Hour}
	must(s.t, s.Store.CreateSession(s.t.Context(), a))
	a.Rev = 1
	return a
}

func (s *Sale) lot(a auction.Session, item uuid.UUID) auction.Lot {
	return auction.Lot{ID: s.ID(), Session: a.ID, Item: item, Seller: s.Seller, Area: a.Area, Title: "T", Format: auction.Flash,
		PriceMinor: 5, Currency: "EUR", Stock: 3, PerBuyer: 1, State: auction.LotDraft}
}

func (s *Sale) item() uuid.UUID {
	s.t.Helper()
	i := anItem(0, s.Seller)
	i.ID, i.Number = s.ID(), uuid.NewString()
	must(s.t, s.Store.CreateItem(s.t.Context(), i))
	return i.ID
}

func sessionRoundTrip(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1)
	for i, text := range texts {
		want := auction.Session{ID: sale.ID(), Area: "north", Name: text, Currency: "JPY", StartsUS: int64(i), EndsUS: math.MaxInt64 >> 11,
			Recurrence: auction.Daily, Zone: "America/Argentina/ComodRivadavia", State: auction.SessionDraft, Creator: sale.ID(),
			CreatedUS: 3, Parent: sale.ID()}
		must(t, s.CreateSession(t.Context(), want))
		want.Rev = 1
		got, err := s.Session(t.Context(), want.ID)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
		again := want
		again.ID = sale.ID()
		wantCode(t, s.CreateSession(t.Context(), again), fault.Conflict, "occurrence_exists")
	}
	_, err := s.Session(t.Context(), sale.ID())
	wantCode(t, err, fault.NotFound, "session_not_found")
}

func sessionChange(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 1, PerBuyer: 1})
	a := sale.draft(Opens)
	a.Name, a.EndsUS, a.Zone = "Other", Opens+2*Hour, "Europe/Berlin"
	got, err := s.ChangeSession(t.Context(), a)
	must(t, err)
	_, err = s.ChangeSession(t.Context(), a)
	wantCode(t, err, fault.Stale, "stale")
	a.Rev = 2
	if diff := cmp.Diff(a, got); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	wantCode(t, s.CancelSession(t.Context(), a.ID, 1), fault.Stale, "stale")
	must(t, s.CancelSession(t.Context(), a.ID, 2))
	_, err = s.ChangeSession(t.Context(), got)
	wantCode(t, err, fault.Conflict, "session_not_draft")
	_, err = s.ChangeSession(t.Context(), sale.Session)
	wantCode(t, err, fault.Conflict, "session_published")
	wantCode(t, s.CancelSession(t.Context(), sale.Session.ID, sale.Session.Rev), fault.Conflict, "session_published")
	a.ID = sale.ID()
	_, err = s.ChangeSession(t.Context(), a)
	wantCode(t, err, fault.NotFound, "session_not_found")
}

func lotsOfADraft(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 1, PerBuyer: 1})
	ctx, a := t.Context(), sale.draft(Opens)
	l := sale.lot(a, sale.item())
	l.Group = sale.ID()
	must(t, s.AddLot(ctx, l))
	l.Rev, l.Salt = 1, []byte{}
	got, err := s.Lot(ctx, l.ID)
	must(t, err)
	if diff := cmp.Diff(l, got); diff != "" {
		t.Errorf("added (-want +got):\n%s", diff)
	}
	same := sale.lot(a, l.Item)
	wantCode(t, s.AddLot(ctx, same), fault.Conflict, "lot_exists")
	same.Session = sale.ID()
	wantCode(t, s.AddLot(ctx, same), fault.NotFound, "session_not_found")
	same.Session = sale.Session.ID
	wantCode(t, s.AddLot(ctx, same), fault.Conflict, "session_published")

	l.Title, l.PriceMinor, l.Stock, l.PerBuyer = "🪔", 7, 1<<31, 64
	got, err = s.ChangeLot(ctx, l)
	must(t, err)
	_, err = s.ChangeLot(ctx, l)
	wantCode(t, err, fault.Stale, "stale")
	l.Rev = 2
	if diff := cmp.Diff(l, got); diff != "" {
		t.Errorf("changed (-want +got):\n%s", diff)
	}
	_, err = s.ChangeLot(ctx, sale.Lots[0])
	wantCode(t, err, fault.Conflict, "session_published")
	wantCode(t, s.RemoveLot(ctx, sale.Lots[0].ID, 2), fault.Conflict, "session_published")
	wantCode(t, s.RemoveLot(ctx, l.ID, 1), fault.Stale, "stale")
	must(t, s.RemoveLot(ctx, l.ID, 2))
	wantCode(t, s.RemoveLot(ctx, l.ID, 2), fault.NotFound, "lot_not_found")
	_, err = s.Lot(ctx, l.ID)
	wantCode(t, err, fault.NotFound, "lot_not_found")
}

func publishing(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1)
	ctx, a := t.Context(), sale.draft(Opens)
	l, second := sale.lot(a, sale.item()), sale.lot(a, sale.item())
	must(t, s.AddLot(ctx, l))
	must(t, s.AddLot(ctx, second))
	ready := func(l auction.Lot) auction.Lot {
		l.Rev, l.State, l.Code, l.Salt, l.OpensUS, l.ClosesUS = 1, auction.LotOpen, "abcdefghijabcdefghijab", []byte("0123456789abcdef"), Opens, Opens+Hour
		return l
	}
	wantCode(t, s.Publish(ctx, a, []auction.Lot{ready(l)}), fault.Stale, "stale") // one is left out
	changed := ready(second)
	changed.Rev = 2
	wantCode(t, s.Publish(ctx, a, []auction.Lot{ready(l), changed}), fault.Stale, "stale")
	if got, err := s.Lot(ctx, l.ID); err != nil || got.State != auction.LotDraft || got.Code != "" {
		t.Errorf("after a refused publishing: %+v, %v", got, err)
	}
	must(t, s.Publish(ctx, a, []auction.Lot{ready(l), ready(second)}))
	wantCode(t, s.Publish(ctx, a, []auction.Lot{ready(l), ready(second)}), fault.Conflict, "session_published")
	got, err := s.Lots(ctx, a.ID, uuid.Nil, 10)
	must(t, err)
	want := []auction.Lot{ready(l), ready(second)}
	want[0].Rev, want[1].Rev = 2, 2
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("published lots (-want +got):\n%s", diff)
	}
	if read, err := s.Session(ctx, a.ID); err != nil || read.State != auction.SessionScheduled || read.Lots != 2 || read.Rev != 2 {
		t.Errorf("the session: %+v, %v", read, err)
	}
	if page, err := s.Lots(ctx, a.ID, l.ID, 10); err != nil || len(page) != 1 || page[0].ID != second.ID {
		t.Errorf("the page after the first: %+v, %v", page, err)
	}
	salts, err := s.LotSalts(ctx, 0, []uuid.UUID{l.ID, sale.ID()})
	must(t, err)
	if diff := cmp.Diff(map[uuid.UUID][]byte{l.ID: []byte("0123456789abcdef")}, salts); diff != "" {
		t.Errorf("salts (-want +got):\n%s", diff)
	}
	if list, err := s.LotIDs(ctx, uuid.Nil, 10); err != nil || len(list) != 2 {
		t.Errorf("lot ids: %v, %v", list, err)
	}
}

// publishLooksAgain: what an item has become since it was looked at is seen under its lock, and nothing is published.
func publishLooksAgain(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 5, PerBuyer: 1})
	must(t, s.PutArea(t.Context(), goods.Area{Code: "south", Name: "South"}))
	ctx, a := t.Context(), sale.draft(Opens)
	var lots []auction.Lot
	for _, change := range []func(i *goods.Item){
		func(*goods.Item) {},
		func(i *goods.Item) { i.Auctionable = false },
		func(i *goods.Item) { i.Area = "south" },
		func(i *goods.Item) { i.TradeFromUS = Opens + 1 },
		func(i *goods.Item) { i.ShowFromUS = Opens },
	} {
		l := sale.lot(a, sale.item())
		must(t, s.AddLot(ctx, l))
		i, err := s.Item(ctx, l.Item)
		must(t, err)
		change(&i)
		_, err = s.ChangeItem(ctx, i)
		must(t, err)
		l.Rev = 1
		lots = append(lots, opened(l))
	}
	wantWrong(t, s.Publish(ctx, a, lots), "lots[1].item", "lots[2].item", "lots[3].item", "lots[4].item")
	for _, l := range lots {
		if got, err := s.Lot(ctx, l.ID); err != nil || got.State != auction.LotDraft {
			t.Errorf("after a refused publishing: %+v, %v", got, err)
		}
	}
	if got, err := s.Session(ctx, a.ID); err != nil || got.State != auction.SessionDraft || got.Rev != 1 {
		t.Errorf("after a refused publishing: %+v, %v", got, err)
	}
	for _, l := range lots[1:] {
		must(t, s.RemoveLot(ctx, l.ID, 1))
	}
	must(t, s.Publish(ctx, a, lots[:1]))
}

// publishAUnitTwice: of two sessions that are published at the same time with the same single unit, one is refused; many
// units may be in both.
func publishAUnitTwice(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1)
	for round, stock := range []int64{1, 1, 1, 7} {
		item := sale.item()
		var failed [2]error
		var wg sync.WaitGroup
		for n := range failed {
			a := sale.draft(Opens)
			l := sale.lot(a, item)
			l.Stock = stock
			must(t, s.AddLot(t.Context(), l))
			l.Rev = 1
			wg.Go(func() { failed[n] = s.Publish(t.Context(), a, []auction.Lot{opened(l)}) })
		}
		wg.Wait()
		offered := stock
		switch {
		case stock > 1:
			must(t, errors.Join(failed[:]...))
			offered = 2 * stock
		case failed[0] == nil:
			wantWrong(t, failed[1], "lots[0].item")
		default:
			wantWrong(t, failed[0], "lots[0].item")
			must(t, failed[1])
		}
		if i, err := s.Item(t.Context(), item); err != nil || i.Offered != offered {
			t.Errorf("round %d: %d units on sale, %v", round, i.Offered, err)
		}
	}
}

// publishAgainstWithdraw: of a publishing and a withdrawal of the item at the same time, one is refused.
func publishAgainstWithdraw(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1)
	for round := range 8 {
		a := sale.draft(Opens)
		l := sale.lot(a, sale.item())
		must(t, s.AddLot(t.Context(), l))
		l.Rev, l.State = 1, auction.LotOpen
		var published, withdrawn error
		var wg sync.WaitGroup
		wg.Go(func() { published = s.Publish(t.Context(), a, []auction.Lot{l}) })
		wg.Go(func() { _, withdrawn = s.WithdrawItem(t.Context(), l.Item, 1, 9) })
		wg.Wait()
		if (published == nil) == (withdrawn == nil) {
			t.Errorf("round %d: published %v, withdrawn %v", round, published, withdrawn)
		}
	}
}

func sessionLists(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 1, PerBuyer: 1}) // scheduled, starts at Opens
	must(t, s.PutArea(t.Context(), goods.Area{Code: "south", Name: "South"}))
	names := map[uuid.UUID]string{sale.Session.ID: "sale"}
	for i, name := range []string{"a", "b", "c"} {
		d := sale.draft(Opens + int64(i/2)*Hour) // a and b at once
		names[d.ID] = name
	}
	for _, c := range []struct {
		name string
		f    auction.SessionFilter
		p    auction.Page
		want []string
	}{
		{"published", auction.SessionFilter{}, auction.Page{Limit: 9}, []string{"sale"}},
		{"drafts too", auction.SessionFilter{Drafts: true}, auction.Page{Limit: 9}, []string{"sale", "a", "b", "c"}},
		{"first page", auction.SessionFilter{Drafts: true}, auction.Page{Limit: 2}, []string{"sale", "a"}},
		{"drafts only", auction.SessionFilter{Drafts: true, State: auction.SessionDraft}, auction.Page{Limit: 9}, []string{"a", "b", "c"}},
		{"scheduled", auction.SessionFilter{State: auction.SessionScheduled, NowUS: Opens - 1}, auction.Page{Limit: 9}, []string{"sale"}},
		{"live", auction.SessionFilter{State: auction.SessionLive, NowUS: Opens}, auction.Page{Limit: 9}, []string{"sale"}},
		{"over", auction.SessionFilter{State: auction.SessionEnded, NowUS: Opens + Hour}, auction.Page{Limit: 9}, []string{"sale"}},
		{"not live yet", auction.SessionFilter{State: auction.SessionLive, NowUS: Opens - 1}, auction.Page{Limit: 9}, nil},
		{"from", auction.SessionFilter{Drafts: true, FromUS: Opens + 1}, auction.Page{Limit: 9}, []string{"c"}},
		{"to", auction.SessionFilter{Drafts: true, ToUS: Opens + 1}, auction.Page{Limit: 9}, []string{"sale", "a", "b"}},
		{"elsewhere", auction.SessionFilter{Drafts: true, Area: "south"}, auction.Page{Limit: 9}, nil},
	} {
		if diff := cmp.Diff(c.want, sessionNames(t, s, names, c.f, c.p)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
	first, err := s.ListSessions(t.Context(), auction.SessionFilter{Drafts: true}, auction.Page{Limit: 2})
	must(t, err)
	last := first[1]
	got := sessionNames(t, s, names, auction.SessionFilter{Drafts: true}, auction.Page{Limit: 2, Key: last.StartsUS, ID: last.ID})
	if diff := cmp.Diff([]string{"b", "c"}, got); diff != "" {
		t.Errorf("the next page (-want +got):\n%s", diff)
	}
}

func sessionNames(t testing.TB, s *store.Store, names map[uuid.UUID]string, f auction.SessionFilter, p auction.Page) []string {
	t.Helper()
	list, err := s.ListSessions(t.Context(), f, p)
	must(t, err)
	var got []string
	for _, a := range list {
		got = append(got, names[a.ID])
	}
	return got
}

// dueByPages: what is due comes page by page, all of it, with more of one moment than a page takes.
func dueByPages(t *testing.T, s *store.Store, sale *Sale) {
	t.Helper()
	var lots, sessions []uuid.UUID
	for p := (auction.Page{Limit: 1}); ; {
		list, err := s.DueToClose(t.Context(), Opens+Hour, p)
		must(t, err)
		for _, l := range list {
			lots = append(lots, l.ID)
		}
		if p = auction.NextPage(p, list, func(l auction.Lot) (int64, uuid.UUID) { return l.ClosesUS, l.ID }); p.Key == 0 {
			break
		}
	}
	for p := (auction.Page{Limit: 1}); ; {
		list, err := s.DueToPreheat(t.Context(), 0, Opens, p)
		must(t, err)
		for _, a := range list {
			sessions = append(sessions, a.ID)
		}
		if p = auction.NextPage(p, list, func(a auction.Session) (int64, uuid.UUID) { return a.StartsUS, a.ID }); p.Key == 0 {
			break
		}
	}
	var want []uuid.UUID
	for _, l := range sale.Lots {
		want = append(want, l.ID)
	}
	slices.SortFunc(want, func(x, y uuid.UUID) int { return bytes.Compare(x[:], y[:]) })
	if !slices.Equal(lots, want) || !slices.Equal(sessions, []uuid.UUID{sale.Session.ID}) {
		t.Errorf("due to close %v, want %v; due to preheat %v", lots, want, sessions)
	}
}
