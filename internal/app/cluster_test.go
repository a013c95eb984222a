package app

import (
	"encoding/json"
	"testing"
	"time"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/internal/config"
	"rostrum/internal/live"
)

// verdict reads an answer's verdict, or the code of a problem that is none.
func verdict(t *testing.T, body []byte) string {
	t.Helper()
	var said struct{ Verdict, Code string }
	must(t, json.Unmarshal(body, &said))
	if said.Verdict != "" {
		return said.Verdict
	}
	return said.Code
}

const masters = 3

// masterOf gives the master of a cluster of three that has a shard, from 0.
func (i *installation) masterOf(shard int) int {
	return i.app.Gate.Keys().Slot(shard) * masters / cache.Slots
}

func sixteen(c *config.Config, _ *Parts) { c.Sale.Shards = auction.DefaultShards }

// A load over all shards, by however many Redis they are served and by however many brokers carried: nothing is lost.
func TestALoadOverAllShards(t *testing.T) {
	i := install(t, real(t, live.MySQL(t), live.Redis(t), auction.DurableEverySec), sixteen)
	const lots, stock = 32, 20
	stocks := make([]int64, lots)
	for n := range stocks {
		stocks[n] = stock
	}
	i.openSale(5*time.Minute, 1, stocks...)
	shards := map[int]bool{}
	for _, l := range i.lots {
		shards[l.Shard] = true
	}
	if len(shards) < auction.DefaultShards/2 {
		t.Fatalf("the lots lie in %d shards: the test shows little", len(shards))
	}
	began := time.Now()
	members := i.members(2*lots*stock + lots)
	i.crowd.Rush(t.Context(), i.session.ID, members)
	t.Logf("%d bidders in %v, told %v", len(members), time.Since(began), i.crowd.Told())
	if sold := i.counted(); sold != lots*stock {
		t.Errorf("%d orders of %d units, told %v", sold, lots*stock, i.crowd.Told())
	}
}

// One master of three stands still, and then dies with what it has on its disk. Its shards answer that nobody knows, or that
// they are away; the others sell on as if nothing were. It comes back, its shards are recovered, and the counts hold.
func TestOneMasterOfThreeAway(t *testing.T) {
	gate := live.StartRedisCluster(t, "--appendfsync", "always")
	i := install(t, real(t, live.MySQL(t), gate.Addr(), auction.DurableAlways), sixteen, func(c *config.Config, _ *Parts) {
		c.Redis.ShelfURL = config.Secret(live.RedisURL(live.Shelf(t)))
		c.Redis.Timeout, c.HTTP.BidTimeout = 3*time.Second, 4*time.Second
	})
	const lots, stock = 24, 5
	stocks := make([]int64, lots)
	for n := range stocks {
		stocks[n] = stock
	}
	i.openSale(5*time.Minute, 1, stocks...)
	dead := i.masterOf(i.lots[0].Shard)
	var away, there []auction.Lot
	for _, l := range i.lots {
		if i.masterOf(l.Shard) == dead {
			away = append(away, l)
		} else {
			there = append(there, l)
		}
	}
	if len(there) == 0 {
		t.Fatal("all lots lie on one master: the test shows nothing")
	}
	before := i.epochsByShard()
	members := i.members(3 * lots * stock)
	i.crowd.Rush(t.Context(), i.session.ID, members[:lots])

	i.wish(members[0], away[0]) // so that this node has all it must know of the lot to ask for a decision
	gate.Nodes[dead].Pause()
	if got := i.wish(members[0], away[0]); got != "unknown_outcome" {
		t.Errorf("a bid on a shard that stands still: %q", got)
	}
	gate.Nodes[dead].Kill9()
	for _, l := range away {
		if got := i.wish(members[0], l); got != "unavailable" && got != "unknown_outcome" && got != string(auction.Paused) {
			t.Errorf("a bid on a shard that is away: %q", got)
		}
	}
	for n, m := range members[lots : lots+len(there)*(stock-1)] {
		if got := i.wish(m, there[n%len(there)]); got != string(auction.Admitted) && got != string(auction.SoldOut) {
			t.Errorf("a bid on a shard that is there: %q", got)
		}
	}
	gate.Nodes[dead].Restart()
	gate.AwaitWhole()
	must(t, i.app.AwaitShards(t.Context(), time.Minute))
	i.crowd.Rush(t.Context(), i.session.ID, members)
	if sold := i.counted(); sold != lots*stock {
		t.Errorf("%d orders of %d units, told %v", sold, lots*stock, i.crowd.Told())
	}
	for shard, epoch := range i.epochsByShard() {
		if recovered := epoch > before[shard]; recovered != (i.masterOf(shard) == dead) {
			t.Errorf("shard %d of master %d went from epoch %d to %d; master %d was away", shard, i.masterOf(shard), before[shard], epoch, dead)
		}
	}
}

func (i *installation) epochsByShard() map[int]int64 {
	i.t.Helper()
	positions, err := i.app.Store.Positions(i.t.Context())
	must(i.t, err)
	epochs := map[int]int64{}
	for _, p := range positions {
		epochs[p.Shard] = p.Epoch
	}
	return epochs
}
