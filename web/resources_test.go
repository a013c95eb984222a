package web_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/web"
	"rostrum/web/webtest"
)

func ids(a webtest.Answer) []string {
	var all []string
	list, _ := a.JSON["items"].([]any)
	for _, i := range list {
		all = append(all, i.(map[string]any)["id"].(string))
	}
	return all
}

func TestAnItemsLife(t *testing.T) {
	s := newStage(t)
	sam := s.as(webtest.Sam)
	made := sam.Do("POST", itemsPath, with(goodItem, "show_from", "2026-11-30T10:00:00+01:00"))
	if made.Status != http.StatusCreated || made.Header.Get("ETag") != `"1"` || made.Text("show_from") != "2026-11-30T09:00:00.000000Z" || made.JSON["auctionable"] != true || made.JSON["state"] != 1.0 {
		t.Fatalf("%d %v %s", made.Status, made.Header, made.Body)
	}
	path := made.Header.Get("Location")
	changed := sam.Do("PATCH", path, `{"price":4200,"auctionable":false}`, "If-Match", `"1"`)
	if changed.Status != http.StatusOK || changed.Header.Get("ETag") != `"2"` || changed.JSON["price"] != 4200.0 || changed.JSON["auctionable"] != false || changed.Text("name") != "A lamp" {
		t.Errorf("%d %s", changed.Status, changed.Body)
	}
	if a := sam.Do("PATCH", path, `{"price":1}`, "If-Match", `"1"`); a.Status != http.StatusPreconditionFailed {
		t.Errorf("a change of the older version: %d", a.Status)
	}
	if a := s.as(webtest.Olga).Do("PATCH", path, `{"name":"Mended by an operator"}`, "If-Match", `"2"`); a.Status != http.StatusOK {
		t.Errorf("an operator's change: %d %s", a.Status, a.Body)
	}
	gone := sam.Do("POST", path+"/withdraw", nil, "If-Match", `"3"`)
	if gone.Status != http.StatusOK || gone.Text("withdrawn") == "" {
		t.Errorf("withdraw: %d %s", gone.Status, gone.Body)
	}
	if slices.Contains(ids(sam.Do("GET", itemsPath+"?limit=100", nil)), made.Text("id")) {
		t.Error("a withdrawn item is listed")
	}
	if !slices.Contains(ids(sam.Do("GET", itemsPath+"?limit=100&withdrawn=true", nil)), made.Text("id")) {
		t.Error("a withdrawn item is not listed where it is asked for")
	}
}

func TestWhoSeesWhichItems(t *testing.T) {
	s := newStage(t)
	if got := ids(s.as(webtest.Bea).Do("GET", itemsPath, nil)); len(got) != 1 || got[0] != webtest.ItemBea.String() {
		t.Errorf("Bea sees %v", got)
	}
	if got := ids(s.as(webtest.Bea).Do("GET", itemsPath+"?owner="+webtest.Sam.String(), nil)); len(got) != 0 {
		t.Errorf("Bea sees Sam's %v", got)
	}
	if got := ids(s.as(webtest.Anna).Do("GET", itemsPath, nil)); len(got) != 8 {
		t.Errorf("Anna, who looks at everything, sees %v", got)
	}
	for query, want := range map[string]int{"text=FAR": 1, "area=us": 1, "state=1": 8, "state=3": 0, "price_from=4501": 0, "price_to=4500": 8, "owner=" + webtest.Bea.String(): 1, "text=n1": 8} {
		if got := ids(s.as(webtest.Anna).Do("GET", itemsPath+"?"+query, nil)); len(got) != want {
			t.Errorf("%s: %v", query, got)
		}
	}
}

