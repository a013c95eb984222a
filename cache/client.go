package cache

import (
	"context"
	"errors"

	"github.com/go-redsync/redsync/v4"
	"github.com/go-redsync/redsync/v4/redis/goredis/v9"
	"github.com/redis/go-redis/v9"
)

// Client is a connection to a Redis, of whatever kind, as Connect makes it: always one of the library's own clients. Only
// this package names those, and what does is not inlined elsewhere: each package that names them compiles 1,700 of their
// functions once more, a second of the first start's time.
type Client interface {
	redis.Cmdable
	Do(ctx context.Context, args ...any) *redis.Cmd
	Process(ctx context.Context, cmd redis.Cmder) error
	Close() error
}

// Clustered says whether keys lie on several servers, so that one command cannot have keys of many slots.
//
//go:noinline
func Clustered(c Client) bool {
	_, ok := c.(*redis.ClusterClient)
	return ok
}

// NodeOf gives the one server that has a key, for what asks a server and not a slot. Of a cluster it may ask for the
// slots first, and gives the library's errors.
//
//go:noinline
func NodeOf(ctx context.Context, c Client, key string) (redis.Cmdable, error) {
	if cluster, ok := c.(*redis.ClusterClient); ok {
		return cluster.MasterForKey(ctx, key)
	}
	return c, nil
}

// WhileHolds runs commands of one slot in one transaction, and only where the field of the hash at key has the value until
// they are done. False: it has another, or the hash was written meanwhile, and nothing was run. It gives the library's errors.
//
//go:noinline
func WhileHolds(ctx context.Context, c Client, key, field, value string, commands func(redis.Pipeliner) error) (bool, error) {
	held := false
	err := c.(redis.UniversalClient).Watch(ctx, func(tx *redis.Tx) error {
		found, err := tx.HGet(ctx, key, field).Result()
		if held = err == nil && found == value; !held {
			return err
		}
		_, err = tx.TxPipelined(ctx, commands)
		return err
	}, key)
	if errors.Is(err, redis.TxFailedErr) || errors.Is(err, redis.Nil) {
		return false, nil
	}
	return held, err
}

// Locks makes locks that a Redis keeps, each with a random value that only its holder knows.
//
//go:noinline
func Locks(c Client) *redsync.Redsync {
	return redsync.New(goredis.NewPool(c.(redis.UniversalClient)))
}
