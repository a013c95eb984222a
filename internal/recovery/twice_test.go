package recovery_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/auction/auctiontest"
	"rostrum/cache/cachetest"
	"rostrum/internal/fault"
	"rostrum/internal/recovery"
	standinredis "rostrum/internal/standin/redis"
)

// Two processes recover a shard at once, since the first has stood still for longer than its lease lives: each of them stands
// still behind each step of the road. Whatever was answered in between, before and after, is in MySQL and in the gate, and no more.
func TestTwoRecoveriesAtOnce(t *testing.T) {
	lost := func(open func() *house) *house {
		h := open()
		h.recovered()
		h.sell()
		must(h.t, h.gate.Disown(h.t.Context(), 0))
		return h
	}
	steps := lost(opened(t)).recovered()
	from := slices.Index(steps, "begin") - 1 // before it nothing is changed but the lease
	if from < 0 || len(steps)-from < 9 || steps[len(steps)-1] != "vouch" {
		t.Fatalf("the road has these steps: %v", steps)
	}
	t.Run("first", func(t *testing.T) {
		for first := from; first < len(steps); first++ {
			t.Run(fmt.Sprint(first, " ", steps[first]), func(t *testing.T) {
				t.Parallel()
				open := opened(t)
				for second := from; second < len(steps); second++ {
					h := lost(open)
					a, b := h.walker("a", first), h.walker("b", second)
					a.walk()
					b.walk()
					h.sell()
					a.goOn()
					h.sell()
					b.goOn()
					h.sell()
					h.recovered()
					if h.sell() != auction.Admitted {
						t.Fatalf("%s and %s: the shard does not decide", steps[first], steps[second])
					}
					h.counted(steps[first] + " and " + steps[second])
				}
			})
		}
	})
}

// stock is more than is sold here, and what a drain reads at once.
const stock = 100

// decider is the gate as the test sees it.
type decider interface {
	auction.Gate
	auction.Lineage
	auction.Leases
	auction.Journal
}

// house is a shard's gate and ledger, the road between them, and what was admitted.
type house struct {
	t        *testing.T
	gate     decider
	ledger   *auctiontest.Ledger
	of       uuid.UUID // the deployment
	lot      auction.Lot
	admitted []uuid.UUID // bids
	next     int64       // offset of the partition
}

// opened gives houses on one stand-in.
func opened(t *testing.T) func() *house {
	server, err := standinredis.Start("127.0.0.1:0")
	must(t, err)
	t.Cleanup(server.Close)
	client := cachetest.Client(t, server.Addr())
	return func() *house {
		s := cachetest.New(t, client, server.Lineage())
		h := &house{t: t, gate: s.Gate, of: s.Deployment, lot: cachetest.LotOf(0, func(l *auction.Lot) { l.Stock = stock })}
		h.ledger = auctiontest.NewLedger(auction.Deployment{ID: s.Deployment, Shards: cachetest.Shards})
		h.ledger.Add(h.lot)
		return h
	}
}

// sell lets somebody bid.
func (h *house) sell() auction.Verdict {
	h.t.Helper()
	bid := cachetest.BidOn(h.lot)
	answers, err := h.gate.Decide(h.t.Context(), 0, []auction.Bid{bid})
	must(h.t, err)
	must(h.t, answers[0].Err)
	if answers[0].Verdict == auction.Admitted {
		h.admitted = append(h.admitted, bid.ID)
	}
	return answers[0].Verdict
}

// drain is the relay's and the consumer's work: what the journal has beyond the position is applied.
func (h *house) drain(ctx context.Context) (end int64, err error) {
	p, err := h.ledger.Position(ctx, 0)
	if err != nil {
		return 0, err
	}
	records, err := h.gate.Read(ctx, 0, p.At(), stock)
	if err != nil {
		return 0, err
	}
	var batch []auction.Delivery
	for _, r := range records {
		raw, err := r.JSON()
		if err != nil {
			return 0, err
		}
		batch = append(batch, auction.Delivery{Record: r, Raw: raw, Offset: h.next})
		h.next++
	}
	_, err = h.ledger.Apply(ctx, 0, batch)
	return h.next, err
}

// counted wants what was admitted in the ledger and in the gate, each once.
func (h *house) counted(when string) {
	h.t.Helper()
	_, err := h.drain(h.t.Context())
	must(h.t, err)
	var applied []uuid.UUID
	for _, r := range h.ledger.Applied(0) {
		if r.Kind == auction.KindBid {
			applied = append(applied, r.Bid)
		}
	}
	if diff := cmp.Diff(h.admitted, applied); diff != "" || len(h.ledger.Orphans(0)) > 0 {
		h.t.Errorf("%s: %d orphans, and (-admitted +in the ledger):\n%s", when, len(h.ledger.Orphans(0)), diff)
	}
	held, err := h.gate.Holds(h.t.Context(), 0, h.lot.ID)
	if err != nil || held.Left != stock-int64(len(h.admitted)) || len(held.Units) != len(h.admitted) {
		h.t.Errorf("%s: the gate has %d left and %d units of %d that were admitted: %v", when, held.Left, len(held.Units), len(h.admitted), err)
	}
}

