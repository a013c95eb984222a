package api

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"time"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/web/edge"
)

// Kind is a row of the table of problems: one thing that can go wrong, under a code that programs may switch on.
type Kind struct {
	Code   string // the last part of `type`
	Status int
	Title  string
	Remedy string // what to do about it
}

// kinds is the one table from errors to HTTP. A fault is looked up by its code, a refused bid by its verdict. A code that
// is not here is told by the row of its class (see classes), so that nothing can go out unmapped.
var kinds = []Kind{
	// What is wrong with the request itself.
	{"invalid", 422, "The request is not valid", "Mend the fields that `errors` names; each says how."},
	{"broken_json", 400, "The body is not JSON", "Send one JSON object, encoded as UTF-8."},
	{"body_too_large", 413, "The body is too large", "Send at most 16384 bytes."},
	{"wrong_content_type", 415, "The body is of another type", "Send Content-Type: application/json."},
	{"headers_too_large", 431, "The headers are too large", "Send at most 8 KiB of request line and headers."},
	{"request_timeout", 408, "The request came too slowly", "Send it again over a better connection."},
	{"bad_request", 400, "The request is not HTTP", "Send a well-formed HTTP/1.1 request."},
	{"no_such_route", 404, "There is no such route", "Look at /docs."},
	{"method_not_allowed", 405, "The route does not take this method", "Look at `Allow` and /docs."},
	{"if_match_missing", 428, "If-Match is missing", "Read the thing first and send its ETag as If-Match, so that nobody's change is lost."},
	{"stale", 412, "It was changed since you read it", "Read it again, and send its new ETag."},

	// Who asks.
	{"not_logged_in", 401, "Nobody is logged in", "Log in; with the API send Authorization: Bearer and the access token of POST /api/v1/auth/login."},
	{"token_invalid", 401, "The access token is not valid", "Log in again."},
	{"token_expired", 401, "The access token has expired", "Send your refresh token to POST /api/v1/auth/refresh, or log in again."},
	{"bad_credentials", 401, "Login or password are wrong", "Try again; it is not said which of them is wrong."},
	{"login_not_found", 401, "The refresh token is not known", "Log in again."},
	{"login_revoked", 401, "The log-in session has ended", "Log in again."},
	{"login_expired", 401, "The log-in session has expired", "Log in again."},
	{"login_reused", 401, "The refresh token was used before", "Somebody else may have it. The session has ended: log in again."},
	{"user_disabled", 403, "The user is disabled", "Ask an operator."},
	{"not_allowed", 403, "Your roles do not allow this", "Log in as somebody whose roles do; /docs names them for each route."},
	{"foreign_form", 403, "The form is not one of ours", "Open the page again and send its form."},
	{"log_ins_busy", 429, "Too many log-ins at this moment", "Ask again after Retry-After."},
	{"rate_limited", 429, "This is asked too often", "Ask again after Retry-After."},

	// Things that are not there, or not for this one to see.
	{"area_not_found", 404, "There is no such area", "Send a code of GET /api/v1/areas."},
	{"item_not_found", 404, "There is no such item", "Send an id of GET /api/v1/items."},
	{"session_not_found", 404, "There is no such session", "Send an id of GET /api/v1/sessions."},
	{"lot_not_found", 404, "There is no such lot", "Send an id of the session's goods page."},
	{"bid_not_found", 404, "There is no such admitted bid of yours", "A refused bid leaves nothing behind. Ask with the id that you bid with."},
	{"order_not_found", 404, "There is no such order of yours", "With Retry-After: its row is on the way, ask again. Else look among your orders."},

	// Things in another state than the request needs.
	{"login_taken", 409, "The login is taken", "Choose another one."},
	{"number_taken", 409, "You have an item of this number", "Choose another number."},
	{"item_in_sale", 409, "The item is in a published session", "Wait for the session's end."},
	{"preheat_busy", 409, "Another node is preheating the session", "Nothing is to be done: it will be written once."},
	{"gate_memory", 409, "The gate's Redis has too little room for the session", "Nothing was written. Raise its maxmemory, or take something out; `detail` says how much is needed."},
	{"shelf_memory", 409, "The shelf's Redis has too little room for the session", "Nothing was written. Raise its maxmemory, or take something out; `detail` says how much is needed."},
	{"lots_broken", 409, "Some lots cannot be sold as they are stored", "All others were written. Mend the rows that `detail` names, and preheat again."},
	{"session_published", 409, "The session is published", "What was published is frozen. Make a new session."},
	{"session_not_draft", 409, "The session is not a draft", "Read it again."},
	{"session_not_scheduled", 409, "The session is not scheduled", "Publish it first."},
	{"lot_exists", 409, "The item is in this session already", "Change that lot, or choose another item."},
	{"order_state", 409, "The order is in another state", "Read it again; `detail` says which state the action needs."},
	{"order_moved", 409, "The order was moved at the same moment", "Read it again."},
	{"not_your_order", 403, "Not yours to do", "This is for another party to the order."},

	// Of the same kinds, without a row of their own.
	{"not_there", 404, "There is no such thing", "`detail` says what."},
	{"conflict", 409, "It is in another state", "`detail` says in which. Read it again."},

	// What a bid may be refused with (`verdict` says the same).
	{"not_found", 404, "There is no such lot", "Take the lot's id from the goods page."},
	{"not_started", 409, "The lot has not opened yet", "Bid again when it opens: `opens` and Retry-After say when, `early_ms` by how much you were early."},
	{"ended", 409, "The lot is over", "`late_ms` says by how much the bid was late."},
	{"paused", 503, "The lot is paused", "Nothing was decided. Ask again after Retry-After, with the same bid id."},
	{"wrong_area", 403, "The lot is sold in another area", "Bid in sessions of your own area."},
	{"own_lot", 403, "The lot is your own", "Sellers do not bid on their own goods."},
	{"bad_code", 403, "The code is not the lot's", "Read the goods page again: it shows the code while the lot is live."},
	{"already_bought", 409, "You have bought this lot", "One unit a buyer: your order is among your orders."},
	{"limit_reached", 409, "More than one buyer may have", "Bid for fewer units; `per_buyer` says how many you may have in all."},
	{"sold_out", 409, "The lot is sold out", "Units come back when orders are cancelled: you may try again until the lot is over."},
	{"too_low", 409, "The amount is too low", "Bid at least the next minimum."},
	{"off_increment", 409, "The amount is between two steps", "Bid one of the nearest legal amounts."},
	{"price_mismatch", 409, "The price is another one", "Look at `price`, and bid again if you still want to."},
	{"not_registered", 403, "You are not registered for this lot", "Register for it first."},
	{"blocked", 403, "You may not bid here", "Ask an operator."},
	{"over_credit", 409, "The bid is over your credit", "Pay open orders, or bid less."},
	{"below_own_max", 409, "You have a higher bid here", "Bid more than your own maximum."},
	{"withdrawn", 409, "The lot was withdrawn", "It will not be sold here any more."},
	{"id_reused", 409, "This bid id was used for another bid", "Make a new id for a new wish, and ask with the old one for the old wish."},
	{"busy", 503, "Somebody is changing the lot", "Ask again after Retry-After, with the same bid id."},

	// What is not the client's doing.
	{"overloaded", 503, "Too many bids at this moment", "Nothing was done. Ask again after Retry-After, with the same bid id."},
	{"unavailable", 503, "A part of the service is away", "Nothing was done. Ask again after Retry-After."},
	{"unknown_outcome", 504, "The outcome is not known", "It may have happened. Ask again: a bid with the same bid id and `again: true` gets its one true answer."},
	{"internal", 500, "We made a mistake", "Tell us the request id."},
}

