package gate_test

import (
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/cache/cachetest"
	"rostrum/cache/gate"
	"rostrum/internal/live"
)

// BenchmarkDecide measures one script of n bids on a real Redis, each by a new buyer.
func BenchmarkDecide(b *testing.B) {
	addr := live.Redis(b)
	for _, n := range []int{1, 8, 64} {
		for _, sold := range []string{"admitted", "sold out"} {
			b.Run(sold+" "+strconv.Itoa(n), func(b *testing.B) {
				s := cachetest.New(b, cachetest.Client(b, addr), "")
				l := cachetest.LotOf(0, func(l *auction.Lot) { l.Stock = map[bool]int64{true: 1 << 30, false: 0}[sold == "admitted"] })
				s.Open(b, 0, l)
				bids := make([]auction.Bid, n)
				before := redisCPU(b, s.Client)
				for b.Loop() {
					for i := range bids {
						bids[i] = cachetest.BidOn(l)
					}
					if answers, err := s.Gate.Decide(ctx, 0, bids); err != nil || answers[0].Err != nil {
						b.Fatal(fmt.Sprint(err, answers[0].Err))
					}
				}
				b.ReportMetric(float64(b.N*n)/b.Elapsed().Seconds(), "bids/s")
				b.ReportMetric((redisCPU(b, s.Client)-before)*1e6/float64(b.N*n), "redis-cpu-µs/bid")
			})
		}
	}
}

// redisCPU gives the seconds of CPU that the Redis has used; other clients of it count, too.
func redisCPU(b *testing.B, client redis.UniversalClient) float64 {
	info, err := client.Info(ctx, "cpu").Result()
	if err != nil {
		b.Fatal(err)
	}
	used := 0.0
	for _, m := range regexp.MustCompile(`used_cpu_(?:sys|user):([0-9.]+)`).FindAllStringSubmatch(info, 2) {
		seconds, _ := strconv.ParseFloat(m[1], 64)
		used += seconds
	}
	return used
}

// BenchmarkGroups measures bids that come one by one from many at once, on one hot lot and over a thousand lots on sixteen
// shards, with the terms that the edge knows. Each by a new buyer.
func BenchmarkGroups(b *testing.B) {
	addr := live.Redis(b)
	for _, lots := range []int{1, 1000} {
		for _, clients := range []int{64, 256} {
			b.Run(fmt.Sprintf("%d lots %d clients", lots, clients), func(b *testing.B) {
				const shards = 16
				s := cachetest.New(b, cachetest.Client(b, addr), "", func(o *gate.Options) { o.Shards = shards })
				of := make([][]auction.Lot, shards)
				all := make([]auction.Lot, lots)
				for n := range all {
					all[n] = cachetest.LotOf(n%shards, func(l *auction.Lot) { l.Stock = 1 << 30 })
					of[n%shards] = append(of[n%shards], all[n])
				}
				for shard := range of {
					s.Open(b, shard, of[shard]...)
				}
				var next atomic.Int64
				var everybody sync.WaitGroup
				before := redisCPU(b, s.Client)
				b.ResetTimer()
				for range clients {
					everybody.Go(func() {
						for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
							l := &all[int(n*7919)%lots]
							bid := cachetest.BidOn(*l)
							bid.Terms = l.Terms()
							if answers, err := s.Gate.Decide(ctx, l.Shard, []auction.Bid{bid}); err != nil || answers[0].Verdict != auction.Admitted {
								b.Errorf("%+v %v", answers, err)
								return
							}
						}
					})
				}
				everybody.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "bids/s")
				b.ReportMetric((redisCPU(b, s.Client)-before)*1e6/float64(b.N), "redis-cpu-µs/bid")
			})
		}
	}
}
