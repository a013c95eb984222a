package redis_test

import (
	"context"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"go.uber.org/goleak"

	"rostrum/internal/live"
	"rostrum/internal/standin/redis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

func start(t *testing.T, addr string) (*redis.Server, *goredis.Client) {
	t.Helper()
	s, err := redis.Start(addr)
	if err != nil {
		t.Fatal(err)
	}
	c := goredis.NewClient(&goredis.Options{Addr: s.Addr(), DialerRetries: 1})
	t.Cleanup(func() { _ = c.Close() })
	return s, c
}

// By itself miniredis would keep every key for ever.
func TestKeysEnd(t *testing.T) {
	s, c := start(t, "127.0.0.1:0")
	defer s.Close()
	if err := c.Set(ctx, "lock", "me", 400*time.Millisecond).Err(); err != nil {
		t.Fatal(err)
	}
	if err := c.Set(ctx, "stays", "me", 0).Err(); err != nil {
		t.Fatal(err)
	}
	live.Eventually(t, 10*time.Second, "the key ends", func() (bool, error) {
		n, err := c.Exists(ctx, "lock").Result()
		return n == 0, err
	})
	if n := c.Exists(ctx, "stays").Val(); n != 1 {
		t.Error("a key without an end has ended")
	}
}

// Scripts compare TIME with a sale's start: it must be the real one.
func TestTimeIsTheWallClock(t *testing.T) {
	s, c := start(t, "127.0.0.1:0")
	defer s.Close()
	before := time.Now().Add(-time.Millisecond)
	got, err := c.Time(ctx).Result()
	if err != nil || got.Before(before) || got.After(time.Now().Add(time.Millisecond)) {
		t.Errorf("TIME is %v, the clock says %v (%v)", got, time.Now(), err)
	}
}

// A restart forgets everything and is another process: its lineage says so.
func TestRestartIsNoticed(t *testing.T) {
	first, c := start(t, "127.0.0.1:0")
	lineage := func(s *redis.Server) string {
		t.Helper()
		got, err := c.Eval(ctx, s.Lineage()+"\nlocal run, repl = lineage()\nreturn run .. ' ' .. repl", nil).Text()
		if err != nil || len(got) < 40 {
			t.Fatalf("lineage %q %v", got, err)
		}
		return got
	}
	one := lineage(first)
	if again := lineage(first); again != one {
		t.Errorf("lineage changes while it runs: %q, %q", one, again)
	}
	if err := c.Set(ctx, "key", "value", 0).Err(); err != nil {
		t.Fatal(err)
	}
	addr := first.Addr()
	first.Close()
	second, err := redis.Start(addr)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if two := lineage(second); two == one {
		t.Errorf("lineage %q did not change over a restart", two)
	}
	if n, err := c.Exists(ctx, "key").Result(); n != 0 || err != nil {
		t.Errorf("something survived: %d %v", n, err)
	}
}

func TestAddressInUse(t *testing.T) {
	s, _ := start(t, "127.0.0.1:0")
	defer s.Close()
	if other, err := redis.Start(s.Addr()); err == nil {
		other.Close()
		t.Error("two on one address")
	}
}
