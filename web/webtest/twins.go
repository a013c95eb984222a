package webtest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/auction/auctiontest"
	"rostrum/internal/fault"
	"rostrum/web/edge"
)

// Limit lets everything pass but the keys that are in Full, and keeps what it was asked.
type Limit struct {
	mu   sync.Mutex
	Full map[string]time.Duration
	Err  error
	asks []Ask
}

// Ask is what a limiter was asked.
type Ask struct {
	Key              string
	PerSecond, Burst int
}

// Asks gives all that it was asked.
func (l *Limit) Asks() []Ask {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.asks)
}

// Allow implements edge.Limit.
func (l *Limit) Allow(_ context.Context, key string, perSecond, burst int) (bool, time.Duration, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asks = append(l.asks, Ask{key, perSecond, burst})
	wait, full := l.Full[key]
	return !full, wait, l.Err
}

// Fill makes a key be refused.
func (l *Limit) Fill(key string, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.Full == nil {
		l.Full = map[string]time.Duration{}
	}
	l.Full[key] = wait
}

// Counters counts by name.
type Counters struct {
	mu     sync.Mutex
	counts map[string]int
}

func (c *Counters) add(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts == nil {
		c.counts = map[string]int{}
	}
	c.counts[name]++
}

// Bid implements edge.Counters.
func (c *Counters) Bid(verdict string, _ time.Duration) { c.add("bid " + verdict) }

// Request implements edge.Counters.
func (c *Counters) Request(route, method string, _ int, _ time.Duration) {
	c.add("request " + method + " " + route)
}

// Alarm implements edge.Counters.
func (c *Counters) Alarm(name string) { c.add("alarm " + name) }

// Lost implements edge.Counters.
func (c *Counters) Lost(shard int) { c.add(fmt.Sprint("lost ", shard)) }

// Count gives a name's count.
func (c *Counters) Count(name string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.counts[name]
}

// All gives every count.
func (c *Counters) All() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.counts)
}

// Pipeline gives a road of three shards: well, halted, and with Kafka away. Err, where set, is what it gives instead.
type Pipeline struct{ Err error }

// State implements edge.Pipeline.
func (p *Pipeline) State(context.Context) (edge.PipelineState, error) {
	vouch := auction.Vouch{Valid: true, Epoch: 3, Seq: 40}
	return edge.PipelineState{AtUS: Now.UnixMicro(), Deployment: auction.Deployment{ID: ID(1), Shards: 3}, Group: "rostrum.orders",
		Topic: "rostrum.journal.v1", Parked: 1, Lag: 3, Shards: []edge.ShardState{
			{Shard: 0, Vouch: vouch, End: 41, Committed: 38, Lag: 3, Position: auction.Position{Epoch: 3, Seq: 38, NextOffset: 38},
				Journal: auction.JournalStats{Length: 2, OldestUS: Now.UnixMicro()}},
			{Shard: 1, Vouch: vouch, Committed: -1, Lag: -1, Position: auction.Position{Shard: 1, Halted: "fork", GapSeq: 7, GapSinceUS: Now.UnixMicro()}},
			{Shard: 2, Vouch: vouch, Committed: -1, Lag: -1, Unread: edge.Unread{Kafka: "no connection"}},
		}}, p.Err
}

type preheat struct{ w *World }

// Preheat writes the session's lots into the gate.
func (p preheat) Preheat(ctx context.Context, session uuid.UUID) (edge.PreheatReport, error) {
	if p.w.PreheatFail != nil {
		return edge.PreheatReport{}, p.w.PreheatFail
	}
	lots, err := p.w.Sessions.Lots(ctx, session, uuid.Nil, 1<<20)
	report := edge.PreheatReport{Lots: len(lots), Verified: len(lots)}
	for _, l := range lots {
		results, err := p.w.Gate.Preheat(ctx, l.Shard, []auction.Lot{l})
		if err != nil {
			return report, err
		}
		if results[0] == auction.PreheatWritten {
			report.Written++
		} else {
			report.Open++
		}
	}
	return report, err
}

// Stored is the stored journal, in which is all that a gate has decided.
type Stored struct {
	Gate   *auctiontest.Gate
	Before func() error // where set, is called before an answer, and may fail it
	asked  atomic.Int64
}

// Asked counts the questions.
func (s *Stored) Asked() int { return int(s.asked.Load()) }

// BidRecord implements edge.Stored.
func (s *Stored) BidRecord(_ context.Context, _ int, lot, buyer, bid uuid.UUID) (auction.Record, error) {
	s.asked.Add(1)
	if s.Before != nil {
		if err := s.Before(); err != nil {
			return auction.Record{}, err
		}
	}
	for _, r := range s.Gate.Records() {
		if r.Kind == auction.KindBid && r.Lot == lot && r.Buyer == buyer && r.Bid == bid {
			return r, nil
		}
	}
	return auction.Record{}, fault.New(fault.NotFound, "bid_not_found", "there is no admission of that bid")
}