// fields are the kinds that always mean the same field of the request, with what is wrong with it; the remedy is the kind's.
// A kind that is told in a rush (sold_out, ended, already_bought …) is not here: see appendJSON.
var fields = map[string]struct{ name, wrong string }{
	"broken_json":        {"body", "is not JSON"},
	"body_too_large":     {"body", "is too large"},
	"wrong_content_type": {"Content-Type", "is not application/json"},
	"if_match_missing":   {"If-Match", "is missing"},
	"stale":              {"If-Match", "is not its newest ETag"},
	"not_logged_in":      {"Authorization", "is missing"},
	"token_invalid":      {"Authorization", "has no valid access token"},
	"token_expired":      {"Authorization", "has an access token whose time is over"},
	"login_not_found":    {"refresh", "is no refresh token of ours"},
	"login_revoked":      {"refresh", "is of a log-in session that has ended"},
	"login_expired":      {"refresh", "is of a log-in session whose time is over"},
	"login_reused":       {"refresh", "was used before"},
	"login_taken":        {"login", "is taken"},
	"area_not_found":     {"area", "is not there"},
	"number_taken":       {"number", "is that of another item of yours"},
	"lot_exists":         {"item", "is in this session already"},
	"bad_code":           {"code", "is not the lot's"},
	"id_reused":          {"bid_id", "was used for another bid"},
	"too_low":            {"amount", "is too low"},
	"off_increment":      {"amount", "is between two steps"},
	"over_credit":        {"amount", "is over your credit"},
	"below_own_max":      {"amount", "is below your own maximum"},
	"price_mismatch":     {"price_seen", "is not the lot's"}, // or amount, or currency: see refused
}

