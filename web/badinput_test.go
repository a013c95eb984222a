package web_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rostrum/accounts"
	"rostrum/web/webtest"
)

// snapshot is everything that bad input must leave as it was.
func snapshot(t *testing.T, w *webtest.World) string {
	t.Helper()
	state := []any{w.Users.Dump(), w.Goods.Dump(), w.Sessions.Dump(), w.Orders.Dump(), w.Gate.Records()}
	b, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// bad is a request that is wrong, with what must be said about it. "" for remedy: any.
type bad struct {
	name, as, method, path string
	body                   any
	headers                []string
	code, field, detail    string
	remedy                 string
}

const goodItem = `{"number":"A-1","name":"A lamp","price":4500,"currency":"EUR","area":"eu"}`

// with changes or (for nil) takes away members of a JSON object.
func with(object string, change ...any) string {
	members := map[string]any{}
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		panic(err)
	}
	for n := 0; n+1 < len(change); n += 2 {
		if change[n+1] == nil {
			delete(members, change[n].(string))
		} else {
			members[change[n].(string)] = change[n+1]
		}
	}
	b, err := json.Marshal(members)
	if err != nil {
		panic(err)
	}
	return string(b)
}

const (
	goodSession = `{"area":"eu","name":"A sale","currency":"EUR","starts":"2026-12-01T19:00:00Z","ends":"2026-12-01T20:00:00Z"}`
	goodBid     = `{"bid_id":"0198c0de-0000-7000-8000-000000000701","code":"0000000000000000000031"}`
	itemsPath   = "/api/v1/items"
	salesPath   = "/api/v1/sessions"
	past2to53   = json.Number("9007199254740992")
)

