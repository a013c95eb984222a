package simulate

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"rostrum/orders"
)

// verifyConnections read receipts back: one after the other each, for this is no measurement.
const verifyConnections = 32

// verifier counts what must hold as far as it can be seen from outside.
type verifier struct {
	client  *Client
	o       Options
	lots    []Lot
	members []Member
	left    []string // what was not counted, and why
}

// checks are the lines that every simulation has.
type checks struct {
	mu                        sync.Mutex
	odd, doubled, back, again orders.Invariant
	skipped                   int
	found                     []orders.Admission // of bids that nobody had been told about
}

// check reads every receipt back, and asks each of its bids again, for as long as it may take. What is found of bids
// without an answer joins the log.
func (v *verifier) check(ctx context.Context, rec *recorder, within time.Duration) []orders.Invariant {
	c := &checks{odd: orders.Invariant{Name: "receipts of another bid than was sent", Checked: len(rec.receipts), Wrong: int(rec.odd)}}
	c.doubled = sameOrder(rec.receipts)
	c.back.Name = "receipts that read back otherwise, or not at all"
	c.again.Name = "bids that were told otherwise when asked again"
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	v.each(ctx, rec, c)
	rec.receipts = append(rec.receipts, c.found...)
	if c.skipped > 0 {
		v.left = append(v.left, fmt.Sprintf("%d of %d receipts and bids without an answer were not read back within %s (--verify)",
			c.skipped, len(rec.receipts)+len(rec.unknown), within))
	}
	held := v.held(ctx, rec.receipts)
	return append([]orders.Invariant{c.odd, c.doubled, c.back, c.again}, held...)
}

// sameOrder counts orders that stand in the receipts of two bids.
func sameOrder(receipts []orders.Admission) orders.Invariant {
	i := orders.Invariant{Name: "orders in the receipts of two bids", Checked: len(receipts)}
	of := map[uuid.UUID]uuid.UUID{}
	for _, r := range receipts {
		if bid, there := of[r.Order]; there && bid != r.Bid {
			i.Wrong++
			i.Detail = "order " + r.Order.String()
		}
		of[r.Order] = r.Bid
	}
	return i
}

// each hands receipts and open questions to some connections.
func (v *verifier) each(ctx context.Context, rec *recorder, c *checks) {
	type question struct {
		bid     Bid
		receipt *orders.Admission // nil: none was had
	}
	var all []question
	tokens := map[uuid.UUID]Member{}
	for _, m := range v.members {
		tokens[m.User] = m
	}
	lots := map[uuid.UUID]Lot{}
	for _, l := range v.lots {
		lots[l.ID] = l
	}
	for n := range rec.receipts {
		r := &rec.receipts[n]
		all = append(all, question{Bid{Member: tokens[r.Buyer], Lot: lots[r.Lot], ID: r.Bid, Again: true}, r})
	}
	for _, b := range rec.unknown {
		all = append(all, question{b, nil})
	}
	work := make(chan question)
	var hands sync.WaitGroup
	for range verifyConnections {
		hands.Go(func() {
			asker, buffer := v.client.Asker(), []byte(nil)
			for q := range work {
				if ctx.Err() != nil {
					c.skip()
				} else if q.receipt == nil {
					v.resolve(asker, q.bid, c)
				} else {
					v.compare(ctx, asker, &buffer, q.bid, *q.receipt, c)
				}
			}
		})
	}
	for _, q := range all {
		work <- q
	}
	close(work)
	hands.Wait()
}

func (c *checks) skip() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skipped++
}

// count adds one thing that was looked at to a line.
func (c *checks) count(i *orders.Invariant, ok bool, bid uuid.UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	i.Checked++
	if !ok {
		i.Wrong++
		i.Detail = "bid " + bid.String()
	}
}

