package cache

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// Room is what a Redis may still take before it refuses or evicts.
type Room struct {
	Limited bool   // it has a maxmemory, and says so
	Left    int64  // bytes; of a cluster the fullest master's, times the masters: shards lie evenly over them
	Server  string // its run id, so that two clients of one server are told apart from two servers; "" for a cluster
}

// RoomOf asks a Redis how much it may still take. A server that does not say (a stand-in, a managed service) has no limit.
func RoomOf(ctx context.Context, client Client) (Room, error) {
	c, ok := client.(*redis.ClusterClient)
	if !ok {
		return roomOf(ctx, client)
	}
	var mu sync.Mutex // masters are asked at once
	var all Room
	masters := int64(0)
	err := c.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		one, err := roomOf(ctx, node)
		mu.Lock()
		defer mu.Unlock()
		if masters++; one.Limited && (!all.Limited || one.Left < all.Left) {
			all.Limited, all.Left = true, one.Left
		}
		return err
	})
	all.Left *= masters
	return all, err
}

func roomOf(ctx context.Context, client redis.Cmdable) (Room, error) {
	if err := client.Ping(ctx).Err(); err != nil {
		return Room{}, fmt.Errorf("redis: %w", err)
	}
	// A server that was reached and does not answer this does not know the command.
	says := facts(client.Info(ctx, "memory").Val() + "\r\n" + client.Info(ctx, "server").Val())
	most, _ := strconv.ParseInt(says["maxmemory"], 10, 64)
	used, _ := strconv.ParseInt(says["used_memory"], 10, 64)
	return Room{Limited: most > 0, Left: max(most-used, 0), Server: says["run_id"]}, nil
}

// facts reads what INFO answers.
func facts(info string) map[string]string {
	says := map[string]string{}
	for line := range strings.SplitSeq(info, "\r\n") {
		if name, value, ok := strings.Cut(line, ":"); ok {
			says[name] = value
		}
	}
	return says
}