func TestBadInput(t *testing.T) {
	bids, lots := bidPath(webtest.LotLive), draftPath+"/lots"
	rows := []bad{
		{"broken JSON", "sam", "POST", itemsPath, `{"number":`, nil, "broken_json", "body", "", "send one JSON object"},
		{"no body", "sam", "POST", itemsPath, ``, nil, "broken_json", "body", "is missing", "send one JSON object"},
		{"two values", "sam", "POST", itemsPath, goodItem + `{}`, nil, "broken_json", "body", "", "send one JSON object"},
		{"not UTF-8", "sam", "POST", itemsPath, "{\"name\":\"\xff\"}", nil, "broken_json", "body", "it is not UTF-8", "send one JSON object"},
		{"a list", "sam", "POST", itemsPath, `[]`, nil, "invalid", "body", "is not an object", "send one JSON object"},
		{"nested too deep", "sam", "POST", itemsPath, strings.Repeat(`{"x":`, 20) + "1" + strings.Repeat("}", 20), nil, "broken_json", "body", "it is nested too deep", ""},
		{"broken JSON of a bid", "ben", "POST", bids, `{"bid_id"`, nil, "broken_json", "body", "", "send one JSON object"},
		{"no body of a bid", "ben", "POST", bids, ``, nil, "broken_json", "body", "is missing", "send one JSON object"},
		{"a bid of another kind", "ben", "POST", bids, `7`, nil, "invalid", "body", "is not an object", "send one JSON object"},

		{"unknown field", "sam", "POST", itemsPath, with(goodItem, "colour", "red"), nil, "invalid", "colour", "is not known here", "leave it out; known are area, auctionable, currency, description, name, number, price, show_from, trade_from"},
		{"unknown field of a bid", "ben", "POST", bids, with(goodBid, "stock", 1), nil, "invalid", "stock", "is not known here", "leave it out; known are again, amount, bid_id, code, currency, kind, price_seen, quantity"},
		{"unknown query", "sam", "GET", itemsPath + "?colour=red", nil, nil, "invalid", "colour", "is not known here", ""},
		{"a query twice", "sam", "GET", itemsPath + "?limit=1&limit=2", nil, nil, "invalid", "limit", "is there twice", "send it once"},
		{"a query of another spelling", "sam", "GET", itemsPath + "?Limit=1", nil, nil, "invalid", "Limit", "is not known here", "leave it out; known are area, cursor, limit, owner, price_from, price_to, state, text, withdrawn"},
		{"a query that is not UTF-8", "sam", "GET", itemsPath + "?text=%ff", nil, nil, "invalid", "text", "is not UTF-8", "send UTF-8, percent-encoded"},
		{"half a character", "sam", "POST", itemsPath, `{"number":"\ud800","name":"x","price":1,"currency":"EUR","area":"eu"}`, nil, "broken_json", "body", "it is not UTF-8", "send one JSON object"},
		{"an unknown name with a point", "sam", "POST", itemsPath, with(goodItem, "price.minor", 1), nil, "invalid", "price.minor", "is not known here", "leave it out; known are area, auctionable, currency, description, name, number, price, show_from, trade_from"},
		{"an unknown area of a user", "", "POST", "/api/v1/auth/register", `{"login":"zoe","password":"a long enough one","name":"Zoe","area":"moon"}`, nil, "invalid", "area", "there is no such area", "send the code of one of GET /api/v1/areas"},
		{"no order's reference", "ben", "GET", "/api/v1/orders/R-1", nil, nil, "order_not_found", "id", "is neither an order's id nor a serial number", "send one of GET /api/v1/orders"},
		{"missing field", "sam", "POST", itemsPath, with(goodItem, "name", nil), nil, "invalid", "name", "is missing", "send a text of 1 to 200 characters"},
		{"missing bid id", "ben", "POST", bids, `{}`, nil, "invalid", "bid_id", "is missing", "send a UUID that you made for this bid, the same one whenever you ask again"},
		{"wrong type: number for text", "sam", "POST", itemsPath, with(goodItem, "name", 7), nil, "invalid", "name", "is 7", "send a text of 1 to 200 characters"},
		{"wrong type: text for number", "sam", "POST", itemsPath, with(goodItem, "price", "45"), nil, "invalid", "price", "is a text", "send an integer from 1 to 9007199254740991"},
		{"wrong type: null", "sam", "POST", itemsPath, `{"number":null,"name":"x","price":1,"currency":"EUR","area":"eu"}`, nil, "invalid", "number", "is null", ""},
		{"wrong type: text for yes or no", "sam", "POST", itemsPath, with(goodItem, "auctionable", "yes"), nil, "invalid", "auctionable", "is a text", "send true or false"},
		{"wrong type in a bid", "ben", "POST", bids, with(goodBid, "quantity", "1"), nil, "invalid", "quantity", "is not an integer", "send an integer without fraction or exponent"},
		{"a bid's null", "ben", "POST", bids, `{"bid_id":null}`, nil, "invalid", "bid_id", "is not a UUID", "send a UUID such as 0198c0de-0000-7000-8000-000000000001"},
		{"a field twice", "ben", "POST", bids, `{"bid_id":"0198c0de-0000-7000-8000-000000000701","quantity":1,"quantity":2}`, nil, "invalid", "quantity", "is there twice", "send it once"},
		{"a fraction", "sam", "POST", itemsPath, with(goodItem, "price", json.Number("45.5")), nil, "invalid", "price", "is not an integer below 2^53", ""},
		{"an exponent", "sam", "POST", itemsPath, with(goodItem, "price", json.Number("45e2")), nil, "invalid", "price", "is not an integer below 2^53", ""},
		{"a fraction in a bid", "ben", "POST", bids, with(goodBid, "price_seen", json.Number("4500.0")), nil, "invalid", "price_seen", "is not an integer", ""},

		{"price negative", "sam", "POST", itemsPath, with(goodItem, "price", -1), nil, "invalid", "price", "is -1", "send an integer from 1 to 9007199254740991"},
		{"price 0", "sam", "POST", itemsPath, with(goodItem, "price", 0), nil, "invalid", "price", "is 0", "send an integer from 1 to 9007199254740991"},
		{"price over 2^53", "sam", "POST", itemsPath, with(goodItem, "price", past2to53), nil, "invalid", "price", "is 9007199254740992", "send an integer from 1 to 9007199254740991"},
		{"price far over 2^53", "sam", "POST", itemsPath, with(goodItem, "price", json.Number("99999999999999999999")), nil, "invalid", "price", "is not an integer below 2^53", ""},
		{"a bid's price over 2^53", "ben", "POST", bids, with(goodBid, "price_seen", past2to53), nil, "invalid", "price_seen", "is 9007199254740992", "send minor units from 1 to 9007199254740991, or leave it out"},
		{"a bid's price negative", "ben", "POST", bids, with(goodBid, "amount", -5), nil, "invalid", "amount", "is -5", ""},
		{"a bid for no unit", "ben", "POST", bids, with(goodBid, "quantity", 0), nil, "invalid", "quantity", "is 0", "send 1 to 64, or leave it out for 1"},
		{"a bid for 65 units", "ben", "POST", bids, with(goodBid, "quantity", 65), nil, "invalid", "quantity", "is 65", ""},
		{"a bid's kind", "ben", "POST", bids, with(goodBid, "kind", "sniper"), nil, "invalid", "kind", `is "sniper"`, "send max or exact, or leave it out"},
		{"a bid's currency", "ben", "POST", bids, with(goodBid, "currency", "XXX"), nil, "invalid", "currency", "is not a currency sold in", ""},
		{"stock 0", "sam", "POST", lots, map[string]any{"item": webtest.ItemFree, "stock": 0}, nil, "invalid", "stock", "is 0", "send an integer from 1 to 2147483648"},
		{"stock over its bound", "sam", "POST", lots, map[string]any{"item": webtest.ItemFree, "stock": 1 << 32}, nil, "invalid", "stock", "is 4294967296", ""},
		{"65 a buyer", "sam", "POST", lots, map[string]any{"item": webtest.ItemFree, "per_buyer": 65}, nil, "invalid", "per_buyer", "is 65", "send an integer from 1 to 64"},
		{"another's item", "bea", "POST", lots, map[string]any{"item": webtest.ItemFree}, nil, "invalid", "item", "is not an item of yours", "send the id of one of GET /api/v1/items"},
		{"limit of a list", "sam", "GET", itemsPath + "?limit=101", nil, nil, "invalid", "limit", "is 101", "send an integer from 1 to 100"},
		{"no UUID", "sam", "GET", itemsPath + "/17", nil, nil, "invalid", "id", "", "send a UUID such as 0198c0de-0000-7000-8000-000000000001"},

		{"body over 16 KiB", "sam", "POST", itemsPath, with(goodItem, "description", strings.Repeat("x", 17<<10)), nil, "body_too_large", "body", "is too large", "Send at most 16384 bytes."},
		{"a bid over 16 KiB", "ben", "POST", bids, goodBid + strings.Repeat(" ", 17<<10), nil, "body_too_large", "body", "is too large", "Send at most 16384 bytes."},
		{"wrong content type", "sam", "POST", itemsPath, goodItem, []string{"Content-Type", "application/x-www-form-urlencoded"}, "wrong_content_type", "Content-Type", "is not application/json", "Send Content-Type: application/json."},
		{"a bid's wrong content type", "ben", "POST", bids, goodBid, []string{"Content-Type", "text/plain"}, "wrong_content_type", "Content-Type", "is not application/json", "Send Content-Type: application/json."},
		{"a packed body", "sam", "POST", itemsPath, goodItem, []string{"Content-Encoding", "gzip"}, "wrong_content_type", "Content-Encoding", "is set", "send the body as it is, without Content-Encoding"},
		{"a bid's packed body", "ben", "POST", bids, goodBid, []string{"Content-Encoding", "gzip"}, "wrong_content_type", "Content-Encoding", "is set", "send the body as it is, without Content-Encoding"},
		{"no content type", "sam", "POST", itemsPath, goodItem, []string{"Content-Type", ""}, "wrong_content_type", "Content-Type", "is not application/json", "Send Content-Type: application/json."},
		{"another charset", "sam", "POST", itemsPath, goodItem, []string{"Content-Type", "application/json; charset=latin1"}, "wrong_content_type", "Content-Type", "is not application/json", "Send Content-Type: application/json."},
		{"a body where none is taken", "ben", "POST", "/api/v1/auth/logout", `{}`, nil, "invalid", "body", "is not expected here", "send no body"},

		{"foreign token", "foreign", "POST", itemsPath, goodItem, nil, "token_invalid", "Authorization", "", ""},
		{"expired token", "expired", "POST", itemsPath, goodItem, nil, "token_expired", "Authorization", "", ""},
		{"no bearer", "", "POST", itemsPath, goodItem, []string{"Authorization", "Basic YTpi"}, "token_invalid", "Authorization", "", ""},

		{"unknown area", "sam", "POST", itemsPath, with(goodItem, "area", "moon"), nil, "invalid", "area", "there is no such area", "send the code of one of GET /api/v1/areas"},
		{"area of another form", "sam", "POST", itemsPath, with(goodItem, "area", "'; DROP TABLE items"), nil, "invalid", "area", "is not an area code", ""},
		{"unknown currency", "sam", "POST", itemsPath, with(goodItem, "currency", "GOLD"), nil, "invalid", "currency", "is not a currency sold in", "send an ISO 4217 code such as EUR"},
		{"name of 300 characters", "sam", "POST", itemsPath, with(goodItem, "name", strings.Repeat("é", 300)), nil, "invalid", "name", "has 300 characters", "send a text of 1 to 200 characters"},
		{"name of spaces", "sam", "POST", itemsPath, with(goodItem, "name", "   "), nil, "invalid", "name", "is empty", "send 1 to 200 characters"},
		{"name with a control character", "sam", "POST", itemsPath, with(goodItem, "name", "a\x00b"), nil, "invalid", "name", "has control characters", ""},
		{"a session's name of 300 characters", "olga", "POST", salesPath, with(goodSession, "name", strings.Repeat("x", 300)), nil, "invalid", "name", "has 300 characters", ""},

		{"starts in the past", "olga", "POST", salesPath, with(goodSession, "starts", "2026-11-22T18:59:59Z"), nil, "invalid", "starts", "is not in the future", "send a later RFC 3339 time"},
		{"end before start", "olga", "POST", salesPath, with(goodSession, "ends", "2026-12-01T18:59:59Z"), nil, "invalid", "ends", "is not after starts", "send an RFC 3339 time after starts"},
		{"no time", "olga", "POST", salesPath, with(goodSession, "starts", "tomorrow"), nil, "invalid", "starts", "is not an RFC 3339 time", "send an RFC 3339 time such as 2026-11-22T20:00:00Z"},
		{"a zone that is none", "olga", "POST", salesPath, with(goodSession, "zone", "Moon/Base"), nil, "invalid", "zone", "is not a time zone", ""},
		{"recurrence", "olga", "POST", salesPath, with(goodSession, "recurrence", "hourly"), nil, "invalid", "recurrence", "", "send one of once, daily"},

		{"If-Match stale", "sam", "PATCH", itemPath, `{"price":1}`, []string{"If-Match", `"9"`}, "stale", "If-Match", "", ""},
		{"If-Match of another form", "sam", "PATCH", itemPath, `{"price":1}`, []string{"If-Match", `W/"1"`}, "invalid", "If-Match", "is not an ETag of ours", `send the ETag as it came, such as "3"`},
		{"If-Match missing", "sam", "POST", itemPath + "/withdraw", nil, nil, "if_match_missing", "If-Match", "is missing", ""},
		{"a session's If-Match stale", "olga", "POST", draftPath + "/publish", nil, []string{"If-Match", `"9"`}, "stale", "If-Match", "", ""},
		{"cursor of nothing", "sam", "GET", itemsPath + "?cursor=AAAA", nil, nil, "invalid", "cursor", "is not a cursor of this list with these filters", "send `next` as it came, or leave it out to begin again"},

		{"another user's order", "bea", "GET", "<order>", nil, nil, "order_not_found", "", "", ""},
		{"another user's order paid", "bea", "POST", "<order>/pay", nil, nil, "order_not_found", "", "", ""},
		{"another user's order cancelled", "bea", "POST", "<order>/cancel", `{"reason":"mine"}`, nil, "order_not_found", "", "", ""},
		{"unknown lot", "ben", "POST", bidPath(webtest.ID(901)), goodBid, nil, "not_found", "", "", ""},
		{"wrong area", "ben", "POST", bidPath(webtest.LotFar), with(goodBid, "code", webtest.Code(webtest.LotFar)), nil, "wrong_area", "", "", ""},
		{"own lot", "bea", "POST", bidPath(webtest.LotBea), with(goodBid, "code", webtest.Code(webtest.LotBea)), nil, "own_lot", "", "", ""},
		{"bad code", "ben", "POST", bids, with(goodBid, "code", webtest.Code(webtest.LotOne)), nil, "bad_code", "code", "is not the lot's", "Read the goods page again: it shows the code while the lot is live."},
		{"a bid id used for another bid", "ben", "POST", bids, with(goodBid, "bid_id", webtest.ID(702), "quantity", 2), nil, "id_reused", "bid_id", "was used for another bid", ""},
		{"another price seen", "ben", "POST", bids, with(goodBid, "price_seen", 4400), nil, "price_mismatch", "price_seen", "is not the lot's", ""},
		{"another price offered", "ben", "POST", bids, with(goodBid, "price_seen", 4500, "amount", 4400), nil, "price_mismatch", "amount", "is not the lot's", ""},
		{"another currency", "ben", "POST", bids, with(goodBid, "price_seen", 4500, "currency", "USD"), nil, "price_mismatch", "currency", "is not the lot's", ""},
		{"login taken", "", "POST", "/api/v1/auth/register", `{"login":"BEN@example.org","password":"a long enough one","name":"Zoe","area":"eu"}`, nil, "login_taken", "login", "is taken", ""},
		{"number taken", "sam", "POST", itemsPath, with(goodItem, "number", "N12"), nil, "number_taken", "number", "is that of another item of yours", ""},
		{"item in the session already", "sam", "POST", lots, map[string]any{"item": webtest.ItemDraft}, nil, "lot_exists", "item", "is in this session already", ""},
		{"no refresh token", "", "POST", "/api/v1/auth/refresh", `{"refresh":"guessed"}`, nil, "login_not_found", "refresh", "is no refresh token of ours", ""},

		{"short password", "", "POST", "/api/v1/auth/register", `{"login":"zoe","password":"short","name":"Zoe","area":"eu"}`, nil, "invalid", "password", "is too short, too long or not text", ""},
		{"a role that nobody gives oneself", "", "POST", "/api/v1/auth/register", `{"login":"zoe","password":"a long enough one","name":"Zoe","area":"eu","roles":["admin"]}`, nil, "invalid", "roles[0]", "", "send one of bidder, seller"},
		{"a wrong area's code", "adam", "POST", "/api/v1/areas", `{"code":"Not A Code","name":"x"}`, nil, "invalid", "code", "is not an area code", "send 2 to 32 of a-z, 0-9 and -"},
		{"shipping without a number", "sam", "POST", "/api/v1/orders/" + nothingPath + "/ship", `{"express":""}`, nil, "invalid", "express", "has 0 characters", ""},
	}
	w := webtest.NewWorld(t)
	c := w.Start(t)
	won := c.As(w.Token(t, webtest.Ben)).Do("POST", bids, wish(webtest.LotLive, 2))
	w.Write(t)
	order, before := "/api/v1/orders/"+won.Text("order"), snapshot(t, w)
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			a := c.As(tokenOf(t, w, row.as)).Do(row.method, strings.Replace(row.path, "<order>", order, 1), row.body, row.headers...)
			if a.Text("code") != row.code {
				t.Fatalf("%d %s, want %s", a.Status, a.Body, row.code)
			}
			if a.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("content type %q", a.Header.Get("Content-Type"))
			}
			if row.field != "" {
				checkField(t, row, a)
			}
			if a.Text("remedy") == "" {
				t.Errorf("no remedy: %s", a.Body)
			}
			if after := snapshot(t, w); after != before {
				t.Errorf("it changed something: %s", cmp.Diff(before, after))
			}
		})
	}
}