// classes gives the row for a fault whose code has none of its own. A class is also where Retry-After has its default.
var classes = map[fault.Class]struct {
	code       string
	retryAfter time.Duration
}{
	fault.Internal:        {"internal", 0},
	fault.Invalid:         {"invalid", 0},
	fault.Unauthenticated: {"token_invalid", 0},
	fault.Forbidden:       {"not_allowed", 0},
	fault.NotFound:        {"not_there", 0},
	fault.Conflict:        {"conflict", 0},
	fault.Stale:           {"stale", 0},
	fault.TooMany:         {"rate_limited", time.Second},
	fault.Unavailable:     {"unavailable", time.Second},
	fault.Unknown:         {"unknown_outcome", 0},
}

// Kinds lists the table of problems in its order.
func Kinds() []Kind { return kinds }

// problems are the kinds as they are sent, before anything is said of the case.
var problems = func() map[string]*Problem {
	m := make(map[string]*Problem, len(kinds))
	for _, k := range kinds {
		m[k.Code] = &Problem{Type: "/problems/" + k.Code, Title: k.Title, Status: k.Status, Code: k.Code, Remedy: k.Remedy}
	}
	return m
}()

// Problem is what is sent when something goes wrong (RFC 9457, application/problem+json).
type Problem struct {
	Type     string        `json:"type" doc:"Where this kind of problem is explained"`
	Title    string        `json:"title"`
	Status   int           `json:"status"`
	Code     string        `json:"code" doc:"The kind of problem, for programs: stable, lower_snake"`
	Detail   string        `json:"detail,omitempty" doc:"What happened, in a sentence"`
	Remedy   string        `json:"remedy,omitempty" doc:"What to do about it"`
	Request  string        `json:"request_id,omitempty" doc:"Stands in our logs; name it when you ask us"`
	Errors   []fault.Field `json:"errors,omitempty" doc:"Every wrong field, with what to do about it"`
	AskAgain bool          `json:"ask_again,omitempty" doc:"The outcome is unknown: ask the same again"`

	Verdict    auction.Verdict `json:"verdict,omitempty" doc:"Of a refused bid"`
	Time       Time            `json:"time,omitzero" doc:"When the bid was refused, by the deciding clock"`
	Opens      Time            `json:"opens,omitzero"`
	Closes     Time            `json:"closes,omitzero"`
	EarlyMS    int64           `json:"early_ms,omitempty" doc:"How much too early a bid was, in milliseconds, rounded up"`
	LateMS     int64           `json:"late_ms,omitempty" doc:"How much too late a bid was, in milliseconds, rounded up"`
	PriceMinor int64           `json:"price,omitempty" doc:"Of one unit now, in minor units"`
	Currency   string          `json:"currency,omitempty"`
	PerBuyer   int             `json:"per_buyer,omitempty"`

	RetryAfter time.Duration `json:"-"`
	rate       edge.Allowance
}

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders gives Retry-After, in whole seconds rounded up, and what is left of a limit.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	p.headers(h.Set)
	if p.rate.Quota > 0 {
		h.Set("RateLimit-Policy", ratePolicy(p.rate))
		h.Set("RateLimit", rateLeft(p.rate))
	}
	return h
}

