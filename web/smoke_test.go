package web_test

import (
	"testing"
	"fmt"

	"rostrum/web/webtest"
)

func TestSmoke(t *testing.T) {
	w := webtest.NewWorld(t)
	c := w.Start(t)
	show := func(a webtest.Answer) webtest.Answer { fmt.Println(a.Status, string(a.Body)); return a }
	show(c.Do("GET", "/api/v1/areas", nil))
	show(c.Do("POST", "/api/v1/auth/login", map[string]any{"login": "bea@example.org", "password": webtest.Password}))
	b := c.As(w.Token(t, webtest.Bea))
	show(b.Do("GET", "/api/v1/auth/me", nil))
	show(b.Do("GET", "/api/v1/sessions", nil))
	show(b.Do("GET", "/api/v1/sessions/"+webtest.Live.String()+"/lots?limit=1", nil))
	show(b.Do("POST", "/api/v1/items", `{"number":5,"price":9007199254740993,"name":"","x":1,"currency":"EUR","area":"eu","show_from":"gestern"}`))
	r := show(b.Do("POST", "/api/v1/lots/"+webtest.LotLive.String()+"/bids", map[string]any{"bid_id": webtest.ID(99), "code": webtest.Code(webtest.LotLive)}))
	show(b.Do("POST", "/api/v1/lots/"+webtest.LotSoon.String()+"/bids", map[string]any{"bid_id": webtest.ID(99), "code": "x"}))
	show(b.Do("GET", r.Header.Get("Location"), nil))
	show(b.Do("GET", "/api/v1/orders/"+r.Text("order"), nil))
	w.Write(t)
	show(b.Do("GET", "/api/v1/orders/"+r.Text("serial"), nil))
	show(b.Do("POST", "/api/v1/orders/"+r.Text("order")+"/pay", nil))
	show(b.Do("GET", "/api/v1/orders", nil))
	show(c.As(w.Token(t, webtest.Olga)).Do("GET", "/api/v1/ops/pipeline", nil))
	show(c.As(w.Token(t, webtest.Olga)).Do("POST", "/api/v1/sessions/"+webtest.Draft.String()+"/publish", nil, "If-Match", `"1"`))
	show(c.Do("GET", "/openapi.json", nil))
	show(c.Do("GET", "/readyz?verbose", nil))
	show(c.Do("GET", "/nope", nil))
}
