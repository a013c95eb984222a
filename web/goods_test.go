package web_test

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rostrum/auction"
	"rostrum/web/edge"
	"rostrum/web/webtest"
)

func goodsPath(session uuid.UUID) string { return "/api/v1/sessions/" + session.String() + "/lots" }

// allGoods reads all pages; between is called after each.
func allGoods(t *testing.T, c *webtest.Client, path string, between func()) (ids []string, pages int) {
	t.Helper()
	for next := ""; pages < 100; pages++ {
		a := c.Do("GET", path+next, nil)
		if a.Status != http.StatusOK {
			t.Fatalf("%s%s: %d %s", path, next, a.Status, a.Body)
		}
		for _, i := range a.JSON["items"].([]any) {
			ids = append(ids, i.(map[string]any)["id"].(string))
		}
		if a.Text("next") == "" {
			return ids, pages + 1
		}
		next = "&cursor=" + a.Text("next")
		between()
	}
	t.Fatal("the pages have no end")
	return nil, 0
}

// Lots are withdrawn, closed, taken away and added between any two pages. Nobody sees one twice, and nobody misses one that
// was there all the time.
func TestPagesWhileLotsComeAndGo(t *testing.T) {
	w := webtest.NewWorld(t)
	c := w.Start(t)
	rapid.Check(t, func(rt *rapid.T) {
		opens := rapid.Int64Range(0, 3)
		session := w.Sale(rapid.IntRange(1, 40).Draw(rt, "lots"), func(n int, l *auction.Lot) {
			l.ID, l.OpensUS = uuid.New(), l.OpensUS+opens.Draw(rt, "opens")
			if n%5 == 0 {
				l.Seller = webtest.Bea
			}
		})
		start, err := w.Sessions.Lots(t.Context(), session, uuid.Nil, 1000)
		if err != nil {
			t.Fatal(err)
		}
		staying := map[string]bool{}
		for _, l := range start {
			staying[l.ID.String()] = l.Seller != webtest.Bea
		}
		path := fmt.Sprintf("%s?limit=%d", goodsPath(session), rapid.IntRange(1, 9).Draw(rt, "limit"))
		seen, _ := allGoods(t, c.As(w.Token(t, webtest.Bea)), path, func() {
			w.Clock.Move(time.Second)
			l := rapid.SampledFrom(start).Draw(rt, "lot")
			switch rapid.IntRange(0, 3).Draw(rt, "what") {
			case 0:
				l.State = auction.LotWithdrawn
				w.Sessions.PutLot(l)
			case 1:
				l.State = auction.LotClosed
				w.Sessions.PutLot(l)
			case 2:
				w.Sessions.TakeLot(l.ID)
				delete(staying, l.ID.String())
			case 3:
				l.ID, l.OpensUS = uuid.New(), l.OpensUS+opens.Draw(rt, "opens")
				w.Sessions.PutLot(l)
			}
		})
		slices.Sort(seen)
		if len(slices.Compact(slices.Clone(seen))) != len(seen) {
			rt.Errorf("seen twice: %v", seen)
		}
		for id, wanted := range staying {
			if _, found := slices.BinarySearch(seen, id); found != wanted {
				rt.Errorf("lot %s: seen %t, want %t", id, found, wanted)
			}
		}
		w.Clock.Set(webtest.Now)
	})
}

// goodsRule is the goods page by the rule, in one pass over all lots.
func goodsRule(all []auction.Lot, buyer uuid.UUID, bidder bool, f edge.LotFilter, nowUS int64) []string {
	var want []string
	for _, l := range all {
		text := strings.Contains(strings.ToLower(l.Title), strings.ToLower(f.Text))
		state := edge.LotState(&l, nowUS)
		if l.Seller == buyer || !l.Serves(buyer) || f.State != "" && f.State != state || l.PriceMinor < f.PriceFrom ||
			f.PriceTo != 0 && l.PriceMinor > f.PriceTo || !text || f.Area != "" && f.Area != l.Area {
			continue
		}
		code := ""
		if state == "live" && bidder {
			code = l.Code
		}
		want = append(want, l.ID.String()+" "+state+" "+code)
	}
	return want
}

