package api

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rostrum/auction"
	"rostrum/web/edge"
)

// What is written by hand is what the ordinary way writes, whatever is in it.
func TestWrittenPagesAreTheOrdinaryOnes(t *testing.T) {
	a := &API{cursors: cursors{[]byte("a key of tests")}}
	id := rapid.Custom(func(t *rapid.T) uuid.UUID { return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")) })
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "a \"lamp\"", `back\slash`, "<b>&</b>", "line\nbreak", "\u2028", "\xff\xfe", "拍賣", "\x00"}))
	moment := rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(1, 4_000_000_000_000_000))
	rapid.Check(t, func(t *rapid.T) {
		now := rapid.Int64Range(1, 4_000_000_000_000_000).Draw(t, "now")
		g := &edge.GoodsPage{AtUS: now, Session: auction.Session{ID: id.Draw(t, "session"), Area: text.Draw(t, "area"), Name: text.Draw(t, "name"),
			Currency: "EUR", StartsUS: moment.Draw(t, "starts"), EndsUS: moment.Draw(t, "ends"), Zone: text.Draw(t, "zone"), State: auction.SessionScheduled}}
		for range rapid.IntRange(0, 4).Draw(t, "lots") {
			g.Lots = append(g.Lots, auction.Lot{ID: id.Draw(t, "lot"), Seller: id.Draw(t, "seller"), Title: text.Draw(t, "title"), Area: text.Draw(t, "area"),
				PriceMinor: rapid.Int64().Draw(t, "price"), Currency: "EUR", Stock: rapid.Int64Range(0, 1<<40).Draw(t, "stock"), Sold: rapid.Int64Range(0, 1<<40).Draw(t, "sold"),
				PerBuyer: rapid.Int().Draw(t, "each"), Code: rapid.SampledFrom([]string{"", "0000000000000000000031"}).Draw(t, "code"), OpensUS: moment.Draw(t, "opens"),
				ClosesUS: moment.Draw(t, "closes"), State: rapid.SampledFrom([]auction.LotState{auction.LotOpen, auction.LotClosed}).Draw(t, "state"),
				Slices: rapid.IntRange(0, 16).Draw(t, "slices"), SliceOf: rapid.SampledFrom([]uuid.UUID{{}, {1}}).Draw(t, "slice of")})
		}
		if rapid.Bool().Draw(t, "next") {
			g.Next = auction.Page{Limit: 20, Key: moment.Draw(t, "key"), ID: id.Draw(t, "after")}
		}
		want := goodsOut{Session: viewSession(g.Session, now), Now: Time(now), Items: []lotOut{}}
		for _, l := range g.Lots {
			want.Items = append(want.Items, viewLot(l, now))
		}
		if g.Next.Limit > 0 {
			want.Next = a.cursors.write(goodsScope(g.Session.ID, edge.LotFilter{}), place{g.Next.Key, g.Next.ID})
		}
		var ordinary bytes.Buffer
		if err := strict.Marshal(&ordinary, want); err != nil {
			t.Fatal(err)
		}
		form := a.formOf(g, edge.LotFilter{})
		body := bytes.Clone(form.body)
		form.at(body, now)
		if d := cmp.Diff(ordinary.String(), string(body)); d != "" {
			t.Errorf("-ordinary +written\n%s", d)
		}
	})
}

// The tag says what the page says, whenever that is: the same for the same, another for every change that one can see.
func TestTagsOfPages(t *testing.T) {
	a := &API{cursors: cursors{[]byte("a key of tests")}}
	tag := func(atUS int64, change func(*edge.GoodsPage)) string {
		g := &edge.GoodsPage{AtUS: atUS, Session: auction.Session{Name: "A sale"}, Lots: []auction.Lot{{Title: "A lamp", Stock: 5, State: auction.LotOpen, ClosesUS: 1000}}}
		change(g)
		return a.formOf(g, edge.LotFilter{}).etag
	}
	same := tag(10, func(*edge.GoodsPage) {})
	if later := tag(999, func(*edge.GoodsPage) {}); later != same {
		t.Errorf("later: %s, was %s", later, same)
	}
	seen := map[string]string{same: "nothing"}
	for name, change := range map[string]func(*edge.GoodsPage){
		"sold": func(g *edge.GoodsPage) { g.Lots[0].Sold++ }, "title": func(g *edge.GoodsPage) { g.Lots[0].Title = "a lamp" },
		"code": func(g *edge.GoodsPage) { g.Lots[0].Code = "1" }, "none": func(g *edge.GoodsPage) { g.Lots = nil },
		"next": func(g *edge.GoodsPage) { g.Next.Limit = 1 }, "session": func(g *edge.GoodsPage) { g.Session.Name = "B sale" },
		"over": func(g *edge.GoodsPage) { g.AtUS = 1000 },
	} {
		got := tag(10, change)
		if was, there := seen[got]; there {
			t.Errorf("the tag after %s is that of %s", name, was)
		}
		seen[got] = name
	}
}

func TestKnownTags(t *testing.T) {
	for _, tc := range []struct {
		header, tag string
		want        bool
	}{
		{"", `W/"a"`, false}, {"*", `W/"a"`, true}, {" * ", `W/"a"`, true}, {`W/"a"`, `W/"a"`, true}, {`"a"`, `W/"a"`, true}, {`W/"a"`, `"a"`, true},
		{`"b", W/"a"`, `W/"a"`, true}, {`"b"`, `W/"a"`, false}, {"a", `W/"a"`, false}, {`"a`, `W/"a"`, false}, {`W/"a"`, "", false}, {`W/"a,b"`, `W/"a"`, false},
		{strings.Repeat(`"b",`, 1000), `W/"a"`, false},
	} {
		if got := knows(tc.header, tc.tag); got != tc.want {
			t.Errorf("knows(%.40s, %s) = %t", tc.header, tc.tag, got)
		}
	}
}

func ExampleTime() {
	b := make([]byte, 0, 40)
	fmt.Println(string(appendTime(b, Time(time.Date(2026, 11, 22, 19, 0, 0, 1000, time.UTC).UnixMicro()))), len(blankTime))
	// Output: "2026-11-22T19:00:00.000001Z" 29
}
