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
	return depotOn(t, n, live.StartRedis(t), live.StartRedis(t, "--appendonly", "no"))
}

// depotOn is newDepot on one server or two.
func depotOn(t testing.TB, n int, gate, shelf *live.Process) *depot {
	t.Helper()
	d := &depot{t: t, gate: gate, shelf: shelf}
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
		token, err := d.app.Gate.BeginLoad(d.t.Context(), shard)
		must(d.t, err)
		_, err = d.app.Gate.Load(d.t.Context(), token, auction.ShardState{Deployment: d.app.Deployment.ID, Shard: shard, Epoch: 1}, nil)
		must(d.t, err)
		must(d.t, d.app.Gate.Vouch(d.t.Context(), shard, 1))
	}
}

func (d *depot) client(p *live.Process) cache.Client {
	d.t.Helper()
	c, err := cache.Connect(cache.Connection{URL: "redis://" + p.Addr + "/0", PoolSize: 4, Timeout: 10 * time.Second})
	must(d.t, err)
	d.t.Cleanup(func() { c.Close() })
	return c
}

// memory gives what a Redis holds, bytes.
func (d *depot) memory(c cache.Client) int {
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

// BenchmarkPreheat measures preheating of 100,000 lots against raw pipelined SETs of as many bytes, one a lot, in
// alternating rounds: with gate and shelf on one Redis, as make bench has them, and on two, where the SETs are halved
// between them. Wall time is what people wait for; on a shared machine the CPU is steadier.
func BenchmarkPreheat(b *testing.B) {
	if runtime.GOOS != "linux" {
		b.Skip("CPU times of other processes are read from /proc")
	}
	const never = "0" // a file that is written anew in the middle would be half of the time
	b.Run("one Redis", func(b *testing.B) {
		one := live.StartRedis(b, "--auto-aof-rewrite-percentage", never)
		benchmarkPreheat(b, depotOn(b, preheatLots, one, one))
	})
	b.Run("two", func(b *testing.B) {
		gate, shelf := live.StartRedis(b, "--auto-aof-rewrite-percentage", never), live.StartRedis(b, "--appendonly", "no")
		benchmarkPreheat(b, depotOn(b, preheatLots, gate, shelf))
	})
}

const preheatLots = 100_000

func benchmarkPreheat(b *testing.B, d *depot) {
	clients := []cache.Client{d.client(d.gate)}
	if d.shelf != d.gate {
		clients = append(clients, d.client(d.shelf))
	}
	for b.Loop() {
		for _, c := range clients {
			must(b, c.FlushDB(b.Context()).Err())
		}
		d.open()
		held, sent := d.memoryOf(clients), d.received(clients)
		began, before := time.Now(), d.cpu()
		r, err := d.app.Preheat(b.Context(), d.session.ID, nil)
		if err != nil || r.Verified != preheatLots {
			b.Fatalf("%+v %v", r, err)
		}
		took := time.Since(began)
		size := (d.received(clients) - sent) / preheatLots
		b.Logf("preheat: %v, %s; %d bytes a lot sent", took.Round(time.Millisecond), d.spent(before), size)
		b.ReportMetric(float64(d.memoryOf(clients)-held)/preheatLots, "B/lot")

		began, before = time.Now(), d.cpu()
		for _, c := range clients {
			must(b, rawSets(b.Context(), c, preheatLots/len(clients), size))
		}
		raw := time.Since(began)
		b.Logf("raw SET: %v, %s", raw.Round(time.Millisecond), d.spent(before))
		b.ReportMetric(preheatLots/took.Seconds(), "lots/s")
		b.ReportMetric(raw.Seconds()/took.Seconds(), "of_raw")
	}
}

// spent says what CPU time went by since then.
func (d *depot) spent(since [3]time.Duration) string {
	now := d.cpu()
	for n := range now {
		now[n] -= since[n]
	}
	perLot := func(d time.Duration) float64 { return float64(d.Microseconds()) / preheatLots }
	if d.shelf == d.gate {
		return fmt.Sprintf("CPU µs a lot: here %.1f, Redis %.1f", perLot(now[0]), perLot(now[1]))
	}
	return fmt.Sprintf("CPU µs a lot: here %.1f, gate %.1f, shelf %.1f", perLot(now[0]), perLot(now[1]), perLot(now[2]))
}

// memoryOf gives what several hold together, bytes.
func (d *depot) memoryOf(clients []cache.Client) (bytes int) {
	for _, c := range clients {
		bytes += d.memory(c)
	}
	return bytes
}

// received gives the bytes that the servers have been sent.
func (d *depot) received(clients []cache.Client) (bytes int) {
	for _, c := range clients {
		text := c.Info(d.t.Context(), "stats").Val()
		_, rest, _ := strings.Cut(text, "total_net_input_bytes:")
		line, _, _ := strings.Cut(rest, "\r\n")
		n, _ := strconv.Atoi(line)
		bytes += n
	}
	return bytes
}

// rawSets writes n values of a size in pipelines of a thousand.
func rawSets(ctx context.Context, c cache.Client, n, size int) error {
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
