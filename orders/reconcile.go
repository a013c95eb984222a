package orders

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"rostrum/auction"
)

// Admission is one admitted bid as one side tells it. Sides are compared by it: the clients' own log of receipts, the
// gate, Kafka, MySQL's stored journal, MySQL's orders.
type Admission struct {
	Lot, Buyer, Bid, Order uuid.UUID
	Seq                    int64
	Quantity               int64
}

// key is what an admission is about; everything else must be the same on every side.
func (a Admission) key() Admission { return Admission{Lot: a.Lot, Buyer: a.Buyer, Bid: a.Bid} }

// AdmissionOf makes the admission of a `bid` record.
func AdmissionOf(r auction.Record) Admission {
	return Admission{Lot: r.Lot, Buyer: r.Buyer, Bid: r.Bid, Order: r.Order, Seq: r.Seq, Quantity: r.Quantity}
}

// Side is one place's account of the admissions. A side that cannot say (no client log, say) is absent.
type Side struct {
	Name       string
	Admissions []Admission // repeats are kept: they are what is counted
	May        bool        // may repeat an admission (Kafka: at least once; clients: asked again)
	Partial    bool        // may lack admissions (clients: an answer that never came back)
}

// Add takes the admission of a `bid` record of one of the lots; other records are passed over.
func (s *Side) Add(r auction.Record, lots map[uuid.UUID]bool) {
	if r.Kind == auction.KindBid && lots[r.Lot] {
		s.Admissions = append(s.Admissions, AdmissionOf(r))
	}
}

// Accounts is everything reconciliation compares.
type Accounts struct {
	Lots   []auction.Lot // of the sale, as MySQL has them
	Orders []Order       // all of these lots, void ones too
	Units  map[uuid.UUID]int64
	Sides  []Side
	Left   map[uuid.UUID]int64 // units the gate can still sell, by lot; lots it does not hold are absent
	// what should be nothing when the road is clear
	Lag, Journal, Parked, Orphans int64
}

// Invariant is one line of the table: something that must be zero, with how many times it was looked at.
type Invariant struct {
	Name    string `json:"name"`
	Checked int    `json:"checked"` // things looked at
	Wrong   int    `json:"wrong"`   // must be 0
	Detail  string `json:"detail,omitempty"`
}

// OK says whether the line holds.
func (i Invariant) OK() bool { return i.Wrong == 0 }

// Reconcile compares the accounts and gives the table of invariants, always all lines in the same order.
func Reconcile(a Accounts) []Invariant {
	truth := map[Admission]Admission{}
	for _, o := range a.Orders {
		if o.State != Void {
			ad := Admission{Lot: o.Lot, Buyer: o.Buyer, Bid: o.Bid, Order: o.ID, Seq: o.Seq, Quantity: o.Quantity}
			truth[ad.key()] = ad
		}
	}
	table := []Invariant{oversold(a), overLimit(a), doubled(a)}
	for _, s := range a.Sides {
		table = append(table, lost(s, truth), unlike(s, truth))
		if !s.Partial {
			table = append(table, invented(s, truth))
		}
	}
	return append(table, stock(a),
		Invariant{Name: "records not yet in MySQL (lag)", Checked: 1, Wrong: int(a.Lag)},
		Invariant{Name: "journal not yet applied", Checked: 1, Wrong: int(a.Journal)},
		Invariant{Name: "parked messages", Checked: 1, Wrong: int(a.Parked)},
		Invariant{Name: "orphaned records", Checked: 1, Wrong: int(a.Orphans)},
		voided(a))
}

// live says whether an order still takes its units.
func (o Order) live() bool { return o.State != Void && o.ReleasedUS == 0 }

