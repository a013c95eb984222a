package app

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/internal/config"
	"rostrum/internal/fault"
	"rostrum/internal/live"
	"rostrum/internal/simulate"
	"rostrum/orders"
)

// ask sends a request with a body as a member, and gives status and body.
func (i *installation) ask(m simulate.Member, method, path, body string) (int, string) {
	i.t.Helper()
	client := simulate.NewClient(func() string { return "http://" + i.app.Addr().String() }, simulate.ClientOptions{Connections: 1, Timeout: 10 * time.Second})
	defer client.Close()
	answer, err := client.Asker().Ask(method, path, m.Token, []byte(body))
	must(i.t, err)
	return answer.Status, string(answer.Body)
}

// complete takes an order to its end.
func (i *installation) complete(id uuid.UUID) {
	i.t.Helper()
	for _, do := range []struct {
		action orders.Action
		by     orders.Party
		with   orders.Details
	}{{orders.Pay, orders.Buyer, orders.Details{}}, {orders.Ship, orders.Seller, orders.Details{Express: "X 1"}}, {orders.Complete, orders.Buyer, orders.Details{}}} {
		o, err := i.app.Store.Order(i.t.Context(), id)
		must(i.t, err)
		after, event, err := o.Move(do.action, do.by, do.with, newID(), time.Now().UnixMicro())
		must(i.t, err)
		must(i.t, i.app.Store.SaveMove(i.t.Context(), o, after, event))
	}
}

// redis gives a client of the gate's Redis.
func (i *installation) redis() cache.Client {
	i.t.Helper()
	c, err := cache.Connect(cache.Connection{URL: i.app.Config.Redis.GateURL.Reveal(), PoolSize: 4, Timeout: 5 * time.Second})
	must(i.t, err)
	i.t.Cleanup(func() { _ = c.Close() })
	return c
}

// decisionKeys gives the keys of all shards.
func (i *installation) decisionKeys(client cache.Client) (all []string) {
	i.t.Helper()
	for shard := range i.app.Deployment.Shards {
		node, err := cache.NodeOf(i.t.Context(), client, i.app.Gate.Keys().Head(shard))
		must(i.t, err)
		keys, err := node.Keys(i.t.Context(), i.app.Gate.Keys().ShardPattern(shard)).Result()
		must(i.t, err)
		all = append(all, keys...)
	}
	return all
}

// swept waits until the gate's Redis holds nothing of the session but that its shards exist.
func (i *installation) swept(client cache.Client) {
	i.t.Helper()
	live.Eventually(i.t, time.Minute, "the sweep", func() (bool, error) {
		left := slices.DeleteFunc(i.decisionKeys(client), func(key string) bool {
			return strings.HasSuffix(key, ":head") || strings.HasSuffix(key, ":journal")
		})
		if len(left) > 0 {
			return false, fmt.Errorf("left: %v", left)
		}
		return true, nil
	})
}

// A sale is settled and swept from the gate; the node starts anew; Redis is lost and recovered. At each step who asks for a
// receipt gets the first answer, byte by byte, and who bids anew is told that it is over.
func TestASweptSaleKeepsItsReceipts(t *testing.T) {
	soon := func(c *config.Config, _ *Parts) { c.Preheat.Grace = 0 }
	for name, on := range worlds() {
		t.Run(name, func(t *testing.T) {
			i := install(t, on(t), soon)
			i.openSale(auction.MinSessionDuration, 1, 2, 2)
			client, member, lot, bid := i.redis(), i.members(1)[0], i.lots[0], uuid.NewString()
			bids := "/api/v1/lots/" + lot.ID.String() + "/bids"
			wish := func(bid string, quantity int) string {
				return fmt.Sprintf(`{"bid_id":%q,"code":%q,"quantity":%d,"again":true}`, bid, lot.Code, quantity)
			}
			status, receipt := i.ask(member, http.MethodPost, bids, wish(bid, 1))
			if status != http.StatusCreated {
				t.Fatalf("the bid: %d %s", status, receipt)
			}
			i.settle()
			_, placed := i.ask(member, http.MethodGet, bids+"/"+bid, "")
			if !strings.Contains(placed, `"order_written":true`) {
				t.Fatalf("its receipt: %s", placed)
			}
			same := func(when string) {
				t.Helper()
				if status, got := i.ask(member, http.MethodGet, bids+"/"+bid, ""); status != http.StatusOK || got != placed {
					t.Errorf("%s, the receipt: %d %s, before %s", when, status, got, placed)
				}
				if status, got := i.ask(member, http.MethodPost, bids, wish(bid, 1)); status != http.StatusOK || got != receipt {
					t.Errorf("%s, the same bid: %d %s, before %s", when, status, got, receipt)
				}
				for told, body := range map[string]string{"id_reused": wish(bid, 2), "ended": wish(uuid.NewString(), 1)} {
					if status, got := i.ask(member, http.MethodPost, bids, body); status != http.StatusConflict || verdict(t, []byte(got)) != told {
						t.Errorf("%s, want %s: %d %s", when, told, status, got)
					}
				}
			}
			list, err := i.app.Store.ListOrders(t.Context(), orders.Filter{Session: i.session.ID}, orders.Page{Limit: 10})
			must(t, err)
			i.complete(list[0].ID)
			i.swept(client)
			same("swept")
			i.counted()

			i.stop()
			i.start(soon)
			live.Eventually(t, time.Minute, "the node's filter of lots", func() (bool, error) { return !i.app.Shelf.Known(uuid.New()), nil })
			same("started anew")

			before := i.app.epochs(t)
			for _, key := range i.decisionKeys(client) {
				must(t, client.Del(t.Context(), key).Err())
			}
			live.Eventually(t, time.Minute, "the recovery", func() (bool, error) { return i.app.epochs(t) > before && i.app.Paused(t.Context()) == nil, nil })
			must(t, i.app.AwaitShards(t.Context(), time.Minute))
			same("recovered")
			i.counted()
		})
	}
}

