package bench

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// grace is what a request that is under way at the end of a round may still take.
const grace = 30 * time.Second

// plan says who asks for which lot in the n-th request of a round; ok is false when there are no more.
type plan func(n int) (member, lot int, ok bool)

// once has every member ask once, for lots one after the other. In another pass others begin, and members ask for other
// lots: they bid only once on a lot, so there are fewer passes than lots.
func once(members, lots, pass int) plan {
	const further = 9973 // a prime: passes begin all over the members
	return func(n int) (int, int, bool) {
		who := (n + pass*further) % members
		return who, (who + pass) % lots, n < members
	}
}

// again has members ask for one lot for as long as there is time.
func again(members int) plan {
	return func(n int) (int, int, bool) { return n % members, 0, true }
}

// load is one round of requests over HTTP.
type load struct {
	address string // host:port
	lots    []wanted
	session uuid.UUID // pages of this session in place of bids
	members *members
	plan    plan
	want    int // the status of an answer that counts
	clients int
	length  time.Duration
	forget  bool // no answer is kept
}

// outcome is what became of a load.
type outcome struct {
	counted int // answers with the status that was wanted
	asked   int // all answers
	took    time.Duration
	odd     map[int]int // other answers by status
	kept    []kept
}

func (o *outcome) join(p outcome) {
	o.counted, o.asked = o.counted+p.counted, o.asked+p.asked
	o.kept = append(o.kept, p.kept...)
	for status, n := range p.odd {
		o.odd[status] += n
	}
}

func (o *outcome) answered(want, status int) bool {
	o.asked++
	if status != want {
		o.odd[status]++
		return false
	}
	o.counted++
	return true
}

func newOutcome() outcome { return outcome{odd: map[int]int{}} }

// run asks from all clients at once, each as soon as its last answer is there, until the time is over or the plan is, and
// waits for the last answer; the time begins when all are connected. It fails where an answer was not had: its bid may or
// may not be admitted, and no figure has room for that.
func (l load) run(ctx context.Context) (outcome, error) {
	var next atomic.Int64
	parts := make([]outcome, l.clients)
	began, failed := l.together(ctx, func(n int, c *connection, began time.Time) (err error) {
		parts[n], err = l.client(ctx, c, began.Add(l.length), &next)
		return err
	}, func(time.Time) {})
	sum := newOutcome()
	sum.took = time.Since(began)
	for _, p := range parts {
		sum.join(p)
	}
	return sum, l.fault(ctx, sum, failed)
}

// together connects all clients, starts them and meanwhile at one moment, and waits until all are done.
func (l load) together(ctx context.Context, client func(n int, c *connection, began time.Time) error, meanwhile func(began time.Time)) (began time.Time, failed []error) {
	var ready, all sync.WaitGroup
	failed = make([]error, l.clients)
	start := make(chan struct{})
	ready.Add(l.clients)
	for n := range l.clients {
		all.Go(func() {
			c, err := dial(ctx, l.address, time.Now().Add(l.length+2*grace))
			ready.Done()
			<-start
			if err == nil {
				defer c.close()
				err = client(n, c, began)
			}
			failed[n] = err
		})
	}
	ready.Wait()
	began = time.Now()
	close(start)
	meanwhile(began)
	all.Wait()
	return began, failed
}

func (l load) fault(ctx context.Context, sum outcome, failed []error) error {
	if err := errors.Join(failed...); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("load on %s: %w", l.address, err)
	}
	if sum.counted == 0 && ctx.Err() == nil {
		return fmt.Errorf("load on %s: no answer %d, others %v", l.address, l.want, sum.odd)
	}
	return ctx.Err()
}

// client asks on one connection for the next member, and the next.
func (l load) client(ctx context.Context, c *connection, until time.Time, next *atomic.Int64) (outcome, error) {
	o := newOutcome()
	var k kept
	r := newRequests()
	for ctx.Err() == nil && time.Now().Before(until) {
		who, lot, ok := l.plan(int(next.Add(1) - 1))
		if !ok {
			break
		}
		status, body, _, err := c.ask(l.request(r, who, lot))
		if err != nil {
			return o, err
		}
		if o.answered(l.want, status) && !l.forget {
			k.keep(who, body)
		}
	}
	o.kept = []kept{k}
	return o, nil
}

func (l load) request(r *requests, who, lot int) []byte {
	if l.session != uuid.Nil {
		return r.page(l.session, l.members.token(who))
	}
	return r.bid(&l.lots[lot], l.members.token(who))
}
