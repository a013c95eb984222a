package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/orders"
	"rostrum/web"
	"rostrum/web/webtest"
)

func startPages(t *testing.T) (*webtest.World, *browser) {
	w := webtest.NewWorld(t)
	return w, newBrowser(t, w.Start(t).Base)
}

// A person without scripts logs in, buys, and pays.
func TestBuyingOnPages(t *testing.T) {
	w, b := startPages(t)
	if links := b.visit("GET", "/", nil).find("#main").all("a"); len(links) != 4 || links[0].attr["href"] != "/sessions/"+webtest.Live.String() {
		t.Errorf("home: %s", b.last.Body)
	}
	goodsPath := "/sessions/" + webtest.Live.String()
	if p := b.visit("GET", goodsPath, nil); len(p.all(".lot")) != 4 || p.find("#main").find("form[method=post]") != nil {
		t.Errorf("a visitor can buy: %s", p.Body)
	}
	if p := b.visit("GET", "/orders", nil); p.Status != http.StatusSeeOther || p.Header.Get("Location") != "/log-in?next=%2Forders" {
		t.Errorf("a visitor's orders: %d %s", p.Status, p.Header.Get("Location"))
	}
	b.logIn("ben@example.org")
	p := b.visit("GET", goodsPath, nil)
	if got := p.find("#who").words(); got != "ben@example.org (bidder, eu)" {
		t.Errorf("who: %q", got)
	}
	bidAction := "/lots/" + webtest.LotOne.String() + "/bids"
	bidID := p.find("form[action=" + bidAction + "]").find("input[name=bid_id]").attr["value"]
	won := b.submit(p, bidAction, nil)
	if want := bidAction + "/" + bidID; won.Status != http.StatusSeeOther || won.Header.Get("Location") != want {
		t.Fatalf("bid: %d %s %s", won.Status, won.Header.Get("Location"), won.Body)
	}
	// The form sent again, as a reload does, asks for the same bid.
	if again := b.submit(p, bidAction, nil); again.Status != http.StatusSeeOther || len(w.Gate.Records()) != 1 {
		t.Errorf("sent twice: %d, %d records", again.Status, len(w.Gate.Records()))
	}
	receipt := b.visit("GET", won.Header.Get("Location"), nil)
	order := w.Gate.Records()[0].Order
	if receipt.find("#serial").words() != orders.Serial(order) || !strings.Contains(receipt.find("#written").words(), "being written") {
		t.Errorf("receipt: %s", receipt.Body)
	}
	w.Write(t)
	if p := b.visit("GET", won.Header.Get("Location"), nil); !strings.Contains(p.find("#written").words(), "The order is written") {
		t.Errorf("receipt after the row: %s", p.Body)
	}
	p = b.visit("GET", "/orders", nil)
	if got := p.find(".order").find(".state").words(); got != "pending_payment" {
		t.Errorf("order: %q", got)
	}
	b.submit(p, "/orders/"+order.String()+"/pay", nil)
	if p := b.visit("GET", "/orders", nil); p.find(".order").find(".state").words() != "paid" || p.find("form[action=/orders/"+order.String()+"/pay]") != nil {
		t.Errorf("after paying: %s", p.Body)
	}
	b.setAccess(w.Token(t, webtest.Sam))
	b.submit(b.visit("GET", "/orders", nil), "/orders/"+order.String()+"/ship", url.Values{"express": {"DHL 1"}})
	b.setAccess(w.Token(t, webtest.Ben))
	p = b.visit("GET", "/orders", nil)
	b.submit(p, "/orders/"+order.String()+"/complete", nil)
	if got := strings.Join(w.Orders.Events(), " "); got != "order.paid order.shipped order.completed" {
		t.Errorf("events: %s", got)
	}
	out := b.submit(b.visit("GET", "/", nil), "/log-out", nil)
	if out.Status != http.StatusSeeOther || b.visit("GET", "/", nil).find("#who") != nil {
		t.Errorf("log out: %d", out.Status)
	}
}