// Whoever asks for which page with which filter, in whatever order, at whatever time: what they get is theirs, though most
// of it comes from what the node remembers of others.
func TestSharedPagesAreEverybodysOwn(t *testing.T) {
	w := webtest.NewWorld(t)
	c := w.Start(t)
	start := w.Clock.Now().UnixMicro()
	sliced := []int{0, 2, 3, 4}
	session := w.Sale(60, func(n int, l *auction.Lot) {
		l.Seller = []uuid.UUID{webtest.Sam, webtest.Sam, webtest.Bea, webtest.ID(900 + n)}[n%4]
		l.PriceMinor, l.Title = int64(1000+10*n), []string{"Ein Ölgemälde", "UN VIOLON", "часы", "A lamp"}[n%4]
		l.OpensUS, l.ClosesUS = start+int64(n-30)*1_000_000, start+int64(n)*1_500_000
		l.State = []auction.LotState{auction.LotOpen, auction.LotOpen, auction.LotOpen, auction.LotPaused, auction.LotClosed}[n%5]
		if parts := sliced[n/15]; parts > 0 {
			l.Slices, l.Slice, l.SliceOf = parts, n%parts, webtest.ID(800+n/15)
		}
	})
	all, err := w.Sessions.Lots(t.Context(), session, uuid.Nil, 1000)
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(all, func(x, y auction.Lot) int {
		return cmp.Or(cmp.Compare(x.OpensUS, y.OpensUS), slices.Compare(x.ID[:], y.ID[:]))
	})
	rapid.Check(t, func(rt *rapid.T) {
		for range rapid.IntRange(1, 8).Draw(rt, "asks") {
			user := rapid.SampledFrom([]uuid.UUID{uuid.Nil, webtest.Bea, webtest.Ben, webtest.Sam, webtest.Olga, webtest.ID(903), webtest.ID(907)}).Draw(rt, "user")
			as, bidder := c, user == webtest.Bea || user == webtest.Ben
			if user == webtest.ID(903) || user == webtest.ID(907) {
				as, bidder = c.As(w.TokenFor(t, webtest.Bidder(user))), true
			} else if user != uuid.Nil {
				as = c.As(w.Token(t, user))
			}
			f := edge.LotFilter{State: rapid.SampledFrom([]string{"", "", "live", "over", "scheduled", "paused"}).Draw(rt, "state"),
				Text: rapid.SampledFrom([]string{"", "", "ö", "violon", "ЧАСЫ"}).Draw(rt, "text"), Area: rapid.SampledFrom([]string{"", "", "eu", "us"}).Draw(rt, "area"),
				PriceFrom: rapid.SampledFrom([]int64{0, 1100}).Draw(rt, "from"), PriceTo: rapid.SampledFrom([]int64{0, 1300}).Draw(rt, "to")}
			path := fmt.Sprintf("%s?limit=%d", goodsPath(session), rapid.SampledFrom([]int{3, 20, 100}).Draw(rt, "limit"))
			if f != (edge.LotFilter{}) {
				path += fmt.Sprintf("&state=%s&text=%s&area=%s&price_from=%d&price_to=%d", f.State, url.QueryEscape(f.Text), f.Area, f.PriceFrom, f.PriceTo)
				path = strings.ReplaceAll(path, "&state=&", "&")
			}
			var got []string
			for next := ""; ; {
				a := as.Do("GET", path+next, nil)
				if a.Status != http.StatusOK {
					rt.Fatalf("%s: %d %s", path, a.Status, a.Body)
				}
				for _, i := range a.JSON["items"].([]any) {
					m := i.(map[string]any)
					code, _ := m["code"].(string)
					got = append(got, fmt.Sprint(m["id"], " ", m["state"], " ", code))
				}
				if a.Text("next") == "" {
					break
				}
				next = "&cursor=" + a.Text("next")
			}
			if d := gocmp.Diff(goodsRule(all, user, bidder, f, w.Clock.Now().UnixMicro()), got); d != "" {
				rt.Fatalf("%s sees at %s of %s (-want +got):\n%s", user, w.Clock.Now(), path, d)
			}
			w.Clock.Move(time.Duration(rapid.Int64Range(0, 1_200_000).Draw(rt, "later")) * time.Microsecond)
		}
		w.Clock.Set(webtest.Now)
	})
}

