package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"
)

// departures puts into one request what shards send, or ask, at the same time. What comes while a request to a leader is under way
// goes together in the next one to it; what finds none under way leaves at once, so there is no timer, and an idle system
// does not wait. Leaders are kept apart: one that is slow holds nobody else's batches.
type departures[P passenger] struct {
	send func(ctx context.Context, parts []P) []error // one error a part

	mu     sync.Mutex
	leader map[partKey]int32  // as the last request found it; 0 until then
	lanes  map[int32]*lane[P] // by leader
}

// passenger is what a request brings to one partition.
type passenger interface{ place() *ticket }

// ticket says where a passenger goes.
type ticket struct {
	partKey
	leader int32 // as the request found it; 0 before
}

func (t *ticket) place() *ticket { return t }

// lane is what goes to one leader.
type lane[P passenger] struct {
	busy    bool // a request is under way, or somebody was told to send the next
	waiting []*departing[P]
}

// departing is one passenger on his way.
type departing[P passenger] struct {
	part P
	came time.Time
	end  time.Time // it may be under way until then
	turn chan bool // true: send for all that wait; false: err says what became of it
	err  error
}

// errLate: too little of a passenger's time was left when his turn came. Nothing was sent.
var errLate = errors.New("waited too long for the request before")

func newDepartures[P passenger](send func(context.Context, []P) []error) *departures[P] {
	return &departures[P]{send: send, leader: map[partKey]int32{}, lanes: map[int32]*lane[P]{}}
}

// travel sends a part in a request with others, which is under way until end at most. Whoever's ctx ends takes the request
// he sends with him: all are of one relay, or one consumer.
func (d *departures[P]) travel(ctx context.Context, part P, end time.Time) error {
	b := &departing[P]{part: part, came: time.Now(), end: end, turn: make(chan bool, 1)}
	l, first := d.join(b)
	if first || <-b.turn {
		d.depart(ctx, l)
	}
	return b.err
}

// join puts a passenger into his leader's lane, and says whether he may leave at once.
func (d *departures[P]) join(b *departing[P]) (*lane[P], bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	leader := d.leader[b.part.place().partKey]
	l := d.lanes[leader]
	if l == nil {
		l = &lane[P]{}
		d.lanes[leader] = l
	}
	first := !l.busy
	l.busy, l.waiting = true, append(l.waiting, b)
	return l, first
}

// depart sends what waits in a lane, the caller's own part with it, and hands the lane on.
func (d *departures[P]) depart(ctx context.Context, l *lane[P]) {
	all := d.board(l)
	var on []*departing[P]
	end, now := time.Time{}, time.Now()
	for _, b := range all {
		// A request ends with the first of its passengers' times. One who has little left would take it from all others.
		if b.end.Sub(now) < b.end.Sub(b.came)/2 {
			b.err = unavailable("a request to Kafka", errLate)
			continue
		}
		if on = append(on, b); end.IsZero() || b.end.Before(end) {
			end = b.end
		}
	}
	d.sendAll(ctx, on, end)
	d.handOn(l, all)
}

func (d *departures[P]) board(l *lane[P]) []*departing[P] {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := l.waiting
	l.waiting = nil
	return all
}

func (d *departures[P]) sendAll(ctx context.Context, all []*departing[P], end time.Time) {
	if len(all) == 0 {
		return
	}
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	parts := make([]P, len(all))
	for i, b := range all {
		parts[i] = b.part
	}
	for i, err := range d.send(ctx, parts) {
		all[i].err = err
	}
}

// handOn notes where the leaders are, tells the first of those that came meanwhile that it is his turn, and the others
// what became of them. The caller's own hears it too, and does not listen.
func (d *departures[P]) handOn(l *lane[P], done []*departing[P]) {
	d.mu.Lock()
	for _, b := range done {
		at := b.part.place()
		d.leader[at.partKey] = at.leader
	}
	l.busy = len(l.waiting) > 0
	if l.busy {
		l.waiting[0].turn <- true
	}
	d.mu.Unlock()
	for _, b := range done {
		b.turn <- false
	}
}
