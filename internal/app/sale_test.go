package app

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/internal/config"
	"rostrum/internal/live"
	"rostrum/orders"
)

// A rush at few units over real sockets, on every pair of engines: all units are sold, none twice, and every side tells
// the same.
func TestFlashSaleFromRushToOrders(t *testing.T) {
	for name, on := range worlds() {
		t.Run(name, func(t *testing.T) {
			i := install(t, on(t))
			i.openSale(5*time.Minute, 1, 20, 10, 5)
			i.crowd.Rush(t.Context(), i.session.ID, i.members(150))
			if sold := i.counted(); sold != 35 {
				t.Errorf("%d orders of 35 units, told %v", sold, i.crowd.Told())
			}
			told := i.crowd.Told()
			if told["sold_out"] == 0 || told["no answer"] != 0 {
				t.Errorf("the crowd was told %v", told)
			}
		})
	}
}

// An order that its buyer cancels gives its unit back to sale, once, and somebody else gets it.
func TestACancelledUnitIsSoldAgain(t *testing.T) {
	for name, on := range worlds() {
		t.Run(name, func(t *testing.T) {
			i := install(t, on(t))
			i.openSale(5*time.Minute, 1, 1)
			members := i.members(2)
			i.crowd.Rush(t.Context(), i.session.ID, members[:1])
			i.settle()
			list, err := i.app.Store.ListOrders(t.Context(), orders.Filter{Session: i.session.ID}, orders.Page{Limit: 10})
			must(t, err)
			if len(list) != 1 {
				t.Fatalf("orders %+v", list)
			}
			after, event, err := list[0].Move(orders.Cancel, orders.Buyer, orders.Details{Reason: "changed my mind"}, newID(), time.Now().UnixMicro())
			must(t, err)
			must(t, i.app.Store.SaveMove(t.Context(), list[0], after, event))
			live.Eventually(t, 20*time.Second, "the unit's return", func() (bool, error) {
				o, err := i.app.Store.Order(t.Context(), list[0].ID)
				return o.ReleasedUS > 0, err
			})
			i.crowd.Rush(t.Context(), i.session.ID, members[1:])
			if sold := i.counted(); sold != 2 {
				t.Errorf("%d orders, want the cancelled one and the next", sold)
			}
		})
	}
}

// A lot whose time is over is closed by a record, once, and its session ends.
func TestASessionEnds(t *testing.T) {
	for name, on := range worlds() {
		t.Run(name, func(t *testing.T) {
			i := install(t, on(t))
			i.openSale(auction.MinSessionDuration, 1, 2, 2)
			i.crowd.Rush(t.Context(), i.session.ID, i.members(2))
			live.Eventually(t, 30*time.Second, "the session's end", func() (bool, error) {
				s, err := i.app.Store.Session(t.Context(), i.session.ID)
				return s.State == auction.SessionEnded || s.State == auction.SessionSettled, err
			})
			if i.counted() != 2 {
				t.Error("orders were lost with the end")
			}
			for _, l := range i.lots {
				records, err := i.app.Store.LotRecords(t.Context(), l.Shard, l.ID, 0, 100)
				must(t, err)
				closed := 0
				for _, r := range records {
					if r.Kind == auction.KindClosed {
						closed++
					}
				}
				if closed != 1 {
					t.Errorf("lot %s was closed %d times", l.ID, closed)
				}
			}
		})
	}
}

// A process that is stopped and started again goes on where it was, on the same servers, with receipts that still answer.
func TestARestartGoesOn(t *testing.T) {
	for name, on := range worlds() {
		t.Run(name, func(t *testing.T) {
			i := install(t, on(t))
			i.openSale(5*time.Minute, 1, 30)
			members := i.members(40)
			i.crowd.Rush(t.Context(), i.session.ID, members[:15])
			i.stop()
			i.start()
			i.crowd.Rush(t.Context(), i.session.ID, members)
			if sold := i.counted(); sold != 30 {
				t.Errorf("%d orders of 30 units, told %v", sold, i.crowd.Told())
			}
		})
	}
}

// Without its relay the sale goes on, and the counts notice what is missing.
func TestTheCountsNoticeAMissingRelay(t *testing.T) {
	i := install(t, standins(t))
	i.stop()
	i.start(func(_ *config.Config, p *Parts) { p.RelayOff = true })
	live.Eventually(t, time.Minute, "shards", func() (bool, error) { return i.app.Paused(t.Context()) == nil, nil })
	i.openSale(5*time.Minute, 1, 5)
	i.crowd.Rush(t.Context(), i.session.ID, i.members(10))
	table, err := i.app.Reconcile(t.Context(), []uuid.UUID{i.session.ID}, i.crowd.Side())
	must(t, err)
	wrong := map[string]int{}
	for _, line := range table {
		if !line.OK() {
			wrong[line.Name] = line.Wrong
		}
	}
	if wrong["admitted by the bidders' log, not in MySQL's orders"] == 0 || wrong["admitted by the gate, not in MySQL's orders"] != 5 {
		t.Errorf("wrong: %v", wrong)
	}
}

