package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/web/api"
	"rostrum/web/pages"
	"rostrum/web/webtest"
)

// who may use which route, written out: the letters are (v)isitor, (b)idder, (s)eller, (o)perator, (a)nalyst, a(d)min.
// A route that is missing here fails the test.
var mayUse = map[string]string{
	"auth-register": "vbsoad", "auth-login": "vbsoad", "auth-refresh": "vbsoad", "auth-logout": "bsoad", "auth-me": "bsoad",
	"areas-list": "vbsoad", "areas-put": "od",
	"items-list": "soad", "items-create": "s", "items-read": "soad", "items-change": "so", "items-withdraw": "so",
	"sessions-list": "vbsoad", "sessions-read": "vbsoad", "sessions-create": "o", "sessions-change": "o", "sessions-publish": "o", "sessions-cancel": "o", "sessions-preheat": "o",
	"lots-list": "vbsoad", "lots-read": "vbsoad", "lots-add": "so", "lots-change": "so", "lots-remove": "so",
	"bids-place": "b", "bids-read": "b",
	"orders-list": "bs", "orders-read": "bsoad", "orders-pay": "b", "orders-cancel": "bo", "orders-ship": "so", "orders-complete": "bo",
	"ops-pipeline": "oad",

	"GET /": "vbsoad", "GET /log-in": "vbsoad", "POST /log-in": "vbsoad", "POST /log-out": "bsoad", "GET /register": "vbsoad", "POST /register": "vbsoad",
	"GET /sessions/:id": "vbsoad", "POST /lots/:id/bids": "b", "GET /lots/:id/bids/:bid": "b",
	"GET /orders": "bs", "POST /orders/:id/pay": "b", "POST /orders/:id/cancel": "bo", "POST /orders/:id/ship": "so", "POST /orders/:id/complete": "bo",
	"GET /items": "soad", "POST /items": "s", "POST /items/:id/withdraw": "so", "POST /items/:id/lots": "so",
	"GET /plan": "o", "POST /plan": "o", "POST /plan/:id/publish": "o", "POST /plan/:id/cancel": "o", "GET /pipeline": "oad",
	"GET /problems": "vbsoad", "GET /problems/:code": "vbsoad",
}

var letters = map[string]accounts.Roles{"v": 0, "b": accounts.Bidder, "s": accounts.Seller, "o": accounts.Operator, "a": accounts.Analyst, "d": accounts.Admin}

func TestEveryRouteWithEveryRole(t *testing.T) {
	w := webtest.NewWorld(t)
	c := w.Start(t)
	for _, r := range api.Routes() {
		want, known := mayUse[r.ID]
		if !known {
			t.Errorf("route %s is not in the table", r.ID)
		}
		for letter, roles := range letters {
			as := c.As("")
			if roles != 0 {
				as = c.As(w.TokenFor(t, accounts.User{ID: webtest.ID(900), Login: "x", Area: "eu", Roles: roles}))
			}
			a := as.Do(r.Method, api.Prefix+someIDs(r.Path), bodyOf(r))
			check(t, r.ID, letter, want, a.Status == http.StatusUnauthorized && a.Text("code") == "not_logged_in" || a.Text("code") == "not_allowed", a)
		}
	}
}

func bodyOf(r api.Route) any {
	if r.Example == "" {
		return nil
	}
	return r.Example
}

// someIDs puts ids of nothing into a path, so that who may pass is told "not found" and changes nothing.
func someIDs(path string) string {
	return strings.NewReplacer("{id}", webtest.ID(901).String(), "{bid_id}", webtest.ID(902).String(), ":id", webtest.ID(901).String(), ":bid", webtest.ID(902).String(), ":code", "invalid").Replace(path)
}

func check(t *testing.T, route, letter, allowed string, kept bool, a webtest.Answer) {
	t.Helper()
	if want := !strings.Contains(allowed, letter); kept != want {
		t.Errorf("%s as %s: kept out %t, want %t (%d %s)", route, letter, kept, want, a.Status, a.Text("code"))
	}
	if kept && letter == "v" && a.Status != http.StatusUnauthorized && a.Status != http.StatusSeeOther {
		t.Errorf("%s as a visitor: status %d", route, a.Status)
	}
}

func TestEveryPageWithEveryRole(t *testing.T) {
	w := webtest.NewWorld(t)
	base := w.Start(t).Base
	for letter, roles := range letters {
		b := newBrowser(t, base)
		if roles != 0 {
			b.setAccess(w.TokenFor(t, accounts.User{ID: webtest.ID(900), Login: "x", Area: "eu", Roles: roles}))
		}
		for _, r := range pages.Routes() {
			name := r.Method + " " + r.Path
			want, known := mayUse[name]
			if !known {
				t.Errorf("page %s is not in the table", name)
			}
			a := b.visit(r.Method, someIDs(r.Path), url.Values{})
			toLogIn := a.Status == http.StatusSeeOther && strings.HasPrefix(a.Header.Get("Location"), "/log-in?next=")
			check(t, name, letter, want, toLogIn || a.problem() == "not_logged_in" || a.problem() == "not_allowed", a.Answer)
			if a.Status == http.StatusSeeOther && r.Path == "/log-out" {
				b.setAccess(w.TokenFor(t, accounts.User{ID: webtest.ID(900), Login: "x", Area: "eu", Roles: roles}))
			}
		}
	}
}

