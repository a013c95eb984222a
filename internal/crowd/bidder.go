package crowd

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/google/uuid"

	"rostrum/orders"
)

// maxAnswer bounds what is read of an answer, bytes.
const maxAnswer = 1 << 20

// bidder is one of the crowd.
type bidder struct {
	*Crowd
	Member
	dice *rand.Rand
}

// lot is what a bidder needs of a lot on the goods page.
type lot struct {
	ID   uuid.UUID `json:"id"`
	Code string    `json:"code"`
}

// shop opens the goods page and tries lots until one is bought.
func (b *bidder) shop(ctx context.Context, session uuid.UUID) {
	lots, err := b.open(ctx, session)
	if err != nil {
		b.count("no goods page")
		return
	}
	for _, n := range b.dice.Perm(len(lots))[:min(b.o.LotsTried, len(lots))] {
		bid := uuid.Must(uuid.NewV7())
		if !b.place(ctx, lots[n], bid) {
			continue
		}
		if b.dice.IntN(10) == 0 {
			b.place(ctx, lots[n], bid) // as a client that did not see its answer: the receipt must be the same one
		}
		if b.dice.IntN(10) == 0 {
			b.place(ctx, lots[n], uuid.Must(uuid.NewV7())) // as one that clicks twice: it must not get two
		}
		return
	}
}

// open reads the goods page, which reveals the lots' codes once the session is live.
func (b *bidder) open(ctx context.Context, session uuid.UUID) ([]lot, error) {
	var page struct {
		Items []lot `json:"items"`
	}
	for ask := range b.o.Asks {
		status, err := b.call(ctx, http.MethodGet, "/api/v1/sessions/"+session.String()+"/lots?limit=100", nil, &page)
		if err == nil && status == http.StatusOK && len(page.Items) > 0 && page.Items[0].Code != "" {
			return page.Items, nil
		}
		if !b.wait(ctx, ask) {
			break
		}
	}
	return nil, fmt.Errorf("no goods page of session %s", session)
}

// wait waits before asking again, longer each time.
func (b *bidder) wait(ctx context.Context, ask int) bool {
	return pause(ctx, time.Duration(20+b.dice.IntN(50))*time.Millisecond<<min(ask, 5))
}

// reply is what the API says to a bid: a receipt, or a problem.
type reply struct {
	Lot      uuid.UUID `json:"lot"`
	Bid      uuid.UUID `json:"bid_id"`
	Order    uuid.UUID `json:"order"`
	Quantity int64     `json:"quantity"`
	Seq      int64     `json:"seq"`
	Code     string    `json:"code"`
}

// place bids, and asks again with the same bid id while there is no answer or it is "later". It says whether the bid was
// admitted.
func (b *bidder) place(ctx context.Context, l lot, bid uuid.UUID) bool {
	body := map[string]any{"bid_id": bid, "code": l.Code}
	for ask := range b.o.Asks {
		var r reply
		status, err := b.call(ctx, http.MethodPost, "/api/v1/lots/"+l.ID.String()+"/bids", body, &r)
		switch {
		case err == nil && (status == http.StatusCreated || status == http.StatusOK):
			b.won(orders.Admission{Lot: r.Lot, Buyer: b.User, Bid: r.Bid, Order: r.Order, Seq: r.Seq, Quantity: r.Quantity})
			return true
		case err == nil && status < 500 && status != http.StatusTooManyRequests:
			b.Refused.Add(1)
			b.count(r.Code)
			return false
		}
		body["again"] = true
		if !b.wait(ctx, ask) {
			break
		}
	}
	b.Unanswered.Add(1)
	b.count("no answer")
	return false
}

// LogIn makes a member of somebody with a password.
func (c *Crowd) LogIn(ctx context.Context, login, password string) (Member, error) {
	b := &bidder{Crowd: c}
	var tokens struct {
		Access string `json:"access"`
	}
	status, err := b.call(ctx, http.MethodPost, "/api/v1/auth/login", map[string]string{"login": login, "password": password}, &tokens)
	if err != nil || status != http.StatusOK {
		return Member{}, fmt.Errorf("log-in of %s: status %d: %w", login, status, err)
	}
	b.Token = tokens.Access
	var me struct {
		ID uuid.UUID `json:"id"`
	}
	if status, err = b.call(ctx, http.MethodGet, "/api/v1/auth/me", nil, &me); err != nil || status != http.StatusOK {
		return Member{}, fmt.Errorf("who is %s: status %d: %w", login, status, err)
	}
	return Member{me.ID, tokens.Access}, nil
}

// call sends one request and reads the JSON of its answer, whatever its status.
func (b *bidder) call(ctx context.Context, method, path string, body, into any) (status int, err error) {
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return 0, err
		}
	}
	request, err := http.NewRequestWithContext(ctx, method, b.base()+path, &sent)
	if err != nil {
		return 0, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if b.Token != "" {
		request.Header.Set("Authorization", "Bearer "+b.Token)
	}
	answer, err := b.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, json.Unmarshal(text, into)
}
