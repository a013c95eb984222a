package pipeline

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"rostrum/auction"
)

// RelayOptions set a relay. The zero value of a number or duration means its default, but for Linger.
type RelayOptions struct {
	Owner        string        // of its leases: unique to this process and start
	Linger       time.Duration // between looks at a journal that had less than a batch; 0: none, as under durability kafka; at most a sixth of Lease
	BatchRecords int           // of one request, default 1000
	BatchBytes   int           // of one request's values, default 900,000
	Lease        time.Duration // how long a shard is held without renewal, default 3 s
	ResendAfter  time.Duration // default 5 s
	ResendMax    time.Duration // default 10 min
	IdleMin      time.Duration // between looks into an empty journal, where Linger is not longer: default 5 ms …
	IdleMax      time.Duration // … growing to this, default 50 ms
	ErrorMax     time.Duration // longest wait after an error, default 1 s
	PoisonRetry  time.Duration // between looks at poison, default 5 s
	PositionsAge time.Duration // between looks at the positions, default 500 ms
	// Vouched says whether a shard's Redis is the one that was vouched for. About once a second the ledger hears which
	// shards were. nil: it hears of none.
	Vouched func(ctx context.Context, shard int) (bool, error)
	// Acked hears how far Kafka has acknowledged a shard's journal, after each request of Run's that was acknowledged
	// while its lease, by the monotonic clock, still ran: an answer that waits for it is released by nobody who may have
	// been replaced. A cursor may come again, and after a hand-over an earlier one. It must not block; nil: nobody hears.
	Acked func(shard int, at auction.Cursor)
	Clock func() time.Time // monotonic; default time.Now
	Log   *slog.Logger
	Count Counter
}

func (o RelayOptions) withDefaults() RelayOptions {
	orInt(&o.BatchRecords, 1000)
	orInt(&o.BatchBytes, 900_000)
	orDuration(&o.Lease, 3*time.Second)
	orDuration(&o.ResendAfter, 5*time.Second)
	orDuration(&o.ResendMax, 10*time.Minute)
	orDuration(&o.IdleMin, 5*time.Millisecond)
	orDuration(&o.IdleMax, 50*time.Millisecond)
	orDuration(&o.ErrorMax, time.Second)
	orDuration(&o.PoisonRetry, 5*time.Second)
	orDuration(&o.PositionsAge, 500*time.Millisecond)
	o.Linger = min(o.Linger, o.Lease/6)
	o.Log, o.Clock = orLog(o.Log), orClock(o.Clock)
	return o
}

// Relay carries the journals to Kafka: for each shard whose lease it holds, in order, one batch in flight; batches of
// several shards that are ready together share a request.
//
// No cursor is stored anywhere. A relay starts from the ledger's position, which moves in the transaction that applies
// the records: whatever a stored cursor could add is acknowledged but not applied, and that must be sent again anyway
// when a partition has lost it.
type Relay struct {
	kafka     *Kafka
	journal   auction.Journal
	positions Positions
	leases    auction.Leases
	together  *departures[*encoded]
	o         RelayOptions

	mu     sync.Mutex
	shards []*relayShard
	seen   map[int]auction.Position // as last read
	looks  int64                    // times they were read
}

// NewRelay makes a relay. Run starts it.
func NewRelay(k *Kafka, journal auction.Journal, positions Positions, leases auction.Leases, o RelayOptions) *Relay {
	r := &Relay{kafka: k, journal: journal, positions: positions, leases: leases, together: newDepartures(k.sendParts), o: o.withDefaults(),
		seen: map[int]auction.Position{}}
	for shard := range k.Shards() {
		r.shards = append(r.shards, newRelayShard(r, shard))
	}
	return r
}

// Run relays until ctx is done, then gives its leases back. It returns when nothing of it runs any more.
func (r *Relay) Run(ctx context.Context) {
	var all sync.WaitGroup
	for _, s := range r.shards {
		all.Go(func() { s.run(ctx) })
	}
	all.Go(func() { r.look(ctx) })
	all.Go(func() { r.tellAlive(ctx) })
	all.Wait()
}

