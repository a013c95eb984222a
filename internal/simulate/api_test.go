package simulate

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// api is a live session of some lots as it looks from outside, with the faults that a test gives it.
type api struct {
	t      *testing.T
	server *httptest.Server
	held   sync.RWMutex // locked: no request is answered

	mu      sync.Mutex
	session session
	lots    []Lot
	bids    map[uuid.UUID]*decided
	sold    map[uuid.UUID]int64
	bought  map[string]int
	asked   int            // bids received
	again   int            // of them, those that said so
	tokens  map[string]int // bids received, by token

	// faults of the nth bid request (from 1): the status and problem code in place of its answer, after it was decided
	// or before
	fault func(n int) (status int, code, header string, decide bool)
	// lies of receipts that are told anew
	lie        func(how string, r map[string]any)
	forgetful  bool // a receipt does not read back
	oversells  bool
	area, user string
	roles      []string
	unit       string // state of every order
}

type decided struct {
	order uuid.UUID
	lot   uuid.UUID
	seq   int
}

var anArea = "north"

func startAPI(t *testing.T, stocks ...int64) *api {
	t.Helper()
	now := time.Now().UTC()
	a := &api{t: t, bids: map[uuid.UUID]*decided{}, sold: map[uuid.UUID]int64{}, bought: map[string]int{}, tokens: map[string]int{}, area: anArea, roles: []string{"bidder"}, unit: "pending_payment",
		session: session{ID: uuid.New(), Area: anArea, Name: "Sale", Starts: now.Add(-time.Minute), Ends: now.Add(time.Hour), State: "live"}}
	for _, stock := range stocks {
		a.lots = append(a.lots, Lot{ID: uuid.New(), Code: "secret", Price: 500, Stock: stock, Left: stock, PerBuyer: 1, State: "live"})
	}
	a.server = httptest.NewServer(a)
	t.Cleanup(a.server.Close)
	return a
}

// stop answers nothing for a while, as an API does whose process stands still.
func (a *api) stop(after, length time.Duration) {
	go func() {
		<-time.After(after)
		a.held.Lock()
		<-time.After(length)
		a.held.Unlock()
	}()
}

// onBid does something when the nth bid comes, before it is decided.
func (a *api) onBid(nth int, do func()) {
	a.fault = func(asked int) (int, string, string, bool) {
		if asked == nth {
			do()
		}
		return 0, "", "", true
	}
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.held.RLock()
	defer a.held.RUnlock()
	a.mu.Lock()
	defer a.mu.Unlock()
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/api/v1/"), "/")
	switch {
	case r.URL.Path == "/api/v1/areas":
		a.tell(w, 200, map[string]any{"items": []any{map[string]string{"code": anArea}}})
	case r.URL.Path == "/api/v1/auth/me":
		a.me(w, r)
	case path[0] == "sessions" && path[1] != a.session.ID.String():
		a.tell(w, 404, map[string]any{"code": "session_not_found"})
	case path[0] == "sessions" && len(path) == 2:
		s := a.session
		s.Now = time.Now().UTC()
		a.tell(w, 200, s)
	case path[0] == "sessions":
		a.goods(w, r)
	case path[0] == "orders":
		a.tell(w, 200, map[string]any{"state_name": a.unit})
	case r.Method == http.MethodGet:
		a.receipt(w, uuid.MustParse(path[3]))
	default:
		a.bid(w, r, uuid.MustParse(path[1]))
	}
}

func (a *api) tell(w http.ResponseWriter, status int, v any) {
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		a.t.Error(err)
	}
}