func checkField(t *testing.T, row bad, a webtest.Answer) {
	t.Helper()
	detail, remedy, found := a.Field(row.field)
	if !found {
		t.Fatalf("field %s is not named: %s", row.field, a.Body)
	}
	if row.detail != "" && detail != row.detail || row.remedy != "" && remedy != row.remedy || remedy == "" || remedy == "look at /docs" {
		t.Errorf("%s: %q, remedy %q; want %q, %q", row.field, detail, remedy, row.detail, row.remedy)
	}
}

func tokenOf(t *testing.T, w *webtest.World, name string) string {
	t.Helper()
	switch name {
	case "":
		return ""
	case "foreign":
		other := webtest.NewWorld(t)
		keys, err := accounts.NewKeys(accounts.Key{ID: "test", Secret: []byte("another secret, also 32 bytes long")})
		if err != nil {
			t.Fatal(err)
		}
		other.Service.Keys = keys
		return other.Token(t, webtest.Sam)
	case "expired":
		early := webtest.NewWorld(t)
		early.Clock.Move(-webtest.AnHour)
		return early.Token(t, webtest.Sam)
	}
	u, err := w.Users.UserByLogin(t.Context(), name+"@example.org")
	if err != nil {
		t.Fatal(err)
	}
	return w.Token(t, u.ID)
}

