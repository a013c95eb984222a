package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/goods"
	"rostrum/internal/fault"
	"rostrum/store"
)

// bulk is more rows than one transaction of theirs holds, and more than a page.
const bulk = store.MaxBulk + 503

// manyItems makes n items of the seller that are not stored yet.
func (s *Sale) manyItems(n int) []goods.Item {
	items := make([]goods.Item, n)
	for i := range items {
		items[i] = anItem(i+1, s.Seller)
		items[i].ID, items[i].Number, items[i].ShowFromUS, items[i].TradeFromUS = s.ID(), fmt.Sprint("bulk-", i), 0, 0
	}
	return items
}

// manyLots makes a lot of each item in a draft; they are not stored yet.
func (s *Sale) manyLots(a auction.Session, items []goods.Item) []auction.Lot {
	lots := make([]auction.Lot, len(items))
	for i, item := range items {
		lots[i] = s.lot(a, item.ID)
		lots[i].Shard = auction.ShardOf(lots[i].ID, uuid.Nil, s.Deployment.Shards)
	}
	return lots
}

func manyItems(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 4)
	ctx, items := t.Context(), sale.manyItems(bulk)
	must(t, s.CreateItems(ctx, nil))
	must(t, s.CreateItems(ctx, items))
	var list []uuid.UUID
	for _, i := range []goods.Item{items[0], items[store.MaxBulk-1], items[store.MaxBulk], items[bulk-1], items[0]} {
		list = append(list, i.ID)
	}
	got, err := s.ItemsByID(ctx, append(list, sale.ID()))
	must(t, err)
	slices.SortFunc(got, func(a, b goods.Item) int { return slices.Compare(a.ID[:], b.ID[:]) })
	if diff := cmp.Diff([]goods.Item{items[0], items[store.MaxBulk-1], items[store.MaxBulk], items[bulk-1]}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, err = s.ItemsByID(ctx, nil); err != nil || len(got) != 0 {
		t.Errorf("none of none: %v, %v", got, err)
	}

	// One that is wrong takes its transaction's with it, and leaves those before.
	for name, c := range map[string]struct {
		spoil func(i *goods.Item)
		class fault.Class
		code  string
	}{
		"a number that is taken": {func(i *goods.Item) { i.Number = "bulk-7" }, fault.Conflict, "number_taken"},
		"no such area":           {func(i *goods.Item) { i.Area = "nowhere" }, fault.NotFound, "area_not_found"},
	} {
		more := sale.manyItems(bulk)
		for i := range more {
			more[i].Number = name[:4] + more[i].Number
		}
		c.spoil(&more[store.MaxBulk+300])
		wantCode(t, s.CreateItems(ctx, more), c.class, c.code)
		got, err := s.ItemsByID(ctx, []uuid.UUID{more[0].ID, more[store.MaxBulk-1].ID, more[store.MaxBulk].ID, more[bulk-1].ID})
		if err != nil || len(got) != 2 {
			t.Errorf("%s: %d of the four are there, %v", name, len(got), err)
		}
	}
}

func manyLotsOfADraft(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 4, Terms{Stock: 1, PerBuyer: 1})
	ctx, a, other := t.Context(), sale.draft(Opens), sale.draft(Opens+Hour)
	items := sale.manyItems(bulk)
	must(t, s.CreateItems(ctx, items))
	lots := sale.manyLots(a, items)
	for i := range lots[:100] { // of two drafts, mixed
		lots[3*i].Session = other.ID
	}
	must(t, s.AddLots(ctx, lots))
	for i := range lots {
		lots[i].Rev, lots[i].Salt = 1, []byte{}
	}
	for _, l := range []auction.Lot{lots[0], lots[1], lots[store.MaxBulk], lots[bulk-1]} {
		got, err := s.Lot(ctx, l.ID)
		must(t, err)
		if diff := cmp.Diff(l, got); diff != "" {
			t.Errorf("added (-want +got):\n%s", diff)
		}
	}
	for id, want := range map[uuid.UUID]int{a.ID: bulk - 100, other.ID: 100} {
		if read, err := s.Session(ctx, id); err != nil || read.Lots != want {
			t.Errorf("session with %d lots, want %d: %v", read.Lots, want, err)
		}
	}

	fresh := sale.manyItems(3)
	for i := range fresh {
		fresh[i].Number += "again"
	}
	must(t, s.CreateItems(ctx, fresh))
	for name, c := range map[string]struct {
		spoil func(l *auction.Lot)
		class fault.Class
		code  string
	}{
		"an item that is in it":     {func(l *auction.Lot) { l.Item = items[5].ID }, fault.Conflict, "lot_exists"},
		"an item twice":             {func(l *auction.Lot) { l.Item = fresh[0].ID }, fault.Conflict, "lot_exists"},
		"a session that is none":    {func(l *auction.Lot) { l.Session = sale.ID() }, fault.NotFound, "session_not_found"},
		"a session that has begun":  {func(l *auction.Lot) { l.Session = sale.Session.ID }, fault.Conflict, "session_published"},
		"a session that is no more": {func(l *auction.Lot) { l.Session = cancelled(sale).ID }, fault.Conflict, "session_not_draft"},
	} {
		some := sale.manyLots(a, fresh)
		c.spoil(&some[2])
		wantCode(t, s.AddLots(ctx, some), c.class, c.code)
		if _, err := s.Lot(ctx, some[0].ID); fault.CodeOf(err) != "lot_not_found" {
			t.Errorf("%s: the first one of a refused batch: %v", name, err)
		}
	}
}

