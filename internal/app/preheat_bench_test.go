package app

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/internal/config"
	"rostrum/internal/live"
	"rostrum/store/storetest"
)

// depot is an installation without roles on Redis servers of its own, with lots to preheat: everything but a clock.
type depot struct {
	t           testing.TB
	dsn         string
	gate, shelf *live.Process
	app         *App
	session     auction.Session
	lots        []auction.Lot
}

// newDepot lists and publishes a session of n lots that opens far in the future, and makes every shard decide.
func newDepot(t testing.TB, n int) *depot {
	t.Helper()
	d := &depot{t: t, gate: live.StartRedis(t), shelf: live.StartRedis(t, "--appendonly", "no")}
	d.dsn = storetest.Database(t, live.MySQL(t))
	d.app = openDepot(t, d.dsn, d.gate.Addr, d.shelf.Addr)
	d.session, d.lots, _ = storetest.List(t, d.app.Store, d.app.Deployment.Shards, n)
	d.open()
	return d
}

func openDepot(t testing.TB, dsn, gate, shelf string) *App {
	t.Helper()
	c := config.Development()
	c.MySQL.DSN = config.Secret(dsn)
	c.Redis.GateURL, c.Redis.ShelfURL = config.Secret("redis://"+gate+"/0"), config.Secret("redis://"+shelf+"/0")
	c.Redis.Durability, c.Redis.Timeout, c.Log.Level = string(auction.DurableEverySec), 5*time.Second, "error"
	a, err := New(c, Parts{RedisPrefix: "depot", Log: quiet()})
	must(t, err)
	must(t, a.OpenStore(t.Context()))
	must(t, a.OpenRedis(t.Context()))
	t.Cleanup(a.Close)
	return a
}

// open makes every shard decide, with nothing in it.
func (d *depot) open() {
	d.t.Helper()
	for shard := range d.app.Deployment.Shards {
		must(d.t, d.app.Gate.Disown(d.t.Context(), shard))
		_, err := d.app.Gate.Load(d.t.Context(), auction.ShardState{Deployment: d.app.Deployment.ID, Shard: shard, Epoch: 1}, nil)
		must(d.t, err)
		must(d.t, d.app.Gate.Vouch(d.t.Context(), shard, 1))
	}
}

func (d *depot) client(p *live.Process) redis.UniversalClient {
	d.t.Helper()
	c, err := cache.Connect(cache.Connection{URL: "redis://" + p.Addr + "/0", PoolSize: 4, Timeout: 10 * time.Second})
	must(d.t, err)
	d.t.Cleanup(func() { c.Close() })
	return c
}

// memory gives what a Redis holds, bytes.
func (d *depot) memory(c redis.UniversalClient) int {
	d.t.Helper()
	text, err := c.Info(d.t.Context(), "memory").Result()
	must(d.t, err)
	for line := range strings.SplitSeq(text, "\r\n") {
		if n, ok := strings.CutPrefix(line, "used_memory:"); ok {
			bytes, err := strconv.Atoi(n)
			must(d.t, err)
			return bytes
		}
	}
	d.t.Fatal("INFO memory has no used_memory")
	return 0
}

// cpu gives the CPU time that processes have used, this one first.
func (d *depot) cpu() [3]time.Duration {
	var own syscall.Rusage
	must(d.t, syscall.Getrusage(syscall.RUSAGE_SELF, &own))
	used := [3]time.Duration{time.Duration(own.Utime.Nano() + own.Stime.Nano())}
	for n, p := range []*live.Process{d.gate, d.shelf} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid()))
		must(d.t, err)
		_, rest, _ := strings.Cut(string(text), ") ")
		fields := strings.Fields(rest)
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		used[n+1] = time.Duration(user+system) * 10 * time.Millisecond
	}
	return used
}

// BenchmarkPreheat measures preheating of 100,000 lots against raw pipelined SETs of as many bytes in as many keys, half of
// them to each Redis, in alternating rounds. Wall time is what people wait for; on a shared machine the CPU is steadier.
func BenchmarkPreheat(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("CPU times of other processes are read from /proc")
	}
	const lots = 100_000
	d := newDepot(b, lots)
	clients := []redis.UniversalClient{d.client(d.gate), d.client(d.shelf)}
	empty := []int{d.memory(clients[0]), d.memory(clients[1])}
	for b.Loop() {
		for _, c := range clients {
			must(b, c.FlushDB(b.Context()).Err())
		}
		d.open()
		sent := d.received(clients)
		began, before := time.Now(), d.cpu()
		r, err := d.app.Preheat(b.Context(), d.session.ID, nil)
		if err != nil || r.Verified != lots {
			b.Fatalf("%+v %v", r, err)
		}
		took, used := time.Since(began), d.cpu()
		bytes := d.received(clients)
		bytes[0], bytes[1] = bytes[0]-sent[0], bytes[1]-sent[1]
		b.Logf("preheat: %v, CPU µs a lot: here %.1f, gate %.1f, shelf %.1f; %d and %d bytes a lot sent", took.Round(time.Millisecond),
			perLot(used[0]-before[0], lots), perLot(used[1]-before[1], lots), perLot(used[2]-before[2], lots), bytes[0]/lots, bytes[1]/lots)
		b.ReportMetric(float64(d.memory(clients[0])-empty[0])/lots, "gate_B/lot")
		b.ReportMetric(float64(d.memory(clients[1])-empty[1])/lots, "shelf_B/lot")

		began, before = time.Now(), d.cpu()
		for _, c := range clients {
			must(b, rawSets(b.Context(), c, lots/2, (bytes[0]+bytes[1])/lots))
		}
		raw, used := time.Since(began), d.cpu()
		b.Logf("raw SET: %v, CPU µs a lot: here %.1f, gate %.1f, shelf %.1f", raw.Round(time.Millisecond),
			perLot(used[0]-before[0], lots), perLot(used[1]-before[1], lots), perLot(used[2]-before[2], lots))
		b.ReportMetric(lots/took.Seconds(), "lots/s")
		b.ReportMetric(raw.Seconds()/took.Seconds(), "of_raw")
	}
}

func perLot(d time.Duration, lots int) float64 { return float64(d.Microseconds()) / float64(lots) }

// received gives the bytes that the servers have been sent.
func (d *depot) received(clients []redis.UniversalClient) (bytes [2]int) {
	for n, c := range clients {
		text := c.Info(d.t.Context(), "stats").Val()
		_, rest, _ := strings.Cut(text, "total_net_input_bytes:")
		line, _, _ := strings.Cut(rest, "\r\n")
		bytes[n], _ = strconv.Atoi(line)
	}
	return bytes
}

// rawSets writes n values of a size in pipelines of a thousand.
func rawSets(ctx context.Context, c redis.UniversalClient, n, size int) error {
	value := strings.Repeat("x", size)
	for from := 0; from < n; from += 1000 {
		_, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
			for range min(1000, n-from) {
				p.Set(ctx, "raw:"+uuid.NewString(), value, 0)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