func (p *Problem) headers(set func(name, value string)) {
	if p.RetryAfter > 0 {
		set("Retry-After", strconv.Itoa(seconds(p.RetryAfter)))
	}
	if p.Status == http.StatusUnauthorized {
		set("WWW-Authenticate", `Bearer realm="rostrum"`)
	}
}

// ContentType implements huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// JSON gives the problem's bytes.
func (p *Problem) JSON() []byte {
	var b bytes.Buffer
	if err := strict.Marshal(&b, p); err != nil {
		panic(err) // a struct of strings and numbers
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func problem(code, detail string) *Problem {
	kind, ok := problems[code]
	if !ok {
		kind = problems["internal"]
	}
	p := *kind
	p.Detail = detail
	if f, ok := fields[p.Code]; ok {
		p.Errors = []fault.Field{{Name: f.name, Detail: f.wrong, Remedy: p.Remedy}}
	}
	return &p
}

// broken says why a body cannot be read.
func broken(detail, wrong string) *Problem {
	p := problem("broken_json", detail)
	p.Errors = []fault.Field{{Name: "body", Detail: wrong, Remedy: "send one JSON object"}}
	return p
}

func noBody() *Problem { return broken("there is no body", "is missing") }

// ProblemOf turns any error into what is sent. The text of an internal error stays here.
func ProblemOf(err error) *Problem {
	if refusal, ok := errors.AsType[*edge.Refusal](err); ok { // first: it is what a rush gets
		return refused(refusal)
	}
	p, ok := errors.AsType[*Problem](err)
	if ok {
		return p
	}
	e := fault.As(err)
	if e == nil || e.Class == fault.Internal {
		return problem("internal", "")
	}
	row := classes[e.Class]
	code := e.Code
	if _, ok := problems[code]; !ok || e.Class == fault.Unknown || e.Class == fault.Unavailable && code != "overloaded" {
		code = row.code
	}
	p = problem(code, e.Detail)
	p.RetryAfter, p.AskAgain = e.RetryAfter, e.Class == fault.Unknown
	if len(e.Fields) > 0 {
		p.Errors = e.Fields
	}
	if p.RetryAfter == 0 {
		p.RetryAfter = row.retryAfter
	}
	return p
}

// refused tells a refusal: when, and what its bidder needs for the next step.
func refused(r *edge.Refusal) *Problem {
	p := problem(string(r.Verdict), "")
	p.Verdict, p.Time, p.RetryAfter = r.Verdict, Time(r.AtUS), r.RetryAfter
	p.Opens, p.Closes = Time(r.OpensUS), Time(r.ClosesUS)
	p.PriceMinor, p.Currency = r.PriceMinor, r.Currency
	switch r.Verdict {
	case auction.NotStarted:
		p.EarlyMS = ceilMS(r.OpensUS - r.AtUS)
		p.RetryAfter = time.Duration(max(r.OpensUS-r.AtUS, 0)) * time.Microsecond
	case auction.Ended:
		p.LateMS = ceilMS(r.AtUS - r.ClosesUS)
	case auction.LimitReached, auction.AlreadyBought:
		p.PerBuyer = r.PerBuyer
	case auction.PriceMismatch:
		p.Errors[0].Name = r.Field
	case auction.Busy, auction.Paused:
		p.RetryAfter = max(p.RetryAfter, time.Second)
	}
	return p
}

func ceilMS(us int64) int64 { return max(0, us+999) / 1000 }

// NewProblem makes a problem of the table; an unknown code makes an internal one.
func NewProblem(code, detail string) *Problem { return problem(code, detail) }
