package web_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"rostrum/web"
	"rostrum/web/webtest"
)

// A lot that never was costs no call of the database, for any route that bidders use: all that is in MySQL is away, and
// nobody notices.
func TestAnUnknownLotCostsNoDatabaseCall(t *testing.T) {
	w := webtest.NewWorld(t)
	w.Shelf.Known = func(lot uuid.UUID) bool { return lot == webtest.LotLive }
	ports := w.Ports()
	ports.Items, ports.Sessions, ports.Orders, ports.Accounts, ports.Stored = nil, nil, nil, nil, nil // a call panics
	s := &stage{t, w, webtest.NewClient(t, webtest.Serve(t, web.Ports{Ports: ports}, webtest.Options()))}
	ben, path := s.as(webtest.Ben), "/api/v1/lots/"+nothingPath
	for name, answer := range map[string]struct {
		webtest.Answer
		code string
	}{
		"a bid":                   {ben.Do("POST", path+"/bids", wish(webtest.LotLive, 1)), "not_found"},
		"a bid asked again":       {ben.Do("POST", path+"/bids", with(goodBid, "again", true)), "not_found"},
		"a bid, the ordinary way": {ben.Do("POST", path+"/bids", goodBid, "Content-Type", "application/json; charset=utf-8"), "not_found"},
		"the lot":                 {ben.Do("GET", path, nil), "lot_not_found"},
		"the lot for a visitor":   {s.c.Do("GET", path, nil), "lot_not_found"},
		"a receipt":               {ben.Do("GET", path+"/bids/"+nothingPath, nil), "lot_not_found"},
	} {
		if answer.Status != http.StatusNotFound || answer.Text("code") != answer.code {
			t.Errorf("%s: %d %s", name, answer.Status, answer.Body)
		}
	}
	if n := w.Sessions.Reads(); n != 0 || w.Counters.Count("alarm panic") != 0 {
		t.Errorf("%d reads of the shelf's for a lot that is not there, %v", n, w.Counters.All())
	}
	if s.bid(webtest.Ben, webtest.LotLive); w.Sessions.Reads() == 0 {
		t.Error("a lot that is there was not read: the count counts nothing")
	}
	if a := ben.Do("GET", "/api/v1/orders", nil); a.Status != http.StatusInternalServerError || w.Counters.Count("alarm panic") != 1 {
		t.Errorf("a call of the database was not noticed: %d, %v", a.Status, w.Counters.All())
	}
}
