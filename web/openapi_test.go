package web_test

import (
	"crypto/sha256"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/orders"
	"rostrum/web/api"
	"rostrum/web/webtest"
)

// described is an operation of the document as a client reads it.
type described struct {
	method, path string
	op           map[string]any
}

func document(t *testing.T, c *webtest.Client) (map[string]any, map[string]described) {
	t.Helper()
	a := c.Do("GET", "/openapi.json", nil)
	if a.Status != http.StatusOK || a.JSON["openapi"] != "3.1.0" {
		t.Fatalf("%d %.200s", a.Status, a.Body)
	}
	all := map[string]described{}
	for path, item := range a.JSON["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			o := op.(map[string]any)
			all[o["operationId"].(string)] = described{strings.ToUpper(method), path, o}
		}
	}
	return a.JSON, all
}

// Every example of the document is sent as it stands, to a world that has what it speaks of, and succeeds as the document
// says.
func TestEveryExampleWorks(t *testing.T) {
	_, ops := document(t, webtest.NewWorld(t).Start(t))
	for _, r := range api.Routes() {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			d, ok := ops[r.ID]
			if !ok {
				t.Fatal("it is not described")
			}
			s := newStage(t)
			prepare(s, r.ID)
			a := s.send(r.ID, d, exampleOf(d.op))
			if a.Status != r.Status {
				t.Fatalf("%s %s: %d %s, want %d", d.method, d.path, a.Status, a.Body, r.Status)
			}
			responses := d.op["responses"].(map[string]any)
			if _, ok := responses[strconv.Itoa(r.Status)]; !ok {
				t.Errorf("status %d is not described: %v", r.Status, responses)
			}
		})
	}
}

// actor is who the examples are sent as.
var actor = map[string]uuid.UUID{"auth": webtest.Bea, "areas": webtest.Olga, "items": webtest.Sam, "sessions": webtest.Olga, "lots": webtest.Sam,
	"bids": webtest.Ben, "orders": webtest.Ben, "orders-ship": webtest.Sam, "ops": webtest.Olga}

// send sends a body as whom a route's example is for, to what its example speaks of.
func (s *stage) send(id string, d described, body any) webtest.Answer {
	s.Helper()
	as := s.c
	if _, secured := d.op["security"]; secured {
		user, special := actor[id]
		if !special {
			user = actor[strings.SplitN(id, "-", 2)[0]]
		}
		as = s.as(user)
	}
	path, ifMatch := d.path, ""
	for _, p := range parameters(d.op) {
		switch p["in"] {
		case "path":
			examples, _ := p["schema"].(map[string]any)["examples"].([]any)
			if len(examples) == 0 {
				s.Fatalf("parameter %s has no example", p["name"])
			}
			path = strings.ReplaceAll(path, "{"+p["name"].(string)+"}", examples[0].(string))
		case "header":
			ifMatch = `"1"`
		}
	}
	return as.Do(d.method, path, body, "If-Match", ifMatch)
}

// prepare brings about what an example speaks of and a world has not.
func prepare(s *stage, id string) {
	switch id {
	case "auth-refresh":
		secret := make([]byte, 32) // the example's A's
		err := s.w.Users.StartLogin(s.Context(), accounts.LoginSession{ID: uuid.MustParse("0198c0de-0000-7000-8000-0000000000aa"), User: webtest.Bea,
			RefreshHash: sha256.Sum256(secret), ExpiresUS: webtest.Now.Add(webtest.AnHour).UnixMicro()})
		if err != nil {
			s.Fatal(err)
		}
	case "bids-read":
		body := wish(webtest.LotLive, 0)
		body["bid_id"] = "6d3f2b9e-5c1a-4f7e-9a53-0c9a4f1d2e11"
		s.as(webtest.Ben).Do("POST", bidPath(webtest.LotLive), body)
	case "orders-read", "orders-pay", "orders-cancel":
		s.put(orders.PendingPayment)
	case "orders-ship":
		s.put(orders.Paid)
	case "orders-complete":
		s.put(orders.Shipping)
	}
}

// put writes Ben's order of the examples, in a state.
func (s *stage) put(state orders.State) { s.order(state) }

