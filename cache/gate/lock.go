package gate

import (
	"context"
	"sync"
	"time"

	"github.com/google/uuid"

	"rostrum/internal/fault"
)

// renewals is how often a held lock is renewed within its time to live: two may fail and the third still keeps it.
const renewals = 3

// Lock is a lot's random-code lock, held. While anybody holds it, admission to the lot answers `busy`. It is for whoever
// changes a live lot from outside; the close takes none, so that a bid in the last second is never `busy` because of it.
type Lock struct {
	gate  *Gate
	key   string
	token string
	ttl   time.Duration
	stop  context.CancelFunc
	lost  chan struct{}
	ended sync.WaitGroup
}

// LockLot takes the lock of a lot for as long as ctx lasts and Unlock was not called, renewing it in the background;
// without renewals it ends after ttl, at least 30 ms. fault Conflict `locked` where somebody else holds it.
func (g *Gate) LockLot(ctx context.Context, shard int, lot uuid.UUID, ttl time.Duration) (*Lock, error) {
	const least = 30 * time.Millisecond
	if err := g.checkShard(shard); err != nil {
		return nil, err
	}
	l := &Lock{gate: g, key: g.keys.Lock(shard, lot), token: g.token(), ttl: max(ttl, least), lost: make(chan struct{})}
	taken := time.Now()
	ok, err := g.hold(ctx, l.key, l.token, l.ttl, "take")
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, fault.New(fault.Conflict, "locked", "somebody else is changing this lot")
	}
	ctx, l.stop = context.WithCancel(ctx)
	l.ended.Add(1)
	go l.watch(ctx, taken)
	return l, nil
}

// Lost is closed when the lock is not held any more though nobody gave it back: the holder must stop.
func (l *Lock) Lost() <-chan struct{} { return l.lost }

// Unlock gives the lock back. fault Conflict `lock_lost` where it was not held any more: what was done under it may have
// met somebody else's work.
func (l *Lock) Unlock(ctx context.Context) error {
	l.stop()
	l.ended.Wait()
	held, err := l.gate.leave(ctx, l.key, l.token)
	if err == nil && !held {
		err = fault.New(fault.Conflict, "lock_lost", "the lock had ended before it was given back")
	}
	return err
}

// watch renews the lock, and says so when it is lost: another has it, or no renewal came through for its time to live.
// The time counts from before a renewal was sent: the lock ends no earlier than that.
func (l *Lock) watch(ctx context.Context, renewed time.Time) {
	defer l.ended.Done()
	ticker := time.NewTicker(l.ttl / renewals)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		sent := time.Now()
		held, err := l.gate.hold(ctx, l.key, l.token, l.ttl, "renew")
		if ctx.Err() != nil {
			return
		}
		if held {
			renewed = sent
		}
		if err == nil && !held || time.Since(renewed) >= l.ttl {
			close(l.lost)
			return
		}
	}
}
