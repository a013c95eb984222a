package shelf

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"
	"golang.org/x/sync/singleflight"

	"rostrum/auction"
	"rostrum/cache"
)

// Source is where the truth is. Its errors come through unchanged; fault NotFound is remembered for a moment.
type Source interface {
	Session(ctx context.Context, id uuid.UUID) (auction.Session, error)
	// ListSessions gives sessions by (starts_us, id), at most p.Limit after (p.Key, p.ID).
	ListSessions(ctx context.Context, f auction.SessionFilter, p auction.Page) ([]auction.Session, error)
	Lot(ctx context.Context, id uuid.UUID) (auction.Lot, error)
	// Lots gives a session's lots by id, at most limit after `after`.
	Lots(ctx context.Context, session, after uuid.UUID, limit int) ([]auction.Lot, error)
	// LotIDs gives the ids of published lots, settled ones too, at most limit after `after`.
	LotIDs(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error)
}

// Counter counts what a guard did. The guards and their outcomes:
//
//	bloom    pass, refused, unbuilt, rebuilt     node    hit, miss          shelf   hit, miss, stale, error
//	negative hit, set                            flight  led, joined        lock    won, lost, gave_up
//	source   asked, failed                       jitter  spread             limit   passed, refused, error
//	ahead    refreshed (a node's card, before its end)
type Counter func(guard, outcome string)

// Options of a Shelf; the zero value of each is its default.
type Options struct {
	Prefix  string        // of every key; "": cache.DefaultPrefix
	Timeout time.Duration // of one trip to the shelf; 200 ms
	Fill    time.Duration // of one visit to the source, and of the lock of who makes it; 5 s

	Node     time.Duration // how long this node remembers what readers see; 1 s
	Frozen   time.Duration // how long it remembers a lot's terms for bids; 5 min
	Terms    time.Duration // and when they are looked at again at the latest, once the lot is over by the clock; 30 s
	Fresh    time.Duration // how long what is on the shelf counts as fresh; 10 s
	Stale    time.Duration // how long after that a list or session may still be served while it is filled; 5 min
	Negative time.Duration // how long "there is no such thing" is remembered; 3 s
	Grace    time.Duration // how long a lot's keys stay after its end; 1 h
	Jitter   time.Duration // and up to so much longer, each its own; half of Grace
	Rebuild  time.Duration // how often the filter of ids is made anew; 10 min

	SourceMax int64 // visits to the source at one time; 16

	Now    func() time.Time // nil: time.Now
	Random func() float64   // [0, 1), for jitter; nil: math/rand
	Count  Counter          // nil: nobody counts
}

// What the node remembers, at most; and how much goes into one pipeline.
const (
	maxNodeCards = 100_000
	maxListings  = 4
	maxRefills   = 64
	maxPipeline  = 1000
)

// Shelf is safe for concurrent use. Run feeds its filter of ids; Close waits for what it fills in the background.
type Shelf struct {
	client cache.Client
	source Source
	keys   cache.Keys
	o      Options

	cards    cache.Memory[nodeCard]
	sessions cache.Memory[auction.Session]
	listings cache.Memory[*listing]
	lists    cache.Memory[[]auction.Session]
	flights  singleflight.Group
	visits   *semaphore.Weighted
	known    known

	refills   *semaphore.Weighted // how many may be filled in the background
	refilling sync.Map            // names of the places that are
	filling   sync.WaitGroup
}

// New makes a shelf over a client, whose own retries are welcome: nothing here counts.
func New(client cache.Client, source Source, o Options) (*Shelf, error) {
	keys, err := cache.NewKeys(o.Prefix, 1) // none of the shelf's keys is a shard's
	if err != nil {
		return nil, fmt.Errorf("shelf: %w", err)
	}
	if client == nil || source == nil {
		return nil, errors.New("shelf: client and source are needed")
	}
	o.defaults()
	s := &Shelf{client: client, source: source, keys: keys, o: o, visits: semaphore.NewWeighted(o.SourceMax),
		refills: semaphore.NewWeighted(maxRefills)}
	cards := o.memory(maxNodeCards, o.Frozen)
	cards.Refresh = o.Frozen // at the latest: atHand knows when
	s.cards = cache.NewMemory[nodeCard](cards)
	s.sessions = cache.NewMemory[auction.Session](o.memory(maxNodeCards, o.Node))
	s.listings = cache.NewMemory[*listing](o.memory(maxListings, o.Node))
	s.lists = cache.NewMemory[[]auction.Session](o.memory(maxLists, o.Node))
	return s, nil
}

func (o *Options) defaults() {
	for _, d := range []struct {
		value     *time.Duration
		otherwise time.Duration
	}{{&o.Timeout, 200 * time.Millisecond}, {&o.Fill, 5 * time.Second}, {&o.Node, time.Second}, {&o.Frozen, 5 * time.Minute}, {&o.Terms, 30 * time.Second},
		{&o.Fresh, 10 * time.Second},
		{&o.Stale, 5 * time.Minute}, {&o.Negative, 3 * time.Second}, {&o.Grace, time.Hour}, {&o.Rebuild, 10 * time.Minute}} {
		if *d.value <= 0 {
			*d.value = d.otherwise
		}
	}
	if o.Jitter <= 0 {
		o.Jitter = o.Grace / 2
	}
	if o.SourceMax <= 0 {
		o.SourceMax = 16
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.Count == nil {
		o.Count = func(string, string) {}
	}
}

// memory bounds what the node remembers: entries end at moments spread around ttl.
func (o Options) memory(most int, ttl time.Duration) cache.MemoryOptions {
	return cache.MemoryOptions{Most: most, Now: o.Now, TTL: func() time.Duration { return o.around(ttl) }}
}

// around spreads a time to live over ¾ … 1¼ of itself.
func (o Options) around(ttl time.Duration) time.Duration {
	o.Count("jitter", "spread")
	return ttl*3/4 + time.Duration(o.Random()*float64(ttl)/2)
}

// Close waits until nothing is filled in the background any more; each filling is bounded by Options.Fill.
func (s *Shelf) Close() { s.filling.Wait() }

// visit asks the source, with others waiting their turn.
func (s *Shelf) visit(ctx context.Context, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.Fill)
	defer cancel()
	if err := s.visits.Acquire(ctx, 1); err != nil {
		return err
	}
	defer s.visits.Release(1)
	s.o.Count("source", "asked")
	err := ask(ctx)
	if err != nil && !absent(err) {
		s.o.Count("source", "failed")
	}
	return err
}
