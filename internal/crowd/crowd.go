// Package crowd is simulated bidders: HTTP clients that behave as real ones do, and keep their own log of what they were
// told. They open the goods page for the codes, try lots until they have one, ask again with the same bid id when they
// got no answer, and sometimes ask again or click twice though they did. Their log is one of the sides by which the
// invariants are counted. The demo and the tests of the whole road use them. Unlike `rostrum simulate`, whose client and
// bids they use, they are a closed loop: they want goods, and nobody measures how long it takes.
package crowd

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"rostrum/internal/simulate"
	"rostrum/orders"
)

// Options bound a crowd. The zero value of a field is its default.
type Options struct {
	Connections int           // of the whole crowd, real sockets; 128
	LotsTried   int           // lots a bidder tries before giving up; 4
	Asks        int           // times a bid whose outcome is unknown, or that was told "later", is asked; 8
	Timeout     time.Duration // of one request; 5 s
	Spread      time.Duration // the first bids come within this time; 0: at once
}

func (o Options) withDefaults() Options {
	for value, otherwise := range map[*int]int{&o.Connections: 128, &o.LotsTried: 4, &o.Asks: 8} {
		if *value == 0 {
			*value = otherwise
		}
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	return o
}

// Member is somebody who bids, with an access token.
type Member = simulate.Member

// Crowd is bidders at one address. It is safe for concurrent use.
type Crowd struct {
	Admitted, Refused, Unanswered atomic.Int64 // bids; each asking again that was answered counts again

	client *simulate.Client
	o      Options

	mu       sync.Mutex
	receipts []orders.Admission
	told     map[string]int
}

// New makes a crowd that goes to base ("http://host:port"), asked anew for each request: an API may come back elsewhere.
func New(base func() string, o Options) *Crowd {
	o = o.withDefaults()
	return &Crowd{o: o, told: map[string]int{}, client: simulate.NewClient(base, simulate.ClientOptions{Connections: o.Connections, Timeout: o.Timeout})}
}

// Rush lets every member shop in a session, and comes back when all have what they wanted or have given up, or ctx ends.
func (c *Crowd) Rush(ctx context.Context, session uuid.UUID, members []Member) {
	var all sync.WaitGroup
	for n, m := range members {
		all.Go(func() {
			b := &bidder{Crowd: c, Member: m, asker: c.client.Asker(), dice: rand.New(rand.NewPCG(uint64(n), 1))}
			if c.o.Spread == 0 || pause(ctx, time.Duration(b.dice.Int64N(int64(c.o.Spread)))) {
				b.shop(ctx, session)
			}
		})
	}
	all.Wait()
}

// Side is the crowd's own log: every receipt it was given, as often as it was given.
func (c *Crowd) Side() orders.Side {
	c.mu.Lock()
	defer c.mu.Unlock()
	return orders.Side{Name: "the bidders' log", Admissions: slices.Clone(c.receipts), May: true, Partial: true}
}

// Told gives how often the crowd was told what: admitted, a problem's code, or "no answer".
func (c *Crowd) Told() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.told)
}

// Close ends idle connections.
func (c *Crowd) Close() { c.client.Close() }

func (c *Crowd) count(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told[what]++
}

// won keeps a receipt.
func (c *Crowd) won(a orders.Admission) {
	c.Admitted.Add(1)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.receipts = append(c.receipts, a)
	c.told["admitted"]++
}

// pause waits, or gives false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
