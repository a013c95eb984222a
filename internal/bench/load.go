package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/orders"
)

// grace is what a request that is under way at the end of a round may still take.
const grace = 10 * time.Second

// load is one round of bids over HTTP.
type load struct {
	address string // host:port
	lot     auction.Lot
	members []accounts.MintedToken
	want    int  // the status of an answer that counts
	again   bool // members bid as often as there is time; else once each
	clients int
	length  time.Duration
}

// outcome is what became of a load.
type outcome struct {
	counted int // answers with the status that was wanted
	bids    int // all answers
	took    time.Duration
	odd     map[int]int // other answers by status
	kept    []kept
}

func (o outcome) rate() float64 { return float64(o.counted) / o.took.Seconds() }

// kept is the answers of one client: bodies one after the other, with who asked and where each ends.
type kept struct {
	bodies []byte
	who    []int
	ends   []int
}

// run bids from all clients at once until the time is over or every member has bid, and waits for the last answer. It
// fails where an answer was not had: its bid may or may not be admitted, and no figure has room for that.
func (l load) run(ctx context.Context) (outcome, error) {
	var next atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	until := began.Add(l.length)
	parts, failed := make([]outcome, l.clients), make([]error, l.clients)
	for n := range l.clients {
		all.Go(func() { parts[n], failed[n] = l.client(ctx, until, &next) })
	}
	all.Wait()
	sum := outcome{took: time.Since(began), odd: map[int]int{}}
	for _, p := range parts {
		sum.counted, sum.bids = sum.counted+p.counted, sum.bids+p.bids
		sum.kept = append(sum.kept, p.kept...)
		for status, n := range p.odd {
			sum.odd[status] += n
		}
	}
	if err := errors.Join(failed...); err != nil {
		return sum, fmt.Errorf("load on %s: %w", l.address, err)
	}
	if sum.counted == 0 {
		return sum, fmt.Errorf("load on %s: no answer %d, others %v", l.address, l.want, sum.odd)
	}
	return sum, ctx.Err()
}

// client is one connection that bids for the next member, and the next.
func (l load) client(ctx context.Context, until time.Time, next *atomic.Int64) (outcome, error) {
	o := outcome{odd: map[int]int{}}
	c, err := dial(ctx, l.address, until.Add(grace))
	if err != nil {
		return o, err
	}
	defer c.close()
	var k kept
	r := newRequest(l.lot)
	for ctx.Err() == nil && time.Now().Before(until) {
		n := int(next.Add(1) - 1)
		if n >= len(l.members) && !l.again {
			break
		}
		n %= len(l.members)
		status, body, _, err := c.ask(r.of(l.members[n].Token))
		if err != nil {
			return o, err
		}
		o.bids++
		if status != l.want {
			o.odd[status]++
			continue
		}
		o.counted++
		k.keep(n, body)
	}
	o.kept = []kept{k}
	return o, nil
}

func (k *kept) keep(who int, body []byte) {
	k.bodies = append(k.bodies, body...)
	k.who, k.ends = append(k.who, who), append(k.ends, len(k.bodies))
}

// admissions reads the receipts that were kept: the clients' own log.
func (o outcome) admissions(members []accounts.MintedToken) ([]orders.Admission, error) {
	all := make([]orders.Admission, 0, o.counted)
	for _, k := range o.kept {
		from := 0
		for n, to := range k.ends {
			var r struct {
				Lot      uuid.UUID `json:"lot"`
				Bid      uuid.UUID `json:"bid_id"`
				Order    uuid.UUID `json:"order"`
				Quantity int64     `json:"quantity"`
				Seq      int64     `json:"seq"`
			}
			if err := json.Unmarshal(k.bodies[from:to], &r); err != nil {
				return nil, fmt.Errorf("a receipt: %w", err)
			}
			all = append(all, orders.Admission{Lot: r.Lot, Buyer: members[k.who[n]].User, Bid: r.Bid, Order: r.Order, Seq: r.Seq, Quantity: r.Quantity})
			from = to
		}
	}
	return all, nil
}

// request writes bids on one lot, each with an id of its own, into one buffer.
type request struct {
	head, body string // of every request: up to the token; after the id
	length     string
	buffer     []byte
}

const bodyStart = `{"bid_id":"`

func newRequest(l auction.Lot) *request {
	const idLength = 36
	body := `","code":"` + l.Code + `","price_seen":` + strconv.FormatInt(l.PriceMinor, 10) + `}`
	return &request{body: body, length: strconv.Itoa(len(bodyStart) + idLength + len(body)),
		head: "POST /api/v1/lots/" + l.ID.String() + "/bids HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nAuthorization: Bearer "}
}

// of gives the next request, of whoever has the token. It is overwritten by the one after it.
func (r *request) of(token string) []byte {
	b := append(r.buffer[:0], r.head...)
	b = append(b, token...)
	b = append(b, "\r\nContent-Length: "...)
	b = append(b, r.length...)
	b = append(b, "\r\n\r\n"...)
	b = append(b, bodyStart...)
	b = append(b, newID().String()...)
	r.buffer = append(b, r.body...)
	return r.buffer
}
