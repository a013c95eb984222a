package bench

import (
	"context"
	"runtime"
	"slices"
	"time"
)

// schedule is a load whose requests arrive at a rate, whatever becomes of them: an open loop. Its clients are the
// connections that there may be at once; a request for which none is free waits, and its waiting counts.
type schedule struct {
	load
	rate     float64       // requests a second, evenly
	cut      bool          // what is not sent when the time is over never is; else the last is waited for
	patience time.Duration // what waits longer for a connection is not sent; 0: it is, however late
}

// met is what became of a schedule.
type met struct {
	outcome
	offered    int
	unanswered int             // offered, and not sent in time
	inTime     int             // of those that count, answered before the time was over
	latency    []time.Duration // of those that count, from the scheduled moment; sorted
}

// arrival is the n-th request with its moment, from the round's start.
type arrival struct {
	n  int
	at time.Duration
}

func (s schedule) run(ctx context.Context) (met, error) {
	queue := make(chan arrival, int(s.rate*s.length.Seconds())+1)
	parts := make([]met, s.clients)
	sum := met{outcome: newOutcome()}
	began, failed := s.together(ctx, func(n int, c *connection, began time.Time) (err error) {
		parts[n], err = s.client(ctx, c, began, queue)
		return err
	}, func(began time.Time) { sum.offered = s.arrive(ctx, began, queue) })
	sum.took = time.Since(began)
	for _, p := range parts {
		sum.join(p.outcome)
		sum.inTime, sum.latency = sum.inTime+p.inTime, append(sum.latency, p.latency...)
	}
	sum.unanswered = sum.offered - sum.asked
	slices.Sort(sum.latency)
	return sum, s.fault(ctx, sum.outcome, failed)
}

// arrive puts requests into the queue as their moments come, and gives how many there were.
func (s schedule) arrive(ctx context.Context, began time.Time, queue chan<- arrival) (offered int) {
	runtime.LockOSThread() // it sleeps in the kernel: the scheduler's own timers are up to a millisecond late
	defer runtime.UnlockOSThread()
	defer close(queue)
	gap := time.Duration(float64(time.Second) / s.rate)
	for ctx.Err() == nil {
		now := time.Since(began)
		for ; ; offered++ {
			at := time.Duration(float64(offered) / s.rate * float64(time.Second))
			if at >= s.length || offered == cap(queue) {
				return offered
			}
			if at > now {
				break
			}
			queue <- arrival{offered, at}
		}
		nap(min(gap, time.Millisecond))
	}
	return offered
}

// client takes what has waited longest, on one connection.
func (s schedule) client(ctx context.Context, c *connection, began time.Time, queue <-chan arrival) (met, error) {
	m := met{outcome: newOutcome()}
	var k kept
	r := newRequests()
	for a := range queue {
		now := time.Since(began)
		if ctx.Err() != nil || s.cut && now >= s.length {
			break
		}
		if s.patience > 0 && now-a.at > s.patience {
			continue
		}
		who, lot, ok := s.plan(a.n)
		if !ok {
			continue
		}
		status, body, _, err := c.ask(s.request(r, who, lot))
		if err != nil {
			return m, err
		}
		if !m.answered(s.want, status) {
			continue
		}
		done := time.Since(began)
		if m.latency = append(m.latency, done-a.at); done <= s.length {
			m.inTime++
		}
		k.keep(who, body)
	}
	m.kept = []kept{k}
	return m, nil
}
