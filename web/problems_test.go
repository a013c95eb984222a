package web_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/orders"
	"rostrum/web"
	"rostrum/web/api"
	"rostrum/web/edge"
	"rostrum/web/webtest"
)

// stage is a fresh world with a server, for provoking one problem.
type stage struct {
	*testing.T
	w *webtest.World
	c *webtest.Client
}

func newStage(t *testing.T) *stage {
	w := webtest.NewWorld(t)
	return &stage{t, w, w.Start(t)}
}

func (s *stage) as(user uuid.UUID) *webtest.Client { return s.c.As(s.w.Token(s.T, user)) }

func (s *stage) bid(user, lot uuid.UUID, change ...any) webtest.Answer {
	body := wish(lot, 1)
	for n := 0; n+1 < len(change); n += 2 {
		body[change[n].(string)] = change[n+1]
	}
	return s.as(user).Do("POST", bidPath(lot), body)
}

// verdict makes the gate give a verdict that a flash lot cannot have, and bids.
func (s *stage) verdict(v auction.Verdict) webtest.Answer {
	s.w.Gate.Before = func(auction.Bid) (auction.Answer, bool, error) {
		return auction.Answer{Verdict: v, AtUS: webtest.Now.UnixMicro(), PriceMinor: 4500, Left: -1}, true, nil
	}
	return s.bid(webtest.Ben, webtest.LotLive)
}

// order gives the path of Ben's order on a lamp of Sam's, in a state.
func (s *stage) order(state orders.State) string {
	o := orders.Order{ID: webtest.ID(500), Lot: webtest.LotLive, Seller: webtest.Sam, Buyer: webtest.Ben, Quantity: 1, PriceMinor: 4500, TotalMinor: 4500, Currency: "EUR", State: state, Rev: 1}
	s.w.Orders.Put(o)
	return "/api/v1/orders/" + o.ID.String()
}

// preheat asks for a preheating that fails with a code.
func (s *stage) preheat(code string) webtest.Answer {
	s.w.PreheatFail = fault.New(fault.Conflict, code, "10 lots need about 1 MiB")
	a := s.as(webtest.Olga).Do("POST", soonPath+"/preheat", nil)
	if a.Text("detail") != "10 lots need about 1 MiB" {
		s.Errorf("the figures are lost: %s", a.Body)
	}
	return a
}

func (s *stage) refresh() string {
	a := s.c.Do("POST", "/api/v1/auth/login", map[string]any{"login": "bea@example.org", "password": webtest.Password})
	if a.Status != http.StatusOK {
		s.Fatalf("log in: %d %s", a.Status, a.Body)
	}
	return a.Text("refresh")
}

func (s *stage) renew(refresh string) webtest.Answer {
	return s.c.Do("POST", "/api/v1/auth/refresh", map[string]any{"refresh": refresh})
}

// raw sends bytes over a socket and reads one answer.
func (s *stage) raw(base, request string) webtest.Answer {
	u, err := url.Parse(base)
	if err != nil {
		s.Fatal(err)
	}
	conn, err := net.DialTimeout("tcp", u.Host, 5*time.Second)
	if err != nil {
		s.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		s.Fatal(err)
	}
	if _, err := io.WriteString(conn, request); err != nil {
		s.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		s.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.Fatal(err)
	}
	return webtest.Answer{Status: resp.StatusCode, Header: resp.Header, Body: body, JSON: webtest.Object(body)}
}

const (
	itemPath    = "/api/v1/items/0198c0de-0000-7000-8000-000000000012"
	draftPath   = "/api/v1/sessions/0198c0de-0000-7000-8000-000000000022"
	soonPath    = "/api/v1/sessions/0198c0de-0000-7000-8000-000000000023"
	nothingPath = "0198c0de-0000-7000-8000-000000000901"
)

