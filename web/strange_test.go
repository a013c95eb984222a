package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/orders"
	"rostrum/web/webtest"
)

// strange are texts as people, and people with something in mind, write them.
var strange = map[string]string{
	"emoji":         "🪔🪔 lamp 👩‍👩‍👧‍👦 of brass",
	"right to left": "مصباح قديم من النحاس",
	"both ways":     "lamp \u202eمصباح\u202c of brass",
	"SQL":           "'; DROP TABLE goods; -- \" OR 1=1",
	"wildcards":     `100 % of_them \% \_ 'x' lamp`,
	"HTML":          `<script>alert(1)</script><b>`,
	"an attribute":  `"><img src=x onerror=alert(1)>`,
	"a template":    "{{.Token}} ${jndi:ldap://x}",
	"line breaks":   "one\ntwo\tthree and more",
	"escapes":       `\u0041 %00 %2e%2e/../.. &amp; +`,
}

// place is a field that takes a text: put sends one and gives the answer and, where it was taken, what is read back.
type place struct {
	name, field string
	takes       func(text string) bool
	put         func(s *stage, text string) (answer webtest.Answer, back string)
}

func anyText(string) bool   { return true }
func noText(string) bool    { return false }
func oneLine(s string) bool { return !strings.ContainsAny(s, "\n\t") }

// created sends a thing as somebody and reads a member of it again.
func (s *stage) created(user uuid.UUID, path, object, name, text string) (webtest.Answer, string) {
	as := s.as(user)
	a := as.Do("POST", path, with(object, name, text))
	if a.Status != http.StatusCreated {
		return a, ""
	}
	return a, as.Do("GET", a.Header.Get("Location"), nil).Text(name)
}

// registered registers somebody and gives the name that is stored.
func (s *stage) registered(name, text string) (webtest.Answer, string) {
	a := s.c.Do("POST", "/api/v1/auth/register", with(`{"login":"zoe","password":"a long enough one","name":"Zoe","area":"eu"}`, name, text))
	u, err := s.w.Users.UserByLogin(s.Context(), "zoe")
	if err != nil {
		return a, ""
	}
	return a, u.Name
}

// found gives those names of a list that a text finds, which the answer must agree with.
func (s *stage) found(a webtest.Answer, member string) string {
	var names []string
	items, _ := a.JSON["items"].([]any)
	for _, i := range items {
		names = append(names, i.(map[string]any)[member].(string))
	}
	return strings.Join(names, "|")
}

func (s *stage) bidWith(name, text string) webtest.Answer {
	return s.bid(webtest.Ben, webtest.LotLive, name, text)
}

