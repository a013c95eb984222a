package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/internal/config"
	"rostrum/orders"
)

// said serves one connection: whatever is asked, it says that.
func said(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		buffer := make([]byte, 4096)
		for {
			if _, err := c.Read(buffer); err != nil {
				return
			}
			if _, err := io.WriteString(c, answer); err != nil {
				return
			}
			if answer == "" {
				return
			}
		}
	}()
	return l.Addr().String()
}

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer string
		status int
		body   string
		err    error
	}{
		"a receipt":        {"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX: y\r\n\r\n{}", 201, "{}", nil},
		"lower case":       {"HTTP/1.1 409 Conflict\r\ncontent-length:3\r\n\r\nno!", 409, "no!", nil},
		"an empty body":    {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, "", nil},
		"another protocol": {"SSH-2.0-OpenSSH_9.2 here\r\n", 0, "", errAnswer},
		"no number":        {"HTTP/1.1 abc OK\r\n\r\n", 0, "", errAnswer},
		"chunks":           {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, "", errAnswer},
		"a bad length":     {"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n", 0, "", errAnswer},
		"too long":         {"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n", 0, "", errAnswer},
		"nothing":          {"", 0, "", io.EOF},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := dial(t.Context(), said(t, c.answer), time.Now().Add(10*time.Second))
			must(t, err)
			defer conn.close()
			for range 2 { // keep-alive: the second answer is read from where the first one ended
				status, body, size, err := conn.ask([]byte("x"))
				if c.err != nil {
					if !errors.Is(err, c.err) {
						t.Errorf("error %v, want %v", err, c.err)
					}
					return
				}
				if err != nil || status != c.status || string(body) != c.body || size != len(c.answer) {
					t.Errorf("status %d, body %q, %d of %d bytes, %v", status, body, size, len(c.answer), err)
				}
			}
		})
	}
}

func someLot() auction.Lot {
	return auction.Lot{ID: newID(), Code: "0123456789abcdefghijkl", PriceMinor: 500}
}

func someMembers(n int) []accounts.MintedToken {
	members := make([]accounts.MintedToken, n)
	for i := range members {
		members[i] = accounts.MintedToken{User: newID(), Token: fmt.Sprintf("token-%d", i)}
	}
	return members
}

func TestARequestIsABid(t *testing.T) {
	lot, seen := someLot(), map[uuid.UUID]bool{}
	r := newRequest(lot)
	for _, token := range []string{"a.much.longer.token", "short"} {
		got, err := http.ReadRequest(bufio.NewReader(strings.NewReader(string(r.of(token)))))
		must(t, err)
		text, err := io.ReadAll(got.Body)
		must(t, err)
		var bid struct {
			ID    uuid.UUID `json:"bid_id"`
			Code  string    `json:"code"`
			Price int64     `json:"price_seen"`
		}
		must(t, json.Unmarshal(text, &bid))
		if got.Method != http.MethodPost || got.URL.Path != "/api/v1/lots/"+lot.ID.String()+"/bids" || got.Header.Get("Authorization") != "Bearer "+token ||
			got.Header.Get("Content-Type") != "application/json" || bid.Code != lot.Code || bid.Price != 500 || bid.ID == uuid.Nil || seen[bid.ID] {
			t.Errorf("%+v\n%s", got, text)
		}
		seen[bid.ID] = true
	}
}

// desk is a platform that admits whom it has not seen, and counts.
type desk struct {
	mu     sync.Mutex
	tokens map[string]int
	refuse int // every so many-th bid is answered 503; 0: none
	bids   int
	lot    auction.Lot
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var bid struct {
		ID uuid.UUID `json:"bid_id"`
	}
	_ = json.NewDecoder(r.Body).Decode(&bid)
	d.bids++
	d.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]++
	if d.refuse > 0 && d.bids%d.refuse == 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"lot":%q,"bid_id":%q,"order":%q,"quantity":1,"seq":%d}`, d.lot.ID, bid.ID, bid.ID, d.bids)
}

func openDesk(t *testing.T, refuse int) (*desk, string) {
	d := &desk{tokens: map[string]int{}, refuse: refuse, lot: someLot()}
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	return d, strings.TrimPrefix(s.URL, "http://")
}

func TestEveryMemberBidsOnceAndIsInTheLog(t *testing.T) {
	d, address := openDesk(t, 5)
	members := someMembers(100)
	out, err := load{address: address, lot: d.lot, members: members, want: 201, clients: 4, length: time.Minute}.run(t.Context())
	must(t, err)
	if out.counted != 80 || out.bids != 100 || out.odd[503] != 20 || out.rate() <= 0 {
		t.Errorf("%d counted of %d, others %v", out.counted, out.bids, out.odd)
	}
	log, err := out.admissions(members)
	must(t, err)
	buyers := map[uuid.UUID]orders.Admission{}
	for _, a := range log {
		buyers[a.Buyer] = a
		if a.Lot != d.lot.ID || a.Bid == uuid.Nil || a.Order != a.Bid || a.Quantity != 1 || a.Seq < 1 {
			t.Errorf("%+v", a)
		}
	}
	if len(log) != 80 || len(buyers) != 80 || len(d.tokens) != 100 {
		t.Errorf("%d admissions of %d buyers, %d tokens came", len(log), len(buyers), len(d.tokens))
	}
}

func TestMembersBidAgainWhileThereIsTime(t *testing.T) {
	d, address := openDesk(t, 0)
	out, err := load{address: address, lot: d.lot, members: someMembers(3), want: 201, again: true, clients: 2, length: 200 * time.Millisecond}.run(t.Context())
	must(t, err)
	if out.counted <= 3 || len(d.tokens) != 3 || out.took < 200*time.Millisecond {
		t.Errorf("%d bids of %d members in %s", out.counted, len(d.tokens), out.took)
	}
}

func TestALoadThatHasNoFigureIsAnError(t *testing.T) {
	d, address := openDesk(t, 1)
	l := load{address: address, lot: d.lot, members: someMembers(4), want: 201, clients: 2, length: time.Minute}
	if _, err := l.run(t.Context()); err == nil || !strings.Contains(err.Error(), "503:4") {
		t.Errorf("only refusals: %v", err)
	}
	l.address, l.clients = said(t, ""), 1
	if _, err := l.run(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("a connection that ends: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l.address = address
	if _, err := l.run(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

func TestTheYardstickAnswersWithAsManyBytes(t *testing.T) {
	for _, size := range []int{600, 1234, 4000} {
		y, err := startYardstick(t.Context(), config.Development(), size)
		must(t, err)
		if got, err := y.answers(t.Context()); got != size || err != nil {
			t.Errorf("%d bytes of %d, %v", got, size, err)
		}
		out, err := load{address: y.address, lot: someLot(), members: someMembers(20), want: 201, clients: 2, length: time.Minute}.run(t.Context())
		if err != nil || out.counted != 20 {
			t.Errorf("%d bids of 20: %v", out.counted, err)
		}
		must(t, y.stop(t.Context()))
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