// What is somebody else's is not there, whoever asks with the right role.
func TestWhatIsNotYoursIsNotThere(t *testing.T) {
	w := webtest.NewWorld(t)
	c := w.Start(t)
	ben, bea, sam := c.As(w.Token(t, webtest.Ben)), c.As(w.Token(t, webtest.Bea)), c.As(w.Token(t, webtest.Sam))
	won := ben.Do("POST", bidPath(webtest.LotLive), wish(webtest.LotLive, 1))
	if won.Status != http.StatusCreated {
		t.Fatalf("Ben's bid: %d %s", won.Status, won.Body)
	}
	w.Write(t)
	order, before := "/api/v1/orders/"+won.Text("order"), snapshot(t, w)
	unchanged := func(name string) {
		t.Helper()
		if after := snapshot(t, w); after != before {
			t.Fatalf("%s changed something: %s", name, cmp.Diff(before, after))
		}
	}
	for _, tc := range []struct {
		name         string
		as           *webtest.Client
		method, path string
		body         any
		status       int
		code         string
	}{
		{"Bea reads Ben's order", bea, "GET", order, nil, 404, "order_not_found"},
		{"Bea pays Ben's order", bea, "POST", order + "/pay", nil, 404, "order_not_found"},
		{"Bea cancels Ben's order", bea, "POST", order + "/cancel", nil, 404, "order_not_found"},
		{"Bea ships Ben's order", bea, "POST", order + "/ship", `{"express":"X"}`, 404, "order_not_found"},
		{"Bea reads Ben's receipt", bea, "GET", bidPath(webtest.LotLive) + "/" + webtest.ID(701).String(), nil, 404, "bid_not_found"},
		{"Bea reads Sam's item", bea, "GET", "/api/v1/items/" + webtest.ItemFree.String(), nil, 404, "item_not_found"},
		{"Bea changes Sam's item", bea, "PATCH", "/api/v1/items/" + webtest.ItemFree.String(), `{"price":1}`, 404, "item_not_found"},
		{"Bea withdraws Sam's item", bea, "POST", "/api/v1/items/" + webtest.ItemFree.String() + "/withdraw", nil, 404, "item_not_found"},
		{"Bea puts Sam's item into a session", bea, "POST", draftPath + "/lots", map[string]any{"item": webtest.ItemFree}, 422, "invalid"},
		{"Bea changes Sam's lot", bea, "PATCH", "/api/v1/lots/" + webtest.LotDraft.String(), `{"stock":1}`, 404, "lot_not_found"},
		{"Bea removes Sam's lot", bea, "DELETE", "/api/v1/lots/" + webtest.LotDraft.String(), nil, 404, "lot_not_found"},
		{"Ben reads a draft session", ben, "GET", "/api/v1/sessions/" + webtest.Draft.String(), nil, 404, "session_not_found"},
		{"Ben reads a draft lot", ben, "GET", "/api/v1/lots/" + webtest.LotDraft.String(), nil, 404, "lot_not_found"},
		{"Ben bids on a draft lot", ben, "POST", bidPath(webtest.LotDraft), wish(webtest.LotDraft, 9), 404, "not_found"},
		{"Sam reads the order of his lamp", sam, "GET", order, nil, 200, ""},
		{"Ben reads it by its serial number", ben, "GET", "/api/v1/orders/" + won.Text("serial"), nil, 200, ""},
	} {
		a := tc.as.Do(tc.method, tc.path, tc.body, "If-Match", `"1"`)
		if a.Status != tc.status || a.Text("code") != tc.code {
			t.Errorf("%s: %d %q, want %d %q", tc.name, a.Status, a.Text("code"), tc.status, tc.code)
		}
		unchanged(tc.name)
	}
	both := c.As(w.TokenFor(t, accounts.User{ID: webtest.ID(900), Login: "x", Area: "eu", Roles: accounts.Bidder | accounts.Analyst}))
	if a := both.Do("POST", order+"/pay", nil); a.Status != http.StatusForbidden || a.Text("code") != "not_your_order" {
		t.Errorf("an analyst who bids too pays Ben's order: %d %s", a.Status, a.Body)
	}
	unchanged("an analyst who bids")
}

func bidPath(lot uuid.UUID) string { return "/api/v1/lots/" + lot.String() + "/bids" }

// wish is a good bid on a lot; n tells bids apart.
func wish(lot uuid.UUID, n int) map[string]any {
	return map[string]any{"bid_id": webtest.ID(700 + n), "code": webtest.Code(lot), "quantity": 1, "price_seen": 4500, "currency": "EUR"}
}