// places are all fields of the API that a text can be put into.
var places = []place{
	{"an item's number", "number", anyText, func(s *stage, text string) (webtest.Answer, string) {
		return s.created(webtest.Sam, itemsPath, goodItem, "number", text)
	}},
	{"an item's name", "name", anyText, func(s *stage, text string) (webtest.Answer, string) {
		return s.created(webtest.Sam, itemsPath, goodItem, "name", text)
	}},
	{"an item's description", "description", anyText, func(s *stage, text string) (webtest.Answer, string) {
		return s.created(webtest.Sam, itemsPath, goodItem, "description", text)
	}},
	{"an item's new name", "name", anyText, func(s *stage, text string) (webtest.Answer, string) {
		a := s.as(webtest.Sam).Do("PATCH", itemPath, map[string]any{"name": text}, "If-Match", `"1"`)
		return a, s.as(webtest.Sam).Do("GET", itemPath, nil).Text("name")
	}},
	{"an item's area", "area", noText, func(s *stage, text string) (webtest.Answer, string) {
		return s.created(webtest.Sam, itemsPath, goodItem, "area", text)
	}},
	{"an item's currency", "currency", noText, func(s *stage, text string) (webtest.Answer, string) {
		return s.created(webtest.Sam, itemsPath, goodItem, "currency", text)
	}},
	{"a session's name", "name", anyText, func(s *stage, text string) (webtest.Answer, string) {
		return s.created(webtest.Olga, salesPath, goodSession, "name", text)
	}},
	{"a session's zone", "zone", noText, func(s *stage, text string) (webtest.Answer, string) {
		return s.created(webtest.Olga, salesPath, goodSession, "zone", text)
	}},
	{"an area's name", "name", anyText, func(s *stage, text string) (webtest.Answer, string) {
		a := s.as(webtest.Adam).Do("POST", "/api/v1/areas", map[string]any{"code": "far", "name": text})
		names := s.found(s.c.Do("GET", "/api/v1/areas", nil), "name")
		return a, strings.TrimPrefix(names, "Europe|United States|")
	}},
	{"an area's code", "code", noText, func(s *stage, text string) (webtest.Answer, string) {
		return s.as(webtest.Adam).Do("POST", "/api/v1/areas", map[string]any{"code": text, "name": "x"}), ""
	}},
	{"a user's name", "name", oneLine, func(s *stage, text string) (webtest.Answer, string) { return s.registered("name", text) }},
	{"a user's login", "login", noText, func(s *stage, text string) (webtest.Answer, string) { return s.registered("login", text) }},
	{"a user's area", "area", noText, func(s *stage, text string) (webtest.Answer, string) { return s.registered("area", text) }},
	{"a user's password", "password", anyText, func(s *stage, text string) (webtest.Answer, string) {
		a, _ := s.registered("password", text)
		if in := s.c.Do("POST", "/api/v1/auth/login", map[string]any{"login": "zoe", "password": text}); in.Status != http.StatusOK {
			return in, ""
		}
		return a, text
	}},
	{"a refresh token", "refresh", noText, func(s *stage, text string) (webtest.Answer, string) { return s.renew(text), "" }},
	{"the reason of a cancelled order", "reason", anyText, func(s *stage, text string) (webtest.Answer, string) {
		order := s.order(orders.PendingPayment)
		a := s.as(webtest.Ben).Do("POST", order+"/cancel", map[string]any{"reason": text})
		return a, s.as(webtest.Ben).Do("GET", order, nil).Text("reason")
	}},
	{"an express number", "express", anyText, func(s *stage, text string) (webtest.Answer, string) {
		order := s.order(orders.Paid)
		a := s.as(webtest.Sam).Do("POST", order+"/ship", map[string]any{"express": text})
		return a, s.as(webtest.Ben).Do("GET", order, nil).Text("express")
	}},
	{"the filter of items", "text", anyText, func(s *stage, text string) (webtest.Answer, string) {
		s.created(webtest.Sam, itemsPath, goodItem, "name", text)
		a := s.as(webtest.Sam).Do("GET", itemsPath+"?text="+url.QueryEscape(text), nil)
		return a, s.found(a, "name")
	}},
	{"the filter of a goods page", "text", anyText, func(s *stage, text string) (webtest.Answer, string) {
		s.titled(text)
		a := s.as(webtest.Ben).Do("GET", "/api/v1/sessions/"+webtest.Live.String()+"/lots?text="+url.QueryEscape(text), nil)
		return a, s.found(a, "title")
	}},
	{"a bid's code", "code", noText, func(s *stage, text string) (webtest.Answer, string) { return s.bidWith("code", text), "" }},
	{"a bid's kind", "kind", noText, func(s *stage, text string) (webtest.Answer, string) { return s.bidWith("kind", text), "" }},
	{"a bid's currency", "currency", noText, func(s *stage, text string) (webtest.Answer, string) { return s.bidWith("currency", text), "" }},
	{"a bid's id", "bid_id", noText, func(s *stage, text string) (webtest.Answer, string) { return s.bidWith("bid_id", text), "" }},
	{"a cursor", "cursor", noText, func(s *stage, text string) (webtest.Answer, string) {
		return s.as(webtest.Sam).Do("GET", itemsPath+"?cursor="+url.QueryEscape(text), nil), ""
	}},
	{"the owner of items", "owner", noText, func(s *stage, text string) (webtest.Answer, string) {
		return s.as(webtest.Olga).Do("GET", itemsPath+"?owner="+url.QueryEscape(text), nil), ""
	}},
	{"an order's reference", "id", noText, func(s *stage, text string) (webtest.Answer, string) {
		return s.as(webtest.Ben).Do("GET", "/api/v1/orders/"+url.PathEscape(text), nil), ""
	}},
	{"an item's id", "id", noText, func(s *stage, text string) (webtest.Answer, string) {
		return s.as(webtest.Sam).Do("GET", itemsPath+"/"+url.PathEscape(text), nil), ""
	}},
	{"a session's id", "id", noText, func(s *stage, text string) (webtest.Answer, string) {
		return s.c.Do("GET", salesPath+"/"+url.PathEscape(text)+"/lots", nil), ""
	}},
	{"a lot's id", "id", noText, func(s *stage, text string) (webtest.Answer, string) {
		return s.as(webtest.Ben).Do("POST", "/api/v1/lots/"+url.PathEscape(text)+"/bids", goodBid), ""
	}},
	{"a receipt's id", "bid_id", noText, func(s *stage, text string) (webtest.Answer, string) {
		return s.as(webtest.Ben).Do("GET", bidPath(webtest.LotLive)+"/"+url.PathEscape(text), nil), ""
	}},
}

// titled gives the live lot a title.
func (s *stage) titled(text string) {
	l, err := s.w.Sessions.Lot(s.Context(), webtest.LotLive)
	if err != nil {
		s.Fatal(err)
	}
	l.Title = text
	s.w.Sessions.PutLot(l)
}

