package crowd

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/simulate"
)

// bidder is one of the crowd.
type bidder struct {
	*Crowd
	Member
	asker  *simulate.Asker
	buffer []byte
	dice   *rand.Rand
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
func (b *bidder) open(ctx context.Context, session uuid.UUID) ([]simulate.Lot, error) {
	var page struct {
		Items []simulate.Lot `json:"items"`
	}
	for ask := range b.o.Asks {
		status, err := b.call(http.MethodGet, "/api/v1/sessions/"+session.String()+"/lots?limit=100", nil, &page)
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

// place bids, and asks again with the same bid id while there is no answer or it is "later". It says whether the bid was
// admitted. It says "again" also after "later": nobody here looks at how much that costs.
func (b *bidder) place(ctx context.Context, l simulate.Lot, bid uuid.UUID) bool {
	wish := simulate.Bid{Member: b.Member, Lot: l, ID: bid}
	for ask := range b.o.Asks {
		reply := b.asker.Place(wish, &b.buffer)
		switch {
		case reply.Verdict == string(auction.Admitted):
			b.won(reply.Receipt)
			return true
		case !reply.Retry:
			b.Refused.Add(1)
			b.count(reply.Verdict)
			return false
		}
		wish.Again = true
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
	if err := ctx.Err(); err != nil {
		return Member{}, err
	}
	b := &bidder{Crowd: c, asker: c.client.Asker()}
	var tokens struct {
		Access string `json:"access"`
	}
	status, err := b.call(http.MethodPost, "/api/v1/auth/login", map[string]string{"login": login, "password": password}, &tokens)
	if err != nil || status != http.StatusOK {
		return Member{}, fmt.Errorf("log-in of %s: status %d: %w", login, status, err)
	}
	b.Token = tokens.Access
	var me struct {
		ID uuid.UUID `json:"id"`
	}
	if status, err = b.call(http.MethodGet, "/api/v1/auth/me", nil, &me); err != nil || status != http.StatusOK {
		return Member{}, fmt.Errorf("who is %s: status %d: %w", login, status, err)
	}
	return Member{User: me.ID, Token: tokens.Access}, nil
}

// call sends one request and reads the JSON of its answer, whatever its status.
func (b *bidder) call(method, path string, body, into any) (status int, err error) {
	var sent []byte
	if body != nil {
		if sent, err = json.Marshal(body); err != nil {
			return 0, err
		}
	}
	answer, err := b.asker.Ask(method, path, b.Token, sent)
	if err != nil {
		return 0, err
	}
	return answer.Status, json.Unmarshal(answer.Body, into)
}
