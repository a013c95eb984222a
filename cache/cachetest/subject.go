// Package cachetest holds what must be true of every gate: the conformance suite of its ports, and the property that binds
// the scripts to auction.Book. Both run on the stand-in and on the real servers.
package cachetest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/cache/gate"
)

// Shards is the number of shards of a subject: few, so that tests meet on them, and not a power of two.
const Shards = 3

// T0 is where a subject's clock stands at first, µs.
const T0 = int64(1_800_000_000_000_000)

// Subject is a gate on a Redis that may be shared: its keys have a prefix of their own and are removed after the test.
type Subject struct {
	Gate       *gate.Gate
	Client     redis.UniversalClient
	Deployment uuid.UUID
	Options    gate.Options
	prefix     string
}

// clockPrelude reads the time from a key beside the shard's, in its slot and outside of what Load removes.
const clockPrelude = `local function clock()
  return tonumber(redis.call('GET', (string.gsub(KEYS[1], '^(.-):({.-}):head$', '%1:clock:%2'))))
end`

// Client makes the client that a gate wants: single shots, bounded, over one address or a cluster's, which may also come as
// one text with commas between.
func Client(t testing.TB, addrs ...string) redis.UniversalClient {
	t.Helper()
	addrs = strings.Split(strings.Join(addrs, ","), ",")
	c := redis.NewUniversalClient(&redis.UniversalOptions{Addrs: addrs, MaxRetries: -1, ContextTimeoutEnabled: true,
		DialTimeout: 2 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second, PoolSize: 64, DialerRetries: 1})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// New makes a subject with a clock that stands at T0. lineage "": the server is asked.
func New(t testing.TB, client redis.UniversalClient, lineage string, change ...func(*gate.Options)) *Subject {
	t.Helper()
	s := &Subject{Client: client, Deployment: uuid.New(), prefix: "test-" + strings.ReplaceAll(uuid.NewString(), "-", "")}
	s.Options = gate.Options{Prefix: s.prefix, Shards: Shards, Deployment: s.Deployment, Durability: auction.DurableNone,
		Timeout: 30 * time.Second, Lineage: lineage, Clock: clockPrelude}
	for _, c := range change {
		c(&s.Options)
	}
	s.Reopen(t)
	t.Cleanup(func() { s.removeAll(t) })
	s.SetClock(t, T0)
	return s
}

// Reopen makes the gate anew by the subject's options, as another node would.
func (s *Subject) Reopen(t testing.TB) {
	t.Helper()
	g, err := gate.New(s.Client, s.Options)
	if err != nil {
		t.Fatal(err)
	}
	s.Gate = g
}

// pause holds up the first command of a name, alone or with others, until it is over.
type pause struct {
	at            string
	once          sync.Once
	reached, over chan struct{}
}

func (p *pause) before(cmds ...redis.Cmder) {
	if slices.ContainsFunc(cmds, func(c redis.Cmder) bool { return strings.EqualFold(c.Name(), p.at) }) {
		p.once.Do(func() { close(p.reached); <-p.over })
	}
}

func (p *pause) DialHook(next redis.DialHook) redis.DialHook { return next }

func (p *pause) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error { p.before(cmd); return next(ctx, cmd) }
}

func (p *pause) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { p.before(cmds...); return next(ctx, cmds) }
}

