package web_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/goods"
	"rostrum/internal/fault"
	"rostrum/orders"
	"rostrum/web/webtest"
)

// changeItem changes an item as it is stored.
func (s *stage) changeItem(id uuid.UUID, how func(*goods.Item)) {
	s.Helper()
	i, err := s.w.Goods.Item(s.Context(), id)
	if err != nil {
		s.Fatal(err)
	}
	how(&i)
	if _, err := s.w.Goods.ChangeItem(s.Context(), i); err != nil {
		s.Fatal(err)
	}
}

// A draft may move to another area after its lots were made: they are sold where the session is held.
func TestLotsAreSoldWhereTheirSessionIsHeld(t *testing.T) {
	s := newStage(t)
	olga := s.as(webtest.Olga)
	if a := olga.Do("PATCH", draftPath, `{"area":"us"}`, "If-Match", `"1"`); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	refused := olga.Do("POST", draftPath+"/publish", nil, "If-Match", `"2"`)
	if _, _, found := refused.Field("lots[0].item"); refused.Status != http.StatusUnprocessableEntity || !found {
		t.Errorf("an item of another area: %d %s", refused.Status, refused.Body)
	}
	s.changeItem(webtest.ItemDraft, func(i *goods.Item) { i.Area = "us" })
	if a := olga.Do("POST", draftPath+"/publish", nil, "If-Match", `"2"`); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	if a := s.c.Do("GET", "/api/v1/lots/"+webtest.LotDraft.String(), nil); a.Text("area") != "us" {
		t.Errorf("the published lot: %s", a.Body)
	}
}