// Emoji, right-to-left text, SQL and HTML are texts like any other: where a text is taken it comes back byte for byte, and
// where none is, it is refused by its field, with what to do, and nothing has changed.
func TestStrangeTextsAreTexts(t *testing.T) {
	for _, p := range places {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			before := snapshot(t, s.w)
			for name, text := range strange {
				a, back := p.put(s, text)
				switch {
				case p.takes(text):
					if a.Status >= 300 || back != text {
						t.Errorf("%s: %d, %q came back as %q (%s)", name, a.Status, text, back, a.Body)
					}
					s = newStage(t)
					continue
				case a.Text("code") == "no_such_route" && strings.Contains(text, "/"): // it was part of a path
				case a.Status < 400 || a.Status >= 500:
					t.Errorf("%s: %d %s", name, a.Status, a.Body)
				default:
					checkField(t, bad{field: p.field}, a)
				}
				if after := snapshot(t, s.w); after != before {
					t.Errorf("%s changed something: %s", name, cmp.Diff(before, after))
				}
			}
		})
	}
}

// On pages a strange text is words, and in a form what was sent: never an element, an attribute or an address.
func TestStrangeTextsOnPages(t *testing.T) {
	for name, text := range strange {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			words := strings.Join(strings.Fields(text), " ")
			b := newBrowser(t, s.c.Base)
			shows := func(where string, p page) {
				t.Helper()
				if p.root == nil || !strings.Contains(p.find("#main").words(), words) {
					t.Errorf("%s does not show it as text: %d %s", where, p.Status, p.Body)
				} else if p.find("script") != nil || p.find("img") != nil || p.find("b") != nil {
					t.Errorf("%s: the text became an element: %s", where, p.Body)
				}
			}
			s.named(text)
			shows("home", b.visit("GET", "/", nil))
			b.setAccess(s.w.Token(t, webtest.Ben))
			goods := b.visit("GET", "/sessions/"+webtest.Live.String()+"?text="+url.QueryEscape(text), nil)
			shows("the goods page", goods)
			if got := goods.find("input[id=text]").attr["value"]; got != text {
				t.Errorf("the filter was %q, is %q", text, got)
			}
			bids := "/lots/" + webtest.LotLive.String() + "/bids"
			s.w.Gate.Lock(webtest.LotLive, true)
			refused := b.submit(goods, bids, url.Values{"code": {text}, "session": {text}})
			if again := refused.find("form[action=" + bids + "]"); refused.problem() != "busy" || again == nil || again.find("input[name=code]").attr["value"] != text {
				t.Errorf("the page of a refusal: %s", refused.Body)
			}
			if refused.find("script") != nil || refused.find("img") != nil || refused.find("b") != nil {
				t.Errorf("on the page of a refusal the text became an element: %s", refused.Body)
			}
			s.w.Gate.Lock(webtest.LotLive, false)
			won := b.submit(goods, bids, nil)
			shows("the receipt", b.visit("GET", won.Header.Get("Location"), nil))
			s.w.Write(t)
			order := s.w.Gate.Records()[0].Order.String()
			s.as(webtest.Ben).Do("POST", "/api/v1/orders/"+order+"/pay", nil)
			s.as(webtest.Sam).Do("POST", "/api/v1/orders/"+order+"/ship", map[string]any{"express": text})
			bought := b.visit("GET", "/orders", nil)
			shows("the orders", bought)
			if got := bought.find(".order").words(); strings.Count(got, words) < 2 {
				t.Errorf("title and express number of an order: %q", got)
			}
			b.setAccess(s.w.Token(t, webtest.Sam))
			shows("the items", b.visit("GET", "/items", nil))
			shows("the sold", b.visit("GET", "/orders", nil))
			b.setAccess(s.w.Token(t, webtest.Olga))
			shows("the plan", b.visit("GET", "/plan", nil))
			in := b.visit("POST", "/log-in", url.Values{"login": {text}, "password": {text}})
			if got := in.find("input[name=login]").attr["value"]; in.problem() != "bad_credentials" || got != text {
				t.Errorf("a log-in as %q: %s, %q", text, in.problem(), got)
			}
		})
	}
}

// named calls everything in the world by a text.
func (s *stage) named(text string) {
	s.titled(text)
	live, err := s.w.Sessions.Session(s.Context(), webtest.Live)
	if err != nil {
		s.Fatal(err)
	}
	live.Name = text
	s.w.Sessions.PutSession(live)
	if a := s.as(webtest.Adam).Do("POST", "/api/v1/areas", map[string]any{"code": "eu", "name": text}); a.Status != http.StatusOK {
		s.Fatalf("an area: %d %s", a.Status, a.Body)
	}
	for _, field := range []string{"number", "name", "description"} {
		if a, back := s.created(webtest.Sam, itemsPath, with(goodItem, "number", field), field, text); back != text {
			s.Fatalf("an item's %s: %d %s", field, a.Status, a.Body)
		}
	}
}
