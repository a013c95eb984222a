package simulate

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

// Each way in which an API can betray its own receipts is found by the line that is about it, and only by that.
func TestTheCountsFindWhatIsWrong(t *testing.T) {
	const back, again = "receipts that read back otherwise, or not at all", "bids that were told otherwise when asked again"
	one := uuid.New()
	for _, c := range []struct {
		name string
		with func(a *api)
		want []string
	}{
		{"nothing", func(*api) {}, nil},
		{"a receipt that is forgotten", func(a *api) { a.forgetful = true }, []string{back}},
		{"another order when read back", func(a *api) { a.lie = lie("back", "order", uuid.New()) }, []string{back}},
		{"another place in the order when read back", func(a *api) { a.lie = lie("back", "seq", 999) }, []string{back}},
		{"another order when asked again", func(a *api) { a.lie = lie("again", "order", uuid.New()) }, []string{again}},
		{"another quantity when asked again", func(a *api) { a.lie = lie("again", "quantity", 2) }, []string{again}},
		{"one order for all", func(a *api) {
			a.lie = func(_ string, r map[string]any) { r["order"] = one }
		}, []string{"orders in the receipts of two bids"}},
		{"more than there is", func(a *api) { a.oversells = true }, []string{"units admitted over stock, by the receipts", "buyers admitted over their limit, by the receipts"}},
		{"more than there is, whose orders were cancelled", func(a *api) { a.oversells, a.unit = true, "cancelled" }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := startAPI(t, 5)
			c.with(a)
			r, err := a.simulate(Options{Rate: 100, Length: 200 * time.Millisecond, Even: true}, 15)
			if err != nil {
				t.Fatal(err)
			}
			wrong := broken(r)
			if len(wrong) != len(c.want) || r.Broken() != len(c.want) {
				t.Errorf("broken %v, want %v", wrong, c.want)
			}
			for _, line := range c.want {
				if wrong[line] == 0 {
					t.Errorf("%q holds", line)
				}
			}
		})
	}
}

func lie(how, member string, value any) func(string, map[string]any) {
	return func(told string, r map[string]any) {
		if told == how {
			r[member] = value
		}
	}
}

// A receipt for somebody else's bid is no receipt.
func TestAReceiptOfAnotherBid(t *testing.T) {
	a := startAPI(t, 5)
	a.lie = lie("", "bid_id", uuid.New())
	r, err := a.simulate(Options{Rate: 100, Length: 100 * time.Millisecond, Even: true}, 15)
	if err != nil || broken(r)["receipts of another bid than was sent"] != 5 {
		t.Errorf("broken %v %v", broken(r), err)
	}
}

// When the time for it is over, the rest is said to be uncounted, and nothing is taken for right or wrong.
func TestReceiptsThatCouldNotBeReadBack(t *testing.T) {
	a := startAPI(t, 1<<30)
	r, err := a.simulate(Options{Rate: 2000, Length: 500 * time.Millisecond, Even: true, Verify: time.Millisecond}, 2000)
	if err != nil {
		t.Fatal(err)
	}
	if back := r.Invariants[2]; back.Checked >= 1000 || r.Admitted != 1000 || len(r.NotCounted) != 2 || len(broken(r)) > 0 {
		t.Errorf("checked %d of 1000, not counted %v", back.Checked, r.NotCounted)
	}
}