// recovered walks the whole road, as often as it takes, and gives the steps of the last walk.
func (h *house) recovered() []string {
	h.t.Helper()
	for range 5 {
		w := h.walker("nobody else", -1)
		if w.walk(); w.err == nil {
			return w.steps
		}
	}
	h.t.Fatal("the shard cannot be recovered")
	return nil
}

// walker is a process that recovers the shard. It stands still behind one step of the road until it is let go.
type walker struct {
	*house
	name        string
	stop        int
	steps       []string
	still, over chan struct{}
	ended       chan struct{}
	err         error // once it has ended
}

func (h *house) walker(name string, stop int) *walker {
	return &walker{house: h, name: name, stop: stop, still: make(chan struct{}), over: make(chan struct{}), ended: make(chan struct{})}
}

// walk begins, and comes back when the walker stands still or has ended.
func (w *walker) walk() {
	const leaseLives = time.Millisecond
	r := recovery.New(walkersGate{w.gate, w}, walkersLedger{w.ledger, w}, w, recovery.Options{Deployment: w.of, Owner: w.name,
		Lease: leaseLives, Poll: leaseLives / 4})
	go func() { defer close(w.ended); _, w.err = r.Shard(context.Background(), 0) }()
	select {
	case <-w.still:
	case <-w.ended:
	}
}

// goOn lets a walker go, and waits for its end. It may fail only for having met the other.
func (w *walker) goOn() {
	w.t.Helper()
	close(w.over)
	<-w.ended
	if w.err != nil && !slices.Contains([]string{"vouched", "load_interrupted", "overtaken", "not_loaded"}, fault.CodeOf(w.err)) {
		w.t.Errorf("%s ends with %v", w.name, w.err)
	}
}

// did notes a step; the same again is the same step.
func (w *walker) did(step string) {
	if n := len(w.steps); n > 0 && w.steps[n-1] == step {
		return
	}
	if w.steps = append(w.steps, step); len(w.steps) == w.stop+1 {
		close(w.still)
		<-w.over
	}
}

// Drain is recovery.Relay's.
func (w *walker) Drain(ctx context.Context, _ int) (int64, error) {
	defer w.did("drain")
	return w.drain(ctx)
}

type walkersGate struct {
	decider
	w *walker
}

func (g walkersGate) Vouched(ctx context.Context, shard int) (auction.Vouch, error) {
	defer g.w.did("vouched")
	return g.decider.Vouched(ctx, shard)
}

// Hold gives everybody the lease: it is not what keeps the counts right.
func (g walkersGate) Hold(context.Context, string, string, time.Duration) (bool, error) {
	defer g.w.did("hold")
	return true, nil
}

func (g walkersGate) BeginLoad(ctx context.Context, shard int) (string, error) {
	defer g.w.did("begin")
	return g.decider.BeginLoad(ctx, shard)
}

func (g walkersGate) Loading(ctx context.Context, shard int, token string) error {
	defer g.w.did("loading")
	return g.decider.Loading(ctx, shard, token)
}

func (g walkersGate) Load(ctx context.Context, token string, s auction.ShardState, records []auction.Record) (auction.Digest, error) {
	defer g.w.did("load")
	return g.decider.Load(ctx, token, s, records)
}

func (g walkersGate) Vouch(ctx context.Context, shard int, epoch int64) error {
	defer g.w.did("vouch")
	return g.decider.Vouch(ctx, shard, epoch)
}

type walkersLedger struct {
	*auctiontest.Ledger
	w *walker
}

func (l walkersLedger) Position(ctx context.Context, shard int) (auction.Position, error) {
	defer l.w.did("position")
	return l.Ledger.Position(ctx, shard)
}

func (l walkersLedger) Cut(ctx context.Context, shard int, drained auction.Cursor, nowUS int64) ([]auction.Record, auction.Position, error) {
	defer l.w.did("cut")
	return l.Ledger.Cut(ctx, shard, drained, nowUS)
}

func (l walkersLedger) LotRecords(ctx context.Context, shard int, lot uuid.UUID, after int64, limit int) ([]auction.Record, error) {
	defer l.w.did("records")
	return l.Ledger.LotRecords(ctx, shard, lot, after, limit)
}

// Excused gives none: nothing is voided here.
func (l walkersLedger) Excused(context.Context, int) ([]auction.Span, error) { return nil, nil }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