func (a *api) me(w http.ResponseWriter, r *http.Request) {
	user, err := subject(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if err != nil {
		a.tell(w, 401, map[string]any{"code": "token_invalid"})
		return
	}
	if a.user != "" {
		user = uuid.MustParse(a.user)
	}
	a.tell(w, 200, map[string]any{"id": user, "area": a.area, "roles": a.roles})
}

// goods gives the lots in pages of three.
func (a *api) goods(w http.ResponseWriter, r *http.Request) {
	from := 0
	_, _ = fmt.Sscan(r.URL.Query().Get("cursor"), &from)
	to := min(from+3, len(a.lots))
	page := map[string]any{"items": append([]Lot{}, a.lots[from:to]...)}
	if to < len(a.lots) {
		page["next"] = fmt.Sprint(to)
	}
	a.tell(w, 200, page)
}

func (a *api) bid(w http.ResponseWriter, r *http.Request, lot uuid.UUID) {
	var b struct {
		ID    uuid.UUID `json:"bid_id"`
		Code  string    `json:"code"`
		Price int64     `json:"price_seen"`
		Again bool      `json:"again"`
	}
	if err := json.NewDecoder(r.Body).Decode(&b); err != nil || b.Code != "secret" || b.Price != 500 {
		a.t.Errorf("a bid %+v: %v", b, err)
	}
	a.asked++
	a.tokens[r.Header.Get("Authorization")]++
	if b.Again {
		a.again++
	}
	status, code, header, decide := 0, "", "", true
	if a.fault != nil {
		status, code, header, decide = a.fault(a.asked)
	}
	if status == -1 && !decide {
		panic(http.ErrAbortHandler) // the connection breaks, and the bid is lost
	}
	if status != 0 && !decide {
		w.Header().Set("Retry-After", header)
		a.tell(w, status, map[string]any{"code": code})
		return
	}
	before, verdict := a.decide(r.Header.Get("Authorization"), lot, b.ID)
	switch {
	case status == -1:
		panic(http.ErrAbortHandler) // it breaks after the bid was decided
	case status != 0:
		a.tell(w, status, map[string]any{"code": code})
	case verdict != "":
		a.tell(w, 409, map[string]any{"type": "/problems/" + verdict, "code": verdict})
	case before:
		a.tell(w, 200, a.told("again", b.ID))
	default:
		a.tell(w, 201, a.told("", b.ID))
	}
}

// decide admits or refuses; before: it was admitted earlier.
func (a *api) decide(buyer string, lot, bid uuid.UUID) (before bool, verdict string) {
	if a.bids[bid] != nil {
		return true, ""
	}
	stock := int64(0)
	for _, l := range a.lots {
		if l.ID == lot {
			stock = l.Stock
		}
	}
	switch {
	case a.bought[buyer+lot.String()] > 0 && !a.oversells:
		return false, "already_bought"
	case a.sold[lot] >= stock && !a.oversells:
		return false, "sold_out"
	}
	a.sold[lot]++
	a.bought[buyer+lot.String()]++
	a.bids[bid] = &decided{order: uuid.New(), lot: lot, seq: len(a.bids) + 1}
	return false, ""
}

func (a *api) told(how string, bid uuid.UUID) map[string]any {
	d := a.bids[bid]
	r := map[string]any{"bid_id": bid, "lot": d.lot, "order": d.order, "quantity": 1, "seq": d.seq, "units": []int{1}}
	if a.lie != nil {
		a.lie(how, r)
	}
	return r
}

func (a *api) receipt(w http.ResponseWriter, bid uuid.UUID) {
	if a.bids[bid] == nil || a.forgetful {
		a.tell(w, 404, map[string]any{"code": "bid_not_found"})
		return
	}
	a.tell(w, 200, a.told("back", bid))
}

// members makes bidders with tokens that have the form of real ones.
func members(n int) []Member {
	all := make([]Member, n)
	for i := range all {
		id := uuid.New()
		all[i] = Member{id, token(id)}
	}
	return all
}

func token(user uuid.UUID) string {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return part(`{"alg":"HS256"}`) + "." + part(fmt.Sprintf(`{"sub":%q}`, user)) + "." + part("signature")
}

// simulate runs against the API with short waits.
func (a *api) simulate(o Options, users int) (Report, error) {
	o.Target, o.Session = a.server.URL, a.session.ID
	fill(&o.Backoff, Backoff{First: time.Millisecond, Most: 10 * time.Millisecond})
	fill(&o.Drain, 5*time.Second)
	return Run(a.t.Context(), o, Crowd{Members: members(users)}, nil, nil)
}

// broken gives the names of the lines that do not hold, with how often.
func broken(r Report) map[string]int {
	wrong := map[string]int{}
	for _, i := range r.Invariants {
		if !i.OK() {
			wrong[i.Name] = i.Wrong
		}
	}
	return wrong
}

func bidsOf(r Report, verdict string) int64 {
	for _, v := range r.Verdicts {
		if v.Verdict == verdict {
			return v.Bids
		}
	}
	return 0
}