// A refusal says why, and where asking again may help it has the form for the same bid.
func TestRefusalsOnPages(t *testing.T) {
	w, b := startPages(t)
	b.logIn("ben@example.org")
	goods := b.visit("GET", "/sessions/"+webtest.Live.String(), nil)
	action := "/lots/" + webtest.LotLive.String() + "/bids"
	if p := b.submit(goods, action, url.Values{"quantity": {"3"}}); p.Status != http.StatusConflict || p.problem() != "limit_reached" || p.find("form[action="+action+"]") != nil {
		t.Errorf("too many: %d %s", p.Status, p.Body)
	}
	if p := b.submit(goods, action, url.Values{"bid_id": {"nonsense"}}); p.Status != http.StatusUnprocessableEntity || p.problem() != "invalid" {
		t.Errorf("without a bid id: %d %s", p.Status, p.Body)
	}
	w.Gate.Before = broken
	lost := b.submit(goods, action, nil)
	if lost.Status != http.StatusGatewayTimeout || lost.problem() != "unknown_outcome" {
		t.Fatalf("unknown outcome: %d %s", lost.Status, lost.Body)
	}
	w.Gate.Before = nil
	id := lost.find("input[name=bid_id]").attr["value"]
	if p := b.submit(lost, action, nil); p.Header.Get("Location") != action+"/"+id || w.Gate.Records()[0].Bid.String() != id {
		t.Errorf("asked again: %d %s", p.Status, p.Header.Get("Location"))
	}
}

func TestSellingAndPlanningOnPages(t *testing.T) {
	w, b := startPages(t)
	b.logIn("olga@example.org")
	p := b.visit("GET", "/plan", nil)
	if got := b.submit(p, "/plan", url.Values{"name": {"Night <sale>"}, "starts": {"2026-12-01T19:00"}, "ends": {"2026-12-01T18:00"}}); got.problem() != "invalid" || got.find("input[name=name]").attr["value"] != "Night <sale>" {
		t.Errorf("a session that ends before it starts: %d %s", got.Status, got.Body)
	}
	if got := b.submit(p, "/plan", url.Values{"name": {"Night <sale>"}, "starts": {"2026-12-01T19:00"}, "ends": {"2026-12-01T20:00:30"}}); got.Status != http.StatusSeeOther {
		t.Fatalf("plan: %d %s", got.Status, got.Body)
	}
	planned := b.visit("GET", "/plan", nil)
	var session string
	for _, n := range planned.all(".session") {
		if n.find("h2").words() == "Night <sale>" {
			session = n.attr["data-session"]
		}
	}
	if p := b.submit(planned, "/plan/"+session+"/publish", nil); p.problem() != "invalid" || !strings.Contains(p.find(".problem").words(), "lots there are 0") {
		t.Errorf("published without lots: %d %s", p.Status, p.Body)
	}

	b.logOutAndIn("sam@example.org")
	stock := b.visit("GET", "/items", nil)
	item := url.Values{"number": {"X-1"}, "name": {"A clock"}, "price": {"45,00"}, "currency": {"EUR"}, "area": {"eu"}}
	if p := b.submit(stock, "/items", item); p.problem() != "invalid" || !strings.Contains(p.find(".problem").words(), "such as 45.00") {
		t.Errorf("a price with a comma: %d %s", p.Status, p.Body)
	}
	item.Set("price", "45.5")
	if p := b.submit(stock, "/items", item); p.Status != http.StatusSeeOther {
		t.Fatalf("list an item: %d %s", p.Status, p.Body)
	}
	stock = b.visit("GET", "/items", nil)
	card := stock.find(".item")
	if !strings.Contains(card.words(), "45.50 EUR") {
		t.Errorf("the item: %s", card.words())
	}
	id := card.attr["data-item"]
	put := b.submit(stock, "/items/"+id+"/lots", url.Values{"session": {session}, "stock": {"0"}})
	if put.problem() != "invalid" {
		t.Errorf("no units: %d %s", put.Status, put.Body)
	}
	if p := b.submit(stock, "/items/"+id+"/lots", url.Values{"session": {session}, "stock": {"7"}, "per_buyer": {"2"}}); p.Status != http.StatusSeeOther {
		t.Errorf("put in: %d %s", p.Status, p.Body)
	}
	if p := b.submit(stock, "/items/"+webtest.ItemLive.String()+"/withdraw", nil); p.problem() != "item_in_sale" {
		t.Errorf("withdraw an item on sale: %d %s", p.Status, p.Body)
	}
	if p := b.submit(stock, "/items/"+webtest.ItemFree.String()+"/withdraw", nil); p.Status != http.StatusSeeOther {
		t.Errorf("withdraw: %d %s", p.Status, p.Body)
	}

	b.logOutAndIn("olga@example.org")
	if p := b.submit(b.visit("GET", "/plan", nil), "/plan/"+session+"/publish", nil); p.Status != http.StatusSeeOther {
		t.Errorf("publish: %d %s", p.Status, p.Body)
	}
	lots, err := w.Sessions.Lots(t.Context(), uuid.MustParse(session), uuid.Nil, 10)
	if err != nil || len(lots) != 1 || lots[0].Stock != 7 || lots[0].Code == "" || lots[0].PriceMinor != 4550 {
		t.Errorf("lots: %+v, %v", lots, err)
	}
	p = b.visit("GET", "/plan", nil)
	if p.find("form[action=/plan/"+session+"/cancel]") == nil {
		t.Error("a scheduled session cannot be cancelled")
	}
	if p.find("form[action=/plan/"+webtest.Live.String()+"/cancel]") != nil {
		t.Error("a live session can be cancelled")
	}
	if p := b.submit(p, "/plan/"+webtest.Draft.String()+"/cancel", nil); p.Status != http.StatusSeeOther {
		t.Errorf("cancel a draft: %d %s", p.Status, p.Body)
	}
	road := b.visit("GET", "/pipeline", nil)
	if rows := road.find("tbody").all("tr"); len(rows) != 3 || rows[1].attr["class"] != "halted" || !strings.Contains(rows[1].words(), "fork") || !strings.Contains(rows[2].words(), "no connection") {
		t.Errorf("pipeline: %s", road.Body)
	}
}