// A clock that is turned back a little, too: a page made in what is the future now would show the code too soon.
func TestAClockTurnedBackTakesTheCodeAway(t *testing.T) {
	w := webtest.NewWorld(t)
	c := w.Start(t)
	start := w.Clock.Now()
	session := w.Sale(1, func(_ int, l *auction.Lot) {
		l.OpensUS, l.ClosesUS = start.UnixMicro(), start.Add(time.Hour).UnixMicro()
	})
	ben := c.As(w.Token(t, webtest.Ben))
	for _, at := range []struct {
		after time.Duration
		state string
	}{{300 * time.Millisecond, "live"}, {-100 * time.Millisecond, "scheduled"}, {100 * time.Millisecond, "live"}, {-200 * time.Millisecond, "scheduled"}} {
		w.Clock.Set(start.Add(at.after))
		lot := ben.Do("GET", goodsPath(session), nil).JSON["items"].([]any)[0].(map[string]any)
		if code, _ := lot["code"].(string); lot["state"] != at.state || (code != "") != (at.state == "live") {
			t.Errorf("%s after its start: %v, code %q", at.after, lot["state"], code)
		}
	}
}

// A filter that wants little looks at a bounded number of lots a request, and says that there may be more.
func TestAFilterLooksAtABoundedNumberOfLots(t *testing.T) {
	s := newStage(t)
	session := s.w.Sale(2*webtest.Looked+10, func(n int, l *auction.Lot) {
		if n == 2*webtest.Looked+5 {
			l.Title = "The one RİNG"
		}
	})
	first := s.c.Do("GET", goodsPath(session)+"?text=ring", nil)
	if first.Status != http.StatusOK || len(ids(first)) != 0 || first.Text("next") == "" {
		t.Fatalf("%d %.300s", first.Status, first.Body)
	}
	for text, want := range map[string]int{"the+ONE": 1, "r%C4%B0ng": 1, "rang": 0} {
		got, pages := allGoods(t, s.c, goodsPath(session)+"?text="+text, func() {})
		if len(got) != want || pages != 3 {
			t.Errorf("%s: %d lots on %d pages, want %d on 3", text, len(got), pages, want)
		}
	}
	// The cursor belongs to its filter.
	if a := s.c.Do("GET", goodsPath(session)+"?text=rong&cursor="+first.Text("next"), nil); a.Text("code") != "invalid" {
		t.Errorf("a cursor of another filter: %d %s", a.Status, a.Body)
	}
	if a := s.c.Do("GET", goodsPath(session)+"?cursor="+first.Text("next"), nil); a.Text("code") != "invalid" {
		t.Errorf("a cursor of a filter without it: %d %s", a.Status, a.Body)
	}
}

