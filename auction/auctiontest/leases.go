package auctiontest

import (
	"context"
	"sync"
	"time"

	"rostrum/auction"
)

// Leases is auction.Leases in memory, by the clock it is given.
type Leases struct {
	Now func() time.Time

	mu   sync.Mutex
	held map[string]lease
}

type lease struct {
	owner string
	until time.Time
}

var _ auction.Leases = (*Leases)(nil)

// Hold is auction.Leases'.
func (l *Leases) Hold(ctx context.Context, name, owner string, ttl time.Duration) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if has, ok := l.held[name]; ok && has.owner != owner && l.Now().Before(has.until) {
		return false, nil
	}
	if l.held == nil {
		l.held = map[string]lease{}
	}
	l.held[name] = lease{owner, l.Now().Add(ttl)}
	return true, nil
}

// Leave is auction.Leases'.
func (l *Leases) Leave(_ context.Context, name, owner string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held[name].owner == owner {
		delete(l.held, name)
	}
	return nil
}

// Owner gives who holds a lease; empty: nobody.
func (l *Leases) Owner(name string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if has := l.held[name]; l.Now().Before(has.until) {
		return has.owner
	}
	return ""
}