func (b *browser) logOutAndIn(login string) {
	b.t.Helper()
	b.submit(b.visit("GET", "/", nil), "/log-out", nil)
	b.logIn(login)
}

func TestRegisteringOnPages(t *testing.T) {
	_, b := startPages(t)
	p := b.visit("GET", "/register", nil)
	wrong := b.submit(p, "/register", url.Values{"login": {"z"}, "password": {"short"}, "name": {"Zoe"}})
	if wrong.problem() != "invalid" || wrong.find("input[name=name]").attr["value"] != "Zoe" || strings.Contains(string(wrong.Body), "short\"") {
		t.Errorf("wrong: %d %s", wrong.Status, wrong.Body)
	}
	for _, n := range wrong.find(".problem").all("a") {
		if wrong.find(n.attr["href"]) == nil {
			t.Errorf("the link %s leads to no field", n.attr["href"])
		}
	}
	in := b.submit(p, "/register", url.Values{"login": {"zoe"}, "password": {"a long enough one"}, "name": {"Zoe"}, "seller": {"1"}})
	if in.Status != http.StatusSeeOther || b.visit("GET", "/", nil).find("#who").words() != "zoe (bidder,seller, eu)" {
		t.Errorf("register: %d %s", in.Status, b.last.Body)
	}
}

