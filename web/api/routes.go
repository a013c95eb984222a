package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"rostrum/accounts"
)

// Route is a row of the table of routes: what it is called, and what one must be allowed to use it.
type Route struct {
	ID      string
	Method  string
	Path    string            // below Prefix
	Actions []accounts.Action // any of them will do
	Status  int               // of success
	Tag     string
	Summary string
	Example string   // a body that a test sends
	Gives   []string // problems of its own, beside those that every route may give
}

// Prefix is where the API lives.
const Prefix = "/api/v1"

const placeBid = "bids-place"

func any1(a ...accounts.Action) []accounts.Action { return a }

// routes is the table of routes. A test walks it with every role.
var routes = []Route{
	{"auth-register", "POST", "/auth/register", any1(accounts.AuthRegister), 201, "auth", "Make a user: a bidder, a seller or both",
		`{"login":"ada@example.org","password":"a long enough one","name":"Ada","area":"eu","roles":["bidder","seller"]}`, []string{"login_taken", "log_ins_busy", "rate_limited"}},
	{"auth-login", "POST", "/auth/login", any1(accounts.AuthLogIn), 200, "auth", "Log in with a password",
		`{"login":"bea@example.org","password":"correct horse battery"}`, []string{"bad_credentials", "user_disabled", "log_ins_busy", "rate_limited"}},
	{"auth-refresh", "POST", "/auth/refresh", any1(accounts.AuthRefresh), 200, "auth", "Get new tokens for a refresh token, which is used up by it",
		`{"refresh":"0198c0de-0000-7000-8000-0000000000aa.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}`, []string{"login_not_found", "login_revoked", "login_expired", "login_reused", "user_disabled"}},
	{"auth-logout", "POST", "/auth/logout", any1(accounts.AuthLogOut), 204, "auth", "End the log-in session", "", nil},
	{"auth-me", "GET", "/auth/me", any1(accounts.AuthWhoAmI), 200, "auth", "Who the token says you are", "", nil},

	{"areas-list", "GET", "/areas", any1(accounts.AreasList), 200, "areas", "All areas of sale", "", nil},
	{"areas-put", "POST", "/areas", any1(accounts.AreasPut), 200, "areas", "Make an area, or rename it",
		`{"code":"nordics","name":"Northern Europe"}`, nil},

	{"items-list", "GET", "/items", any1(accounts.ItemsList), 200, "items", "Items, newest first: your own, or all for who looks at everything", "", nil},
	{"items-create", "POST", "/items", any1(accounts.ItemsCreate), 201, "items", "List an item",
		`{"number":"A-17","name":"A brass lamp","description":"From 1920.","price":4500,"currency":"EUR","area":"eu"}`, []string{"number_taken"}},
	{"items-read", "GET", "/items/{id}", any1(accounts.ItemsRead), 200, "items", "An item", "", []string{"item_not_found"}},
	{"items-change", "PATCH", "/items/{id}", any1(accounts.ItemsEdit), 200, "items", "Change what is sent of an item",
		`{"price":4200}`, []string{"item_not_found", "if_match_missing", "stale", "number_taken"}},
	{"items-withdraw", "POST", "/items/{id}/withdraw", any1(accounts.ItemsWithdraw), 200, "items", "Take an item off the market", "",
		[]string{"item_not_found", "if_match_missing", "stale", "item_in_sale"}},

	{"sessions-list", "GET", "/sessions", any1(accounts.SessionsList), 200, "sessions", "Sessions in order of their start", "", nil},
	{"sessions-create", "POST", "/sessions", any1(accounts.SessionsCreate), 201, "sessions", "Plan a session, as a draft",
		`{"area":"eu","name":"Evening sale","currency":"EUR","starts":"2026-12-01T19:00:00Z","ends":"2026-12-01T20:00:00Z","recurrence":"daily","zone":"Europe/Berlin"}`, nil},
	{"sessions-read", "GET", "/sessions/{id}", any1(accounts.SessionsRead), 200, "sessions", "A session", "", []string{"session_not_found"}},
	{"sessions-change", "PATCH", "/sessions/{id}", any1(accounts.SessionsEdit), 200, "sessions", "Change what is sent of a draft",
		`{"name":"Late evening sale"}`, []string{"session_not_found", "if_match_missing", "stale", "session_published"}},
	{"sessions-publish", "POST", "/sessions/{id}/publish", any1(accounts.SessionsPublish), 200, "sessions", "Freeze a draft and put it on sale, or with dry_run only say what is wrong with it", "",
		[]string{"session_not_found", "if_match_missing", "stale", "session_published"}},
	{"sessions-cancel", "POST", "/sessions/{id}/cancel", any1(accounts.SessionsCancel), 200, "sessions", "Cancel a session that has not begun; the lots of a scheduled one are withdrawn at once, its own state follows. Where that failed half-way, asking again completes it, after the start too", "",
		[]string{"session_not_found", "if_match_missing", "stale", "session_published"}},
	{"sessions-preheat", "POST", "/sessions/{id}/preheat", any1(accounts.OpsPreheat), 200, "ops", "Write a scheduled session into the gate and onto the shelf now", "",
		[]string{"session_not_found", "session_not_scheduled", "preheat_busy", "gate_memory", "shelf_memory", "lots_broken"}},

	{"lots-list", "GET", "/sessions/{id}/lots", any1(accounts.LotsList), 200, "lots", "The goods page: a session's lots without your own, with their codes while they are live", "", []string{"session_not_found"}},
	{"lots-add", "POST", "/sessions/{id}/lots", any1(accounts.LotsAdd), 201, "lots", "Put your item into a draft session",
		`{"item":"0198c0de-0000-7000-8000-000000000012","stock":100,"per_buyer":2}`, []string{"session_not_found", "session_published", "lot_exists"}},
	{"lots-read", "GET", "/lots/{id}", any1(accounts.LotsRead), 200, "lots", "A lot", "", []string{"lot_not_found"}},
	{"lots-change", "PATCH", "/lots/{id}", any1(accounts.LotsEdit), 200, "lots", "Change what is sent of a draft lot",
		`{"stock":80}`, []string{"lot_not_found", "if_match_missing", "stale", "session_published"}},
	{"lots-remove", "DELETE", "/lots/{id}", any1(accounts.LotsRemove), 204, "lots", "Take a draft lot out of its session", "",
		[]string{"lot_not_found", "if_match_missing", "stale", "session_published"}},

	{placeBid, "POST", "/lots/{id}/bids", any1(accounts.BidsPlace), 201, "bids", "Bid: 201 with the receipt, 200 when this bid id was admitted before",
		`{"bid_id":"6d3f2b9e-5c1a-4f7e-9a53-0c9a4f1d2e11","code":"0000000000000000000031","quantity":1,"price_seen":4500,"currency":"EUR"}`,
		[]string{"not_found", "not_started", "ended", "paused", "wrong_area", "own_lot", "bad_code", "already_bought", "limit_reached", "sold_out", "too_low", "off_increment",
			"price_mismatch", "not_registered", "blocked", "over_credit", "below_own_max", "withdrawn", "id_reused", "busy", "rate_limited", "overloaded", "unknown_outcome"}},
	{"bids-read", "GET", "/lots/{id}/bids/{bid_id}", any1(accounts.BidsReadOwn), 200, "bids", "The receipt of your admitted bid, and whether its order is written", "", []string{"lot_not_found", "bid_not_found", "overloaded"}},

	{"orders-list", "GET", "/orders", any1(accounts.OrdersListOwn, accounts.OrdersListSold), 200, "orders", "Your orders, newest first: what you bought, or with as=seller what you sold", "", nil},
	{"orders-read", "GET", "/orders/{id}", any1(accounts.OrdersReadOwn, accounts.OrdersReadAny), 200, "orders", "An order, by its id or its serial number", "", []string{"order_not_found"}},
	{"orders-pay", "POST", "/orders/{id}/pay", any1(accounts.OrdersPay), 200, "orders", "Pay your order (sandbox: no money moves)", "", []string{"order_not_found", "order_state", "order_moved", "not_your_order"}},
	{"orders-cancel", "POST", "/orders/{id}/cancel", any1(accounts.OrdersCancel), 200, "orders", "Cancel an order before it is paid: your own, or for an operator any; its units go back to sale",
		`{"reason":"bought the wrong one"}`, []string{"order_not_found", "order_state", "order_moved", "not_your_order"}},
	{"orders-ship", "POST", "/orders/{id}/ship", any1(accounts.OrdersShip), 200, "orders", "Say that a paid order is on its way: of your goods, or for an operator any",
		`{"express":"DHL 1234567890"}`, []string{"order_not_found", "order_state", "order_moved", "not_your_order"}},
	{"orders-complete", "POST", "/orders/{id}/complete", any1(accounts.OrdersComplete), 200, "orders", "Say that an order has come: your own, or for an operator any", "", []string{"order_not_found", "order_state", "order_moved", "not_your_order"}},

	{"ops-pipeline", "GET", "/ops/pipeline", any1(accounts.OpsPipeline), 200, "ops", "The road from the gate to the database, shard by shard", "", nil},
}

