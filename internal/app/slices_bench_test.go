package app

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/cache/cachetest"
	"rostrum/cache/gate"
	"rostrum/internal/live"
)

// BenchmarkSlices decides bids on one hot lot, whole and in slices, on a cluster of three masters of its own. On a machine
// with few cores wall time shows nothing of what three machines would do; the processor time of each redis-server does: the
// busiest one is where the lot ends. Beside bids/s it gives that server's microseconds a bid (the ceiling is its inverse),
// its share of all that the servers used, and what a bid costs all of them together.
func BenchmarkSlices(b *testing.B) {
	const bidders = 1000 // so many that groups are large in every slice, as in a rush, and nobody is turned away
	servers := live.StartRedisCluster(b)
	client := cachetest.Client(b, servers.Addr())
	for _, parts := range []int{1, 3, 16} {
		b.Run(fmt.Sprintf("slices %d", parts), func(b *testing.B) {
			s := cachetest.New(b, client, "", func(o *gate.Options) { o.Shards = auction.DefaultShards })
			lots := opened(b, s, parts)
			before, began := usage(b, servers), atomic.Int64{}
			b.ResetTimer()
			var all sync.WaitGroup
			for range bidders {
				all.Go(func() {
					for began.Add(1) <= int64(b.N) {
						bid := cachetest.BidOn(lots[0])
						l := lots[auction.SliceOf(bid.Buyer, parts)]
						bid.Lot, bid.Code = l.ID, l.Code
						answers, err := s.Gate.Decide(context.Background(), l.Shard, []auction.Bid{bid})
						if err != nil || answers[0].Verdict != auction.Admitted {
							b.Error(answers[0].Verdict, answers[0].Err, err)
							return
						}
					}
				})
			}
			all.Wait()
			b.StopTimer()
			used, sum := usage(b, servers), 0.0
			for n := range used {
				used[n] -= before[n]
				sum += used[n]
			}
			busiest := slices.Max(used)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "bids/s")
			b.ReportMetric(1e6*busiest/float64(b.N), "busiest-µs/bid")
			b.ReportMetric(busiest/sum, "busiest-share")
			b.ReportMetric(1e6*sum/float64(b.N), "redis-µs/bid")
		})
	}
}

// opened loads one lot of a very large stock in so many parts, each into its shard. A lot's id says which shards these
// are: one is taken whose slices lie on as many masters as they can.
func opened(b *testing.B, s *cachetest.Subject, parts int) []auction.Lot {
	for range 100 {
		whole := cachetest.LotOf(0, func(l *auction.Lot) { l.Stock, l.Slices = auction.MaxStock, parts })
		whole.Shard = auction.ShardOf(whole.ID, uuid.Nil, auction.DefaultShards)
		lots, err := auction.Split([]auction.Lot{whole}, auction.DefaultShards, strings.NewReader(strings.Repeat("sixteen and more", 2*parts)))
		must(b, err)
		on := map[int]bool{}
		for _, l := range lots {
			on[s.Gate.Keys().Slot(l.Shard)*masters/cache.Slots] = true
		}
		if len(on) < min(parts, masters) {
			continue
		}
		for _, l := range lots {
			s.Open(b, l.Shard, l)
		}
		return lots
	}
	b.Fatalf("no lot was found whose %d slices lie on %d masters", parts, min(parts, masters))
	return nil
}

// usage gives the processor time that each server has used, seconds; the kernel counts in hundredths.
func usage(b *testing.B, servers *live.Masters) []float64 {
	b.Helper()
	var used []float64
	for _, p := range servers.Nodes {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.Pid()))
		if err != nil {
			b.Skipf("processor time is read from /proc, which is not here: %v", err)
		}
		_, rest, _ := strings.Cut(string(text), ") ")
		fields, ticks := strings.Fields(rest), 0.0
		for _, field := range fields[11:13] { // in the program, and in the kernel for it
			n, err := strconv.ParseFloat(field, 64)
			must(b, err)
			ticks += n
		}
		used = append(used, ticks/100)
	}
	return used
}
