package gate

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Limits of groups. A script of MaxBids bids on one lot of one unit a buyer takes about a millisecond. Of lots with many it
// reads a marker for each unit that a buyer may have, and MaxBids bids on a lot of 64 would be 4,096 keys; and each lot more
// costs as much as a dozen markers. So a group is cut by its weight, too, and its script stays within about two milliseconds.
// See DESIGN.md for what was tried.
const (
	lotWeight = 12 // in markers, of a lot that is not in the group yet

	// maxWeight is of one script, in markers: 512 of one lot. A single bid has all of its own, however many.
	maxWeight = 512 + lotWeight

	minFlight   = 16   // bids with which a pipeline leaves: it takes whole groups until it has as many
	flightShare = 3    // or this part of what waits, where that is more: a trip takes long when much waits
	maxFlight   = 1024 // but no more than with these
	maxFlights  = 2    // pipelines of one Redis in flight: one that it works on, and one that is with it when it is done
)

// groups lets bids wait for their shard's next script: those that arrive while one is in flight are decided together in
// the next, and what waits for several shards of one Redis goes in one pipeline, a script a shard. A pipeline's answers come
// together when its last script is done, so it is short, and a second one lies ready: else Redis and the bidders' own work
// take turns, and each waits for the other. There is no timer: an idle shard decides at once, and the busier it is, the
// larger its groups are. Nothing runs while nobody waits.
type groups struct {
	mu     sync.Mutex
	queues []queue
	nodes  map[redis.Cmdable]*node
	most   int // bids waiting for a shard; more are turned away
}

// queue is what waits for a shard, in order.
type queue struct {
	waiting []*asked
	flying  bool // a script of the shard is in flight: the next is made when it is back
	ready   bool // the shard stands in its node's list
}

// node is a Redis and its shards that have somebody waiting and no script in flight.
type node struct {
	ready   []int
	flights int
}

func newGroups(shards, most int) *groups {
	return &groups{queues: make([]queue, shards), nodes: map[redis.Cmdable]*node{}, most: most}
}

// asked is a bid on its way through a group.
type asked struct {
	bid     *auction.Bid
	place   int // among the bids of its caller
	state   atomic.Int32
	answer  auction.Answer
	settled bool          // the answer's record is in MySQL
	done    chan struct{} // one answer
}

// The states of a bid: it can be given up until a script takes it.
const (
	stateWaiting int32 = iota
	stateTaken
	stateGivenUp
)

var askedPool = sync.Pool{New: func() any { return &asked{done: make(chan struct{}, 1)} }}

func newAsked(b *auction.Bid, place int) *asked {
	a, _ := askedPool.Get().(*asked)
	a.bid, a.place, a.answer, a.settled = b, place, auction.Answer{}, false
	a.state.Store(stateWaiting)
	return a
}

// recycle gives back what nobody else looks at any more.
func (a *asked) recycle() {
	a.bid = nil
	askedPool.Put(a)
}

// wait gives the answer, or at ctx's end what is known then; settled: its record is in MySQL.
func (a *asked) wait(ctx context.Context) (answer auction.Answer, settled bool) {
	select {
	case <-a.done:
		answer, settled = a.answer, a.settled
		a.recycle()
		return answer, settled
	case <-ctx.Done():
	}
	if a.state.CompareAndSwap(stateWaiting, stateGivenUp) {
		return auction.Answer{Err: notInTime()}, false
	}
	return auction.Answer{Err: outcome(ctx.Err())}, false // it is with the script: nobody may touch it here
}

func (a *asked) give(answer auction.Answer) {
	a.answer = answer
	a.done <- struct{}{}
}

func (a *asked) fail(err error) { a.give(auction.Answer{Err: err}) }

// enter puts bids into a shard's queue, all or none.
func (q *groups) enter(ctx context.Context, on redis.Cmdable, shard int, bids []*asked, fly func(context.Context, *node)) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.queues[shard].waiting)+len(bids) > q.most {
		return overloaded()
	}
	q.queues[shard].waiting = append(q.queues[shard].waiting, bids...)
	n := q.nodes[on]
	if n == nil {
		n = &node{}
		q.nodes[on] = n
	}
	q.makeReady(n, shard)
	if n.flights < maxFlights && len(n.ready) > 0 {
		n.flights++
		go fly(context.WithoutCancel(ctx), n) // it decides for others, too, and longer than this caller waits
	}
	return nil
}

