package simulate

import (
	"container/heap"
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// arrival is somebody who came: for a page, or with a bid that may have to be asked again.
type arrival struct {
	kind      kind
	scheduled time.Duration // when they came, counted from the run's beginning
	due       time.Duration // when the next request is to be sent
	bid       Bid           // a reader's member and lot are in it too
	asks      int           // requests sent
	heard     bool          // the first answer is recorded
	free      bool          // a connection was free when it was due
}

// later orders arrivals that are to ask again by their time.
type later []*arrival

func (l later) Len() int           { return len(l) }
func (l later) Less(i, j int) bool { return l[i].due < l[j].due }
func (l later) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *later) Push(x any)        { *l = append(*l, x.(*arrival)) }
func (l *later) Pop() any {
	last := len(*l) - 1
	x := (*l)[last]
	*l = (*l)[:last]
	return x
}

// drive is one run of the open loop. One goroutine keeps the time and hands arrivals to connections; it never waits for
// any of them.
type drive struct {
	o        Options
	client   *Client
	members  []Member
	lots     []Lot
	session  uuid.UUID
	rec      *recorder
	now      func() time.Duration // since the run began
	schedule *schedule
	choice   choice
	dice     *rand.Rand

	upcoming time.Duration // the next arrival's moment
	more     bool          // there is one
	came     int
	backlog  []*arrival
	again    later
	busy     int
	waiting  atomic.Int64 // length of the backlog, for who watches
}

// run sends everything the schedule has, waits for the answers for at most the drain time, and says when nothing was
// left to be sent. The end of ctx ends the schedule at once and the waiting within one time-out.
func (d *drive) run(ctx context.Context) {
	out, back := make(chan *arrival), make(chan *arrival, d.o.Connections)
	var connections sync.WaitGroup
	for n := range d.o.Connections {
		connections.Go(func() { d.connection(n, out, back) })
	}
	d.upcoming, d.more = d.schedule.next()
	d.dispatch(ctx, out, back)
	close(out)
	// What is still under way has a time-out of its own; its answers count.
	go func() { connections.Wait(); close(back) }()
	for a := range back {
		if a != nil {
			d.rec.waited(a, d.now())
		}
	}
}

// dispatch is the loop itself. It ends when all came and were answered, or the time to wait for them is over.
func (d *drive) dispatch(ctx context.Context, out chan<- *arrival, back <-chan *arrival) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	stop, end := ctx.Done(), time.Duration(-1)
	for {
		now := d.now()
		d.release(now)
		if !d.more && end < 0 {
			end = now + d.o.Drain
		}
		idle := len(d.backlog) == 0 && len(d.again) == 0 && d.busy == 0
		if !d.more && (idle || now >= end) {
			d.abandon(now)
			return
		}
		var to chan<- *arrival
		var head *arrival
		if len(d.backlog) > 0 {
			to, head = out, d.backlog[0]
		}
		timer.Reset(d.pause(now, end))
		select {
		case to <- head:
			d.backlog, d.busy = d.backlog[1:], d.busy+1
		case a := <-back:
			d.returned(a)
		case <-timer.C:
		case <-stop:
			stop, d.more = nil, false
			end = d.now() + min(d.o.Drain, d.o.Timeout)
		}
		d.waiting.Store(int64(len(d.backlog)))
	}
}

// release puts what is due into the backlog: who comes now, and who asks again.
func (d *drive) release(now time.Duration) {
	free := d.o.Connections - d.busy - len(d.backlog)
	push := func(a *arrival) {
		a.free = free > 0
		free--
		d.backlog = append(d.backlog, a)
	}
	for d.more && d.upcoming <= now {
		a := d.arrive(d.upcoming)
		d.rec.offered(a.kind, a.scheduled)
		push(a)
		if d.upcoming, d.more = d.schedule.next(); d.came >= d.o.MaxBids {
			d.more = false
		}
	}
	for len(d.again) > 0 && d.again[0].due <= now {
		push(heap.Pop(&d.again).(*arrival))
	}
}

// arrive makes somebody who comes at a moment. Bidders take turns; each wants a lot by the choice.
func (d *drive) arrive(at time.Duration) *arrival {
	a := &arrival{scheduled: at, due: at}
	a.bid.Member = d.members[d.came%len(d.members)]
	if d.dice.Float64() < d.o.Readers {
		a.kind = aPage
	} else {
		a.bid.Lot, a.bid.ID = d.lots[d.choice.draw(d.dice)], uuid.Must(uuid.NewV7())
	}
	d.came++
	return a
}

// returned takes a connection back, with who is to ask again; nil: nobody.
func (d *drive) returned(a *arrival) {
	d.busy--
	if a != nil {
		heap.Push(&d.again, a)
	}
}

// pause is how long nothing is to be done by the clock.
func (d *drive) pause(now, end time.Duration) time.Duration {
	until := now + time.Second
	if end >= 0 {
		until = min(until, end)
	}
	if d.more {
		until = min(until, d.upcoming)
	}
	if len(d.again) > 0 {
		until = min(until, d.again[0].due)
	}
	return max(0, until-now)
}

// abandon records who still waits when the run is over.
func (d *drive) abandon(now time.Duration) {
	for _, a := range append(d.backlog, d.again...) {
		d.rec.waited(a, now)
	}
	d.backlog, d.again = nil, nil
}

// connection sends what it is handed, one request after the other.
func (d *drive) connection(n int, in <-chan *arrival, back chan<- *arrival) {
	asker, buffer := d.client.Asker(), []byte(nil)
	dice := rand.New(rand.NewPCG(d.o.Seed, uint64(n)+1))
	for a := range in {
		a.asks++
		d.rec.sent(a, d.now())
		if a.kind == aPage {
			d.read(asker, a)
			back <- nil
			continue
		}
		back <- d.place(asker, a, &buffer, dice)
	}
}

// place sends a bid; it gives the arrival where it is to be asked again.
func (d *drive) place(asker *Asker, a *arrival, buffer *[]byte, dice *rand.Rand) *arrival {
	reply := asker.Place(a.bid, buffer)
	now := d.now()
	last := !reply.Retry || a.asks >= d.o.Asks
	d.rec.replied(a, now, reply, last)
	if last {
		return nil
	}
	a.bid.Again = a.bid.Again || reply.Again
	a.due = now + d.o.Backoff.Pause(a.asks-1, reply.After, dice)
	return a
}

// read opens the goods page as its member sees it.
func (d *drive) read(asker *Asker, a *arrival) {
	answer, err := asker.Ask(http.MethodGet, "/api/v1/sessions/"+d.session.String()+"/lots?limit=20", a.bid.Member.Token, nil)
	said := "page"
	switch {
	case err != nil:
		said = read(a.bid, answer, err).Verdict
	case answer.Status != http.StatusOK:
		if said = word(answer.Body, "code"); said == "" {
			said = Unreadable
		}
	}
	d.rec.page(a, d.now(), said)
}
