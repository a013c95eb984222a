package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/web/edge"
)

// The goods page is what everybody reloads while a sale runs, so it has two ways. hotGoods takes a plain request for a
// page that this node remembers, and copies out bytes that were made once. Whatever it does not take, the ordinary
// handler takes: first of all pages, filters, HEAD, and everything that is wrong with a request. Both send the same bytes.

type goodsIn struct {
	Paging
	Conditional
	ID        uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000021"`
	Area      string    `query:"area" maxLength:"32" doc:"Only lots of this area"`
	State     string    `query:"state" enum:"scheduled,live,over,paused,closed,withdrawn" doc:"As of now"`
	PriceFrom int64     `query:"price_from" minimum:"0" maximum:"9007199254740991" doc:"Minor units, at least"`
	PriceTo   int64     `query:"price_to" minimum:"0" maximum:"9007199254740991" doc:"Minor units, at most; 0: no bound"`
	Text      string    `query:"text" maxLength:"100" doc:"Part of the title, whatever its case"`
}

type goodsOut struct {
	Session sessionOut `json:"session"`
	Now     Time       `json:"now" doc:"The server's time, to count down by; where a cache has kept the page, Age seconds ago"`
	Items   []lotOut   `json:"items" nullable:"false" doc:"At most limit. It may be fewer, even none, though there are more: a request looks at a thousand lots at most. The page with no next is the last"`
	Next    string     `json:"next,omitempty" doc:"Send it as cursor for the next page; not there on the last"`
}

// goodsText is a goodsOut that is written already.
type goodsText struct{ json []byte }

// MarshalJSON gives it as it is.
func (t goodsText) MarshalJSON() ([]byte, error) { return t.json, nil }

// Schema describes it to readers of the OpenAPI document.
func (goodsText) Schema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[goodsOut](), true, "GoodsOut")
}

func (a *API) goods() {
	a.router.Add(fiber.MethodGet, strings.ReplaceAll(Prefix+a.routes["lots-list"].Path, "{id}", ":id"), a.hotGoods)
	register(a, "lots-list", a.goodsPage)
	a.describeCaching("lots-list", "It is public where nobody is logged in; else it is its reader's own, with an ETag.")
}

// plainGoods reads a request that has an id, and at most a limit and a cursor; ok is false for any other.
func (a *API) plainGoods(c *fiber.Ctx) (id uuid.UUID, p auction.Page, ok bool) {
	r := c.Request()
	text := c.Params("id")
	id, err := uuid.Parse(text)
	if err != nil || len(text) != 36 || len(r.Body()) > 0 || r.Header.ContentLength() > 0 || len(r.Header.Peek("Content-Encoding")) > 0 {
		return id, p, false
	}
	p.Limit, ok = edge.DefaultPage, true
	if len(r.URI().QueryString()) == 0 {
		return id, p, true
	}
	seen, cursor := map[string]bool{}, ""
	for name, value := range r.URI().QueryArgs().All() {
		switch key := string(name); key {
		case "limit":
			p.Limit, err = strconv.Atoi(string(value))
			ok = ok && err == nil && p.Limit >= 1 && p.Limit <= edge.MaxPage && !seen[key]
		case "cursor":
			cursor, ok = string(value), ok && !seen[key]
		default:
			return id, p, false
		}
		seen[string(name)] = true
	}
	if !ok || cursor == "" {
		return id, p, ok
	}
	at, err := a.cursors.read(goodsScope(id, edge.LotFilter{}), cursor)
	p.Key, p.ID = at.Key, at.ID
	return id, p, err == nil
}

// goodsScope is what a goods page's cursor is good for: nobody's own, because places are the same for all.
func goodsScope(session uuid.UUID, f edge.LotFilter) string {
	return fmt.Sprintf("lots %s %s", session, f)
}

// bearer says who asks; ok is false where the ordinary way has to say what is wrong.
func (a *API) bearer(c *fiber.Ctx) (who accounts.Claims, ok bool) {
	header := c.Get(fiber.HeaderAuthorization)
	if header == "" {
		return who, true
	}
	token, found := strings.CutPrefix(header, "Bearer ")
	if !found {
		return who, false
	}
	who, err := a.Edge.Verify(token)
	return who, err == nil
}