// makeReady lists a shard for its node's next flight, if it has to be and is not.
func (q *groups) makeReady(n *node, shard int) {
	s := &q.queues[shard]
	if !s.flying && !s.ready && len(s.waiting) > 0 {
		s.ready = true
		n.ready = append(n.ready, shard)
	}
}

// fly decides what waits for a node, flight after flight, until nothing does.
func (g *Gate) fly(ctx context.Context, n *node) {
	var flight []group
	for {
		if flight = g.groups.board(n, flight, g.now()); flight == nil {
			return
		}
		g.decideFlight(ctx, flight)
	}
}

// board ends the last flight and takes the groups of the next; nil: there is none, and the caller's work is over.
func (q *groups) board(n *node, last []group, now time.Time) []group {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, g := range last {
		q.queues[g.shard].flying = false
		q.makeReady(n, g.shard)
	}
	var flight []group
	bids, enough := 0, q.enough(n)
	for len(n.ready) > 0 && bids < enough {
		shard := n.ready[0]
		n.ready = n.ready[1:]
		s := &q.queues[shard]
		s.ready = false
		if g := s.take(shard, now); len(g.bids) > 0 {
			s.flying = true
			flight = append(flight, g)
			bids += len(g.bids)
		}
		q.makeReady(n, shard) // what was too late left nothing behind; where there is more, it waits for this flight
	}
	if flight == nil {
		n.flights--
	}
	return flight
}

// enough gives with how many bids a node's next flight leaves.
func (q *groups) enough(n *node) int {
	waiting := 0
	for _, shard := range n.ready {
		waiting += len(q.queues[shard].waiting)
	}
	return min(max(minFlight, waiting/flightShare), maxFlight)
}

// group is what one script decides.
type group struct {
	shard int
	bids  []*asked
	whole bool // send the script's text: the Redis did not know its hash
	moved bool // the terms that the bids bring are not the lots'

	lots   []uuid.UUID     // each once
	terms  []auction.Terms // of the lots
	wishes []wish          // each once
	wish   []int           // which of them each bid has
}

func (g *group) fail(err error) {
	for _, a := range g.bids {
		a.fail(err)
	}
}

// take gives the next group, in order of arrival, without a second bid of a buyer on a lot, and with no more weight than a
// script is to have, by the terms that the bids bring: those left are decided in the next, where the first of them always
// goes. Who has waited too long is told so.
func (s *queue) take(shard int, now time.Time) group {
	g := group{shard: shard, bids: make([]*asked, 0, min(len(s.waiting), MaxBids))}
	left, weight := s.waiting[:0], 0
	for _, a := range s.waiting {
		more, twice := g.weight(a.bid)
		switch {
		case twice || len(g.bids) == MaxBids || len(g.bids) > 0 && weight+more > maxWeight:
			left = append(left, a)
		case !a.state.CompareAndSwap(stateWaiting, stateTaken): // given up: its caller is gone
		case late(a.bid, now):
			a.fail(notInTime())
		default:
			g.bids = append(g.bids, a)
			weight += more
		}
	}
	clear(s.waiting[len(left):])
	s.waiting = left
	return g
}

// weight gives what a bid adds to the group's script, and whether its buyer has one on the lot already.
func (g *group) weight(b *auction.Bid) (more int, twice bool) {
	more = max(b.Terms.PerBuyer, 1)
	known := false
	for _, a := range g.bids {
		if a.bid.Lot != b.Lot {
			continue
		}
		if known = true; a.bid.Buyer == b.Buyer {
			return 0, true
		}
	}
	if !known {
		more += lotWeight
	}
	return more, false
}

// overloaded: more wait for the shard than it decides in good time.
func overloaded() error {
	f := fault.New(fault.Unavailable, "overloaded", "too many bids wait for this lot's shard")
	f.RetryAfter = retryFault
	return f
}

// notInTime: a bid's deadline passed before it was sent.
func notInTime() error {
	f := fault.New(fault.Unavailable, "deadline", "the bid's deadline passed before it was sent")
	f.RetryAfter = retryFault
	return f
}