func oversold(a Accounts) Invariant {
	i := Invariant{Name: "units sold over stock", Checked: len(a.Lots)}
	sold := map[uuid.UUID]int64{}
	for _, o := range a.Orders {
		if o.live() {
			sold[o.Lot] += o.Quantity
		}
	}
	for _, l := range a.Lots {
		if over := sold[l.ID] - l.Stock; over > 0 {
			i.Wrong += int(over)
			i.Detail = fmt.Sprintf("lot %s: %d of %d", l.ID, sold[l.ID], l.Stock)
		}
	}
	return i
}

func overLimit(a Accounts) Invariant {
	type holder struct{ lot, buyer uuid.UUID }
	held, limit := map[holder]int64{}, map[uuid.UUID]int64{}
	for _, l := range a.Lots {
		limit[l.ID] = int64(l.PerBuyer)
	}
	for _, o := range a.Orders {
		if o.live() {
			held[holder{o.Lot, o.Buyer}] += o.Quantity
		}
	}
	i := Invariant{Name: "buyers over their limit", Checked: len(held)}
	for h, n := range held {
		if n > limit[h.lot] {
			i.Wrong++
			i.Detail = fmt.Sprintf("buyer %s has %d of lot %s, limit %d", h.buyer, n, h.lot, limit[h.lot])
		}
	}
	return i
}

func doubled(a Accounts) Invariant {
	i := Invariant{Name: "bids with more than one order", Checked: len(a.Orders)}
	seen := map[Admission]bool{}
	for _, o := range a.Orders {
		k := Admission{Lot: o.Lot, Buyer: o.Buyer, Bid: o.Bid}
		if seen[k] {
			i.Wrong++
			i.Detail = "bid " + o.Bid.String()
		}
		seen[k] = true
	}
	return i
}

// lost counts a side's admissions that have no order.
func lost(s Side, truth map[Admission]Admission) Invariant {
	i := Invariant{Name: "admitted by " + s.Name + ", not in MySQL's orders", Checked: len(s.Admissions)}
	for _, a := range s.Admissions {
		if _, ok := truth[a.key()]; !ok {
			i.Wrong++
			i.Detail = "bid " + a.Bid.String()
		}
	}
	return i
}

// unlike counts admissions that a side tells otherwise than the order does, or more than once where it may not.
func unlike(s Side, truth map[Admission]Admission) Invariant {
	i := Invariant{Name: "told otherwise by " + s.Name, Checked: len(s.Admissions)}
	seen := map[Admission]bool{}
	for _, a := range s.Admissions {
		if t, ok := truth[a.key()]; ok && t != a || seen[a.key()] && !s.May {
			i.Wrong++
			i.Detail = "bid " + a.Bid.String()
		}
		seen[a.key()] = true
	}
	return i
}

// invented counts orders that a side which must know every admission does not.
func invented(s Side, truth map[Admission]Admission) Invariant {
	i := Invariant{Name: "orders unknown to " + s.Name, Checked: len(truth)}
	known := map[Admission]bool{}
	for _, a := range s.Admissions {
		known[a.key()] = true
	}
	for k := range truth {
		if !known[k] {
			i.Wrong++
			i.Detail = "bid " + k.Bid.String()
		}
	}
	return i
}

// stock compares, lot by lot, what MySQL counts as sold, the unit rows, and what the gate has left.
func stock(a Accounts) Invariant {
	i := Invariant{Name: "lots whose stock differs between gate, lot and unit rows", Checked: len(a.Lots)}
	for _, l := range a.Lots {
		left, held := a.Left[l.ID]
		if a.Units[l.ID] != l.Sold || held && left != l.Stock-l.Sold {
			i.Wrong++
			i.Detail = fmt.Sprintf("lot %s: sold %d, unit rows %d, gate left %d of %d", l.ID, l.Sold, a.Units[l.ID], left, l.Stock)
		}
	}
	return i
}

func voided(a Accounts) Invariant {
	i := Invariant{Name: "orders refused by the last guard (void)", Checked: len(a.Orders)}
	i.Wrong = len(slices.DeleteFunc(slices.Clone(a.Orders), func(o Order) bool { return o.State != Void }))
	return i
}
