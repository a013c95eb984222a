package auctiontest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Gate is auction.Gate in memory: a Book a shard under one lock, which is the rules themselves. It is the twin for tests
// of what stands before a gate; tests of gates use the books directly. Every shard is vouched for.
type Gate struct {
	Clock      func() time.Time
	Deployment uuid.UUID
	// Before, where set, is asked before a bid is decided; an answer of its own (ok) is given in place of the book's.
	Before func(auction.Bid) (a auction.Answer, ok bool, err error)

	mu      sync.Mutex
	books   map[int]*auction.Book
	lots    map[uuid.UUID]auction.Lot
	records []auction.Record
	decided int
}

var _ auction.Gate = (*Gate)(nil)

func (g *Gate) book(shard int) *auction.Book {
	if g.books == nil {
		g.books, g.lots = map[int]*auction.Book{}, map[uuid.UUID]auction.Lot{}
	}
	if g.books[shard] == nil {
		b := auction.NewBook(g.Deployment, shard)
		b.Epoch = 1
		g.books[shard] = b
	}
	return g.books[shard]
}

func (g *Gate) now() int64 { return g.Clock().UnixMicro() }

func (g *Gate) keep(r *auction.Record) bool {
	if r != nil {
		g.records = append(g.records, *r)
	}
	return r != nil
}

// Records gives everything journalled so far, over all shards, in the order of deciding.
func (g *Gate) Records() []auction.Record {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.records)
}

// Decided counts the bids that reached the gate.
func (g *Gate) Decided() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.decided
}

// Lock sets or frees a lot's random-code lock.
func (g *Gate) Lock(lot uuid.UUID, locked bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.book(g.lots[lot].Shard).Lock(lot, locked)
}

// Decide implements auction.Gate.
func (g *Gate) Decide(ctx context.Context, shard int, bids []auction.Bid) ([]auction.Answer, error) {
	if err := ctx.Err(); err != nil {
		return nil, fault.Wrap(fault.Unavailable, "unavailable", "the bids were not sent", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	answers := make([]auction.Answer, len(bids))
	for n, bid := range bids {
		g.decided++
		if g.Before != nil {
			a, ok, err := g.Before(bid)
			if err != nil {
				return nil, err
			}
			if ok {
				answers[n] = a
				continue
			}
		}
		answers[n] = g.decide(shard, bid)
	}
	return answers, nil
}

func (g *Gate) decide(shard int, bid auction.Bid) auction.Answer {
	if _, held := g.lots[bid.Lot]; !held {
		return auction.Answer{Verdict: auction.NotFound, AtUS: g.now(), Left: -1}
	}
	a, r := g.book(shard).Decide(bid, g.now())
	g.keep(r)
	if a.Verdict == auction.Admitted {
		a.Receipt.Durability = auction.DurableNone
	}
	return a
}

// Withdraw implements auction.Gate.
func (g *Gate) Withdraw(_ context.Context, shard int, lot uuid.UUID, reason string) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, held := g.lots[lot]; !held {
		return false, fault.New(fault.NotFound, "lot_not_loaded", "the gate has no such lot")
	}
	return g.keep(g.book(shard).Withdraw(lot, reason, g.now())), nil
}

// Receipt implements auction.Gate.
func (g *Gate) Receipt(_ context.Context, _ int, lot, buyer, bid uuid.UUID) (auction.Answer, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, held := g.lots[lot]
	for _, r := range g.records {
		if held && r.Kind == auction.KindBid && r.Lot == lot && r.Buyer == buyer && r.Bid == bid {
			return auction.Answer{Verdict: auction.Admitted, Repeat: true, Receipt: auction.ReceiptOf(r, auction.DurableNone), AtUS: g.now(), Left: -1}, nil
		}
	}
	return auction.Answer{}, fault.New(fault.NotFound, "bid_not_found", "there is no admission of that bid")
}

// Preheat implements auction.Gate.
func (g *Gate) Preheat(_ context.Context, shard int, lots []auction.Lot) ([]auction.PreheatResult, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	results := make([]auction.PreheatResult, len(lots))
	for n, l := range lots {
		over := slices.ContainsFunc(g.records, func(r auction.Record) bool {
			return r.Lot == l.ID && (r.Kind == auction.KindClosed || r.Kind == auction.KindWithdrawn)
		})
		_, held := g.lots[l.ID]
		switch {
		case over:
			results[n] = auction.PreheatClosed
		case g.now() < l.OpensUS:
			g.book(shard).Add(l)
			g.lots[l.ID], results[n] = l, auction.PreheatWritten
		case held:
			results[n] = auction.PreheatOpen
		default:
			results[n] = auction.PreheatMissed
		}
	}
	return results, nil
}

// Load puts a lot into the gate whatever the time, as recovery does.
func (g *Gate) Load(l auction.Lot) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.book(l.Shard).Add(l)
	g.lots[l.ID] = l
}

// Close implements auction.Gate.
func (g *Gate) Close(_ context.Context, shard int, lot uuid.UUID) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l, ok := g.lots[lot]
	switch {
	case !ok:
		return false, fault.New(fault.NotFound, "lot_not_loaded", "the gate has no such lot")
	case g.now() < l.ClosesUS:
		return false, fault.New(fault.Conflict, "not_over", "the lot's window is open")
	}
	return g.keep(g.book(shard).Close(lot, g.now())), nil
}

// Release implements auction.Gate.
func (g *Gate) Release(_ context.Context, shard int, r auction.Release) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.keep(g.book(shard).Release(r, g.now())), nil
}

// Sweep implements auction.Gate: the twin keeps what it decided and only forgets that it holds the lots.
func (g *Gate) Sweep(_ context.Context, _ int, lots []uuid.UUID) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, id := range lots {
		delete(g.lots, id)
	}
	return nil
}
