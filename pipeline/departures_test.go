package pipeline

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rostrum/auction/auctiontest"
)

// quay takes a second for each request, keeps the partitions of each, and answers as it is told.
type quay struct {
	mu      sync.Mutex
	took    time.Duration
	sent    [][]int32
	refuses map[int32]error
	leaders map[int32]int32
	atOnce  map[int32]int // requests under way, by leader
	most    int
}

func (q *quay) send(ctx context.Context, parts []*encoded) []error {
	errs, on := make([]error, len(parts)), []int32(nil)
	leader := q.leaders[parts[0].partition]
	q.note(leader, 1)
	defer q.note(leader, -1)
	for i, p := range parts {
		p.leader = q.leaders[p.partition]
		on, errs[i] = append(on, p.partition), q.refuses[p.partition]
	}
	q.mu.Lock()
	q.sent = append(q.sent, slices.Sorted(slices.Values(on)))
	q.mu.Unlock()
	pause(ctx, q.took)
	if ctx.Err() != nil {
		return slices.Repeat([]error{ctx.Err()}, len(parts))
	}
	return errs
}

func (q *quay) note(leader int32, n int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.atOnce[leader] += n
	q.most = max(q.most, q.atOnce[leader])
}

func newQuay() (*quay, *departures[*encoded]) {
	q := &quay{took: time.Second, refuses: map[int32]error{}, leaders: map[int32]int32{}, atOnce: map[int32]int{}}
	return q, newDepartures(q.send)
}

// all sends a batch of each partition, one right after the other, and gives what became of them.
func all(ctx context.Context, d *departures[*encoded], end time.Duration, partitions ...int32) map[int32]error {
	var mu sync.Mutex
	var wait sync.WaitGroup
	errs := map[int32]error{}
	for _, p := range partitions {
		wait.Go(func() {
			err := d.travel(ctx, &encoded{ticket: ticket{partKey: partKey{"journal", p}}}, time.Now().Add(end))
			mu.Lock()
			defer mu.Unlock()
			errs[p] = err
		})
		synctest.Wait()
	}
	wait.Wait()
	return errs
}

func TestWhatComesMeanwhileGoesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, d := newQuay()
		refused := errors.New("refused")
		q.refuses[2] = refused
		began := time.Now()
		errs := all(t.Context(), d, 10*time.Second, 0, 1, 2, 3)
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("took %v: one leaves at once, the others in the next", took)
		}
		if want := [][]int32{{0}, {1, 2, 3}}; !slices.EqualFunc(q.sent, want, slices.Equal) {
			t.Errorf("sent %v, want %v", q.sent, want)
		}
		for p, err := range errs {
			if (p == 2) != errors.Is(err, refused) {
				t.Errorf("partition %d: %v", p, err)
			}
		}
		if again := all(t.Context(), d, 10*time.Second, 5); again[5] != nil || len(q.sent) != 3 {
			t.Errorf("afterwards: %v, %v", again, q.sent)
		}
	})
}

// TestLeadersAreKeptApart: known after the first request, and known anew after one has moved.
func TestLeadersAreKeptApart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, d := newQuay()
		q.leaders = map[int32]int32{0: 1, 1: 2, 2: 1, 3: 2}
		all(t.Context(), d, 10*time.Second, 0, 1, 2, 3)
		began := time.Now()
		all(t.Context(), d, 10*time.Second, 0, 1)
		if took := time.Since(began); took != time.Second {
			t.Errorf("two leaders took %v", took)
		}
		all(t.Context(), d, 10*time.Second, 0, 1, 2, 3)
		if last := slices.SortedFunc(slices.Values(q.sent[len(q.sent)-4:]), slices.Compare); !slices.EqualFunc(last, [][]int32{{0}, {1}, {2}, {3}}, slices.Equal) || q.most > 1 {
			t.Errorf("sent %v; %d at once to one leader", q.sent, q.most)
		}
		q.leaders[0] = 2
		all(t.Context(), d, 10*time.Second, 0)
		if d.leader[partKey{"journal", 0}] != 2 {
			t.Errorf("leaders %v", d.leader)
		}
	})
}

// TestOneThatWaitedTooLongStaysBehind: it would take the others' time, and it is told that it was not sent.
func TestOneThatWaitedTooLongStaysBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, d := newQuay()
		var wait sync.WaitGroup
		var late, fine error
		wait.Go(func() {
			_ = d.travel(t.Context(), &encoded{ticket: ticketTo("journal", 0)}, time.Now().Add(10*time.Second))
		})
		synctest.Wait()
		wait.Go(func() {
			late = d.travel(t.Context(), &encoded{ticket: ticketTo("journal", 1)}, time.Now().Add(1900*time.Millisecond))
		})
		wait.Go(func() {
			fine = d.travel(t.Context(), &encoded{ticket: ticketTo("journal", 2)}, time.Now().Add(2100*time.Millisecond))
		})
		wait.Wait()
		if !errors.Is(late, errLate) || !passing(late) || fine != nil {
			t.Errorf("late %v, in time %v", late, fine)
		}
		if want := [][]int32{{0}, {2}}; !slices.EqualFunc(q.sent, want, slices.Equal) {
			t.Errorf("sent %v, want %v", q.sent, want)
		}
	})
}

func TestARequestEndsWithTheFirstOfItsTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q, d := newQuay()
		q.took = time.Minute
		began := time.Now()
		errs := all(t.Context(), d, 3*time.Second, 0)
		if took := time.Since(began); took != 3*time.Second || !errors.Is(errs[0], context.DeadlineExceeded) {
			t.Errorf("took %v: %v", took, errs)
		}
	})
}

// TestShardsLookAtTheSameMoment: whenever each of them ends its work.
func TestShardsLookAtTheSameMoment(t *testing.T) {
	now := time.Unix(1_770_000_000, 0)
	of := func(linger time.Duration) *relayShard {
		return NewRelay(&Kafka{o: Options{Shards: 1}}, &auctiontest.Journal{}, nil, &leaseDesk{},
			RelayOptions{Linger: linger, Clock: func() time.Time { return now }}).shards[0]
	}
	for _, after := range []time.Duration{0, 1, time.Millisecond, 99 * time.Millisecond} {
		now = time.Unix(1_770_000_000, 0).Add(after)
		s := of(100 * time.Millisecond)
		if wait := s.tick(0); after+wait != 100*time.Millisecond {
			t.Errorf("%v after a tick: waits %v", after, wait)
		}
		if wait := s.tick(50 * time.Millisecond); after+wait != 100*time.Millisecond {
			t.Errorf("%v after a tick, idle: waits %v", after, wait)
		}
		if wait := of(20 * time.Millisecond).tick(50 * time.Millisecond); (after+wait)%(20*time.Millisecond) != 0 || wait < 30*time.Millisecond || wait > 50*time.Millisecond {
			t.Errorf("%v after a tick, idle for longer than Linger: waits %v", after, wait)
		}
		if wait := of(0).tick(50 * time.Millisecond); wait != 50*time.Millisecond || of(0).tick(0) != 0 {
			t.Errorf("without Linger: %v, %v", wait, of(0).tick(0))
		}
	}
}