func TestASessionsLife(t *testing.T) {
	s := newStage(t)
	olga, sam, ben := s.as(webtest.Olga), s.as(webtest.Sam), s.as(webtest.Ben)
	made := olga.Do("POST", salesPath, goodSession)
	if made.Status != http.StatusCreated || made.Text("state") != "draft" || made.Text("recurrence") != "once" || made.Text("zone") != "UTC" {
		t.Fatalf("%d %s", made.Status, made.Body)
	}
	path := made.Header.Get("Location")
	if a := olga.Do("POST", path+"/publish?dry_run=true", nil); a.Status != http.StatusOK || a.JSON["ready"] != false || a.JSON["published"] != false {
		t.Errorf("a dry run without lots: %d %s", a.Status, a.Body)
	} else if detail, _, found := a.Field("lots"); !found || detail != "there are 0" {
		t.Errorf("a dry run does not say that lots are missing: %s", a.Body)
	}
	lot := sam.Do("POST", path+"/lots", map[string]any{"item": webtest.ItemFree, "stock": 3})
	if lot.Status != http.StatusCreated || lot.JSON["price"] != 4500.0 || lot.JSON["per_buyer"] != 1.0 || lot.Text("state") != "draft" || lot.Text("title") != "A lamp" || lot.Text("code") != "" {
		t.Fatalf("lot: %d %s", lot.Status, lot.Body)
	}
	if a := sam.Do("PATCH", lot.Header.Get("Location"), `{"stock":5,"price":4000}`, "If-Match", `"1"`); a.Status != http.StatusOK || a.Header.Get("ETag") != `"2"` || a.JSON["stock"] != 5.0 {
		t.Errorf("change the lot: %d %s", a.Status, a.Body)
	}
	if a := olga.Do("PATCH", path, `{"name":"Renamed"}`, "If-Match", `"1"`); a.Status != http.StatusOK || a.Text("name") != "Renamed" {
		t.Errorf("change the session: %d %s", a.Status, a.Body)
	}
	if a := olga.Do("POST", path+"/publish", nil, "If-Match", `"1"`); a.Status != http.StatusPreconditionFailed {
		t.Errorf("publish the older version: %d", a.Status)
	}
	published := olga.Do("POST", path+"/publish", nil, "If-Match", `"2"`)
	if published.Status != http.StatusOK || published.JSON["published"] != true || published.JSON["session"].(map[string]any)["state"] != "scheduled" {
		t.Fatalf("publish: %d %s", published.Status, published.Body)
	}
	for name, a := range map[string]webtest.Answer{
		"change the session": olga.Do("PATCH", path, `{"name":"x"}`, "If-Match", `"3"`),
		"change the lot":     sam.Do("PATCH", lot.Header.Get("Location"), `{"stock":6}`, "If-Match", `"2"`),
		"remove the lot":     sam.Do("DELETE", lot.Header.Get("Location"), nil, "If-Match", `"2"`),
		"add a lot":          sam.Do("POST", path+"/lots", map[string]any{"item": webtest.ItemDraft}),
		"publish it again":   olga.Do("POST", path+"/publish", nil, "If-Match", `"3"`),
	} {
		if a.Text("code") != "session_published" {
			t.Errorf("%s after publishing: %d %s", name, a.Status, a.Body)
		}
	}
	if a := olga.Do("POST", path+"/preheat", nil); a.JSON["written"] != 1.0 || a.JSON["verified"] != 1.0 {
		t.Errorf("preheat: %s", a.Body)
	}
	if a := ben.Do("GET", lot.Header.Get("Location"), nil); a.Text("code") != "" || a.Text("state") != "scheduled" {
		t.Errorf("a lot that is not live shows %s", a.Body)
	}
	if a := olga.Do("POST", path+"/cancel", nil, "If-Match", `"2"`); a.Status != http.StatusPreconditionFailed {
		t.Errorf("cancel the older version: %d", a.Status)
	}
	for range 2 { // asking again goes on where it stopped
		if a := olga.Do("POST", path+"/cancel", nil, "If-Match", `"3"`); a.Status != http.StatusOK {
			t.Errorf("cancel before it starts: %d %s", a.Status, a.Body)
		}
	}
	if r := s.w.Gate.Records(); len(r) != 1 || r[0].Kind != auction.KindWithdrawn {
		t.Errorf("the gate journalled %+v", r)
	}
	if a := olga.Do("POST", "/api/v1/sessions/"+webtest.Live.String()+"/cancel", nil, "If-Match", `"1"`); a.Text("code") != "session_published" {
		t.Errorf("cancel a live one: %d %s", a.Status, a.Body)
	}
	if a := olga.Do("POST", draftPath+"/cancel", nil, "If-Match", `"1"`); a.Status != http.StatusOK || a.Text("state") != "cancelled" {
		t.Errorf("cancel a draft: %d %s", a.Status, a.Body)
	}
}