// A form is taken only from a page of this visit, and only from this site.
func TestForeignForms(t *testing.T) {
	w, b := startPages(t)
	b.logIn("ben@example.org")
	goods := b.visit("GET", "/sessions/"+webtest.Live.String(), nil)
	action := "/lots/" + webtest.LotLive.String() + "/bids"
	mine := goods.find("input[name=form_token]").attr["value"]
	other := newBrowser(t, b.c.Base)
	other.logIn("bea@example.org")
	theirs := other.visit("GET", "/", nil).find("input[name=form_token]").attr["value"]
	form := url.Values{"bid_id": {webtest.ID(701).String()}, "code": {webtest.Code(webtest.LotLive)}}
	for name, headers := range map[string][]string{
		"without a token":          {"form_token", "", "Origin", b.c.Base},
		"with another's token":     {"form_token", theirs, "Origin", b.c.Base},
		"from another site":        {"form_token", mine, "Origin", "https://evil.example"},
		"from nowhere":             {"form_token", mine, "Origin", "null"},
		"as JSON":                  {"form_token", mine, "Origin", b.c.Base, "Content-Type", "application/json"},
		"as text":                  {"form_token", mine, "Origin", b.c.Base, "Content-Type", "text/plain"},
		"from another port's page": {"form_token", mine, "Origin", "http://127.0.0.1:1"},
	} {
		form.Set("form_token", headers[1])
		a := b.read(b.c.Do("POST", action, form.Encode(), append([]string{"Content-Type", "application/x-www-form-urlencoded"}, headers[2:]...)...))
		if code := a.problem(); code != "foreign_form" && code != "wrong_content_type" {
			t.Errorf("%s: %d %q", name, a.Status, code)
		}
	}
	if n := len(w.Gate.Records()); n != 0 {
		t.Errorf("%d bids were placed", n)
	}
	form.Set("form_token", mine)
	if p := b.visit("POST", action, form); p.Status != http.StatusSeeOther {
		t.Errorf("our own form: %d %s", p.Status, p.Body)
	}
}

