package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/cache/shelf"
	"rostrum/internal/fault"
	"rostrum/internal/live"
)

// Each shard has its own turn, and one that could not be disowned is tried again at once.
func TestLossesOfEachShard(t *testing.T) {
	var disowned []int
	now, alarms, fails := time.Unix(1000, 0), 0, error(nil)
	l := &losses{disown: func(_ context.Context, shard int) error { disowned = append(disowned, shard); return fails },
		alarm: func(string) { alarms++ }, now: func() time.Time { return now }, log: quiet(), last: map[int]time.Time{}}
	for _, step := range []struct {
		later  time.Duration
		shards []int
		fails  error
		want   string
	}{
		{0, []int{3}, nil, "[3]"},
		{time.Second, []int{3, 4, 3}, nil, "[4]"},
		{disownEvery - 2*time.Second, []int{3}, nil, "[]"},
		{time.Second, []int{3, 4}, errors.New("away"), "[3]"},
		{0, []int{3}, nil, "[3]"},
		{disownEvery - time.Second, []int{3, 4}, nil, "[4]"},
	} {
		now = now.Add(step.later)
		disowned, fails = []int{}, step.fails
		l.found(t.Context(), step.shards...)
		if got := fmt.Sprint(disowned); got != step.want {
			t.Errorf("%v found at %s: disowned %s, want %s", step.shards, now.Format(time.TimeOnly), got, step.want)
		}
	}
	if alarms != 5 {
		t.Errorf("%d alarms", alarms)
	}
}

// inTurn puts a sale's lots on one shard after the other.
func (i *installation) inTurn(n int, l *auction.Lot) {
	shards := i.app.Deployment.Shards
	for l.Shard = n % shards; auction.ShardOf(l.ID, uuid.Nil, shards) != l.Shard; {
		l.ID = newID()
	}
}

// alarms gives how often an alarm was given, as a scrape shows it.
func (i *installation) alarms(name string) (n int) {
	i.t.Helper()
	answer := httptest.NewRecorder()
	i.app.Metrics.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for line := range strings.Lines(answer.Body.String()) {
		if rest, ok := strings.CutPrefix(line, `rostrum_alarms_total{alarm="`+name+`"} `); ok {
			_, err := fmt.Sscan(rest, &n)
			must(i.t, err)
		}
	}
	return n
}

// vouchedSince waits until a shard decides in an epoch after that one.
func (i *installation) vouchedSince(shard int, epoch int64) {
	i.t.Helper()
	live.Eventually(i.t, time.Minute, fmt.Sprintf("recovery of shard %d", shard), func() (bool, error) {
		v, err := i.app.Gate.Vouched(i.t.Context(), shard)
		return v.Valid && v.Epoch > epoch, err
	})
}

// forget takes a lot's stock out of the gate, and gives the epoch of its shard.
func (i *installation) forget(l auction.Lot) int64 {
	i.t.Helper()
	c := i.app.Config.Redis
	client, err := cache.Connect(cache.Connection{URL: c.GateURL.Reveal(), Cluster: c.GateCluster, PoolSize: 1, Timeout: c.Timeout})
	must(i.t, err)
	defer client.Close()
	v, err := i.app.Gate.Vouched(i.t.Context(), l.Shard)
	must(i.t, err)
	if n, err := client.Del(i.t.Context(), i.app.Gate.Keys().Stock(l.Shard, l.ID, l.Code)).Result(); err != nil || n != 1 {
		i.t.Fatalf("%d keys were there to take: %v", n, err)
	}
	return v.Epoch
}

// Keys of live lots go missing in mid-sale, on one shard and soon after on another: the bid that finds it is told to wait,
// the shard is recovered at once, and nothing is lost of what was sold before.
func TestLostKeysAreRecovered(t *testing.T) {
	for name, on := range worlds() {
		t.Run(name, func(t *testing.T) {
			i := install(t, on(t))
			i.terms = i.inTurn
			i.openSale(5*time.Minute, 1, 20, 20)
			members := i.members(62)
			i.crowd.Rush(t.Context(), i.session.ID, members[:20])
			for n, l := range i.lots {
				epoch := i.forget(l)
				if got := i.wish(members[60+n], l); got != string(auction.Paused) {
					t.Errorf("a bid on a lot without its stock was told %q", got)
				}
				i.vouchedSince(l.Shard, epoch)
			}
			if n := i.alarms("shard_disowned"); n != 2 {
				t.Errorf("%d shards were given to recovery, want each lot's once", n)
			}
			i.crowd.Rush(t.Context(), i.session.ID, members[20:])
			if sold := i.counted(); sold != 40 {
				t.Errorf("%d orders of 40 units, told %v", sold, i.crowd.Told())
			}
		})
	}
}

// A session that opened while no closer was there to preheat it: recovery brings its lots, somebody is told, and they are
// sold in the time that is left.
func TestLotsThatOpenedBeforeTheyWerePreheated(t *testing.T) {
	for name, on := range worlds() {
		t.Run(name, func(t *testing.T) {
			i := install(t, on(t))
			i.terms = i.inTurn
			i.planSale(-time.Minute, 10*time.Minute, 1, 10, 10, 10)
			live.Eventually(t, time.Minute, "the lots to be in the gate", func() (bool, error) {
				missing, different, err := i.app.Gate.Compare(t.Context(), i.lots)
				return len(missing)+len(different) == 0, err
			})
			must(t, i.app.AwaitShards(t.Context(), time.Minute))
			if n := i.alarms("shard_disowned"); n != 3 {
				t.Errorf("%d alarms for three shards", n)
			}
			i.crowd.Rush(t.Context(), i.session.ID, i.members(40))
			if sold := i.counted(); sold != 30 {
				t.Errorf("%d orders of 30 units, told %v", sold, i.crowd.Told())
			}
			var r shelf.Report
			var err error
			live.Eventually(t, time.Minute, "the closer's own preheating to be over", func() (bool, error) {
				r, err = i.app.Preheat(t.Context(), i.session.ID, nil)
				return fault.CodeOf(err) != "preheat_busy", nil
			})
			if err != nil || r.Open != 3 || len(r.Missed) != 0 {
				t.Errorf("preheated once more: %+v %v", r, err)
			}
		})
	}
}

// A session that was over before any gate had seen it ends all the same: its lots are brought, and closed.
func TestLotsThatWereOverBeforeTheyWerePreheated(t *testing.T) {
	for name, on := range worlds() {
		t.Run(name, func(t *testing.T) {
			i := install(t, on(t))
			i.terms = i.inTurn
			i.planSale(-time.Minute, 10*time.Second, 1, 10, 10)
			live.Eventually(t, time.Minute, "the session's end", func() (bool, error) {
				s, err := i.app.Store.Session(t.Context(), i.session.ID)
				return s.State == auction.SessionEnded || s.State == auction.SessionSettled, err
			})
			if sold := i.counted(); sold != 0 || i.alarms("shard_disowned") != 2 {
				t.Errorf("%d orders, %d alarms for two shards", sold, i.alarms("shard_disowned"))
			}
		})
	}
}