// Publishing says all that is wrong, in every lot, at once, and changes nothing.
func TestPublishingSaysAllThatIsWrong(t *testing.T) {
	s := newStage(t)
	for n, item := range s.w.Goods.All() {
		if item.ID == webtest.ItemDraft || item.ID == webtest.ItemFree {
			item.Auctionable = false
			if _, err := s.w.Goods.ChangeItem(t.Context(), item); err != nil {
				t.Fatal(n, err)
			}
		}
	}
	second, err := s.w.Sessions.Lot(t.Context(), webtest.LotDraft)
	if err != nil {
		t.Fatal(err)
	}
	second.ID, second.Item, second.Stock = webtest.ID(39), webtest.ItemFree, 0
	s.w.Sessions.PutLot(second)
	before := snapshot(t, s.w)
	a := s.as(webtest.Olga).Do("POST", draftPath+"/publish", nil, "If-Match", `"1"`)
	if a.Status != http.StatusUnprocessableEntity {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	for _, field := range []string{"lots[0].item", "lots[1].item", "lots[1].stock"} {
		if _, remedy, found := a.Field(field); !found || remedy == "" {
			t.Errorf("%s is not named: %s", field, a.Body)
		}
	}
	dry := s.as(webtest.Olga).Do("POST", draftPath+"/publish?dry_run=true", nil)
	if d := cmp.Diff(a.JSON["errors"], dry.JSON["errors"]); d != "" {
		t.Errorf("the dry run says something else: %s", d)
	}
	if after := snapshot(t, s.w); after != before {
		t.Error("it changed something")
	}
}

// The goods page is everybody's own: without one's own goods, with the code only while a lot is live and for who may buy.
func TestTheGoodsPage(t *testing.T) {
	s := newStage(t)
	live := "/api/v1/sessions/" + webtest.Live.String() + "/lots"
	for _, tc := range []struct {
		name  string
		as    *webtest.Client
		lots  int
		codes int
	}{{"a visitor", s.c, 4, 0}, {"Ben, a bidder", s.as(webtest.Ben), 4, 4}, {"Bea, who sells one of them", s.as(webtest.Bea), 3, 3}, {"Sam, who sells the others", s.as(webtest.Sam), 1, 0}} {
		a := tc.as.Do("GET", live, nil)
		codes := strings.Count(string(a.Body), `"code":`)
		if len(ids(a)) != tc.lots || codes != tc.codes || a.Text("now") != "2026-11-22T19:00:00.000000Z" {
			t.Errorf("%s sees %d lots with %d codes: %s", tc.name, len(ids(a)), codes, a.Body)
		}
		if strings.Contains(string(a.Body), "salt") {
			t.Errorf("%s sees the salt", tc.name)
		}
	}
	ben := s.as(webtest.Ben)
	if a := ben.Do("GET", "/api/v1/sessions/"+webtest.Soon.String()+"/lots", nil); len(ids(a)) != 1 || strings.Contains(string(a.Body), `"code":`) {
		t.Errorf("before the start: %s", a.Body)
	}
	var seen []string
	for next := ""; ; {
		a := ben.Do("GET", live+"?limit=3&cursor="+next, nil)
		seen = append(seen, ids(a)...)
		if next = a.Text("next"); next == "" {
			break
		}
	}
	if d := cmp.Diff([]string{webtest.LotLive.String(), webtest.LotOne.String(), webtest.LotBea.String(), webtest.LotMissing.String()}, seen); d != "" {
		t.Errorf("all pages (-want +got):\n%s", d)
	}
	s.w.Clock.Move(webtest.AnHour)
	ben = s.as(webtest.Ben)
	if a := ben.Do("GET", live, nil); strings.Contains(string(a.Body), `"code":`) || !strings.Contains(string(a.Body), `"state":"over"`) {
		t.Errorf("after the end: %s", a.Body)
	}
}

func TestListsOfSessions(t *testing.T) {
	s := newStage(t)
	name := map[string]string{webtest.Live.String(): "live", webtest.Draft.String(): "draft", webtest.Soon.String(): "soon", webtest.Ended.String(): "ended", webtest.LiveFar.String(): "far"}
	for _, tc := range []struct {
		as    *webtest.Client
		query string
		want  string
	}{
		{s.c, "", "ended live far soon"},
		{s.c, "?state=live", "live far"},
		{s.c, "?state=live&area=eu", "live"},
		{s.c, "?state=scheduled", "soon"},
		{s.c, "?from=2026-11-22T19:00:00Z", "soon"},
		{s.c, "?to=2026-11-22T00:00:00Z", "ended"},
		{s.as(webtest.Sam), "?drafts=true", "ended live far soon draft"},
		{s.as(webtest.Sam), "?state=draft", "draft"},
	} {
		var got []string
		for _, id := range ids(tc.as.Do("GET", salesPath+tc.query, nil)) {
			got = append(got, name[id])
		}
		if strings.Join(got, " ") != tc.want {
			t.Errorf("%s: %v, want %s", tc.query, got, tc.want)
		}
	}
	if a := s.as(webtest.Ben).Do("GET", salesPath+"?state=draft", nil); a.Text("code") != "not_allowed" {
		t.Errorf("Ben asks for drafts: %d %s", a.Status, a.Body)
	}
}

func TestLogInRefreshLogOut(t *testing.T) {
	s := newStage(t)
	in := s.c.Do("POST", "/api/v1/auth/login", map[string]any{"login": " BEA@example.org ", "password": webtest.Password})
	if in.Status != http.StatusOK || in.Text("access_expires") != "2026-11-22T19:15:00.000000Z" {
		t.Fatalf("%d %s", in.Status, in.Body)
	}
	me := s.c.As(in.Text("access")).Do("GET", "/api/v1/auth/me", nil)
	if me.Text("login") != "bea@example.org" || me.Text("area") != "eu" || me.Text("id") != webtest.Bea.String() {
		t.Errorf("me: %s", me.Body)
	}
	renewed := s.renew(in.Text("refresh"))
	if renewed.Status != http.StatusOK || renewed.Text("refresh") == in.Text("refresh") {
		t.Errorf("refresh: %d %s", renewed.Status, renewed.Body)
	}
	if a := s.c.As(renewed.Text("access")).Do("POST", "/api/v1/auth/logout", nil); a.Status != http.StatusNoContent || len(a.Body) != 0 {
		t.Errorf("log out: %d %q", a.Status, a.Body)
	}
	if a := s.renew(renewed.Text("refresh")); a.Text("code") != "login_revoked" {
		t.Errorf("refresh after the log-out: %d %s", a.Status, a.Body)
	}
	made := s.c.Do("POST", "/api/v1/auth/register", `{"login":"Zoe","password":"a long enough one","name":"Zoë","area":"eu","roles":["seller","bidder"]}`)
	if made.Status != http.StatusCreated || made.Text("login") != "zoe" {
		t.Errorf("register: %d %s", made.Status, made.Body)
	}
}

// The limits that keep password hashing from eating the machine are asked for by address and by login.
func TestLogInsAreLimited(t *testing.T) {
	for _, key := range []string{"login:a:127.0.0.1", "login:l:bea@example.org"} {
		s := newStage(t)
		s.w.Limit.Fill(key, 1)
		if a := s.c.Do("POST", "/api/v1/auth/login", map[string]any{"login": "BEA@example.org", "password": webtest.Password}); a.Text("code") != "rate_limited" {
			t.Errorf("%s: %d %s", key, a.Status, a.Body)
		}
	}
}

// The limiter counts whole numbers a second: thirty a minute are bursts of ten at a cost of two a log-in.
func TestFewLogInsAMinute(t *testing.T) {
	for perMinute, want := range map[int]webtest.Ask{30: {PerSecond: 1, Burst: 20}, 7: {PerSecond: 1, Burst: 90}, 60: {PerSecond: 1, Burst: 10}, 600: {PerSecond: 10, Burst: 10}} {
		w := webtest.NewWorld(t)
		o := webtest.Options()
		o.LogInsPerMinute, o.LogInBurst = perMinute, 10
		c := webtest.NewClient(t, webtest.Serve(t, web.Ports{Ports: w.Ports()}, o))
		c.Do("POST", "/api/v1/auth/login", `{"login":"BEN","password":"x"}`)
		asks := w.Limit.Asks()
		byAddress, byLogin := want, want
		byAddress.Key, byLogin.Key = "login:a:127.0.0.1", "login:l:ben"
		if cost := want.Burst / 10; len(asks) != 2*cost || asks[0] != byAddress || asks[len(asks)-1] != byLogin {
			t.Errorf("%d a minute: %+v", perMinute, asks)
		}
	}
	w := webtest.NewWorld(t)
	o := webtest.Options()
	o.LogInsPerMinute = -1
	webtest.NewClient(t, webtest.Serve(t, web.Ports{Ports: w.Ports()}, o)).Do("POST", "/api/v1/auth/login", `{"login":"ben","password":"x"}`)
	if asks := w.Limit.Asks(); len(asks) != 0 {
		t.Errorf("no limit, and asked %+v", asks)
	}
}

func TestThePipelinesState(t *testing.T) {
	s := newStage(t)
	a := s.as(webtest.Anna).Do("GET", "/api/v1/ops/pipeline", nil)
	shards := a.JSON["shards"].([]any)
	var states []string
	for _, sh := range shards {
		states = append(states, sh.(map[string]any)["state"].(string))
	}
	if strings.Join(states, " ") != "vouched halted unreadable" || a.JSON["lag"] != 3.0 || a.JSON["troubles"] != 2.0 || a.JSON["journal"] != 2.0 || a.JSON["parked"] != 1.0 {
		t.Errorf("%s", a.Body)
	}
	if first := shards[0].(map[string]any); first["end"] != 41.0 || first["committed"] != 38.0 || first["applied_seq"] != 38.0 || first["next_offset"] != 38.0 || first["seq"] != 40.0 {
		t.Errorf("%v", first)
	}
}

func TestAreas(t *testing.T) {
	s := newStage(t)
	if a := s.as(webtest.Adam).Do("POST", "/api/v1/areas", `{"code":"eu","name":"Old Europe"}`); a.Status != http.StatusOK {
		t.Errorf("%d %s", a.Status, a.Body)
	}
	a := s.c.Do("GET", "/api/v1/areas", nil)
	want := []any{map[string]any{"code": "eu", "name": "Old Europe"}, map[string]any{"code": "us", "name": "United States"}}
	if d := cmp.Diff(want, a.JSON["items"]); d != "" {
		t.Error(d)
	}
}

// Every list of nothing is a list.
func TestEmptyListsAreLists(t *testing.T) {
	s := newStage(t)
	zoe := s.c.As(s.w.TokenFor(t, accounts.User{ID: webtest.ID(900), Login: "zoe", Area: "eu", Roles: accounts.AllRoles}))
	for _, path := range []string{"/api/v1/orders", "/api/v1/orders?as=seller", "/api/v1/items?text=nothing", "/api/v1/sessions?area=nowhere"} {
		a := zoe.Do("GET", path, nil)
		if list, ok := a.JSON["items"].([]any); a.Status != http.StatusOK || !ok || len(list) != 0 || a.Text("next") != "" {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	s.w.Shelf.Fail = fault.New(fault.NotFound, "session_not_found", "gone")
	if a := s.c.Do("GET", "/api/v1/sessions/"+webtest.Live.String()+"/lots", nil); a.Text("code") != "session_not_found" {
		t.Errorf("a page of a session that is gone: %d %s", a.Status, a.Body)
	}
}
