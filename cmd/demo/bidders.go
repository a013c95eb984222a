package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"rostrum/orders"
)

// Limits of the simulated crowd.
const (
	bidders        = 2000
	connections    = 128 // of the whole crowd: real sockets, bounded
	lotsTried      = 4   // lots a bidder tries before giving up
	asksPerBid     = 8   // times a bid with an unknown outcome or a busy answer is asked again
	requestTimeout = 5 * time.Second
	rushSpread     = 2 * time.Second // the crowd's first bids come within this time
)

// crowd is the simulated bidders: HTTP clients that keep their own log of what they were told.
type crowd struct {
	base   string // http://host:port
	client *http.Client
	lots   []uuid.UUID

	admitted, refused, unknown atomic.Int64

	mu       sync.Mutex
	receipts []orders.Admission
	verdicts map[string]int
}

func newCrowd(base string, lots []uuid.UUID) *crowd {
	transport := &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections,
		DialContext: (&net.Dialer{Timeout: requestTimeout}).DialContext}
	return &crowd{base: base, lots: lots, verdicts: map[string]int{},
		client: &http.Client{Transport: transport, Timeout: requestTimeout}}
}

// bidder is one of the crowd.
type bidder struct {
	*crowd
	token string
	dice  *rand.Rand
	codes map[uuid.UUID]string
}

// rush lets every token's bidder bid, and comes back when all have given up or have what they wanted.
func (c *crowd) rush(ctx context.Context, session uuid.UUID, tokens []string) {
	var all sync.WaitGroup
	for n, token := range tokens {
		all.Go(func() {
			b := &bidder{crowd: c, token: token, dice: rand.New(rand.NewPCG(uint64(n), 1))}
			if pause(ctx, time.Duration(b.dice.Int64N(int64(rushSpread)))) {
				b.shop(ctx, session)
			}
		})
	}
	all.Wait()
}

// shop opens the goods page for the codes, and tries lots until one is bought.
func (b *bidder) shop(ctx context.Context, session uuid.UUID) {
	if err := b.open(ctx, session); err != nil {
		b.count("no page: " + err.Error())
		return
	}
	for _, n := range b.dice.Perm(len(b.lots))[:min(lotsTried, len(b.lots))] {
		lot := b.lots[n]
		bid := uuid.Must(uuid.NewV7())
		if !b.place(ctx, lot, bid) {
			continue
		}
		if b.dice.IntN(10) == 0 {
			b.place(ctx, lot, bid) // as a client that did not see its answer: the receipt must be the same one
		}
		if b.dice.IntN(10) == 0 {
			b.place(ctx, lot, uuid.Must(uuid.NewV7())) // as one that clicks twice: it must not get two
		}
		return
	}
}

// open reads the goods page, which reveals the lots' codes.
func (b *bidder) open(ctx context.Context, session uuid.UUID) error {
	var page struct {
		Items []struct {
			ID   uuid.UUID `json:"id"`
			Code string    `json:"code"`
		} `json:"items"`
	}
	status, err := b.call(ctx, http.MethodGet, "/api/v1/sessions/"+session.String()+"/lots?limit=100", nil, &page)
	if err != nil {
		return err
	}
	b.codes = map[uuid.UUID]string{}
	for _, l := range page.Items {
		b.codes[l.ID] = l.Code
	}
	if status != http.StatusOK {
		return fmt.Errorf("status %d", status)
	}
	return nil
}

// reply is what the API says to a bid: a receipt, or a problem.
type reply struct {
	Bid        uuid.UUID `json:"bid_id"`
	Lot        uuid.UUID `json:"lot"`
	Buyer      uuid.UUID `json:"buyer"`
	Order      uuid.UUID `json:"order"`
	Quantity   int64     `json:"quantity"`
	Seq        int64     `json:"seq"`
	Verdict    string    `json:"verdict"`
	Code       string    `json:"code"`
	AskAgain   bool      `json:"ask_again"`
	RetryAfter int64     `json:"retry_after_ms"`
}

// place bids once, and asks again with the same bid id while the outcome is unknown or the answer is "later". It says
// whether the bid was admitted.
func (b *bidder) place(ctx context.Context, lot, bid uuid.UUID) bool {
	body := map[string]any{"bid_id": bid, "code": b.codes[lot]}
	for ask := range asksPerBid {
		var r reply
		status, err := b.call(ctx, http.MethodPost, "/api/v1/lots/"+lot.String()+"/bids", body, &r)
		switch {
		case err == nil && (status == http.StatusCreated || status == http.StatusOK):
			b.won(r)
			return true
		case err == nil && status < 500 && status != http.StatusTooManyRequests:
			b.count(r.Code)
			b.refused.Add(1)
			return false
		}
		body["again"] = true
		if !pause(ctx, time.Duration(20+b.dice.IntN(50))*time.Millisecond<<min(ask, 4)) {
			break
		}
	}
	b.unknown.Add(1)
	b.count("no answer")
	return false
}

// won keeps the receipt in the crowd's own log; the same one twice stays twice there.
func (b *bidder) won(r reply) {
	b.admitted.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.receipts = append(b.receipts, orders.Admission{Lot: r.Lot, Buyer: r.Buyer, Bid: r.Bid, Order: r.Order, Seq: r.Seq, Quantity: r.Quantity})
	b.verdicts["admitted"]++
}

func (c *crowd) count(verdict string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.verdicts[verdict]++
}

// logIn gives a token for a password.
func (c *crowd) logIn(ctx context.Context, login string) (string, error) {
	var tokens struct {
		Access string `json:"access_token"`
	}
	b := &bidder{crowd: c}
	status, err := b.call(ctx, http.MethodPost, "/api/v1/auth/login", map[string]string{"login": login, "password": password}, &tokens)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d", status)
	}
	return tokens.Access, err
}

// call sends one request and reads the JSON of its answer, whatever its status.
func (b *bidder) call(ctx context.Context, method, path string, body, into any) (status int, err error) {
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return 0, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, b.base+path, &sent)
	if err != nil {
		return 0, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if b.token != "" {
		request.Header.Set("Authorization", "Bearer "+b.token)
	}
	answer, err := b.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, json.Unmarshal(text, into)
}

// pause waits, or gives false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