// Reconciliation without a session counts all that are published, with what each has sold.
func TestAllPublishedSessionsAreReconciled(t *testing.T) {
	i := install(t, standins(t))
	for _, stock := range []int64{3, 4} {
		i.openSale(5*time.Minute, 1, stock)
		i.crowd.Rush(t.Context(), i.session.ID, i.members(8))
		i.settle()
	}
	var steps []int
	var all *reading
	i.reconciled(func() ([]orders.Invariant, error) {
		steps = nil
		all = newReading(func(done, total int) { steps = append(steps, done, total) })
		return i.app.reconcile(t.Context(), nil, all, []orders.Side{i.crowd.Side()})
	})
	if len(all.Lots) != 2 || len(all.Orders) != 7 {
		t.Errorf("%d lots and %d orders of two sales that sold 3 and 4", len(all.Lots), len(all.Orders))
	}
	sources := 2 + 2 + 2*i.app.Deployment.Shards // sessions, lots, journals of MySQL and Kafka
	if n := len(steps); n != 2*sources || steps[n-2] != sources || steps[n-1] != sources {
		t.Errorf("progress over %d sources: %v", sources, steps)
	}
}

// longLease keeps a relay that is late from being missed.
func longLease(c *config.Config, _ *Parts) { c.Relay.Lease = 30 * time.Second }

// What an operator asks first.
func TestDoctorAndReadiness(t *testing.T) {
	for name, on := range worlds() {
		t.Run(name, func(t *testing.T) {
			i := install(t, on(t), longLease, func(c *config.Config, _ *Parts) { c.Relay.JournalMaxRecords = 100_000 }) // they fit into deploy/local's Redis
			doctor, err := New(i.app.Config, i.app.parts)
			must(t, err)
			defer doctor.Close()
			for _, f := range doctor.Doctor(t.Context()) {
				if !f.OK {
					t.Errorf("%s: %s (%s)", f.Part, f.Says, f.Remedy)
				}
			}
			answer, err := http.Get("http://" + i.app.Addr().String() + "/readyz?verbose")
			must(t, err)
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				t.Errorf("ready says %s", answer.Status)
			}
		})
	}
}

// A scheduled session is cancelled before it starts: its lots are withdrawn by records, and nobody can buy.
func TestAScheduledSessionIsCancelled(t *testing.T) {
	for name, on := range worlds() {
		t.Run(name, func(t *testing.T) {
			i := install(t, on(t))
			i.openSale(5*time.Minute, 1, 2, 2)
			live1, lots := i.session, i.lots
			i.planSale(time.Hour, time.Minute, 1, 3, 3)
			operator, err := accounts.Mint(i.app.Accounts.Keys, accounts.Claims{User: newID(), Login: "operator", Area: "north", Roles: accounts.Operator,
				IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Minute)})
			must(t, err)
			if status := i.cancel(operator, live1); status != http.StatusConflict {
				t.Errorf("cancelling a live session: status %d", status)
			}
			if status := i.cancel(operator, i.session); status != http.StatusOK {
				t.Errorf("cancelling a scheduled one: status %d", status)
			}
			live.Eventually(t, 20*time.Second, "the session to be cancelled", func() (bool, error) {
				s, err := i.app.Store.Session(t.Context(), i.session.ID)
				return s.State == auction.SessionCancelled, err
			})
			for _, l := range i.lots {
				got, err := i.app.Store.Lot(t.Context(), l.ID)
				must(t, err)
				if got.State != auction.LotWithdrawn || got.Version != 1 {
					t.Errorf("lot %+v", got)
				}
			}
			i.session, i.lots = live1, lots
			i.crowd.Rush(t.Context(), i.session.ID, i.members(4))
			if i.counted() != 4 {
				t.Error("the other session sold otherwise")
			}
		})
	}
}

// cancel asks the API to cancel a session, as an operator's program does.
func (i *installation) cancel(token string, s auction.Session) int {
	i.t.Helper()
	s, err := i.app.Store.Session(i.t.Context(), s.ID)
	must(i.t, err)
	request, err := http.NewRequestWithContext(i.t.Context(), http.MethodPost, "http://"+i.app.Addr().String()+"/api/v1/sessions/"+s.ID.String()+"/cancel", nil)
	must(i.t, err)
	request.Header.Set("Authorization", "Bearer "+token)
	request.Header.Set("If-Match", fmt.Sprintf("%q", fmt.Sprint(s.Rev)))
	answer, err := http.DefaultClient.Do(request)
	must(i.t, err)
	defer answer.Body.Close()
	return answer.StatusCode
}