// hotGoods answers from what the node remembers, or leaves it to the next handler.
func (a *API) hotGoods(c *fiber.Ctx) error {
	id, p, ok := a.plainGoods(c)
	if !ok {
		return c.Next()
	}
	who, ok := a.bearer(c)
	if !ok {
		return c.Next()
	}
	now := a.Edge.NowUS()
	g := a.Edge.GoodsAtHand(who, id, edge.LotFilter{}, p, now)
	if g == nil {
		return c.Next()
	}
	form := a.formOf(g, edge.LotFilter{})
	c.Set(fiber.HeaderETag, form.etag)
	c.Set(fiber.HeaderCacheControl, openly(who, goodsFor, now, g.UntilUS))
	c.Set(fiber.HeaderVary, varies)
	if knows(c.Get(fiber.HeaderIfNoneMatch), form.etag) {
		c.Status(http.StatusNotModified)
		return nil
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	c.Response().SetBody(form.body)
	form.at(c.Response().Body(), now)
	return nil
}

// goodsPage is the ordinary way.
func (a *API) goodsPage(ctx context.Context, in *goodsIn) (*cached[goodsText], error) {
	who := callOf(ctx).who
	f, err := edge.LotFilter{Area: in.Area, State: in.State, PriceFrom: in.PriceFrom, PriceTo: in.PriceTo, Text: in.Text}.Checked()
	if err != nil {
		return nil, err
	}
	at, err := a.cursors.read(goodsScope(in.ID, f), in.Cursor)
	if err != nil {
		return nil, err
	}
	g, err := a.Edge.Goods(ctx, who, in.ID, f, auction.Page{Limit: in.Limit, Key: at.Key, ID: at.ID})
	if err != nil {
		return nil, err
	}
	form, now := a.formOf(g, f), min(a.Edge.NowUS(), g.UntilUS-1) // while it is sent, its time may have come
	text := bytes.Clone(form.body)
	form.at(text, now)
	control := openly(who, goodsFor, now, g.UntilUS)
	if g.Draft {
		control = forPlanner
	}
	return unlessKnown(in.IfNoneMatch, form.etag, control, goodsText{text}), nil
}

// goodsForm is a page as it is sent, but for the server's time.
type goodsForm struct {
	body []byte
	nows [2]int // where the time goes
	etag string
}

// at writes the server's time into a copy of the body.
func (f *goodsForm) at(body []byte, nowUS int64) {
	var room [40]byte // AppendFormat uses more of it than it gives back
	now := appendTime(room[:0], Time(nowUS))
	for _, n := range f.nows {
		copy(body[n:n+len(blankTime)], now)
	}
}

func (a *API) formOf(g *edge.GoodsPage, f edge.LotFilter) *goodsForm {
	return g.Form(func(g *edge.GoodsPage) any { return a.writeGoods(g, f) }).(*goodsForm)
}

// writeGoods writes what encoding/json writes of a goodsOut.
func (a *API) writeGoods(g *edge.GoodsPage, f edge.LotFilter) *goodsForm {
	form := &goodsForm{}
	session := viewSession(g.Session, g.AtUS)
	session.Now = 0
	b := appendJSON(append(make([]byte, 0, 512*(2+len(g.Lots))), `{"session":`...), session)
	b = b[:len(b)-len(`null}`)] // now is its last member
	form.nows[0] = len(b)
	b = append(b, blankTime...)
	b = append(b, `},"now":`...)
	form.nows[1] = len(b)
	b = append(b, blankTime...)
	b = append(b, `,"items":[`...)
	for n, l := range g.Lots {
		if n > 0 {
			b = append(b, ',')
		}
		b = appendLot(b, &l, g.AtUS)
	}
	b = append(b, ']')
	if g.Next.Limit > 0 {
		b = append(b, `,"next":"`...)
		b = append(b, a.cursors.write(goodsScope(g.Session.ID, f), place{g.Next.Key, g.Next.ID})...)
		b = append(b, '"')
	}
	form.body = append(b, "}\n"...)
	form.etag = tagOf(form.body)
	return form
}

// appendLot writes what encoding/json writes of viewLot.
func appendLot(b []byte, l *auction.Lot, nowUS int64) []byte {
	id := func(name string, id uuid.UUID) {
		b = append(b, name...)
		b = append(b, '"')
		b = append(b, id.String()...)
		b = append(b, '"')
	}
	text := func(name, value string) { b = appendText(append(b, name...), value) }
	number := func(name string, value int64) { b = strconv.AppendInt(append(b, name...), value, 10) }
	moment := func(name string, us int64) { b = appendTime(append(b, name...), Time(us)) }
	id(`{"id":`, l.ID)
	id(`,"session":`, l.Session)
	id(`,"item":`, l.Item)
	id(`,"seller":`, l.Seller)
	text(`,"area":`, l.Area)
	text(`,"title":`, l.Title)
	text(`,"format":`, string(l.Format))
	number(`,"price":`, l.PriceMinor)
	text(`,"currency":`, l.Currency)
	number(`,"stock":`, l.Stock)
	number(`,"left":`, l.Stock-l.Sold)
	number(`,"per_buyer":`, int64(l.PerBuyer))
	if l.Code != "" {
		text(`,"code":`, l.Code)
	}
	moment(`,"opens":`, l.OpensUS)
	moment(`,"closes":`, l.ClosesUS)
	text(`,"state":`, edge.LotState(l, nowUS))
	if n := slicesOf(l); n != 0 {
		number(`,"slices":`, int64(n))
	}
	return append(b, '}')
}

// blankTime is as long as every time between the years 0 and 9999.
const blankTime = `"0000-00-00T00:00:00.000000Z"`

// digits writes a number in front of its end, over zeros.
func digits(before []byte, n int) {
	for i := len(before) - 1; n > 0; i-- {
		before[i] = byte('0' + n%10)
		n /= 10
	}
}

func appendTime(b []byte, t Time) []byte {
	if t == 0 {
		return append(b, "null"...)
	}
	at := t.utc()
	year, month, day := at.Date()
	if year < 1000 || year > 9999 {
		return append(at.AppendFormat(append(b, '"'), timeForm), '"')
	}
	hour, minute, second := at.Clock()
	b = append(b, blankTime...)
	text := b[len(b)-len(blankTime):]
	for _, part := range [...]struct{ end, value int }{{5, year}, {8, int(month)}, {11, day}, {14, hour}, {17, minute}, {20, second}, {27, at.Nanosecond() / 1000}} {
		digits(text[:part.end], part.value)
	}
	return b
}

// appendText writes plain texts itself, and leaves what needs care to the library.
func appendText(b []byte, s string) []byte {
	for n := range len(s) {
		if c := s[n]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendJSON(b, s)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// appendJSON writes as the ordinary way does.
func appendJSON(b []byte, v any) []byte {
	out := bytes.NewBuffer(b)
	if err := strict.Marshal(out, v); err != nil {
		panic(err) // texts and numbers: it cannot fail
	}
	return out.Bytes()[:out.Len()-1]
}