// Routes gives the table.
func Routes() []Route { return slices.Clone(routes) }

// allows says whether roles may use the route.
func (r *Route) allows(roles accounts.Roles) bool {
	return slices.ContainsFunc(r.Actions, func(a accounts.Action) bool { return accounts.Allowed(a, roles) })
}

// roles gives everybody who may, for its description.
func (r *Route) roles() accounts.Roles {
	var all accounts.Roles
	for _, a := range r.Actions {
		all |= accounts.RolesFor(a)
	}
	return all
}

// operation describes the route.
func (r *Route) operation(schemas huma.Registry) huma.Operation {
	op := huma.Operation{OperationID: r.ID, Method: r.Method, Path: Prefix + r.Path, Summary: r.Summary, Tags: []string{r.Tag},
		DefaultStatus: r.Status, MaxBodyBytes: MaxBodyBytes + 1, RejectUnknownQueryParameters: true}
	who := "anybody"
	if !r.allows(0) {
		who = "the roles " + r.roles().String()
		op.Security = []map[string][]string{{"bearer": {}}}
	}
	op.Description = "For " + who + "."
	op.Responses = r.responses(schemas)
	if r.Example != "" {
		var value any
		if err := json.Unmarshal([]byte(r.Example), &value); err != nil {
			panic(fmt.Sprintf("route %s: %v", r.ID, err))
		}
		op.RequestBody = &huma.RequestBody{Content: map[string]*huma.MediaType{"application/json": {Example: value}}}
	}
	return op
}

