package app

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	ctx, cancel := context.WithTimeout(c.t.Context(), 5*time.Second)
	defer cancel()
	b.Order = newID()
	answers, err := c.app.Gate.Decide(ctx, c.lots[0].Shard, []auction.Bid{b})
	must(c.t, err)
	return answers[0]
}

func (c *cluster) someBid() auction.Bid {
	return auction.Bid{ID: newID(), Lot: c.lots[0].ID, Buyer: newID(), Code: c.lots[0].Code, Area: "north", Quantity: 1}
}

// lostOf gives the admissions of a side that MySQL does not have, as the reconciliation counts and names them.
func (c *cluster) lostOf(side orders.Side) orders.Invariant {
	c.t.Helper()
	table, err := c.app.Reconcile(c.t.Context(), []uuid.UUID{c.session.ID}, side)
	must(c.t, err)
	for _, line := range table {
		if line.Name == "admitted by "+side.Name+", not in MySQL's orders" {
			return line
		}
	}
	c.t.Fatalf("no line counts the lost ones: %+v", table)
	return orders.Invariant{}
}

// admit bids at the gate, wants to be admitted, and notes it as what a bidder was told.
func (c *cluster) admit(told *orders.Side) (auction.Bid, auction.Answer) {
	c.t.Helper()
	bid := c.someBid()
	answer := c.bidNow(bid)
	if answer.Verdict != auction.Admitted {
		c.t.Fatalf("%+v", answer)
	}
	told.Admissions = append(told.Admissions, admissionOf(answer.Receipt))
	return bid, answer
}

func admissionOf(r auction.Receipt) orders.Admission {
	return orders.Admission{Lot: r.Lot, Buyer: r.Buyer, Bid: r.Bid, Order: r.Order, Seq: r.Seq, Quantity: r.Quantity}
}

// written waits until Redis has given its operating system all that it answered: everysec puts a write off while an fsync
// is under way.
func (c *cluster) written() {
	c.t.Helper()
	for _, p := range c.redis.Nodes {
		client := (&depot{t: c.t}).client(p)
		live.Eventually(c.t, 20*time.Second, "the file to be written", func() (bool, error) {
			info, err := client.Info(c.t.Context(), "persistence").Result()
			return strings.Contains(info, "aof_buffer_length:0\r\n"), err
		})
	}
}

// disk gives how long each of Redis's files is.
func (c *cluster) disk() map[string]int64 {
	c.t.Helper()
	lengths := map[string]int64{}
	for _, p := range c.redis.Nodes {
		files, err := filepath.Glob(filepath.Join(p.Dir, "appendonlydir", "*.aof"))
		must(c.t, err)
		for _, file := range files {
			of, err := os.Stat(file)
			must(c.t, err)
			lengths[file] = of.Size()
		}
	}
	return lengths
}

// dies ends Redis's process, and cuts its files to what they were, as a power failure does whose last fsync was then; nil:
// only the process dies. It comes back, and so does the relay.
func (c *cluster) dies(disk map[string]int64) {
	c.t.Helper()
	c.redis.Kill9()
	for file, length := range disk {
		must(c.t, os.Truncate(file, length))
	}
	c.redis.Restart()
	c.up("relay")
	c.decides()
	c.settle()
}

// What a Redis with a disk survives, while nobody carries what it answers: its process's death takes nothing that it has
// written; a power failure takes what was answered after the last fsync, which under always is nothing. What is lost is
// counted and named by the reconciliation, and all counts hold without it.
func TestWhatEachDurabilitySurvives(t *testing.T) {
	for durability, want := range map[auction.Durability]int{auction.DurableEverySec: 3, auction.DurableAlways: 0} {
		t.Run(string(durability), func(t *testing.T) {
			c := deploy(t, durability)
			c.all()
			c.openSale(5*time.Minute, 1, 60)
			c.rush(c.members(20))()
			c.settle()
			told := c.crowd.Side()

			c.kill("relay")
			for range 3 {
				if _, a := c.admit(&told); a.Receipt.Durability != durability {
					t.Errorf("the receipt promises %q", a.Receipt.Durability)
				}
			}
			c.written()
			c.dies(nil)
			if lost := c.lostOf(told); lost.Wrong != 0 || lost.Checked != len(told.Admissions) {
				t.Errorf("its process died, and lost are %+v", lost)
			}

			c.kill("relay")
			c.admit(&told)
			c.written()
			synced, late := c.disk(), []auction.Bid(nil)
			for range 3 {
				bid, _ := c.admit(&told)
				if late = append(late, bid); durability == auction.DurableAlways {
					synced = c.disk() // it was synced before it was answered
				}
			}
			c.written()
			c.dies(synced)
			lost := c.lostOf(told)
			if lost.Wrong != want || lost.Checked != len(told.Admissions) {
				t.Errorf("the power failed, and lost are %+v, want %d", lost, want)
			}
			if named := slices.ContainsFunc(late, func(b auction.Bid) bool { return strings.Contains(lost.Detail, b.ID.String()) }); named != (want > 0) {
				t.Errorf("lost is one of %v, and named is %q", late, lost.Detail)
			}
			for _, bid := range late {
				if again := c.bidNow(bid); again.Verdict != auction.Admitted || again.Repeat != (want == 0) {
					t.Errorf("asked again: %+v", again)
				}
			}
			if sold := c.counted(); sold != 27 {
				t.Errorf("%d orders of 27 admissions", sold)
			}
		})
	}
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
				told.Admissions = append(told.Admissions, admissionOf(answer.Receipt))
			}
			lost := c.lostOf(told).Wrong
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
	admitted := 1
	bidding := func(until auction.Verdict) func() (bool, error) {
		return func() (bool, error) {
			a := c.bidNow(c.someBid())
			if a.Verdict == auction.Admitted {
				admitted++
			}
			return a.Verdict == until, a.Err
		}
	}
	c.kill("relay")
	live.Eventually(t, 20*time.Second, "the pause", bidding(auction.Paused))
	c.up("relay")
	live.Eventually(t, 20*time.Second, "bids to be taken again", bidding(auction.Admitted))
	if sold := c.counted(); sold < admitted { // a bid whose answer was not waited for may have been admitted, too
		t.Errorf("%d orders of %d bids that were admitted", sold, admitted)
	}
}
