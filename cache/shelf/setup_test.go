package shelf_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/cache/cachetest"
	"rostrum/cache/shelf"
	"rostrum/internal/live"
	standinredis "rostrum/internal/standin/redis"
)

// engines are what the suite runs on. The stand-in stands for the evicting Redis, too: nothing here needs a key to stay.
var engines = map[string]func(t *testing.T) redis.UniversalClient{
	"standin": func(t *testing.T) redis.UniversalClient {
		server, err := standinredis.Start("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		return cachetest.Client(t, server.Addr())
	},
	"redis":   func(t *testing.T) redis.UniversalClient { return cachetest.Client(t, live.Shelf(t)) },
	"redis2":  func(t *testing.T) redis.UniversalClient { return cachetest.Client(t, live.Redis2(t)) },
	"cluster": func(t *testing.T) redis.UniversalClient { return cachetest.Client(t, live.RedisCluster(t)...) },
}

// world is one shelf, the database behind it and the clock it lives by.
type world struct {
	t      *testing.T
	client redis.UniversalClient
	source *cachetest.Source
	shelf  *shelf.Shelf
	o      shelf.Options
	keys   cache.Keys

	mu     sync.Mutex
	now    time.Time
	counts map[string]int
}

var start = time.UnixMicro(cachetest.T0)

// everywhere runs a test on every engine.
func everywhere(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for name, open := range engines {
		t.Run(name, func(t *testing.T) { test(t, newWorld(t, open(t))) })
	}
}

func newWorld(t *testing.T, client redis.UniversalClient, change ...func(*shelf.Options)) *world {
	t.Helper()
	w := &world{t: t, client: client, source: cachetest.NewSource(), now: start, counts: map[string]int{}}
	w.o = shelf.Options{Prefix: "test-" + strings.ReplaceAll(uuid.NewString(), "-", ""), Timeout: 5 * time.Second,
		Now: w.clock, Count: w.count}
	for _, c := range change {
		c(&w.o)
	}
	var err error
	if w.keys, err = cache.NewKeys(w.o.Prefix, 1); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.flush)
	w.shelf = w.node()
	return w
}

// node gives another node's shelf on the same Redis.
func (w *world) node() *shelf.Shelf {
	w.t.Helper()
	s, err := shelf.New(w.client, w.source, w.o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(s.Close)
	return s
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) count(guard, outcome string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.counts[guard+" "+outcome]++
}

func (w *world) counted(what string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.counts[what]
}

// keysOf gives the shelf's keys by pattern behind the prefix.
func (w *world) keysOf(pattern string) []string {
	w.t.Helper()
	return cachetest.Scan(w.t, w.client, w.o.Prefix+":"+pattern)
}

// flush removes everything that the shelf holds, as an eviction or a restart would.
func (w *world) flush() {
	for _, key := range w.keysOf("*") {
		w.client.Del(context.Background(), key)
	}
}

// session makes a scheduled session of n lots, which opens in an hour for an hour.
func (w *world) session(n int, change ...func(i int, l *auction.Lot)) (auction.Session, []auction.Lot) {
	s := auction.Session{ID: uuid.New(), Area: "north", Name: "evening", Currency: "EUR", State: auction.SessionScheduled,
		StartsUS: start.Add(time.Hour).UnixMicro(), EndsUS: start.Add(2 * time.Hour).UnixMicro(), Rev: 3}
	lots := make([]auction.Lot, n)
	for i := range lots {
		lots[i] = cachetest.LotOf(i%cachetest.Shards, func(l *auction.Lot) {
			l.Session, l.OpensUS, l.ClosesUS, l.Title = s.ID, s.StartsUS, s.EndsUS, fmt.Sprintf("lot %d <&>\" 拍", i)
		})
		for _, c := range change {
			c(i, &lots[i])
		}
	}
	w.source.Put(s, lots...)
	s.Lots = n
	return s, lots
}

var ctx = context.Background()