// Cookies are out of reach of scripts and of other sites, and with HTTPS of other hosts.
func TestCookies(t *testing.T) {
	w := webtest.NewWorld(t)
	for _, secure := range []bool{false, true} {
		o := webtest.Options()
		o.CookieSecure = secure
		b := newBrowser(t, webtest.Serve(t, web.Ports{Ports: w.Ports()}, o))
		visit := b.c.Do("GET", "/log-in", nil)
		p := b.read(visit)
		cookie := strings.SplitN(visit.Header.Get("Set-Cookie"), ";", 2)[0]
		form := url.Values{"login": {"ben@example.org"}, "password": {webtest.Password}, "form_token": {p.find("input[name=form_token]").attr["value"]}}
		in := b.c.Do("POST", "/log-in", form.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Cookie", cookie)
		if in.Status != http.StatusSeeOther {
			t.Fatalf("secure %t: %d %s", secure, in.Status, in.Body)
		}
		all := append(in.Header.Values("Set-Cookie"), visit.Header.Values("Set-Cookie")...)
		if len(all) != 3 {
			t.Errorf("cookies: %v", all)
		}
		for _, c := range all {
			ok := strings.Contains(c, "HttpOnly") && strings.Contains(c, "SameSite=Lax") && strings.Contains(c, "path=/") && !strings.Contains(strings.ToLower(c), "domain")
			if !ok || strings.HasPrefix(c, "__Host-") != secure || strings.Contains(c, "; secure") != secure {
				t.Errorf("secure %t: %s", secure, c)
			}
		}
	}
}

// An access token that has run out is renewed on the way, and the form on the page is still good.
func TestAVisitOutlivesItsAccessToken(t *testing.T) {
	w, b := startPages(t)
	b.logIn("ben@example.org")
	goods := b.visit("GET", "/sessions/"+webtest.Live.String(), nil)
	w.Clock.Move(20 * time.Minute)
	if p := b.submit(goods, "/lots/"+webtest.LotLive.String()+"/bids", nil); p.Status != http.StatusSeeOther || len(w.Gate.Records()) != 1 {
		t.Errorf("%d %s", p.Status, p.Body)
	}
	w.Clock.Move(25 * time.Hour)
	if p := b.visit("GET", "/orders", nil); p.Status != http.StatusSeeOther || !strings.HasPrefix(p.Header.Get("Location"), "/log-in") {
		t.Errorf("a day later: %d", p.Status)
	}
}

func TestNextLeadsNowhereElse(t *testing.T) {
	_, b := startPages(t)
	for next, want := range map[string]string{"/orders": "/orders", "//evil.example": "/", "https://evil.example": "/", "/\\evil.example": "/", "": "/", "javascript:alert(1)": "/"} {
		b.c.HTTP.Jar = newBrowser(t, b.c.Base).c.HTTP.Jar
		p := b.visit("GET", "/log-in?next="+url.QueryEscape(next), nil)
		if got := b.submit(p, "/log-in", url.Values{"login": {"ben@example.org"}, "password": {webtest.Password}}); got.Header.Get("Location") != want {
			t.Errorf("%q leads to %q", next, got.Header.Get("Location"))
		}
		if got := b.visit("POST", "/log-in", url.Values{"login": {"ben@example.org"}, "password": {webtest.Password}, "next": {next}, "form_token": {b.last.formToken()}}); got.Status == http.StatusSeeOther && got.Header.Get("Location") != want {
			t.Errorf("%q sent by hand leads to %q", next, got.Header.Get("Location"))
		}
	}
}

func (p page) formToken() string {
	if n := p.find("input[name=form_token]"); n != nil {
		return n.attr["value"]
	}
	return ""
}

// What every page has: a language, one heading, a title, labels for all that is typed, names for all that is pressed.
func TestEveryPageCanBeRead(t *testing.T) {
	w, b := startPages(t)
	for as, paths := range map[string][]string{
		"":                 {"/", "/log-in", "/register", "/problems", "/problems/invalid", "/problems/nothing", "/nothing", "/sessions/nothing", "/sessions/" + webtest.Live.String()},
		"ben@example.org":  {"/", "/orders", "/sessions/" + webtest.Live.String(), "/sessions/" + webtest.Soon.String(), "/plan"},
		"sam@example.org":  {"/items", "/orders"},
		"olga@example.org": {"/plan", "/pipeline", "/items", "/sessions/" + webtest.Draft.String()},
	} {
		b.c.HTTP.Jar = newBrowser(t, b.c.Base).c.HTTP.Jar
		if as != "" {
			b.logIn(as)
		}
		for _, path := range paths {
			checkPage(t, as+" "+path, b.visit("GET", path, nil))
		}
	}
	if w.Counters.Count("alarm panic") != 0 {
		t.Error("a page panicked")
	}
}

func checkPage(t *testing.T, name string, p page) {
	t.Helper()
	if p.root == nil {
		t.Errorf("%s is no page: %d %s", name, p.Status, p.Body)
		return
	}
	if p.find("html").attr["lang"] != "en" || len(p.all("h1")) != 1 || p.find("title").words() == "" || p.find("meta[name=viewport]") == nil || p.find("#main") == nil {
		t.Errorf("%s lacks its frame: %s", name, p.Body)
	}
	labelled := map[string]bool{}
	for _, l := range p.all("label") {
		labelled[l.attr["for"]] = true
		for _, in := range l.all("input") {
			in.attr["type"] = "hidden" // inside its label
		}
	}
	for _, kind := range []string{"input", "select", "textarea"} {
		for _, in := range p.all(kind) {
			if in.attr["type"] != "hidden" && !labelled[in.attr["id"]] {
				t.Errorf("%s: %s %q has no label", name, kind, in.attr["name"])
			}
		}
	}
	seen := map[string]bool{}
	for _, n := range p.all("") {
		if id := n.attr["id"]; id != "" && seen[id] {
			t.Errorf("%s: id %q is there twice", name, id)
		} else if seen[id] = true; n.attr["onclick"] != "" || n.name == "script" || n.attr["style"] != "" {
			t.Errorf("%s has a script or a style of its own", name)
		}
	}
	for _, button := range p.all("button") {
		if button.words() == "" {
			t.Errorf("%s: a button without a name", name)
		}
	}
	for _, f := range p.all("form") {
		if f.attr["id"] == "find" && f.attr["method"] == "get" {
			continue // it changes nothing
		}
		if f.attr["method"] != "post" || f.find("input[name=form_token]") == nil {
			t.Errorf("%s: form %s has no token", name, f.attr["action"])
		}
	}
}