func parameters(op map[string]any) []map[string]any {
	var all []map[string]any
	list, _ := op["parameters"].([]any)
	for _, p := range list {
		all = append(all, p.(map[string]any))
	}
	return all
}

func exampleOf(op map[string]any) any {
	body, ok := op["requestBody"].(map[string]any)
	if !ok {
		return nil
	}
	return body["content"].(map[string]any)["application/json"].(map[string]any)["example"]
}

// The document names for each route who may use it, and problems only of the table.
func TestTheDocumentIsWhole(t *testing.T) {
	doc, ops := document(t, webtest.NewWorld(t).Start(t))
	if len(ops) != len(api.Routes()) {
		t.Errorf("%d operations described, %d routes", len(ops), len(api.Routes()))
	}
	var codes []string
	for _, k := range api.Kinds() {
		codes = append(codes, k.Code)
	}
	for _, r := range api.Routes() {
		for _, code := range r.Gives {
			if !slices.Contains(codes, code) {
				t.Errorf("%s gives %s, which is in no table", r.ID, code)
			}
		}
		_, secured := ops[r.ID].op["security"]
		if public := accounts.Public(r.Actions[0]); secured == public {
			t.Errorf("%s: secured %t, public %t", r.ID, secured, public)
		}
		if text, _ := ops[r.ID].op["description"].(string); !strings.HasPrefix(text, "For ") {
			t.Errorf("%s does not say who it is for: %q", r.ID, text)
		}
	}
	for _, field := range []struct{ route, status, code, name string }{{"items-change", "412", "stale", "If-Match"}, {"bids-place", "403", "bad_code", "code"},
		{"bids-place", "409", "id_reused", "bid_id"}, {"bids-place", "409", "price_mismatch", "price_seen"}} {
		content := ops[field.route].op["responses"].(map[string]any)[field.status].(map[string]any)["content"].(map[string]any)["application/problem+json"].(map[string]any)
		a := webtest.Answer{JSON: content["examples"].(map[string]any)[field.code].(map[string]any)["value"].(map[string]any)}
		if _, _, found := a.Field(field.name); !found {
			t.Errorf("the example of %s does not name %s: %v", field.code, field.name, a.JSON)
		}
	}
	schemas := doc["components"].(map[string]any)["schemas"].(map[string]any)
	if _, ok := schemas["ErrorModel"]; ok {
		t.Error("an error's form is described that is never sent")
	}
	if bid := schemas["BidBody"]; bid == nil {
		t.Error("the bid is not described")
	}
}

// Every verdict that a bid can get is among the problems of its route.
func TestTheBidNamesEveryVerdict(t *testing.T) {
	routes := api.Routes()
	bid := routes[slices.IndexFunc(routes, func(r api.Route) bool { return r.ID == "bids-place" })]
	for _, v := range auction.Verdicts()[1:] {
		if !slices.Contains(bid.Gives, string(v)) {
			t.Errorf("%s is missing", v)
		}
	}
}

// The documentation page asks no other host for anything.
func TestDocsNeedNoNetwork(t *testing.T) {
	c := webtest.NewWorld(t).Start(t)
	for path, kind := range map[string]string{"/docs": "text/html", "/docs/start.js": "text/javascript", "/docs/swagger-ui-bundle.js": "text/javascript", "/docs/swagger-ui.css": "text/css"} {
		for _, encoding := range []string{"gzip", "identity"} {
			a := c.Do("GET", path, nil, "Accept-Encoding", encoding)
			if a.Status != http.StatusOK || !strings.HasPrefix(a.Header.Get("Content-Type"), kind) {
				t.Errorf("%s: %d %s", path, a.Status, a.Header.Get("Content-Type"))
			}
			if packed := a.Header.Get("Content-Encoding") == "gzip"; packed && encoding != "gzip" {
				t.Errorf("%s was sent packed to who cannot unpack it", path)
			}
			if path == "/docs" && (strings.Contains(string(a.Body), "//") && strings.Contains(string(a.Body), "http")) {
				t.Errorf("it speaks of another host: %s", a.Body)
			}
			if policy := a.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "http") {
				t.Errorf("%s: policy %q", path, policy)
			}
		}
	}
}