// look keeps the positions fresh: one query for all shards.
func (r *Relay) look(ctx context.Context) {
	t := trouble{log: r.o.Log}
	for ctx.Err() == nil {
		positions, err := r.positions.Positions(ctx)
		if ctx.Err() == nil {
			t.note("reading the positions", err)
		}
		if err == nil {
			r.mu.Lock()
			for _, p := range positions {
				r.seen[p.Shard] = p
			}
			r.looks++
			r.mu.Unlock()
		}
		pause(ctx, r.o.PositionsAge)
	}
}

// latest gives a shard's position as last read, and how often positions were read: an unread one is not looked at twice.
func (r *Relay) latest(shard int) (auction.Position, int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.seen[shard], r.looks
}

// aliveEvery is how often the ledger hears of vouched shards: what recovery gives back is exact to this.
const aliveEvery = time.Second

func (r *Relay) tellAlive(ctx context.Context) {
	t := trouble{log: r.o.Log}
	for r.o.Vouched != nil && ctx.Err() == nil {
		nowUS := r.o.Clock().UnixMicro() // before asking: it may end while we ask
		shards, err := r.vouched(ctx)
		if len(shards) > 0 {
			err = r.positions.Alive(ctx, shards, nowUS)
		}
		if ctx.Err() == nil {
			t.note("telling the ledger which shards live", err)
		}
		pause(ctx, aliveEvery)
	}
}

// vouched gives the shards this relay holds that are vouched for.
func (r *Relay) vouched(ctx context.Context) (shards []int, last error) {
	for _, s := range r.States() {
		if !s.Held {
			continue
		}
		ok, err := r.o.Vouched(ctx, s.Shard)
		if ok && err == nil {
			shards = append(shards, s.Shard)
		}
		if err != nil {
			last = err
		}
	}
	return shards, last
}

// RelayState is what a relay knows of a shard.
type RelayState struct {
	Shard   int            `json:"shard"`
	Held    bool           `json:"held"`    // this relay has the lease
	Acked   auction.Cursor `json:"acked"`   // acknowledged by Kafka, as far as it knows
	Stopped string         `json:"stopped"` // why it does not go on; empty: it does
}

// States gives the state of every shard, by shard.
func (r *Relay) States() []RelayState {
	r.mu.Lock()
	defer r.mu.Unlock()
	states := make([]RelayState, len(r.shards))
	for i, s := range r.shards {
		states[i] = s.state
	}
	return states
}

// Drain carries what the journal holds beyond the ledger's position, and gives the partition's end after that. It asks
// for no lease: whoever calls it has it (see LeaseRelay). What fails for a passing reason is tried again for up to twice
// RequestTimeout; then, and at poison, its error is given. Calling again is safe.
func (r *Relay) Drain(ctx context.Context, shard int) (end int64, err error) {
	c := r.carrier(shard, r.kafka.sendPart)
	defer c.settle()
	if err := c.start(ctx, r.positions); err != nil {
		return 0, err
	}
	wait, since := backoff{first: r.o.IdleMax, last: r.o.ErrorMax}, r.o.Clock()
	for {
		n, err := r.drainOne(ctx, &c)
		switch {
		case err == nil && n == 0:
			return r.kafka.PartitionEnd(ctx, shard)
		case err == nil:
			wait.reset()
			since = r.o.Clock()
		case !passing(err) || ctx.Err() != nil || r.o.Clock().Sub(since) > 2*r.kafka.o.RequestTimeout:
			return 0, err
		default:
			pause(ctx, wait.grow())
		}
	}
}

func (r *Relay) drainOne(ctx context.Context, c *carrier) (n int, err error) {
	messages, upTo, err := c.read(ctx)
	if err != nil || len(messages) == 0 {
		return 0, err
	}
	return len(messages), c.send(ctx, r.kafka.o.RequestTimeout, messages, upTo)
}

func (r *Relay) carrier(shard int, produce func(context.Context, *encoded, time.Time) error) carrier {
	return carrier{kafka: r.kafka, journal: r.journal, shard: shard, log: r.o.Log, count: r.o.Count, produce: produce,
		maxBytes: r.o.BatchBytes, maxBatch: r.o.BatchRecords}
}
