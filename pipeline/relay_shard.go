package pipeline

import (
	"context"
	"errors"
	"time"

	"rostrum/auction"
)

// relayShard is a relay's work on one shard, on one goroutine.
type relayShard struct {
	carrier
	r       *Relay
	until   time.Time // the lease's end, by the monotonic clock
	begun   bool      // acked is known under this lease
	resend  resend
	looked  int64          // the look at the positions that was followed last
	trimmed auction.Cursor // the journal is trimmed up to here

	idle, failing backoff
	trouble       trouble
	state         RelayState // guarded by r.mu
}

func newRelayShard(r *Relay, shard int) *relayShard {
	return &relayShard{
		carrier: r.carrier(shard, r.together.travel), r: r,
		resend:  resend{after: r.o.ResendAfter, longest: r.o.ResendMax},
		idle:    backoff{first: r.o.IdleMin, last: r.o.IdleMax},
		failing: backoff{first: r.o.IdleMin, last: r.o.ErrorMax},
		trouble: trouble{log: r.o.Log.With("shard", shard)},
		state:   RelayState{Shard: shard},
	}
}

func (s *relayShard) run(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, s.pass(ctx))
	}
	s.settle()
	s.leave(ctx)
}

// pass does the next piece of work and says how long to wait for the one after it.
func (s *relayShard) pass(ctx context.Context) time.Duration {
	if !s.hold(ctx) {
		s.tell(false, "")
		return s.r.o.Lease / 3
	}
	n, err := s.work(ctx)
	switch {
	case errors.Is(err, errPoison):
		return s.stop(err)
	case ctx.Err() != nil:
		return 0
	case err != nil:
		s.count.add(CountRelayErrors, 1)
		s.trouble.note("relaying", err)
		s.tell(true, "")
		return s.failing.grow()
	}
	s.trouble.note("relaying", nil)
	s.tell(true, "")
	s.failing.reset()
	if n == 0 {
		return s.tick(s.idle.grow())
	}
	s.idle.reset()
	if s.full {
		return 0
	}
	return s.tick(0)
}

// tick gives the time until the next multiple of Linger on the clock; with an idle wait that is longer, until one about
// then. All shards look at the same moment, so that what they find goes together; and what is few waits for more: fewer,
// larger requests and transactions are what the road's throughput hangs on.
func (s *relayShard) tick(idle time.Duration) time.Duration {
	linger := s.r.o.Linger
	if linger <= 0 {
		return idle
	}
	later := max(0, idle-linger)
	return later + untilTick(s.r.o.Clock().Add(later), linger)
}

// work begins, follows the position and carries one batch. It gives the number of records carried.
func (s *relayShard) work(ctx context.Context) (int, error) {
	if err := s.begin(ctx); err != nil {
		return 0, err
	}
	if err := s.follow(ctx); err != nil {
		return 0, err
	}
	messages, upTo, err := s.read(ctx)
	if err != nil || len(messages) == 0 {
		return 0, err
	}
	// A request must end inside the lease: what was sent later may land beside another owner's. It would be a duplicate,
	// no more; but recovery waits for the lease's end to know that nothing is sent any more.
	left := s.until.Sub(s.r.o.Clock())
	if left < s.r.o.Lease/3 {
		return 1, nil
	}
	if err := s.send(ctx, min(left, s.kafka.o.RequestTimeout), messages, upTo); err != nil {
		return 0, err
	}
	s.acknowledged()
	return len(messages), nil
}

// acknowledged is the one place where an acknowledgement becomes known to others. One that came after the lease's end is
// kept to ourselves: somebody else may have cut the shard meanwhile.
func (s *relayShard) acknowledged() {
	if s.r.o.Acked != nil && s.r.o.Clock().Before(s.until) {
		s.r.o.Acked(s.shard, s.acked)
	}
}

// hold has, takes or renews the lease. It is renewed when a third of it is gone, so a request that starts right after has
// at least half of it.
func (s *relayShard) hold(ctx context.Context) bool {
	now := s.r.o.Clock()
	if now.Before(s.until.Add(-s.r.o.Lease * 2 / 3)) {
		return true
	}
	ok, err := s.r.leases.Hold(ctx, LeaseRelay(s.shard), s.r.o.Owner, s.r.o.Lease)
	if err != nil {
		s.trouble.note("holding the lease", err)
		return now.Before(s.until.Add(-s.r.o.Lease / 2))
	}
	if !ok || s.until.Before(now) {
		s.begun = false // somebody else may have worked meanwhile
	}
	if ok {
		s.until = now.Add(s.r.o.Lease)
	} else {
		s.until = time.Time{}
	}
	return ok
}

func (s *relayShard) leave(ctx context.Context) {
	if s.r.o.Clock().After(s.until) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := s.r.leases.Leave(ctx, LeaseRelay(s.shard), s.r.o.Owner); err != nil {
		s.log.Warn("lease not given back, it will run out", "shard", s.shard, "err", err)
	}
	s.tell(false, "")
}

// begin sets the cursor, once a lease.
func (s *relayShard) begin(ctx context.Context) error {
	if s.begun {
		return nil
	}
	if err := s.start(ctx, s.r.positions); err != nil {
		return err
	}
	s.begun, s.trimmed = true, auction.Cursor{}
	return nil
}

// follow does what a newly read position asks for: trim the journal up to it, and send again from it.
func (s *relayShard) follow(ctx context.Context) error {
	p, look := s.r.latest(s.shard)
	if look == s.looked {
		return nil
	}
	s.looked = look
	if s.resend.due(s.r.o.Clock(), p, s.acked) {
		s.log.Warn("sending again from the position", "shard", s.shard, "position", p.At(), "acked", s.acked, "gap", p.GapSeq)
		s.count.add(CountResends, 1)
		s.acked = p.At()
	}
	// Up to the position, not up to what Kafka acknowledged: the journal is the copy that mends a partition. But what was
	// not sent stays, though the ledger may have it: a cut does.
	upTo := p.At()
	if s.acked.Before(upTo) {
		upTo = s.acked
	}
	if !s.trimmed.Before(upTo) {
		return nil
	}
	if err := s.journal.Trim(ctx, s.shard, upTo); err != nil {
		return err
	}
	s.trimmed = upTo
	return nil
}

// stop: an alarm, and the shard waits. It is looked at again now and then, and goes on when the journal has been mended.
func (s *relayShard) stop(err error) time.Duration {
	s.log.Error("ALARM: the relay of a shard has stopped", "shard", s.shard, "err", err)
	s.count.add(CountStopped, 1)
	s.tell(true, err.Error())
	// The lease is kept, so that no other node stops at the same entry; renewing it bounds the wait.
	return min(s.r.o.PoisonRetry, s.r.o.Lease/2)
}

func (s *relayShard) tell(held bool, stopped string) {
	s.r.mu.Lock()
	defer s.r.mu.Unlock()
	s.state = RelayState{Shard: s.shard, Held: held, Acked: s.acked, Stopped: stopped}
}
