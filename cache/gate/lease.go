package gate

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"rostrum/internal/fault"
)

// Hold is auction.Leases'. ttl is at least a millisecond.
func (g *Gate) Hold(ctx context.Context, name, owner string, ttl time.Duration) (bool, error) {
	return g.hold(ctx, g.keys.Lease(name), owner, ttl, "take")
}

// Leave is auction.Leases'.
func (g *Gate) Leave(ctx context.Context, name, owner string) error {
	_, err := g.leave(ctx, g.keys.Lease(name), owner)
	return err
}

// Holder gives who has a lease; empty: nobody.
func (g *Gate) Holder(ctx context.Context, name string) (owner string, err error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	owner, err = g.client.Get(ctx, g.keys.Lease(name)).Result()
	if errors.Is(err, redis.Nil) {
		return "", nil
	}
	if err != nil {
		return "", outcome(err)
	}
	return owner, nil
}

// hold takes or renews ("take"), or only renews ("renew"), what is held under a key.
func (g *Gate) hold(ctx context.Context, key, owner string, ttl time.Duration, mode string) (bool, error) {
	if ttl < time.Millisecond || owner == "" {
		return false, fault.New(fault.Internal, "no_such_lease", "a lease has an owner and lasts a millisecond or more")
	}
	status, err := g.status(ctx, g.scripts.hold, []string{key}, owner, ttl.Milliseconds(), mode)
	return status == statusOK, err
}

func (g *Gate) leave(ctx context.Context, key, owner string) (bool, error) {
	status, err := g.status(ctx, g.scripts.leave, []string{key}, owner)
	return status == statusOK, err
}
