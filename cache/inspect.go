package cache

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Facts are what a Redis says of itself. A fact that it does not tell (a stand-in, a managed service) is empty.
type Facts struct {
	Version         string // of the engine, e.g. "redis 7.0.15", "valkey 8.1.1"
	AppendOnly      string // yes, no
	AppendFsync     string // always, everysec, no
	MaxMemoryPolicy string
}

// Inspect asks one server about itself. An error means that it does not answer.
func Inspect(ctx context.Context, client redis.UniversalClient) (Facts, error) {
	var f Facts
	if err := client.Ping(ctx).Err(); err != nil {
		return f, fmt.Errorf("redis: %w", err)
	}
	f.Version = version(client.Info(ctx, "server").Val())
	for name, fact := range map[string]*string{"appendonly": &f.AppendOnly, "appendfsync": &f.AppendFsync, "maxmemory-policy": &f.MaxMemoryPolicy} {
		*fact = client.ConfigGet(ctx, name).Val()[name]
	}
	return f, nil
}

// version reads INFO server; Valkey says there which Redis it answers for, and who it is.
func version(info string) string {
	says := map[string]string{}
	for line := range strings.SplitSeq(info, "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			says[name] = value
		}
	}
	switch {
	case says["valkey_version"] != "":
		return "valkey " + says["valkey_version"]
	case says["redis_version"] != "":
		return "redis " + says["redis_version"]
	}
	return ""
}
