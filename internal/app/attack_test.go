package app

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/cache/shelf"
	"rostrum/internal/fault"
	"rostrum/internal/live"
	"rostrum/store"
)

// counted is MySQL as the shelf asks it, which counts its queries.
type counted struct {
	*store.Store
	lots, others atomic.Int64
	hold         chan struct{} // nil: no lot's query waits
}

func (c *counted) Lot(ctx context.Context, id uuid.UUID) (auction.Lot, error) {
	if c.lots.Add(1); c.hold != nil {
		<-c.hold
	}
	return c.Store.Lot(ctx, id)
}

func (c *counted) Lots(ctx context.Context, session, after uuid.UUID, limit int) ([]auction.Lot, error) {
	c.others.Add(1)
	return c.Store.Lots(ctx, session, after, limit)
}

func (c *counted) LotIDs(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	c.others.Add(1)
	return c.Store.LotIDs(ctx, after, limit)
}

func (c *counted) Session(ctx context.Context, id uuid.UUID) (auction.Session, error) {
	c.others.Add(1)
	return c.Store.Session(ctx, id)
}

// shelfOn gives a node's shelf on the depot's Redis, in front of another source.
func (d *depot) shelfOn(source shelf.Source, count shelf.Counter) *shelf.Shelf {
	d.t.Helper()
	s, err := shelf.New(d.client(d.shelf), source, shelf.Options{Prefix: "attacked", Timeout: 5 * time.Second, Fill: time.Minute, Count: count})
	must(d.t, err)
	d.t.Cleanup(s.Close)
	return s
}

// Penetration, with MySQL behind the shelf: ids that never were cost it no more queries than the filter errs.
func TestRandomIDsOnMySQL(t *testing.T) {
	const most, share, known = 1_000_000, 0.002, 100 // the filter is made for 0.001
	d := newDepot(t, 5000)
	source, passed := &counted{Store: d.app.Store}, atomic.Int64{}
	s := d.shelfOn(source, func(guard, outcome string) {
		if guard == "bloom" && outcome == "pass" {
			passed.Add(1)
		}
	})
	own, stop := context.WithCancel(t.Context())
	fed := make(chan error, 1)
	go func() { fed <- s.Run(own) }()
	defer func() { stop(); <-fed }()
	live.Eventually(t, 20*time.Second, "the filter to be made", func() (bool, error) { return !s.Known(uuid.New()), nil })
	more := make([]uuid.UUID, 94_000) // as many as it has room for: it errs the more, the fuller it is
	for n := range more {
		more[n] = uuid.New()
	}
	must(t, s.Announce(t.Context(), d.session, more))
	lots, others, before := source.lots.Load(), source.others.Load(), passed.Load()
	var asked atomic.Int64
	var all sync.WaitGroup
	until := time.Now().Add(10 * time.Second)
	for range 8 {
		all.Go(func() {
			for time.Now().Before(until) && asked.Add(1) <= most {
				if _, err := s.Card(t.Context(), uuid.New()); fault.CodeOf(err) != "lot_not_found" {
					t.Errorf("card of a random id: %v", err)
					return
				}
			}
		})
	}
	all.Wait()
	let, queries := passed.Load()-before, source.lots.Load()-lots
	t.Logf("%d ids, %d passed the filter, %d queries", asked.Load(), let, queries)
	if asked.Load() < 50_000 || float64(let) > float64(asked.Load())*share || queries > let || source.others.Load() != others {
		t.Errorf("of %d random ids %d passed the filter, MySQL was asked for %d lots, and %d times for something else", asked.Load(), let, queries, source.others.Load()-others)
	}
	for _, l := range d.lots[:known] {
		if got, err := s.Card(t.Context(), l.ID); err != nil || got.Code != l.Code {
			t.Fatalf("a lot that is there: %+v %v", got, err)
		}
	}
	if n := source.lots.Load() - lots - queries; n != known {
		t.Errorf("%d lots that are there cost %d queries: the count counts nothing", known, n)
	}
}

// Breakdown, with MySQL behind the shelf: a thousand that miss one lot on four nodes at once are one query.
func TestAThousandMissesAreOneQueryOfMySQL(t *testing.T) {
	d := newDepot(t, 10)
	source := &counted{Store: d.app.Store, hold: make(chan struct{})}
	nodes, errs := make([]*shelf.Shelf, 4), make([]error, 1000)
	for n := range nodes {
		nodes[n] = d.shelfOn(source, nil)
	}
	var all sync.WaitGroup
	var missing atomic.Int64
	for n := range errs {
		all.Go(func() {
			missing.Add(1)
			var got auction.Lot
			if got, errs[n] = nodes[n%len(nodes)].Card(t.Context(), d.lots[0].ID); errs[n] == nil && got.Code != d.lots[0].Code {
				errs[n] = errors.New("another lot's card")
			}
		})
	}
	live.Eventually(t, 10*time.Second, "all of them to ask", func() (bool, error) { return missing.Load() == 1000 && source.lots.Load() > 0, nil })
	close(source.hold)
	all.Wait()
	must(t, errors.Join(errs...))
	if n := source.lots.Load(); n != 1 {
		t.Errorf("MySQL was asked %d times for one lot", n)
	}
}

// The filter's error, as it measures it, is a metric.
func TestTheFiltersErrorIsAMetric(t *testing.T) {
	i := install(t, standins(t))
	const name = "rostrum_bloom_false_positive_ratio"
	live.Eventually(t, 30*time.Second, "the filter to be made", func() (bool, error) {
		_, body := get(t, "http://"+i.app.Addr().String()+"/metrics")
		_, line, found := strings.Cut(body, "\n"+name+" ")
		if !found {
			t.Fatalf("there is no %s: %s", name, body)
		}
		share, err := strconv.ParseFloat(line[:strings.IndexByte(line, '\n')], 64)
		return share >= 0 && share < 0.01, err // 1 as long as there is no filter
	})
}
