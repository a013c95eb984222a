package orders

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"rostrum/auction"
)

var (
	cup  = auction.Lot{ID: uuid.UUID{1}, Stock: 3, PerBuyer: 2, Sold: 3}
	bowl = auction.Lot{ID: uuid.UUID{2}, Stock: 5, PerBuyer: 1, Sold: 1}
)

func sold(lot auction.Lot, bid, buyer byte, quantity int64) Order {
	return Order{ID: uuid.UUID{9, bid}, Lot: lot.ID, Buyer: uuid.UUID{8, buyer}, Bid: uuid.UUID{7, bid}, Seq: int64(bid),
		Quantity: quantity, State: PendingPayment}
}

func told(all []Order) []Admission {
	var side []Admission
	for _, o := range all {
		side = append(side, Admission{Lot: o.Lot, Buyer: o.Buyer, Bid: o.Bid, Order: o.ID, Seq: o.Seq, Quantity: o.Quantity})
	}
	return side
}

// books are accounts of a sale that went well, told by everybody.
func books() Accounts {
	all := []Order{sold(cup, 1, 1, 2), sold(cup, 2, 2, 1), sold(bowl, 3, 1, 1)}
	return Accounts{
		Lots: []auction.Lot{cup, bowl}, Orders: all,
		Units: map[uuid.UUID]int64{cup.ID: 3, bowl.ID: 1}, Left: map[uuid.UUID]int64{cup.ID: 0, bowl.ID: 4},
		Sides: []Side{{Name: "gate", Admissions: told(all)}, {Name: "Kafka", Admissions: append(told(all), told(all)...), May: true},
			{Name: "clients", Admissions: told(all[:2]), May: true, Partial: true}},
	}
}

func wrongLines(a Accounts) string {
	var lines []string
	for _, i := range Reconcile(a) {
		if !i.OK() {
			lines = append(lines, i.Name)
		}
		if !i.OK() && i.Wrong < 1 {
			lines = append(lines, "NEGATIVE")
		}
	}
	return strings.Join(lines, "; ")
}

func TestReconcileFindsWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Accounts)
		wrong string
	}{
		"nothing": {func(a *Accounts) {}, ""},
		"a unit too many": {func(a *Accounts) {
			a.Orders[1].Quantity = 2
			for n := range a.Sides {
				a.Sides[n].Admissions = told(a.Orders)
			}
		}, "units sold over stock"},
		"too many for one buyer": {func(a *Accounts) {
			a.Orders[1].Buyer = a.Orders[0].Buyer
			for n := range a.Sides {
				a.Sides[n].Admissions = told(a.Orders)
			}
		}, "buyers over their limit"},
		"a bid with two orders": {func(a *Accounts) {
			second := a.Orders[2]
			second.ID, second.State = uuid.UUID{9, 99}, Void
			a.Orders = append(a.Orders, second)
		}, "bids with more than one order; orders refused by the last guard (void)"},
		"an admission without an order": {func(a *Accounts) {
			a.Sides[0].Admissions = append(a.Sides[0].Admissions, Admission{Bid: uuid.UUID{7, 50}})
		}, "admitted by gate, not in MySQL's orders"},
		"a client's admission without an order": {func(a *Accounts) {
			a.Sides[2].Admissions = append(a.Sides[2].Admissions, Admission{Bid: uuid.UUID{7, 50}})
		}, "admitted by clients, not in MySQL's orders"},
		"an order nobody admitted":  {func(a *Accounts) { a.Sides[0].Admissions = a.Sides[0].Admissions[:2] }, "orders unknown to gate"},
		"another order for the bid": {func(a *Accounts) { a.Sides[2].Admissions[0].Order = uuid.UUID{} }, "told otherwise by clients"},
		"another seq":               {func(a *Accounts) { a.Sides[1].Admissions[0].Seq = 77 }, "told otherwise by Kafka"},
		"another quantity":          {func(a *Accounts) { a.Sides[0].Admissions[0].Quantity = 1 }, "told otherwise by gate"},
		"the gate says it twice":    {func(a *Accounts) { a.Sides[0].Admissions = append(a.Sides[0].Admissions, a.Sides[0].Admissions[0]) }, "told otherwise by gate"},
		"a unit row too few":        {func(a *Accounts) { a.Units[cup.ID] = 2 }, "lots whose stock differs between gate, lot and unit rows"},
		"the gate has one more":     {func(a *Accounts) { a.Left[bowl.ID] = 5 }, "lots whose stock differs between gate, lot and unit rows"},
		"a lot the gate has swept":  {func(a *Accounts) { delete(a.Left, bowl.ID) }, ""},
		"lag":                       {func(a *Accounts) { a.Lag = 2 }, "records not yet in MySQL (lag)"},
		"a journal":                 {func(a *Accounts) { a.Journal = 1 }, "journal not yet applied"},
		"parked and orphaned":       {func(a *Accounts) { a.Parked, a.Orphans = 1, 1 }, "parked messages; orphaned records"},
		"a void order":              {func(a *Accounts) { a.Orders[2].State = Void }, "admitted by gate, not in MySQL's orders; admitted by Kafka, not in MySQL's orders; orders refused by the last guard (void)"},
		"a returned unit sold again": {func(a *Accounts) {
			a.Orders[0].ReleasedUS, a.Orders[0].State = 5, Cancelled
			a.Orders = append(a.Orders, sold(cup, 4, 4, 2))
			for n := range a.Sides {
				a.Sides[n].Admissions = told(a.Orders)
			}
		}, ""},
		"cancelled, and not yet returned": {func(a *Accounts) {
			a.Orders[0].State = Cancelled
			a.Orders = append(a.Orders, sold(cup, 4, 4, 2))
			for n := range a.Sides {
				a.Sides[n].Admissions = told(a.Orders)
			}
		}, "units sold over stock"},
	} {
		t.Run(name, func(t *testing.T) {
			a := books()
			c.spoil(&a)
			if got := wrongLines(a); got != c.wrong {
				t.Errorf("wrong: %q\nwant:  %q", got, c.wrong)
			}
		})
	}
}

func TestReconcileAlwaysShowsAllLines(t *testing.T) {
	empty, full := Reconcile(Accounts{Sides: books().Sides}), Reconcile(books())
	if len(empty) != len(full) || len(full) < 12 {
		t.Errorf("%d and %d lines", len(empty), len(full))
	}
	for n := range min(len(empty), len(full)) {
		if empty[n].Name != full[n].Name {
			t.Errorf("line %d is %q and %q", n, empty[n].Name, full[n].Name)
		}
	}
}

func TestAdmissionOf(t *testing.T) {
	r := auction.Record{Lot: uuid.UUID{1}, Buyer: uuid.UUID{2}, Bid: uuid.UUID{3}, Order: uuid.UUID{4}, Seq: 5, Quantity: 6, Version: 7}
	want := Admission{Lot: uuid.UUID{1}, Buyer: uuid.UUID{2}, Bid: uuid.UUID{3}, Order: uuid.UUID{4}, Seq: 5, Quantity: 6}
	if got := AdmissionOf(r); got != want {
		t.Errorf("%+v", got)
	}
}