// A body over the socket's limit is refused by the server before any route: with the same problem, by its announced length
// and in pieces.
func TestABodyThatNoRouteSees(t *testing.T) {
	s := newStage(t)
	before := snapshot(t, s.w)
	for name, rest := range map[string]string{"with a length": "Content-Length: 70000\r\n\r\n{", "in pieces": "Transfer-Encoding: chunked\r\n\r\n11170\r\n{"} {
		for _, path := range []string{itemsPath, bidPath(webtest.LotLive)} {
			a := s.raw(s.c.Base, "POST "+path+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Bearer "+s.w.Token(t, webtest.Ben)+"\r\n"+rest)
			if a.Status != http.StatusRequestEntityTooLarge || a.Text("code") != "body_too_large" {
				t.Fatalf("%s to %s: %d %s", name, path, a.Status, a.Body)
			}
			checkForm(t, kindOf(t, "body_too_large"), a)
			checkField(t, bad{field: "body", detail: "is too large", remedy: "Send at most 16384 bytes."}, a)
		}
	}
	if after := snapshot(t, s.w); after != before {
		t.Errorf("it changed something: %s", cmp.Diff(before, after))
	}
}

// Every wrong field of a request is named at once.
func TestAllThatIsWrongAtOnce(t *testing.T) {
	w := webtest.NewWorld(t)
	c := w.Start(t)
	a := c.As(w.Token(t, webtest.Ben)).Do("POST", bidPath(webtest.LotLive), `{"bid_id":"x","quantity":"1","price_seen":1.5,"again":1,"colour":"red"}`)
	for _, field := range []string{"bid_id", "quantity", "price_seen", "again", "colour"} {
		if _, _, found := a.Field(field); !found {
			t.Errorf("%s is not named: %s", field, a.Body)
		}
	}
	a = c.As(w.Token(t, webtest.Olga)).Do("POST", "/api/v1/sessions", `{"area":"moon","name":" ","currency":"GOLD","starts":"2026-11-01T00:00:00Z","ends":"2026-12-01T20:00:00Z","zone":"X/Y"}`)
	for _, field := range []string{"area", "name", "currency", "starts", "zone"} {
		if _, _, found := a.Field(field); !found {
			t.Errorf("%s is not named: %s", field, a.Body)
		}
	}
}

// A cursor is good for the list and filters that it came from, and for nobody else.
func TestCursors(t *testing.T) {
	w := webtest.NewWorld(t)
	c := w.Start(t)
	sam := c.As(w.Token(t, webtest.Sam))
	first := sam.Do("GET", itemsPath+"?limit=2", nil)
	next := first.Text("next")
	if next == "" {
		t.Fatalf("there is no next: %s", first.Body)
	}
	var seen []string
	for page := first; ; page = sam.Do("GET", itemsPath+"?limit=2&cursor="+page.Text("next"), nil) {
		for _, i := range page.JSON["items"].([]any) {
			seen = append(seen, i.(map[string]any)["id"].(string))
		}
		if page.Text("next") == "" {
			break
		}
	}
	want := []string{webtest.ItemLost.String(), webtest.ItemOne.String(), webtest.ItemFar.String(), webtest.ItemSoon.String(), webtest.ItemLive.String(), webtest.ItemDraft.String(), webtest.ItemFree.String()}
	if d := cmp.Diff(want, seen); d != "" {
		t.Errorf("all pages together (-want +got):\n%s", d)
	}
	tampered := []byte(next)
	tampered[5] ^= 1
	for name, a := range map[string]webtest.Answer{
		"a letter changed":  sam.Do("GET", itemsPath+"?limit=2&cursor="+string(tampered), nil),
		"cut short":         sam.Do("GET", itemsPath+"?limit=2&cursor="+next[:40], nil),
		"of another filter": sam.Do("GET", itemsPath+"?area=eu&cursor="+next, nil),
		"of another list":   sam.Do("GET", "/api/v1/sessions?cursor="+next, nil),
		"of somebody else":  c.As(w.Token(t, webtest.Olga)).Do("GET", itemsPath+"?limit=2&cursor="+next, nil),
		"with SQL":          sam.Do("GET", itemsPath+"?cursor=%27%20OR%201=1", nil),
	} {
		if _, remedy, found := a.Field("cursor"); a.Status != 422 || !found || remedy == "" {
			t.Errorf("a cursor %s: %d %s", name, a.Status, a.Body)
		}
	}
}