// compare reads a receipt back and asks its bid again.
func (v *verifier) compare(ctx context.Context, asker *Asker, buffer *[]byte, b Bid, had orders.Admission, c *checks) {
	answer, err := asker.Ask(http.MethodGet, b.path()+"/"+b.ID.String(), b.Member.Token, nil)
	if err != nil || !final(answer.Status) {
		c.skip()
		return
	}
	got, ok := readReceipt(answer.Body)
	got.Buyer = b.Member.User
	c.count(&c.back, answer.Status == http.StatusOK && ok && got == had, b.ID)
	for n := range v.o.Asks {
		reply := asker.Place(b, buffer)
		if !reply.Retry {
			c.count(&c.again, reply.Receipt == had, b.ID)
			return
		}
		if !wait(ctx, max(reply.After, time.Duration(n)*v.o.Backoff.First)) {
			break
		}
	}
	c.skip()
}

// final says whether an answer will be the same when asked again.
func final(status int) bool {
	return status == http.StatusOK || status == http.StatusNotFound
}

// resolve learns what became of a bid that nobody answered.
func (v *verifier) resolve(asker *Asker, b Bid, c *checks) {
	answer, err := asker.Ask(http.MethodGet, b.path()+"/"+b.ID.String(), b.Member.Token, nil)
	if err != nil || !final(answer.Status) {
		c.skip()
		return
	}
	if got, ok := readReceipt(answer.Body); answer.Status == http.StatusOK && ok {
		got.Buyer = b.Member.User
		c.mu.Lock()
		c.found = append(c.found, got)
		c.mu.Unlock()
	}
}

// held counts lots that sold more than they had and buyers who have more than they may, by the clients' own log. Units
// whose orders were cancelled or timed out went back to sale: where the log shows too many, the orders are asked.
func (v *verifier) held(ctx context.Context, receipts []orders.Admission) []orders.Invariant {
	stock := orders.Invariant{Name: "units admitted over stock, by the receipts", Checked: len(v.lots)}
	limit := orders.Invariant{Name: "buyers admitted over their limit, by the receipts"}
	type holder struct{ lot, buyer uuid.UUID }
	byLot, byHolder := map[uuid.UUID][]orders.Admission{}, map[holder][]orders.Admission{}
	for _, r := range distinct(receipts) {
		byLot[r.Lot] = append(byLot[r.Lot], r)
		byHolder[holder{r.Lot, r.Buyer}] = append(byHolder[holder{r.Lot, r.Buyer}], r)
	}
	perBuyer := map[uuid.UUID]int64{}
	for _, l := range v.lots {
		perBuyer[l.ID] = int64(l.PerBuyer)
		if over := v.over(ctx, byLot[l.ID], l.Stock); over > 0 {
			stock.Wrong += int(over)
			stock.Detail = fmt.Sprintf("lot %s: %d more than %d", l.ID, over, l.Stock)
		}
	}
	limit.Checked = len(byHolder)
	for h, has := range byHolder {
		if over := v.over(ctx, has, perBuyer[h.lot]); over > 0 {
			limit.Wrong++
			limit.Detail = fmt.Sprintf("buyer %s: %d more than %d of lot %s", h.buyer, over, perBuyer[h.lot], h.lot)
		}
	}
	return []orders.Invariant{stock, limit}
}

// distinct gives one receipt a bid.
func distinct(receipts []orders.Admission) []orders.Admission {
	seen := map[uuid.UUID]bool{}
	return slices.DeleteFunc(slices.Clone(receipts), func(r orders.Admission) bool {
		was := seen[r.Bid]
		seen[r.Bid] = true
		return was
	})
}

// over gives how many units more than most the receipts hold, those that went back left out.
func (v *verifier) over(ctx context.Context, receipts []orders.Admission, most int64) int64 {
	over := -most
	for _, r := range receipts {
		over += r.Quantity
	}
	if over <= 0 {
		return 0
	}
	tokens := map[uuid.UUID]string{}
	for _, m := range v.members {
		tokens[m.User] = m.Token
	}
	asker := v.client.Asker()
	for _, r := range receipts {
		answer, err := asker.Ask(http.MethodGet, "/api/v1/orders/"+r.Order.String(), tokens[r.Buyer], nil)
		if err == nil && answer.Status == http.StatusOK && slices.Contains(wentBack, word(answer.Body, "state_name")) {
			over -= r.Quantity
		}
		if over <= 0 || ctx.Err() != nil {
			break
		}
	}
	return max(0, over)
}

// wentBack are the states of orders whose units may be on sale again.
var wentBack = []string{"timing_out", "payment_timeout", "cancelled", "void", "refunded"}
