package bench

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// rush is the moment that the capacity page reckons with: so many bidders in so many seconds.
const (
	rushBidders = 1_000_000
	rushSeconds = 10
)

// Capacity writes the report as docs/capacity.md: what one node serves, what binds it, and what more of each part brings.
func Capacity(w io.Writer, r Report) error {
	p := &page{w: w}
	p.say("# Capacity\n\nThis page is written by `make bench` from the figures of [the same run](%s); do not edit it. What is measured says so, and", pageFile)
	p.say("what is reckoned from it says how. The node here is %d cores that client, API, relay, consumer, Redis, Kafka and MySQL share, so every\nrate is lower than that of a node which has them to itself.\n", r.Machine.Cores)
	whole, ok := find(overHTTP(r.Rows), "orders_end_to_end")
	if !ok {
		p.say("This run has no CPU times of orders_end_to_end, by which all else on this page is reckoned.")
		return p.err
	}
	if r.Options.Scaled() {
		p.say("**It was a short run, whose figures say only that they can be taken.**\n")
	}
	p.serves(r)
	p.parts(r, whole)
	p.doubling(r, whole)
	p.rush(r)
	p.hotLot(r)
	return p.err
}

func (p *page) serves(r Report) {
	p.say("## What one node serves (measured)\n\n| | a second | CPU of one, µs | cores busy |\n|---|---|---|---|")
	for _, line := range []struct{ name, what string }{
		{"admit_hot_256", "bids admitted on one hot lot, admission alone"},
		{"admit_spread_256", "bids admitted over many lots, admission alone"},
		{"admit_always_256", "the same on one lot, each answer after an fsync"},
		{"orders_end_to_end", "orders written and told of, everything running"},
		{"refuse_sold_out", "bids refused because the lot is sold out"},
		{"page_20", "goods pages of 20 lots"},
	} {
		if row, ok := find(r.Rows, line.name); ok {
			p.say("| %s (`%s`) | %s | %s | %.2f |", line.what, line.name, number(row.Median), number(row.used.total()), row.used.busy())
		}
	}
	p.say("")
}

func (p *page) parts(r Report, whole Row) {
	u := whole.used
	p.say("## Which part binds (measured)\n\nOne order from the bid until its events are told, by process:\n\n| process | CPU, µs | share | cores busy |\n|---|---|---|---|")
	for _, name := range processesOf([]Row{whole}) {
		p.say("| %s | %.1f | %.0f %% | %.2f |", name, u.Each(name), 100*u.Each(name)/u.total(), u.Cores(name))
	}
	p.say("\n%s\n", whole.bound(r.Machine))
}

// doubling reckons by Amdahl: where the CPU binds, a part with twice the cores costs the others half of its share less.
func (p *page) doubling(r Report, whole Row) {
	u := whole.used
	p.say("## What doubling a part brings (reckoned)\n")
	p.say("If a part with the share *s* of the CPU time moves to cores of its own, the rest has 1/(1 − *s*) of what it had; if it gets twice")
	p.say("its cores, 1/(1 − *s*/2). That holds until another part's own limit (one core of Redis for a shard, one partition's order) is met.\n")
	p.say("| part | share | orders a second, twice its cores | on a machine of its own |\n|---|---|---|---|")
	for _, name := range processesOf([]Row{whole}) {
		s := u.Each(name) / u.total()
		p.say("| %s | %.0f %% | %s (× %.2f) | %s (× %.2f) |", name, 100*s, number(whole.Median/(1-s/2)), 1/(1-s/2), alone(whole.Median, s), 1/(1-min(s, 0.99)))
	}
	p.say("\nAll of them doubled is twice the cores: %s orders a second, if nothing but the CPU binds.\n", number(2*whole.Median))
}

func alone(rate, share float64) string { return number(rate / (1 - min(share, 0.99))) }

// rush reckons how many nodes a rush needs, from the CPU time of a bid. The client's share is in it.
func (p *page) rush(r Report) {
	spread, ok := find(overHTTP(r.Rows), "admit_spread_256")
	refused, has := find(overHTTP(r.Rows), "refuse_sold_out")
	if !ok || !has {
		return
	}
	rate := float64(rushBidders) / rushSeconds
	p.say("## A million bidders in the first ten seconds (reckoned)\n")
	p.say("%s bids a second. CPU time of one times that is the number of cores; the load client's part is in it, so it is on the safe side.\n", number(rate))
	p.say("| | cores for the API | nodes of %d cores | cores for Redis |\n|---|---|---|---|", r.Machine.Cores)
	line := func(what string, share float64) {
		api := rate * (share*spread.used.Each(itself) + (1-share)*refused.used.Each(itself)) / 1e6
		redis := rate * (share*redisEach(spread.used) + (1-share)*redisEach(refused.used)) / 1e6
		p.say("| %s | %.1f | %.0f | %.1f |", what, api, math.Ceil(api/float64(max(r.Machine.Cores, 1))), redis)
	}
	line("everybody gets one of many lots", 1)
	line("one in ten gets something, the others find it sold out", 0.1)
	line("one in a hundred does", 0.01)
	if whole, ok := find(r.Rows, "orders_end_to_end"); ok {
		p.say("\nBehind the door it takes its time: a million orders are written in %s at the rate of one node, and nobody waits for it.\n", minutes(rushBidders/whole.Median))
	}
}

func minutes(seconds float64) string {
	if seconds < 120 {
		return fmt.Sprintf("%.0f seconds", seconds)
	}
	return fmt.Sprintf("%.0f minutes", seconds/60)
}

func redisEach(u Usage) float64 {
	sum := 0.0
	for name := range u.CPU {
		if strings.HasPrefix(name, "redis") {
			sum += u.Each(name)
		}
	}
	return sum
}

func (p *page) hotLot(r Report) {
	hot, ok := find(overHTTP(r.Rows), "admit_hot_256")
	if !ok || redisEach(hot.used) == 0 {
		return
	}
	each := redisEach(hot.used)
	p.say("## Where one hot lot ends (reckoned from a measured cost)\n")
	p.say("One lot is one shard, and one core of one Redis decides it: a bid on it takes %.1f µs there (`admit_hot_256`), so **no number of nodes", each)
	p.say("gets more than about %s bids a second out of one lot** on this machine's cores. In this run it was %.2f of a core. A million bidders", number(1e6/each), redisOf(hot.used))
	p.say("for one lot are decided in %s at the soonest; more Redis masters help other lots, not this one. The way past it is a lot in slices: so many", minutes(rushBidders*each/1e6))
	p.say("lots on so many shards, each with its part of the stock, and every buyer with exactly one. On a cluster of three masters the busiest one")
	p.say("then needed a third to two fifths of the time for a bid, so the lot's end lay 2.6 to 3 times further: [the lots' own page](%s);", "../auction/DESIGN.md")
	p.say("`make slices` takes it again.")
}

func redisOf(u Usage) float64 {
	sum := 0.0
	for name := range u.CPU {
		if strings.HasPrefix(name, "redis") {
			sum += u.Cores(name)
		}
	}
	return sum
}
