package simulate

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/orders"
)

// insider gives readings one after the other, the last one again and again.
type insider struct {
	Inside
	readings [][]orders.Invariant
	lag      []int64
	err      error
	read     int
}

func (i *insider) Remaining(context.Context) (lag, journal int64) {
	if len(i.lag) == 0 {
		return 0, 0
	}
	lag, i.lag = i.lag[0], i.lag[1:]
	return lag, 0
}

func (i *insider) Reconcile(context.Context, uuid.UUID, orders.Side) ([]orders.Invariant, error) {
	n := min(i.read, len(i.readings)-1)
	i.read++
	if i.err != nil {
		return nil, i.err
	}
	return append([]orders.Invariant(nil), i.readings[n]...), nil
}

// reading is a table as orders.Reconcile writes it, of a sale with so many orders, in which lines are wrong.
func reading(count int, wrong ...string) []orders.Invariant {
	var a orders.Accounts
	for range count {
		a.Orders = append(a.Orders, orders.Order{ID: uuid.New(), Bid: uuid.New()})
	}
	for _, name := range []string{clientsLog, "the gate", "Kafka"} {
		a.Sides = append(a.Sides, orders.Side{Name: name, May: true})
	}
	a.Lots = []auction.Lot{{ID: uuid.New()}}
	table := orders.Reconcile(a)
	for n := range table {
		table[n].Wrong = 0
		for _, name := range wrong {
			if table[n].Name == name {
				table[n].Wrong = 3
			}
		}
	}
	return table
}

func TestCountingWhileOthersBuy(t *testing.T) {
	const gate, kafka, ours = "admitted by the gate, not in MySQL's orders", "orders unknown to Kafka", "admitted by the clients' log, not in MySQL's orders"
	const stock, over, lag = "lots whose stock differs between gate, lot and unit rows", "units sold over stock", "records not yet in MySQL (lag)"
	always := func(first, last int, wrong ...string) [][]orders.Invariant {
		return [][]orders.Invariant{reading(first, wrong...), reading(last, wrong...)}
	}
	for _, c := range []struct {
		name     string
		readings [][]orders.Invariant
		broken   []string
		left     int
		reads    int
	}{
		{"nothing wrong", [][]orders.Invariant{reading(5)}, nil, 0, 1},
		{"wrong for a moment", [][]orders.Invariant{reading(5, gate, kafka), reading(6, lag), reading(7)}, nil, 0, 2},
		{"never all right at once", [][]orders.Invariant{reading(5, gate, stock), reading(6, kafka), reading(7, kafka)}, nil, 0, 2},
		{"wrong while it is quiet", always(5, 5, gate, stock, lag), []string{gate, stock, lag}, 0, countTries},
		{"never right while others buy", always(5, 6, gate, stock), nil, 2, countTries},
		{"what others cannot make wrong", always(5, 6, ours, over, gate), []string{ours, over}, 1, countTries},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			i := &insider{readings: c.readings}
			table, left, err := counting{inside: i}.count(t.Context(), time.Second)
			if err != nil || len(left) != c.left || i.read != c.reads {
				t.Fatalf("%v, not counted %q, read %d times", err, left, i.read)
			}
			found := broken(Report{Invariants: table})
			if len(found) != len(c.broken) {
				t.Errorf("broken %v, want %v", found, c.broken)
			}
			for _, name := range c.broken {
				if found[name] == 0 {
					t.Errorf("%s holds", name)
				}
			}
			if len(table)+len(left) != len(c.readings[0]) {
				t.Errorf("%d lines and %d left, of %d", len(table), len(left), len(c.readings[0]))
			}
		})
	}
}

// The names by which lines are told apart are those that orders.Reconcile writes.
func TestTheLinesThatOthersCanMove(t *testing.T) {
	still, moved := 0, 0
	for _, i := range reading(3) {
		if moving(i.Name) {
			moved++
		} else {
			still++
		}
	}
	if moved != 7 || still != 11 || ordersIn(reading(3)) != 3 { // the client's two lines, three told otherwise, and what may never be
		t.Errorf("%d lines move, %d do not", moved, still)
	}
}

func TestCountingWaitsForTheRoad(t *testing.T) {
	i := &insider{readings: [][]orders.Invariant{reading(1)}, lag: []int64{5, -1, 2}}
	if _, _, err := (counting{inside: i}).count(t.Context(), time.Minute); err != nil || len(i.lag) != 0 {
		t.Errorf("%v, %v left", err, i.lag)
	}
	// A road that does not clear is counted once, and what is wrong then is wrong.
	i = &insider{readings: [][]orders.Invariant{reading(1, "journal not yet applied")}, lag: slices.Repeat([]int64{1}, 100)}
	table, left, err := counting{inside: i}.count(t.Context(), 300*time.Millisecond)
	if err != nil || i.read != 1 || len(left) > 0 || holds(table) {
		t.Errorf("%v, read %d times, not counted %v", err, i.read, left)
	}
	i.err = errors.New("no route")
	if _, _, err := (counting{inside: i}).count(t.Context(), time.Minute); err == nil || !strings.Contains(err.Error(), "no route") {
		t.Error(err)
	}
}