// responses lists the problems by status; what every route may give stands under default.
func (r *Route) responses(schemas huma.Registry) map[string]*huma.Response {
	content := func(codes []string) map[string]*huma.MediaType {
		examples := map[string]*huma.Example{}
		for _, code := range codes {
			examples[code] = &huma.Example{Summary: problems[code].Title, Value: problem(code, "")}
		}
		return map[string]*huma.MediaType{"application/problem+json": {Schema: schemas.Schema(problemType, true, "Problem"), Examples: examples}}
	}
	byStatus := map[int][]string{}
	for _, code := range r.Gives {
		status := problems[code].Status
		byStatus[status] = append(byStatus[status], code)
	}
	responses := map[string]*huma.Response{"default": {Description: "A problem that any route may give", Content: content([]string{"invalid", "not_logged_in", "not_allowed", "unavailable", "internal"})}}
	for status, codes := range byStatus {
		responses[strconv.Itoa(status)] = &huma.Response{Description: http.StatusText(status) + ": " + strings.Join(codes, ", "), Content: content(codes)}
	}
	return responses
}

// register joins a row of the table with its handler.
func register[I, O any](a *API, id string, handler func(context.Context, *I) (*O, error)) {
	route, ok := a.routes[id]
	if !ok {
		panic("no route " + id)
	}
	op := route.operation(a.huma.OpenAPI().Components.Schemas)
	if id == placeBid { // described like the others, but read by a parser of its own (bidparse.go)
		op.SkipValidateBody, op.RequestBody.Required = true, true
		op.RequestBody.Content["application/json"].Schema = a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[bidBody](), true, "Bid")
	}
	huma.Register(reader{a.huma, &op}, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		return result(ctx, a, out, err)
	})
	a.handled++
}
