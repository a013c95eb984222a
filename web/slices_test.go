package web_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/web/webtest"
)

// A lot that its seller wants in slices: publishing makes them, each buyer is shown one, has the stock of that one, may
// bid on that one, and is told of the others that they are not there.
func TestALotInSlices(t *testing.T) {
	const parts = 4
	s := newStage(t)
	sam, olga := s.as(webtest.Sam), s.as(webtest.Olga)
	terms := map[string]any{"item": webtest.ItemFree.String(), "stock": 10, "slices": 17}
	if a := sam.Do("POST", draftPath+"/lots", terms); a.Text("code") != "invalid" {
		t.Errorf("more slices than shards: %d %s", a.Status, a.Body)
	} else if _, remedy, found := a.Field("slices"); !found || remedy != "send 1 to 5: a slice has a shard of its own, of 16, and at least 2 units" {
		t.Errorf("told %s", a.Body)
	}
	terms["slices"] = 2
	added := sam.Do("POST", draftPath+"/lots", terms)
	lot := "/api/v1/lots/" + added.Text("id")
	changed := sam.Do("PATCH", lot, map[string]any{"slices": parts}, "If-Match", added.Header.Get("ETag"))
	if added.Status != http.StatusCreated || changed.Status != http.StatusOK || changed.JSON["slices"] != float64(parts) || changed.JSON["stock"] != float64(10) {
		t.Fatalf("added %d %s, changed %d %s", added.Status, added.Body, changed.Status, changed.Body)
	}
	draft := olga.Do("GET", draftPath, nil)
	if a := olga.Do("POST", draftPath+"/publish", nil, "If-Match", draft.Header.Get("ETag")); a.Status != http.StatusOK {
		t.Fatalf("publish: %d %s", a.Status, a.Body)
	}
	all, err := s.w.Sessions.Lots(t.Context(), webtest.Draft, uuid.Nil, 100)
	if err != nil {
		t.Fatal(err)
	}
	all = slices.DeleteFunc(all, func(l auction.Lot) bool { return l.SliceOf == uuid.Nil })
	if len(all) != parts {
		t.Fatalf("%d slices: %+v", len(all), all)
	}
	for _, l := range all {
		if _, err := s.w.Gate.Preheat(t.Context(), l.Shard, []auction.Lot{l}); err != nil {
			t.Fatal(err)
		}
	}
	s.w.Clock.Move(time.UnixMicro(all[0].OpensUS).Sub(webtest.Now) + time.Second)
	for n := range 6 {
		s.oneSlice(webtest.ID(900+n), all)
	}
	for _, l := range all { // Bea sells, too, and so sees what is planned: each slice, but the code of her own alone
		a := s.as(webtest.Bea).Do("GET", "/api/v1/lots/"+l.ID.String(), nil)
		if a.Text("id") != l.ID.String() || (a.Text("code") != "") != l.Serves(webtest.Bea) {
			t.Errorf("slice %d is to a seller: %s", l.Slice, a.Body)
		}
	}
	if a := s.c.Do("GET", "/api/v1/sessions/"+webtest.Draft.String()+"/lots", nil); a.Status != http.StatusOK || len(sliced(a)) != 1 {
		t.Errorf("nobody is shown %s", a.Body)
	}
}

// sliced gives the lots in slices of a goods page.
func sliced(a webtest.Answer) (found []map[string]any) {
	for _, item := range a.JSON["items"].([]any) {
		if l := item.(map[string]any); l["slices"] != nil {
			found = append(found, l)
		}
	}
	return found
}

// oneSlice looks at the slices as one buyer.
func (s *stage) oneSlice(user uuid.UUID, all []auction.Lot) {
	s.Helper()
	var own auction.Lot
	for _, l := range all {
		if l.Serves(user) {
			own = l
		}
	}
	c := s.c.As(s.w.TokenFor(s.T, webtest.Bidder(user)))
	shown := sliced(c.Do("GET", "/api/v1/sessions/"+webtest.Draft.String()+"/lots", nil))
	if len(shown) != 1 || shown[0]["id"] != own.ID.String() || shown[0]["stock"] != float64(own.Stock) || shown[0]["code"] != own.Code {
		s.Errorf("%s is shown %v of its slice %+v", user, shown, own)
	}
	for _, l := range all {
		if a := c.Do("GET", "/api/v1/lots/"+l.ID.String(), nil); a.Text("id") != own.ID.String() || a.Text("code") != own.Code {
			s.Errorf("lot %s is to %s: %d %s, want its own slice", l.ID, user, a.Status, a.Body)
		}
		want := map[bool]int{true: http.StatusCreated, false: http.StatusNotFound}[l.ID == own.ID]
		if a := c.Do("POST", bidPath(l.ID), map[string]any{"bid_id": uuid.New(), "code": l.Code}); a.Status != want || want == http.StatusNotFound && a.Text("verdict") != "not_found" {
			s.Errorf("%s bids on slice %d, its own is %d: %d %s", user, l.Slice, own.Slice, a.Status, a.Body)
		}
	}
}
