package simulate

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"rostrum/orders"
)

// clientsLog is the name of our own side.
const clientsLog = "the clients' log"

const (
	settleInterval = 100 * time.Millisecond
	countTries     = 8
	countPause     = 300 * time.Millisecond
)

// counting counts the invariants from inside.
type counting struct {
	inside  Inside
	session uuid.UUID
	side    orders.Side
}

// count gives the table, and what of it could not be counted. The sides are read one after the other, so that in a
// session in which others buy they differ by what happens in between. What is really wrong stays wrong: a table with
// something wrong is read again, and of each line the best reading counts. A line that such a difference can touch and
// that was never right while the orders became more is not counted, and said.
func (c counting) count(ctx context.Context, within time.Duration) (table []orders.Invariant, left []string, err error) {
	first, last := 0, 0
	for try := range countTries {
		cleared := c.settle(ctx, within)
		reading, err := c.inside.Reconcile(ctx, c.session, c.side)
		if err != nil && table == nil {
			return nil, nil, err
		} else if err != nil {
			break // what was read before stands
		}
		if last = ordersIn(reading); try == 0 {
			first = last
		}
		if table = better(table, reading); holds(table) || !cleared || !wait(ctx, countPause) {
			break
		}
	}
	if last > first {
		table = slices.DeleteFunc(table, func(i orders.Invariant) bool {
			moves := !i.OK() && moving(i.Name)
			if moves {
				left = append(left, i.Name+": others were buying meanwhile; `rostrum reconcile` counts it when it is quiet")
			}
			return moves
		})
	}
	return table, left, nil
}

// settle waits until the road is clear; if it does not clear, the counts say so.
func (c counting) settle(ctx context.Context, within time.Duration) (cleared bool) {
	for end := time.Now().Add(within); time.Now().Before(end); {
		if lag, journal := c.inside.Remaining(ctx); lag == 0 && journal == 0 {
			return true
		}
		if !wait(ctx, settleInterval) {
			break
		}
	}
	return false
}

func holds(table []orders.Invariant) bool {
	return !slices.ContainsFunc(table, func(i orders.Invariant) bool { return !i.OK() })
}

// better takes of each line the reading in which less was wrong, the newer one of equals.
func better(old, fresh []orders.Invariant) []orders.Invariant {
	for n := range fresh {
		if n < len(old) && old[n].Name == fresh[n].Name && old[n].Wrong < fresh[n].Wrong {
			fresh[n] = old[n]
		}
	}
	return fresh
}

// ordersIn gives how many orders a reading saw.
func ordersIn(table []orders.Invariant) int {
	for _, i := range table {
		if i.Name == "bids with more than one order" {
			return i.Checked
		}
	}
	return 0
}

// moving says of a line that other people's bids between two readings can make it wrong. Ours were all decided before the
// first reading.
func moving(name string) bool {
	if strings.Contains(name, clientsLog) {
		return false
	}
	for _, beginning := range []string{"admitted by ", "orders unknown to ", "lots whose stock differs", "records not yet in MySQL", "journal not yet applied"} {
		if strings.HasPrefix(name, beginning) {
			return true
		}
	}
	return false
}
