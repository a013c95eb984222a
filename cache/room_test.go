package cache

import (
	"context"
	"testing"

	"github.com/redis/go-redis/v9"

	"rostrum/internal/live"
	standinredis "rostrum/internal/standin/redis"
)

func TestRoom(t *testing.T) {
	ctx, server := context.Background(), live.StartRedis(t)
	client := redis.NewClient(&redis.Options{Addr: server.Addr, MaxRetries: -1, DialerRetries: 1})
	defer client.Close()
	first, err := RoomOf(ctx, client)
	if err != nil || first.Limited || first.Server == "" {
		t.Errorf("without a limit: %+v %v", first, err)
	}
	for limit, least := range map[string]int64{"100mb": 90 << 20, "1kb": 0} {
		if err := client.ConfigSet(ctx, "maxmemory", limit).Err(); err != nil {
			t.Fatal(err)
		}
		room, err := RoomOf(ctx, client)
		if err != nil || !room.Limited || room.Left < least || room.Left > 100<<20 || least == 0 && room.Left != 0 || room.Server != first.Server {
			t.Errorf("of %s: %+v %v", limit, room, err)
		}
	}
	server.Kill9()
	if room, err := RoomOf(ctx, client); err == nil {
		t.Errorf("of a server that is gone: %+v", room)
	}
}

func TestRoomOfAServerThatDoesNotSay(t *testing.T) {
	server, err := standinredis.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	if room, err := RoomOf(context.Background(), client); err != nil || room.Limited {
		t.Errorf("%+v %v", room, err)
	}
}