// slowed gives another node's gate, which a pause holds up.
func (s *Subject) slowed(t *testing.T, p *pause) *gate.Gate {
	t.Helper()
	var client redis.UniversalClient
	switch c := s.Client.(type) {
	case *redis.ClusterClient:
		own := redis.NewClusterClient(c.Options())
		own.OnNewNode(func(node *redis.Client) { node.AddHook(p) })
		client = own
	case *redis.Client:
		own := redis.NewClient(c.Options())
		own.AddHook(p)
		client = own
	}
	t.Cleanup(func() { _ = client.Close() })
	g, err := gate.New(client, s.Options)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// fataler is what a test and a property have in common.
type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// SetClock moves the clock of every shard; it may go back.
func (s *Subject) SetClock(t fataler, us int64) {
	t.Helper()
	for shard := range s.Options.Shards {
		key := s.prefix + ":clock:{" + s.Gate.Keys().Tag(shard) + "}"
		if err := s.Client.Set(context.Background(), key, us, 0).Err(); err != nil {
			t.Fatalf("clock: %v", err)
		}
	}
}

// Open loads an empty shard in epoch 1 with seq 0 and vouches for it.
func (s *Subject) Open(t fataler, shard int, lots ...auction.Lot) *auction.Book {
	t.Helper()
	book := auction.NewBook(s.Deployment, shard)
	book.Epoch = 1
	for _, l := range lots {
		book.Add(l)
	}
	s.Load(t, book)
	return book
}

// Load puts what a book holds into its shard, with an empty journal, and vouches for it.
func (s *Subject) Load(t fataler, book *auction.Book, records ...auction.Record) {
	t.Helper()
	ctx := context.Background()
	if err := s.Gate.Disown(ctx, book.Shard); err != nil {
		t.Fatalf("disown: %v", err)
	}
	digest, err := BeginAndLoad(s.Gate, book.State(), records)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	if want := book.State().Digest(); digest != want {
		t.Fatalf("digest after load:\n got %+v\nwant %+v", digest, want)
	}
	if err := s.Gate.Vouch(ctx, book.Shard, book.Epoch); err != nil {
		t.Fatalf("vouch: %v", err)
	}
}

// BeginAndLoad loads a shard as recovery does, when nobody else does.
func BeginAndLoad(g *gate.Gate, state auction.ShardState, records []auction.Record) (auction.Digest, error) {
	token, err := g.BeginLoad(context.Background(), state.Shard)
	if err != nil {
		return auction.Digest{}, err
	}
	return g.Load(context.Background(), token, state, records)
}

// Keys gives all keys of the subject but its clocks.
func (s *Subject) Keys(t testing.TB) []string {
	t.Helper()
	return slices.DeleteFunc(Scan(t, s.Client, s.prefix+":*"), func(key string) bool { return strings.Contains(key, ":clock:") })
}

// Scan gives the keys of a pattern on all of a client's masters. A server that is away has none.
func Scan(t testing.TB, client redis.UniversalClient, pattern string) []string {
	t.Helper()
	var mu sync.Mutex // masters are visited at once
	var found []string
	scan := func(ctx context.Context, node redis.Cmdable) error {
		mu.Lock()
		defer mu.Unlock()
		keys := node.Scan(ctx, 0, pattern, 1000).Iterator()
		for keys.Next(ctx) {
			found = append(found, keys.Val())
		}
		return keys.Err()
	}
	var err error
	if c, ok := client.(*redis.ClusterClient); ok {
		err = c.ForEachMaster(context.Background(), func(ctx context.Context, node *redis.Client) error { return scan(ctx, node) })
	} else {
		err = scan(context.Background(), client)
	}
	if err != nil {
		t.Logf("scan of %s: %v", pattern, err)
	}
	return found
}

func (s *Subject) removeAll(t testing.TB) {
	for _, key := range s.Keys(t) {
		s.Client.Del(context.Background(), key)
	}
	for shard := range s.Options.Shards {
		s.Client.Del(context.Background(), s.prefix+":clock:{"+s.Gate.Keys().Tag(shard)+"}")
	}
}

// LotOf makes a lot of a shard with sound terms: flash, price 1000 EUR cents, one unit a buyer, open from T0 for an hour.
func LotOf(shard int, change ...func(*auction.Lot)) auction.Lot {
	l := auction.Lot{ID: uuid.New(), Shard: shard, Session: uuid.New(), Item: uuid.New(), Seller: uuid.New(), Area: "north",
		Format: auction.Flash, PriceMinor: 1000, Currency: "EUR", Stock: 5, PerBuyer: 1, Code: "0123456789abcdefghABCD",
		OpensUS: T0, ClosesUS: T0 + time.Hour.Microseconds(), State: auction.LotOpen}
	for _, c := range change {
		c(&l)
	}
	return l
}

// BidOn makes a bid that the lot takes while it is open, by a new buyer.
func BidOn(l auction.Lot, change ...func(*auction.Bid)) auction.Bid {
	b := auction.Bid{ID: uuid.New(), Lot: l.ID, Buyer: uuid.New(), Area: l.Area, Order: uuid.New(), Code: l.Code, Quantity: 1}
	for _, c := range change {
		c(&b)
	}
	return b
}