// What a session still needs stays: lots of one that is not settled, and of any until its grace is over.
func TestTheSweepLeavesWhatIsNeeded(t *testing.T) {
	i := install(t, standins(t))
	i.openSale(auction.MinSessionDuration, 1, 2)
	i.crowd.Rush(t.Context(), i.session.ID, i.members(1))
	live.Eventually(t, 30*time.Second, "the session's end", func() (bool, error) {
		s, err := i.app.Store.Session(t.Context(), i.session.ID)
		return s.State == auction.SessionEnded, err
	})
	i.settle()
	now, l := time.Now(), i.lots[0]
	s := i.app.closer().sweeper
	s.now = func() time.Time { return now.Add(365 * 24 * time.Hour) }
	held := func(want bool) {
		t.Helper()
		must(t, s.due(t.Context()))
		if _, err := i.app.Gate.Holds(t.Context(), l.Shard, l.ID); (err == nil) != want {
			t.Errorf("the lot is held: %v, want %t", err, want)
		}
	}
	held(true) // an order is to be paid
	list, err := i.app.Store.ListOrders(t.Context(), orders.Filter{Session: i.session.ID}, orders.Page{Limit: 10})
	must(t, err)
	i.complete(list[0].ID)
	live.Eventually(t, 30*time.Second, "settlement", func() (bool, error) {
		s, err := i.app.Store.Session(t.Context(), i.session.ID)
		return s.State == auction.SessionSettled, err
	})
	i.trimmed()
	s.now = func() time.Time { return now }
	held(true)                                                   // its grace, an hour, is not over
	ended, err := i.app.Store.Session(t.Context(), i.session.ID) // given time back, it ended later than planned
	must(t, err)
	s.now = func() time.Time { return time.UnixMicro(ended.EndsUS).Add(s.grace) }
	held(false)
	held(false) // again, or by another node
}

// sweepTwin is a gate of two shards and a store as a sweeper sees them; it notes what it is asked.
type sweepTwin struct {
	pages   map[uint64][]uuid.UUID // of shard 1, by their place
	journal auction.JournalStats
	asked   []string
	err     error // of the sweep
}

func (w *sweepTwin) Held(_ context.Context, shard int, from uint64, _ int) ([]uuid.UUID, uint64, error) {
	if shard == 0 {
		return nil, 0, errors.New("shard 0 is away")
	}
	return w.pages[from], (from + 1) % uint64(len(w.pages)), nil
}

func (w *sweepTwin) Stats(context.Context, int) (auction.JournalStats, error) { return w.journal, nil }

func (w *sweepTwin) LotsToSweep(_ context.Context, shard int, lots []uuid.UUID, endedUS, journalSeq int64) ([]uuid.UUID, error) {
	w.asked = append(w.asked, fmt.Sprint("find ", shard, len(lots), endedUS, journalSeq))
	return lots[:1], nil
}

func (w *sweepTwin) Sweep(_ context.Context, shard int, lots []uuid.UUID) error {
	w.asked = append(w.asked, fmt.Sprint("sweep ", shard, len(lots)))
	return w.err
}

// A sweeper walks on page by page, begins anew at the end, and one shard's trouble does not hold up the other's lots.
func TestTheSweeperWalks(t *testing.T) {
	w := &sweepTwin{pages: map[uint64][]uuid.UUID{0: {newID(), newID()}, 1: nil, 2: {newID()}}}
	s := sweeper{gate: w, store: w, grace: time.Second, now: func() time.Time { return time.UnixMicro(5_000_000) }, log: quiet(), next: make([]uint64, 2)}
	for tick, c := range []struct {
		journal auction.JournalStats
		err     error
		want    []string
		says    string
	}{
		{auction.JournalStats{}, nil, []string{fmt.Sprint("find ", 1, 2, 4_000_000, int64(math.MaxInt64)), fmt.Sprint("sweep ", 1, 1)}, "shard 0: shard 0 is away"},
		{auction.JournalStats{}, nil, nil, "shard 0: shard 0 is away"}, // nothing lies there
		{auction.JournalStats{Length: 3, First: auction.Cursor{Epoch: 2, Seq: 7}}, errors.New("broken"),
			[]string{fmt.Sprint("find ", 1, 1, 4_000_000, 7), fmt.Sprint("sweep ", 1, 1)}, "shard 0: shard 0 is away\nshard 1: broken"},
		{auction.JournalStats{}, fault.New(fault.Unavailable, "not_vouched", ""),
			[]string{fmt.Sprint("find ", 1, 2, 4_000_000, int64(math.MaxInt64)), fmt.Sprint("sweep ", 1, 1)}, "shard 0: shard 0 is away"},
	} {
		w.asked, w.journal, w.err = nil, c.journal, c.err
		if err := s.due(t.Context()); err == nil || err.Error() != c.says {
			t.Errorf("tick %d says %v, want %s", tick, err, c.says)
		}
		if diff := cmp.Diff(c.want, w.asked); diff != "" {
			t.Errorf("tick %d asked (-want +got):\n%s", tick, diff)
		}
	}
}