// What is sold, or is on sale as a single unit, goes into no other session; what may not be shown yet is not published.
func TestWhatGoesIntoNoSession(t *testing.T) {
	now := webtest.Now.UnixMicro()
	for name, c := range map[string]struct {
		change func(s *stage)
		drafts bool // it may be in a draft
	}{
		"sold": {func(s *stage) { s.changeItem(webtest.ItemDraft, func(i *goods.Item) { i.State = goods.ToBeShipped }) }, false},
		"on sale as a single unit": {func(s *stage) {
			s.w.Sessions.PutLot(auction.Lot{ID: webtest.ID(40), Session: webtest.Soon, Item: webtest.ItemDraft, Stock: 1, State: auction.LotOpen})
		}, false},
		"not shown yet": {func(s *stage) { s.changeItem(webtest.ItemDraft, func(i *goods.Item) { i.ShowFromUS = now + 1 }) }, true},
	} {
		s := newStage(t)
		c.change(s)
		before := snapshot(t, s.w)
		dry := s.as(webtest.Olga).Do("POST", draftPath+"/publish?dry_run=true", nil)
		a := s.as(webtest.Olga).Do("POST", draftPath+"/publish", nil, "If-Match", `"1"`)
		for _, a := range []webtest.Answer{dry, a} {
			if _, remedy, found := a.Field("lots[0].item"); !found || remedy == "" {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
		if after := snapshot(t, s.w); a.Status != http.StatusUnprocessableEntity || after != before {
			t.Errorf("%s: %d, it was published", name, a.Status)
		}
		s.w.Sessions.TakeLot(webtest.LotDraft)
		added := s.as(webtest.Sam).Do("POST", draftPath+"/lots", map[string]any{"item": webtest.ItemDraft, "stock": 10})
		if (added.Status == http.StatusCreated) != c.drafts {
			t.Errorf("%s, into a draft: %d %s", name, added.Status, added.Body)
		}
	}
}

// Slices are told of together with everything else.
func TestPublishingTellsOfSlicesToo(t *testing.T) {
	s := newStage(t)
	s.changeItem(webtest.ItemDraft, func(i *goods.Item) { i.Auctionable = false })
	s.change(webtest.LotDraft, func(l *auction.Lot) { l.Slices = 17 })
	a := s.as(webtest.Olga).Do("POST", draftPath+"/publish", nil, "If-Match", `"1"`)
	for _, field := range []string{"lots[0].item", "lots[0].slices"} {
		if _, _, found := a.Field(field); !found {
			t.Errorf("%s is not named: %s", field, a.Body)
		}
	}
}

// A cancellation that failed half-way is completed by asking again, though the session has begun meanwhile; a session that
// has begun whole is not cancelled.
func TestACancellationIsCompleted(t *testing.T) {
	s := newStage(t)
	second := auction.Lot{}
	s.change(webtest.LotSoon, func(l *auction.Lot) { second = *l })
	second.ID, second.Item = webtest.ID(41), webtest.ItemFree
	s.w.Sessions.PutLot(second)
	if a := s.as(webtest.Olga).Do("POST", soonPath+"/preheat", nil); a.JSON["written"] != 2.0 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	first, err := s.w.Sessions.Lot(t.Context(), webtest.LotSoon)
	if err != nil {
		t.Fatal(err)
	}
	s.w.Clock.Move(24*time.Hour + time.Minute)
	if a := s.as(webtest.Olga).Do("POST", soonPath+"/cancel", nil, "If-Match", `"1"`); a.Text("code") != "session_published" {
		t.Fatalf("a session that has begun: %d %s", a.Status, a.Body)
	}
	if did, err := s.w.Gate.Withdraw(t.Context(), first.Shard, first.ID, "session_cancelled"); !did || err != nil {
		t.Fatal(did, err)
	}
	s.change(webtest.LotSoon, func(l *auction.Lot) { l.State = auction.LotWithdrawn })    // as the consumer writes it
	s.w.PreheatFail = fault.New(fault.Unavailable, "preheat_unverified", "it has opened") // and is not asked
	for range 2 {
		if a := s.as(webtest.Olga).Do("POST", soonPath+"/cancel", nil, "If-Match", `"1"`); a.Status != http.StatusOK {
			t.Errorf("the rest: %d %s", a.Status, a.Body)
		}
	}
	if r := s.w.Gate.Records(); len(r) != 2 || r[1].Lot != second.ID || r[1].Kind != auction.KindWithdrawn {
		t.Errorf("the gate journalled %+v", r)
	}
}

// Operators help orders on that nobody pays, ships or receives, as the table of moves says; they pay none.
func TestAnOperatorHelpsOrdersOn(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct {
		from   orders.State
		action string
		body   any
		code   string
		want   float64
	}{
		{orders.PendingPayment, "cancel", `{"reason":"never paid"}`, "", 20001},
		{orders.Paid, "ship", `{"express":"DHL 1"}`, "", 30001},
		{orders.Shipping, "complete", nil, "", 50000},
		{orders.PendingPayment, "pay", nil, "not_allowed", 0},
		{orders.Paid, "cancel", nil, "order_state", 0},
	} {
		a := s.as(webtest.Olga).Do("POST", s.order(c.from)+"/"+c.action, c.body)
		if a.Text("code") != c.code || c.code == "" && a.JSON["state"] != c.want {
			t.Errorf("%s of an order in %d: %d %s", c.action, c.from, a.Status, a.Body)
		}
	}
	if a := s.as(webtest.Anna).Do("POST", s.order(orders.Shipping)+"/complete", nil); a.Text("code") != "not_allowed" {
		t.Errorf("an analyst: %d %s", a.Status, a.Body)
	}
}

// An area that cannot be one is asked of no database.
func TestAnAreaThatIsNoText(t *testing.T) {
	s := newStage(t)
	if a := s.as(webtest.Sam).Do("GET", itemsPath+"?area=%ff", nil); a.Status != http.StatusUnprocessableEntity {
		t.Errorf("items: %d %s", a.Status, a.Body)
	} else if detail, remedy, _ := a.Field("area"); detail != "is not UTF-8" || remedy == "" {
		t.Errorf("items: %s", a.Body)
	}
	for _, query := range []string{"?area=%ff", "?area=%ff&drafts=true"} {
		if a := s.as(webtest.Olga).Do("GET", salesPath+query, nil); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("sessions%s: %d %s", query, a.Status, a.Body)
		}
	}
	if a := s.as(webtest.Olga).Do("GET", salesPath+"?area=moon&drafts=true", nil); a.Status != http.StatusOK || len(ids(a)) != 0 {
		t.Errorf("sessions of an area that is not there: %d %s", a.Status, a.Body)
	}
}
