package pipeline

import (
	"context"
	"errors"
	"sync"
	"time"
)

// departures puts into one request what shards send at the same time. What comes while a request to a leader is under way
// goes together in the next one to it; what finds none under way leaves at once, so there is no timer, and an idle system
// does not wait. Leaders are kept apart: one that is slow holds nobody else's batches.
type departures struct {
	send func(ctx context.Context, parts []*encoded) []error // one error a part

	mu     sync.Mutex
	leader map[partKey]int32 // as the last request found it; 0 until then
	lanes  map[int32]*lane   // by leader
}

// lane is what goes to one leader.
type lane struct {
	busy    bool // a request is under way, or somebody was told to send the next
	waiting []*departing
}

// departing is one batch on its way.
type departing struct {
	part *encoded
	came time.Time
	end  time.Time // it may be under way until then
	turn chan bool // true: send for all that wait; false: err says what became of it
	err  error
}

// errLate: too little of a batch's time was left when its turn came. It was not sent.
var errLate = errors.New("waited too long for the request before")

func newDepartures(k *Kafka) *departures {
	return &departures{send: k.sendParts, leader: map[partKey]int32{}, lanes: map[int32]*lane{}}
}

// produce is Kafka.sendPart, in a request with others. Whoever's ctx ends takes the request he sends with him: all are of
// one relay.
func (d *departures) produce(ctx context.Context, part *encoded, end time.Time) error {
	b := &departing{part: part, came: time.Now(), end: end, turn: make(chan bool, 1)}
	l, first := d.join(b)
	if first || <-b.turn {
		d.depart(ctx, l)
	}
	return b.err
}

// join puts a batch into its leader's lane, and says whether it may leave at once.
func (d *departures) join(b *departing) (*lane, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	leader := d.leader[b.part.partKey]
	l := d.lanes[leader]
	if l == nil {
		l = &lane{}
		d.lanes[leader] = l
	}
	first := !l.busy
	l.busy, l.waiting = true, append(l.waiting, b)
	return l, first
}

// depart sends what waits in a lane, the caller's own with it, and hands the lane on.
func (d *departures) depart(ctx context.Context, l *lane) {
	all := d.board(l)
	var on []*departing
	end, now := time.Time{}, time.Now()
	for _, b := range all {
		// A request ends with the first of its batches' times. One that has little left would take it from all others.
		if b.end.Sub(now) < b.end.Sub(b.came)/2 {
			b.err = unavailable("produce", errLate)
			continue
		}
		if on = append(on, b); end.IsZero() || b.end.Before(end) {
			end = b.end
		}
	}
	d.sendAll(ctx, on, end)
	d.handOn(l, all)
}

func (d *departures) board(l *lane) []*departing {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := l.waiting
	l.waiting = nil
	return all
}

func (d *departures) sendAll(ctx context.Context, all []*departing, end time.Time) {
	if len(all) == 0 {
		return
	}
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	parts := make([]*encoded, len(all))
	for i, b := range all {
		parts[i] = b.part
	}
	for i, err := range d.send(ctx, parts) {
		all[i].err = err
	}
}

// handOn notes where the leaders are, tells the first of those that came meanwhile that it is their turn, and the others
// what became of them. The caller's own batch hears it too, and does not listen.
func (d *departures) handOn(l *lane, done []*departing) {
	d.mu.Lock()
	for _, b := range done {
		d.leader[b.part.partKey] = b.part.leader
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