func TestBadFilters(t *testing.T) {
	s := newStage(t)
	lots, items := goodsPath(webtest.Live), itemsPath
	sam := s.as(webtest.Sam)
	for _, tc := range []struct{ name, path, field, detail, remedy string }{
		{"state", lots + "?state=draft", "state", "", "send one of scheduled, live, over, paused, closed, withdrawn"},
		{"price below 0", lots + "?price_from=-1", "price_from", "is -1", "send an integer from 0 to 9007199254740991"},
		{"price no number", lots + "?price_to=ten", "price_to", "", "send an integer from 0 to 9007199254740991"},
		{"prices crosswise", lots + "?price_from=10&price_to=9", "price_to", "is 9, below price_from", "send price_from or more, or leave it out"},
		{"long text", lots + "?text=" + strings.Repeat("x", 101), "text", "has 101 characters", "send a text of at most 100 characters"},
		{"text that is none", lots + "?text=%ff", "text", "is not UTF-8", "send UTF-8, percent-encoded"},
		{"limit", lots + "?limit=0", "limit", "is 0", "send an integer from 1 to 100"},
		{"limit no number", lots + "?limit=many", "limit", "", "send an integer from 1 to 100"},
		{"cursor", lots + "?cursor=AAAA", "cursor", "is not a cursor of this list with these filters", ""},
		{"unknown", lots + "?colour=red", "colour", "is not known here", ""},
		{"tab", salesPath + "?tab=soon", "tab", "", "send one of live, upcoming, ended"},
		{"tab and state", salesPath + "?tab=live&state=live", "tab", "says of its own which states and times", "leave out state, from, to and drafts, or tab"},
		{"items' prices crosswise", items + "?price_from=10&price_to=9", "price_to", "is 9, below price_from", "send price_from or more, or leave it out"},
		{"items' text", items + "?text=%ff", "text", "is not UTF-8", "send UTF-8, percent-encoded"},
	} {
		a := sam.Do("GET", tc.path, nil)
		detail, remedy, found := a.Field(tc.field)
		if a.Status != http.StatusUnprocessableEntity || !found || tc.detail != "" && detail != tc.detail || tc.remedy != "" && remedy != tc.remedy || remedy == "" {
			t.Errorf("%s: %d %s", tc.name, a.Status, a.Body)
		}
		if got := a.Header.Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: a problem may be kept: %q", tc.name, got)
		}
	}
	for _, body := range []string{`{}`} { // not even the remembered page takes a body
		s.c.Do("GET", lots, nil)
		if a := s.c.Do("GET", lots, body); a.Status != http.StatusUnprocessableEntity {
			t.Errorf("a page asked for with a body: %d %s", a.Status, a.Body)
		}
	}
}

// Tabs show the state of now, not the stored one.
func TestTabsOfSessions(t *testing.T) {
	s := newStage(t)
	name := map[string]string{webtest.Live.String(): "live", webtest.Draft.String(): "draft", webtest.Soon.String(): "soon", webtest.Ended.String(): "ended", webtest.LiveFar.String(): "far"}
	tab := func(query string) string {
		var got []string
		a := s.c.Do("GET", salesPath+"?tab="+query, nil)
		for _, i := range a.JSON["items"].([]any) {
			m := i.(map[string]any)
			got = append(got, name[m["id"].(string)]+" "+m["state"].(string))
			if m["now"] != s.w.Clock.Now().Format("2006-01-02T15:04:05.000000Z") {
				t.Errorf("%s: now is %v", query, m["now"])
			}
		}
		return strings.Join(got, ", ")
	}
	far, _ := s.w.Sessions.Session(t.Context(), webtest.Soon)
	far.ID, far.StartsUS, far.EndsUS = uuid.New(), far.StartsUS+aDay(31), far.EndsUS+aDay(31)
	old, _ := s.w.Sessions.Session(t.Context(), webtest.Ended)
	settled := old
	old.ID, old.StartsUS, old.EndsUS = uuid.New(), old.StartsUS-aDay(31), old.EndsUS-aDay(31)
	settled.ID, settled.State = uuid.New(), auction.SessionSettled
	name[settled.ID.String()] = "settled"
	name[far.ID.String()] = "next"
	for _, one := range []auction.Session{far, old, settled} {
		s.w.Sessions.PutSession(one)
	}
	settledFirst := slices.Compare(settled.ID[:], webtest.Ended[:]) < 0
	both := map[bool]string{true: "settled settled, ended ended", false: "ended ended, settled settled"}[settledFirst]
	for _, tc := range []struct{ query, want string }{
		{"live", "live live, far live"}, {"live&area=us", "far live"}, {"live&area=nowhere", ""}, {"upcoming", "soon scheduled"}, {"ended", both}, {"ended&area=us", ""},
	} {
		if got := tab(tc.query); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.query, got, tc.want)
		}
	}
	s.w.Clock.Move(24*time.Hour + time.Minute)
	for _, tc := range []struct{ query, want string }{{"live", "soon live"}, {"upcoming", "next scheduled"}, {"ended", both + ", live ended, far ended"}} {
		if got := tab(tc.query); got != tc.want {
			t.Errorf("a day later, %s: %s, want %s", tc.query, got, tc.want)
		}
	}
	first := s.c.Do("GET", salesPath+"?tab=ended&limit=3", nil)
	rest := s.c.Do("GET", salesPath+"?tab=ended&limit=3&cursor="+first.Text("next"), nil)
	if got := append(ids(first), ids(rest)...); len(got) != 4 || len(slices.Compact(slices.Sorted(slices.Values(got)))) != 4 {
		t.Errorf("pages of the ended: %v", got)
	}
}

