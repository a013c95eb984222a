package crowd

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// api is a sale of one lot, as far as a bidder sees it: stock units, answers that fail now and then.
type api struct {
	mu     sync.Mutex
	lot    uuid.UUID
	stock  int
	fail   int // of the next bids, how many are decided and then not answered
	bids   map[uuid.UUID]uuid.UUID
	buyers map[string]bool
	again  int // bids that said so
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case r.Method == http.MethodPost && r.URL.Path == "/api/v1/auth/login":
		fmt.Fprint(w, `{"access":"token-of-ann"}`)
	case r.URL.Path == "/api/v1/auth/me":
		fmt.Fprintf(w, `{"id":%q}`, a.lot)
	case r.Method == http.MethodGet:
		fmt.Fprintf(w, `{"items":[{"id":%q,"code":"secret"}]}`, a.lot)
	default:
		a.bid(w, r)
	}
}

func (a *api) bid(w http.ResponseWriter, r *http.Request) {
	var b struct {
		ID    uuid.UUID `json:"bid_id"`
		Code  string    `json:"code"`
		Again bool      `json:"again"`
	}
	_ = json.NewDecoder(r.Body).Decode(&b)
	if b.Again {
		a.again++
	}
	buyer := r.Header.Get("Authorization")
	order, repeat := a.bids[b.ID]
	switch {
	case b.Code != "secret":
		problem(w, 403, "bad_code")
		return
	case !repeat && a.buyers[buyer]:
		problem(w, 409, "already_bought")
		return
	case !repeat && len(a.bids) == a.stock:
		problem(w, 409, "sold_out")
		return
	case !repeat:
		order = uuid.New()
		a.bids[b.ID], a.buyers[buyer] = order, true
	}
	if a.fail > 0 {
		a.fail--
		problem(w, 504, "unknown_outcome")
		return
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"lot":%q,"bid_id":%q,"order":%q,"quantity":1,"seq":7}`, a.lot, b.ID, order)
}

func problem(w http.ResponseWriter, status int, code string) {
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"code":%q}`, code)
}

func serve(t *testing.T, stock, fail int) (*api, *Crowd) {
	a := &api{lot: uuid.New(), stock: stock, fail: fail, bids: map[uuid.UUID]uuid.UUID{}, buyers: map[string]bool{}}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	c := New(func() string { return server.URL }, Options{Connections: 8, Timeout: 10 * time.Second})
	t.Cleanup(c.Close)
	return a, c
}

func members(n int) []Member {
	all := make([]Member, n)
	for i := range all {
		all[i] = Member{User: uuid.New(), Token: fmt.Sprint("token-", i)}
	}
	return all
}

func TestRushBuysWhatThereIsAndKeepsItsReceipts(t *testing.T) {
	a, c := serve(t, 10, 0)
	c.Rush(t.Context(), uuid.New(), members(60))
	side := c.Side()
	orders := map[uuid.UUID]bool{}
	for _, r := range side.Admissions {
		if a.bids[r.Bid] != r.Order || r.Lot != a.lot || r.Quantity != 1 || r.Seq != 7 || r.Buyer == uuid.Nil {
			t.Errorf("receipt %+v", r)
		}
		orders[r.Order] = true
	}
	told := c.Told()
	if len(orders) != 10 || told["sold_out"] != 50 || told["admitted"] != len(side.Admissions) || !side.Partial || !side.May {
		t.Errorf("%d orders, told %v", len(orders), told)
	}
}

// A bid whose answer did not come is asked again with its own id, and says so: it must not buy twice.
func TestABidWithoutAnAnswerIsAskedAgain(t *testing.T) {
	a, c := serve(t, 10, 3)
	c.Rush(t.Context(), uuid.New(), members(1))
	if len(a.bids) != 1 || a.again < 3 || c.Unanswered.Load() != 0 || len(c.Side().Admissions) == 0 {
		t.Errorf("%d bids decided, %d asked again, told %v", len(a.bids), a.again, c.Told())
	}
}

func TestABidderGivesUpInTheEnd(t *testing.T) {
	_, c := serve(t, 10, 1<<30)
	c.o.Asks = 2
	c.Rush(t.Context(), uuid.New(), members(1))
	if c.Unanswered.Load() == 0 || len(c.Side().Admissions) != 0 || c.Told()["no answer"] == 0 {
		t.Errorf("told %v", c.Told())
	}
}

func TestLogIn(t *testing.T) {
	a, c := serve(t, 1, 0)
	m, err := c.LogIn(t.Context(), "ann", "secret password")
	if err != nil || m.Token != "token-of-ann" || m.User != a.lot {
		t.Errorf("%+v %v", m, err)
	}
	gone := New(func() string { return "http://127.0.0.1:1" }, Options{Timeout: time.Second})
	if _, err := gone.LogIn(t.Context(), "ann", "secret password"); err == nil {
		t.Error("logged in nowhere")
	}
}