// provoked is how each problem of the table is brought about. A problem without a line here fails the test.
var provoked = map[string]func(*stage) webtest.Answer{
	"invalid":     func(s *stage) webtest.Answer { return s.as(webtest.Sam).Do("POST", "/api/v1/items", `{}`) },
	"broken_json": func(s *stage) webtest.Answer { return s.as(webtest.Sam).Do("POST", "/api/v1/items", `{"name":`) },
	"body_too_large": func(s *stage) webtest.Answer {
		return s.as(webtest.Sam).Do("POST", "/api/v1/items", `{"name":"`+strings.Repeat("x", 17<<10)+`"}`)
	},
	"wrong_content_type": func(s *stage) webtest.Answer {
		return s.as(webtest.Sam).Do("POST", "/api/v1/items", `{}`, "Content-Type", "text/plain")
	},
	"headers_too_large": func(s *stage) webtest.Answer {
		return s.c.Do("GET", "/api/v1/areas", nil, "X-Long", strings.Repeat("x", 9<<10))
	},
	"request_timeout": func(s *stage) webtest.Answer {
		o := webtest.Options()
		o.ReadTimeout = 50 * time.Millisecond
		return s.raw(webtest.Serve(s.T, web.Ports{Ports: s.w.Ports()}, o), "POST /api/v1/items HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
	},
	"bad_request":        func(s *stage) webtest.Answer { return s.raw(s.c.Base, "GET /api/v1/areas HTTP/1.1\r\nHost x\r\n\r\n") },
	"no_such_route":      func(s *stage) webtest.Answer { return s.c.Do("GET", "/api/v1/nothing", nil) },
	"method_not_allowed": func(s *stage) webtest.Answer { return s.c.Do("PUT", "/api/v1/areas", nil) },
	"if_match_missing":   func(s *stage) webtest.Answer { return s.as(webtest.Sam).Do("PATCH", itemPath, `{"price":1}`) },
	"stale": func(s *stage) webtest.Answer {
		return s.as(webtest.Sam).Do("PATCH", itemPath, `{"price":1}`, "If-Match", `"7"`)
	},

	"not_logged_in": func(s *stage) webtest.Answer { return s.c.Do("GET", "/api/v1/auth/me", nil) },
	"token_invalid": func(s *stage) webtest.Answer { return s.c.As("nonsense").Do("GET", "/api/v1/auth/me", nil) },
	"token_expired": func(s *stage) webtest.Answer {
		c := s.as(webtest.Ben)
		s.w.Clock.Move(time.Hour)
		return c.Do("GET", "/api/v1/auth/me", nil)
	},
	"bad_credentials": func(s *stage) webtest.Answer {
		return s.c.Do("POST", "/api/v1/auth/login", `{"login":"bea@example.org","password":"wrong wrong wrong"}`)
	},
	"login_not_found": func(s *stage) webtest.Answer { return s.renew("nonsense") },
	"login_revoked": func(s *stage) webtest.Answer {
		refresh := s.refresh()
		session := uuid.MustParse(refresh[:36])
		if err := s.w.Service.LogOut(s.Context(), session); err != nil {
			s.Fatal(err)
		}
		return s.renew(refresh)
	},
	"login_expired": func(s *stage) webtest.Answer {
		refresh := s.refresh()
		s.w.Clock.Move(25 * time.Hour)
		return s.renew(refresh)
	},
	"login_reused": func(s *stage) webtest.Answer {
		refresh := s.refresh()
		if a := s.renew(refresh); a.Status != http.StatusOK {
			s.Fatalf("first refresh: %d %s", a.Status, a.Body)
		}
		return s.renew(refresh)
	},
	"user_disabled": func(s *stage) webtest.Answer {
		return s.c.Do("POST", "/api/v1/auth/login", map[string]any{"login": "dora@example.org", "password": webtest.Password})
	},
	"not_allowed": func(s *stage) webtest.Answer { return s.as(webtest.Ben).Do("GET", "/api/v1/ops/pipeline", nil) },
	"foreign_form": func(s *stage) webtest.Answer {
		b := newBrowser(s.T, s.c.Base)
		p := b.visit("POST", "/log-in", url.Values{"login": {"bea@example.org"}, "password": {webtest.Password}, "form_token": {"guessed"}})
		p.JSON = map[string]any{"code": p.problem(), "remedy": p.find(".problem").words()}
		return p.Answer
	},
	"log_ins_busy": func(s *stage) webtest.Answer {
		busy := fault.New(fault.TooMany, accounts.CodeHasherBusy, "too many log-ins")
		busy.RetryAfter = time.Second
		ports := s.w.Ports()
		ports.Accounts = failing{ports.Accounts, busy}
		return webtest.NewClient(s.T, webtest.Serve(s.T, web.Ports{Ports: ports}, webtest.Options())).Do("POST", "/api/v1/auth/login", `{"login":"bea@example.org","password":"x"}`)
	},
	"rate_limited": func(s *stage) webtest.Answer {
		s.w.Limit.Fill("bid:u:"+webtest.Ben.String(), 300*time.Millisecond)
		for range 4 { // of forty at once a tenth is the node's own
			s.bid(webtest.Ben, webtest.LotLive)
		}
		return s.bid(webtest.Ben, webtest.LotLive)
	},
	"overloaded": func(s *stage) (second webtest.Answer) {
		o := webtest.Options()
		o.BidsAtOnce = 1
		s.c = webtest.NewClient(s.T, webtest.Serve(s.T, web.Ports{Ports: s.w.Ports()}, o))
		s.w.Gate.Before = func(auction.Bid) (auction.Answer, bool, error) {
			second = s.bid(webtest.Bea, webtest.LotLive)
			return auction.Answer{}, false, nil
		}
		if a := s.bid(webtest.Ben, webtest.LotLive); a.Status != http.StatusCreated {
			s.T.Errorf("the bid before: %d %s", a.Status, a.Body)
		}
		return second
	},

	"area_not_found": func(s *stage) webtest.Answer {
		s.w.Goods.Fail = fault.New(fault.NotFound, "area_not_found", "it was removed meanwhile")
		return s.as(webtest.Sam).Do("POST", "/api/v1/items", `{"number":"1","name":"x","price":1,"currency":"EUR","area":"eu"}`)
	},
	"item_not_found":    func(s *stage) webtest.Answer { return s.as(webtest.Sam).Do("GET", "/api/v1/items/"+nothingPath, nil) },
	"session_not_found": func(s *stage) webtest.Answer { return s.c.Do("GET", "/api/v1/sessions/"+nothingPath, nil) },
	"lot_not_found":     func(s *stage) webtest.Answer { return s.c.Do("GET", "/api/v1/lots/"+nothingPath, nil) },
	"bid_not_found": func(s *stage) webtest.Answer {
		return s.as(webtest.Ben).Do("GET", bidPath(webtest.LotLive)+"/"+nothingPath, nil)
	},
	"order_not_found": func(s *stage) webtest.Answer { return s.as(webtest.Ben).Do("GET", "/api/v1/orders/"+nothingPath, nil) },

	"login_taken": func(s *stage) webtest.Answer {
		return s.c.Do("POST", "/api/v1/auth/register", `{"login":"BEA@example.org","password":"a long enough one","name":"Bea","area":"eu"}`)
	},
	"number_taken": func(s *stage) webtest.Answer {
		return s.as(webtest.Sam).Do("POST", "/api/v1/items", `{"number":"N12","name":"x","price":1,"currency":"EUR","area":"eu"}`)
	},
	"item_in_sale": func(s *stage) webtest.Answer {
		return s.as(webtest.Sam).Do("POST", "/api/v1/items/"+webtest.ItemLive.String()+"/withdraw", nil, "If-Match", `"1"`)
	},
	"preheat_busy": func(s *stage) webtest.Answer { return s.preheat("preheat_busy") },
	"gate_memory":  func(s *stage) webtest.Answer { return s.preheat("gate_memory") },
	"shelf_memory": func(s *stage) webtest.Answer { return s.preheat("shelf_memory") },
	"lots_broken":  func(s *stage) webtest.Answer { return s.preheat("lots_broken") },
	"session_published": func(s *stage) webtest.Answer {
		return s.as(webtest.Olga).Do("PATCH", soonPath, `{"name":"x"}`, "If-Match", `"1"`)
	},
	"session_not_draft": func(s *stage) webtest.Answer {
		s.w.Sessions.Fail = fault.New(fault.Conflict, "session_not_draft", "it was published at the same moment")
		return s.as(webtest.Olga).Do("PATCH", draftPath, `{"name":"x"}`, "If-Match", `"1"`)
	},
	"session_not_scheduled": func(s *stage) webtest.Answer { return s.as(webtest.Olga).Do("POST", draftPath+"/preheat", nil) },
	"lot_exists": func(s *stage) webtest.Answer {
		return s.as(webtest.Sam).Do("POST", draftPath+"/lots", map[string]any{"item": webtest.ItemDraft})
	},
	"order_state": func(s *stage) webtest.Answer { return s.as(webtest.Ben).Do("POST", s.order(orders.Paid)+"/pay", nil) },
	"order_moved": func(s *stage) webtest.Answer {
		s.w.Orders.Raced = true
		return s.as(webtest.Ben).Do("POST", s.order(orders.PendingPayment)+"/pay", nil)
	},
	"not_your_order": func(s *stage) webtest.Answer {
		both := s.c.As(s.w.TokenFor(s.T, accounts.User{ID: webtest.Sam, Login: "sam", Area: "eu", Roles: accounts.Seller | accounts.Bidder}))
		return both.Do("POST", s.order(orders.PendingPayment)+"/pay", nil)
	},
	"not_there": func(s *stage) webtest.Answer {
		s.w.Goods.Fail = fault.New(fault.NotFound, "something_else", "it is gone")
		return s.as(webtest.Sam).Do("POST", "/api/v1/items", `{"number":"1","name":"x","price":1,"currency":"EUR","area":"eu"}`)
	},
	"conflict": func(s *stage) webtest.Answer {
		s.w.Goods.Fail = fault.New(fault.Conflict, "something_else", "it is in another state")
		return s.as(webtest.Sam).Do("POST", "/api/v1/items", `{"number":"1","name":"x","price":1,"currency":"EUR","area":"eu"}`)
	},

	"not_found":   func(s *stage) webtest.Answer { return s.bid(webtest.Ben, webtest.ID(901)) },
	"not_started": func(s *stage) webtest.Answer { return s.bid(webtest.Ben, webtest.LotSoon) },
	"ended": func(s *stage) webtest.Answer {
		s.w.Clock.Move(time.Hour)
		return s.bid(webtest.Ben, webtest.LotLive)
	},
	"paused":     func(s *stage) webtest.Answer { return s.bid(webtest.Ben, webtest.LotMissing) },
	"wrong_area": func(s *stage) webtest.Answer { return s.bid(webtest.Ben, webtest.LotFar) },
	"own_lot":    func(s *stage) webtest.Answer { return s.bid(webtest.Bea, webtest.LotBea) },
	"bad_code": func(s *stage) webtest.Answer {
		return s.bid(webtest.Ben, webtest.LotLive, "code", webtest.Code(webtest.LotOne))
	},
	"already_bought": func(s *stage) webtest.Answer {
		s.bid(webtest.Ben, webtest.LotOne)
		return s.bid(webtest.Ben, webtest.LotOne, "bid_id", webtest.ID(702))
	},
	"limit_reached": func(s *stage) webtest.Answer { return s.bid(webtest.Ben, webtest.LotLive, "quantity", 3) },
	"sold_out": func(s *stage) webtest.Answer {
		for n := range 2 {
			buyer := s.c.As(s.w.TokenFor(s.T, accounts.User{ID: webtest.ID(910 + n), Login: "x", Area: "eu", Roles: accounts.Bidder}))
			buyer.Do("POST", bidPath(webtest.LotOne), wish(webtest.LotOne, n))
		}
		return s.bid(webtest.Ben, webtest.LotOne)
	},
	"price_mismatch": func(s *stage) webtest.Answer { return s.bid(webtest.Ben, webtest.LotLive, "price_seen", 4400) },
	"id_reused": func(s *stage) webtest.Answer {
		s.bid(webtest.Ben, webtest.LotLive)
		return s.bid(webtest.Ben, webtest.LotLive, "quantity", 2)
	},
	"busy": func(s *stage) webtest.Answer {
		s.w.Gate.Lock(webtest.LotLive, true)
		return s.bid(webtest.Ben, webtest.LotLive)
	},
	"withdrawn":      func(s *stage) webtest.Answer { return s.verdict(auction.Withdrawn) },
	"too_low":        func(s *stage) webtest.Answer { return s.verdict(auction.TooLow) },
	"off_increment":  func(s *stage) webtest.Answer { return s.verdict(auction.OffIncrement) },
	"not_registered": func(s *stage) webtest.Answer { return s.verdict(auction.NotRegistered) },
	"blocked":        func(s *stage) webtest.Answer { return s.verdict(auction.Blocked) },
	"over_credit":    func(s *stage) webtest.Answer { return s.verdict(auction.OverCredit) },
	"below_own_max":  func(s *stage) webtest.Answer { return s.verdict(auction.BelowOwnMax) },
	"unavailable": func(s *stage) webtest.Answer {
		s.w.Shelf.Fail = fault.New(fault.Unavailable, "shelf_away", "away")
		return s.bid(webtest.Ben, webtest.LotLive)
	},
	"unknown_outcome": func(s *stage) webtest.Answer { s.w.Gate.Before = broken; return s.bid(webtest.Ben, webtest.LotLive) },
	"internal": func(s *stage) webtest.Answer {
		s.w.Pipeline.Err = errors.New("a secret of ours")
		return s.as(webtest.Olga).Do("GET", "/api/v1/ops/pipeline", nil)
	},
}

func broken(auction.Bid) (auction.Answer, bool, error) {
	return auction.Answer{}, false, errors.New("connection reset by peer")
}

// failing is a log-in service that fails.
type failing struct {
	edge.Accounts
	err error
}

func (f failing) LogIn(context.Context, string, string) (accounts.Tokens, error) {
	return accounts.Tokens{}, f.err
}

func kindOf(t *testing.T, code string) api.Kind {
	t.Helper()
	kinds := api.Kinds()
	n := slices.IndexFunc(kinds, func(k api.Kind) bool { return k.Code == code })
	if n < 0 {
		t.Fatalf("no problem %s", code)
	}
	return kinds[n]
}

// about is the field that a kind of problem names whenever it is told.
var about = map[string]string{"broken_json": "body", "body_too_large": "body", "wrong_content_type": "Content-Type", "if_match_missing": "If-Match", "stale": "If-Match",
	"not_logged_in": "Authorization", "token_invalid": "Authorization", "token_expired": "Authorization", "login_not_found": "refresh", "login_revoked": "refresh",
	"login_expired": "refresh", "login_reused": "refresh", "login_taken": "login", "area_not_found": "area", "number_taken": "number", "lot_exists": "item", "bad_code": "code",
	"id_reused": "bid_id", "price_mismatch": "price_seen", "too_low": "amount", "off_increment": "amount", "over_credit": "amount", "below_own_max": "amount"}

func TestEveryProblemIsProvoked(t *testing.T) {
	for _, k := range api.Kinds() {
		t.Run(k.Code, func(t *testing.T) {
			t.Parallel()
			provoke, ok := provoked[k.Code]
			if !ok {
				t.Fatal("nothing here provokes it")
			}
			a := provoke(newStage(t))
			if a.Status != k.Status || a.Text("code") != k.Code {
				t.Fatalf("%d %q, want %d (%s)", a.Status, a.Text("code"), k.Status, a.Body)
			}
			if a.Text("remedy") == "" {
				t.Error("it does not say what to do")
			}
			if k.Code == "foreign_form" {
				return // a page, checked above
			}
			checkForm(t, k, a)
		})
	}
}

// checkForm checks what every problem has.
func checkForm(t *testing.T, k api.Kind, a webtest.Answer) {
	t.Helper()
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("content type %q", got)
	}
	if a.Text("type") != "/problems/"+k.Code || a.Text("title") != k.Title || a.JSON["status"] != float64(k.Status) {
		t.Errorf("type, title or status: %s", a.Body)
	}
	if id := a.Header.Get("X-Request-Id"); a.Text("request_id") != id {
		t.Errorf("request_id %q, header %q", a.Text("request_id"), id)
	}
	if wait := a.Header.Get("Retry-After"); (k.Status == 503 || k.Status == 429) && wait == "" {
		t.Error("no Retry-After")
	}
	if field, ok := about[k.Code]; ok {
		if detail, remedy, found := a.Field(field); !found || detail == "" || remedy == "" {
			t.Errorf("%s is not named: %s", field, a.Body)
		}
	} else if _, named := a.JSON["errors"]; named && k.Code != "invalid" {
		t.Errorf("it names fields that are not in this table: %s", a.Body)
	}
	if (k.Status == 504) != (a.JSON["ask_again"] == true) {
		t.Errorf("ask_again: %v", a.JSON["ask_again"])
	}
	if k.Status == 401 != (a.Header.Get("WWW-Authenticate") != "") {
		t.Errorf("WWW-Authenticate: %q", a.Header.Get("WWW-Authenticate"))
	}
	if strings.Contains(string(a.Body), "secret") || strings.Contains(string(a.Body), "reset by peer") {
		t.Errorf("it tells what is inside: %s", a.Body)
	}
}

// The table is FORMATS' own: every verdict but admitted has its row, with the status written there.
func TestEveryVerdictHasItsStatus(t *testing.T) {
	want := map[auction.Verdict]int{auction.NotFound: 404, auction.BadCode: 403, auction.OwnLot: 403, auction.WrongArea: 403, auction.NotRegistered: 403,
		auction.Blocked: 403, auction.RateLimited: 429, auction.Busy: 503, auction.Paused: 503}
	statuses := map[string]int{}
	for _, k := range api.Kinds() {
		statuses[k.Code] = k.Status
	}
	for _, v := range auction.Verdicts()[1:] {
		status := want[v]
		if status == 0 {
			status = 409
		}
		if statuses[string(v)] != status {
			t.Errorf("%s has status %d, want %d", v, statuses[string(v)], status)
		}
	}
}