func aDay(n int) int64 { return (time.Duration(n) * 24 * time.Hour).Microseconds() }

// Items in a derived state are found however many of another state lie between them.
func TestItemsInAStateArePaged(t *testing.T) {
	s := newStage(t)
	for n := range 1500 {
		i, _ := s.w.Goods.Item(t.Context(), webtest.ItemFree)
		i.ID, i.Number = webtest.ID(30_000+n), fmt.Sprint("P-", n)
		if i.State = 1; n%700 == 0 {
			i.State = 5
		}
		if err := s.w.Goods.CreateItem(t.Context(), i); err != nil {
			t.Fatal(err)
		}
	}
	got, pages := allGoods(t, s.as(webtest.Sam), itemsPath+"?state=5&limit=2", func() {})
	if len(got) != 3 || pages < 2 {
		t.Errorf("%d items on %d pages, want 3", len(got), pages)
	}
	if got, _ := allGoods(t, s.as(webtest.Sam), itemsPath+"?state=6&limit=2", func() {}); len(got) != 0 {
		t.Errorf("items that are not there: %v", got)
	}
}

// A person without scripts finds lots by text, state and price, page by page.
func TestFindingOnPages(t *testing.T) {
	w, b := startPages(t)
	session := w.Sale(120, func(n int, l *auction.Lot) {
		l.PriceMinor = int64(100 * (n + 1))
		if n%2 == 0 {
			l.Title = "Eine <Vase>"
		}
	})
	path := "/sessions/" + session.String()
	for query, want := range map[string]int{"": 50, "?text=VASE": 50, "?text=vase&from=1.00&to=3": 2, "?from=120": 1, "?state=live": 50, "?state=over": 0, "?text=%3Cvase%3E&from=101": 10} {
		p := b.visit("GET", path+query, nil)
		if got := len(p.all(".lot")); p.Status != http.StatusOK || got != want {
			t.Errorf("%s: %d, %d lots, want %d", query, p.Status, got, want)
		}
	}
	p := b.visit("GET", path+"?text=vase&state=live&to=200.00", nil)
	if p.find("input[name=text]").attr["value"] != "vase" || p.find("input[name=to]").attr["value"] != "200.00" {
		t.Errorf("what was looked for is gone: %s", p.Body)
	}
	next := p.find("a[rel=next]")
	if next == nil {
		t.Fatalf("no next page: %s", p.Body)
	}
	if rest := b.visit("GET", next.attr["href"], nil); len(rest.all(".lot")) != 10 || rest.find("a[rel=next]") != nil {
		t.Errorf("the second page, %s: %d lots", next.attr["href"], len(rest.all(".lot")))
	}
	for query, field := range map[string]string{"?from=ten": "from", "?from=5&to=4": "price_to", "?state=draft": "state", "?text=%ff": "text"} {
		if p := b.visit("GET", path+query, nil); p.problem() != "invalid" || !strings.Contains(string(p.Body), field) {
			t.Errorf("%s: %d %s", query, p.Status, p.Body)
		}
	}
}
