package cache

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Facts are what a Redis says of itself. A fact that it does not tell (a stand-in, a managed service) is empty.
type Facts struct {
	Version         string // of the engine, e.g. "redis 7.0.15", "valkey 8.1.1"
	AppendOnly      string // yes, no
	AppendFsync     string // always, everysec, no
	MaxMemoryPolicy string
	Replicas        string // how many follow it now
	MinReplicas     string // min-replicas-to-write: how many must, for it to write
	FullCoverage    string // cluster-require-full-coverage: yes, no; empty where it is no cluster
}

// Inspect asks a server about itself, of a cluster every master: a fact in which they differ has all that they say, by
// " and ", so that it is none of the values somebody hopes for. An error means that one of them does not answer.
func Inspect(ctx context.Context, client Client) (Facts, error) {
	cluster, ok := client.(*redis.ClusterClient)
	if !ok {
		return inspect(ctx, client)
	}
	var mu sync.Mutex // masters are asked at once
	var all []Facts
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		f, err := inspect(ctx, node)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, f)
		return err
	})
	if err != nil {
		return Facts{}, fmt.Errorf("redis cluster: %w", err)
	}
	return together(all), nil
}

// together joins what the masters of a cluster say.
func together(all []Facts) Facts {
	said := func(fact func(Facts) string) string {
		var values []string
		for _, f := range all {
			values = append(values, fact(f))
		}
		slices.Sort(values)
		return strings.Join(slices.Compact(values), " and ")
	}
	return Facts{
		Version:         said(func(f Facts) string { return f.Version }),
		AppendOnly:      said(func(f Facts) string { return f.AppendOnly }),
		AppendFsync:     said(func(f Facts) string { return f.AppendFsync }),
		MaxMemoryPolicy: said(func(f Facts) string { return f.MaxMemoryPolicy }),
		Replicas:        said(func(f Facts) string { return f.Replicas }),
		MinReplicas:     said(func(f Facts) string { return f.MinReplicas }),
		FullCoverage:    said(func(f Facts) string { return f.FullCoverage }),
	}
}

func inspect(ctx context.Context, client redis.Cmdable) (Facts, error) {
	var f Facts
	if err := client.Ping(ctx).Err(); err != nil {
		return f, fmt.Errorf("redis: %w", err)
	}
	f.Version = version(client.Info(ctx, "server").Val())
	f.Replicas = facts(client.Info(ctx, "replication").Val())["connected_slaves"]
	asked := map[string]*string{"appendonly": &f.AppendOnly, "appendfsync": &f.AppendFsync, "maxmemory-policy": &f.MaxMemoryPolicy,
		"min-replicas-to-write": &f.MinReplicas}
	if facts(client.Info(ctx, "cluster").Val())["cluster_enabled"] == "1" {
		asked["cluster-require-full-coverage"] = &f.FullCoverage
	}
	for name, fact := range asked {
		*fact = client.ConfigGet(ctx, name).Val()[name]
	}
	return f, nil
}

// version reads INFO server; Valkey says there which Redis it answers for, and who it is.
func version(info string) string {
	says := facts(info)
	switch {
	case says["valkey_version"] != "":
		return "valkey " + says["valkey_version"]
	case says["redis_version"] != "":
		return "redis " + says["redis_version"]
	}
	return ""
}
