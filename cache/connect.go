package cache

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/redis/go-redis/v9"
)

// Connection says how a Redis is reached.
type Connection struct {
	URL      string        // redis://user:password@host:port/db or rediss://; a cluster's other nodes as ?addr=host:port&addr=…
	Cluster  bool          // a Redis Cluster; a URL with addr= is one without saying
	PoolSize int           // connections to one server
	Timeout  time.Duration // of connecting, and of a command without a deadline of its own
}

// silent keeps the library from writing lines of its own to standard error: every fault it has comes back as an error.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// Connect makes a client as the gate and the shelf need it; it sends nothing yet. It never retries by itself: after a
// time-out the library would run a script a second time, and a fault that says "not sent" would not be true. Of a cluster
// the loop that follows a moved slot does send again, which the scripts bear: the earlier receipt is found.
func Connect(c Connection) (Client, error) {
	redis.SetLogger(silent{})
	if c.Cluster || namesNodes(c.URL) {
		o, err := redis.ParseClusterURL(c.URL)
		if err != nil {
			return nil, fmt.Errorf("redis: %w", err)
		}
		o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled, o.ClusterStateReloadInterval = -1, 1, true, 5*time.Second
		o.PoolSize, o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = c.PoolSize, c.Timeout, c.Timeout, c.Timeout, c.Timeout
		return redis.NewClusterClient(o), nil
	}
	o, err := redis.ParseURL(c.URL)
	if err != nil {
		return nil, fmt.Errorf("redis: %w", err)
	}
	o.MaxRetries, o.DialerRetries, o.ContextTimeoutEnabled = -1, 1, true
	o.PoolSize, o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = c.PoolSize, c.Timeout, c.Timeout, c.Timeout, c.Timeout
	return redis.NewClient(o), nil
}

// namesNodes says whether the URL has other nodes beside its host, which only a cluster has.
func namesNodes(text string) bool {
	u, err := url.Parse(text)
	return err == nil && u.Query().Has("addr")
}