func cancelled(s *Sale) auction.Session {
	a := s.draft(Opens)
	must(s.t, s.Store.CancelSession(s.t.Context(), a.ID, 1))
	return a
}

// publishingMany: a session of more lots than a page is published as a whole or not at all.
func publishingMany(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 4)
	ctx, a := t.Context(), sale.draft(Opens)
	lots := listed(sale, a, bulk)
	ready := slices.Clone(lots)
	for i := range ready {
		ready[i] = opened(ready[i])
	}
	refused := func(what string, spoil func(list []auction.Lot) []auction.Lot) {
		t.Helper()
		if err := s.Publish(ctx, a, spoil(slices.Clone(ready))); fault.CodeOf(err) != "stale" {
			t.Errorf("%s: %v", what, err)
		}
		for _, n := range []int{0, bulk / 2, bulk - 1} {
			if got, err := s.Lot(ctx, lots[n].ID); err != nil || got.State != auction.LotDraft || got.Code != "" || got.Rev != 1 {
				t.Errorf("%s: lot %d afterwards: %+v, %v", what, n, got, err)
			}
		}
	}
	refused("one is left out", func(list []auction.Lot) []auction.Lot { return list[:bulk-1] })
	refused("one is named twice", func(list []auction.Lot) []auction.Lot { list[bulk-1] = list[0]; return list })
	refused("one of another session", func(list []auction.Lot) []auction.Lot { list[bulk-1].ID = sale.ID(); return list })
	refused("one too many", func(list []auction.Lot) []auction.Lot { return append(list, opened(sale.lot(a, lots[0].Item))) })
	refused("one has changed", func(list []auction.Lot) []auction.Lot { list[bulk-1].Rev = 7; return list })

	must(t, s.Publish(ctx, a, ready))
	var got []auction.Lot
	for after := uuid.Nil; ; after = got[len(got)-1].ID {
		page, err := s.Lots(ctx, a.ID, after, store.MaxPage)
		must(t, err)
		if len(page) == 0 {
			break
		}
		got = append(got, page...)
	}
	for i := range ready {
		ready[i].Rev = 2
	}
	slices.SortFunc(ready, func(a, b auction.Lot) int { return slices.Compare(a.ID[:], b.ID[:]) })
	if diff := cmp.Diff(ready, got); diff != "" {
		t.Errorf("published (-want +got):\n%.2000s", diff)
	}
}

// listed stores n items and a lot of each in a draft.
func listed(s *Sale, a auction.Session, n int) []auction.Lot {
	s.t.Helper()
	items := s.manyItems(n)
	lots := s.manyLots(a, items)
	must(s.t, errors.Join(s.Store.CreateItems(s.t.Context(), items), s.Store.AddLots(s.t.Context(), lots)))
	for i := range lots {
		lots[i].Rev = 1
	}
	return lots
}

func opened(l auction.Lot) auction.Lot {
	l.State, l.Code, l.Salt, l.OpensUS, l.ClosesUS = auction.LotOpen, "abcdefghijabcdefghijab", []byte("0123456789abcdef"), Opens, Opens+Hour
	return l
}

// List publishes a session of n lots, each of an item of its own, which opens at Opens, and gives how long items, lots and
// publishing took. The deployment's shards are the caller's to know.
func List(t testing.TB, s *store.Store, shards, n int) (a auction.Session, lots []auction.Lot, took [3]time.Duration) {
	t.Helper()
	sale := &Sale{Store: s, t: t, Deployment: auction.Deployment{Shards: shards}}
	ctx := t.Context()
	sale.Seller = sale.ID()
	must(t, s.PutArea(ctx, goods.Area{Code: "north", Name: "North"}))
	a = sale.draft(Opens)
	items := sale.manyItems(n)
	lots = sale.manyLots(a, items)
	for i := range lots {
		lots[i].Title = fmt.Sprintf("Lamp, brass, number %06d", i)
	}
	for step, do := range []func() error{
		func() error { return s.CreateItems(ctx, items) },
		func() error { return s.AddLots(ctx, lots) },
		func() error {
			for i := range lots {
				lots[i].Rev = 1
				lots[i] = opened(lots[i])
			}
			return s.Publish(ctx, a, lots)
		},
	} {
		began := time.Now()
		must(t, do())
		took[step] = time.Since(began)
	}
	a, err := s.Session(ctx, a.ID)
	must(t, err)
	return a, lots, took
}
