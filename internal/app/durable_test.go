package app

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/internal/live"
	"rostrum/orders"
)

// bidNow bids at the gate, past the API, and waits a moment for the answer.
func (c *cluster) bidNow(b auction.Bid) auction.Answer {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Second)
	defer cancel()
	b.Order = newID()
	answers, err := c.app.Gate.Decide(ctx, c.lots[0].Shard, []auction.Bid{b})
	must(c.t, err)
	return answers[0]
}

func (c *cluster) someBid() auction.Bid {
	return auction.Bid{ID: newID(), Lot: c.lots[0].ID, Buyer: newID(), Code: c.lots[0].Code, Area: "north", Quantity: 1}
}

// lostOf counts the admissions of a side that MySQL does not have, as the reconciliation does.
func (c *cluster) lostOf(side orders.Side) int {
	c.t.Helper()
	table, err := c.app.Reconcile(c.t.Context(), []uuid.UUID{c.session.ID}, side)
	must(c.t, err)
	for _, line := range table {
		if line.Name == "admitted by "+side.Name+", not in MySQL's orders" {
			return line.Wrong
		}
	}
	c.t.Fatalf("no line counts the lost ones: %+v", table)
	return 0
}

// lose kills the gate's Redis and takes its files away, as a broken disk does.
func (c *cluster) lose() {
	c.redis.Kill9()
	c.redis.Forget()
	c.redis.Restart()
}

// The worst that can happen to what was just answered: the relay is dead, and the gate's Redis loses its disk. What the
// disk was to keep is gone, and the reconciliation says so. Under kafka nothing was answered that nobody carried.
func TestWhatEachDurabilityDoesNotSurvive(t *testing.T) {
	for _, durability := range []auction.Durability{auction.DurableEverySec, auction.DurableAlways, auction.DurableKafka} {
		t.Run(string(durability), func(t *testing.T) {
			c := deploy(t, durability)
			c.all()
			c.openSale(5*time.Minute, 1, 60)
			c.rush(c.members(20))()
			c.settle()
			c.kill("relay")
			bid := c.someBid()
			answer := c.bidNow(bid)
			c.lose()
			c.up("relay")
			c.decides()
			c.settle()
			told := c.crowd.Side()
			if durability == auction.DurableKafka {
				if answer.Verdict == auction.Admitted || answer.Verdict == "" && fault.ClassOf(answer.Err) != fault.Unknown {
					t.Fatalf("answered though nobody carries: %+v", answer)
				}
			} else {
				if answer.Verdict != auction.Admitted {
					t.Fatalf("%+v", answer)
				}
				r := answer.Receipt
				told.Admissions = append(told.Admissions, orders.Admission{Lot: r.Lot, Buyer: r.Buyer, Bid: r.Bid, Order: r.Order, Seq: r.Seq, Quantity: r.Quantity})
			}
			lost := c.lostOf(told)
			if want := map[bool]int{true: 1, false: 0}[durability != auction.DurableKafka]; lost != want {
				t.Errorf("%d answered admissions are lost, want %d", lost, want)
			}
			if again := c.bidNow(bid); again.Verdict != auction.Admitted {
				t.Errorf("asked again: %+v", again)
			}
		})
	}
}

// Under kafka every answer that was given is worth something though Redis loses all it has the moment after.
func TestKafkaSurvivesALostRedis(t *testing.T) {
	c := deploy(t, auction.DurableKafka)
	c.all()
	c.openSale(5*time.Minute, 1, 100, 100)
	wait := c.rush(c.members(260))
	for n := range 2 {
		c.until(int64(50 * (n + 1)))
		c.lose()
		c.decides()
	}
	wait()
	if sold := c.counted(); sold != 200 {
		t.Errorf("%d orders of 200 units, told %v", sold, c.crowd.Told())
	}
}

// The relay is away: nothing is taken soon after, and all goes on when it is back.
func TestKafkaPausesWithoutARelay(t *testing.T) {
	c := deploy(t, auction.DurableKafka)
	c.all()
	c.openSale(5*time.Minute, 1, 60)
	if a := c.bidNow(c.someBid()); a.Verdict != auction.Admitted || a.Receipt.Durability != auction.DurableKafka {
		t.Fatalf("%+v", a)
	}
	c.kill("relay")
	live.Eventually(t, 20*time.Second, "the pause", func() (bool, error) {
		a := c.bidNow(c.someBid())
		return a.Verdict == auction.Paused, a.Err
	})
	c.up("relay")
	live.Eventually(t, 20*time.Second, "bids to be taken again", func() (bool, error) {
		a := c.bidNow(c.someBid())
		return a.Verdict == auction.Admitted, a.Err
	})
}
