package orders

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/internal/fault"
)

var (
	allStates  = []State{PendingPayment, TimingOut, PaymentTimeout, Cancelled, Void, Paid, Shipping, Completed, Refunded}
	allActions = []Action{Pay, Cancel, Ship, Complete}
	allParties = []Party{Buyer, Seller, Operator, "", "admin"}
)

// What may happen, written out once more: who may do what from where, and what it makes of the order. All else is refused.
var may = map[Action]struct {
	from, to State
	who      string
	event    string
}{
	Pay:      {10000, 30000, "buyer", "order.paid"},
	Cancel:   {10000, 20001, "buyer operator", "order.cancelled"},
	Ship:     {30000, 30001, "seller operator", "order.shipped"},
	Complete: {30001, 50000, "buyer operator", "order.completed"},
}

func anOrder(s State) Order {
	return Order{ID: uuid.UUID{1}, Lot: uuid.UUID{2}, Session: uuid.UUID{3}, Buyer: uuid.UUID{4}, Seller: uuid.UUID{5}, State: s,
		Quantity: 2, Nth: []int{1, 2}, ChangedUS: 7, Rev: 3}
}

func TestEveryActionStateAndParty(t *testing.T) {
	event, moved := uuid.UUID{9}, 0
	for _, action := range allActions {
		for _, state := range allStates {
			for _, party := range allParties {
				before := anOrder(state)
				after, e, err := before.Move(action, party, Details{Express: "DHL 1", Reason: "changed my mind"}, event, 99)
				line := may[action]
				switch allowed := party != "" && strings.Contains(line.who, string(party)); {
				case !allowed:
					refused(t, before, after, e, err, fault.Forbidden, "not_your_order")
				case state != line.from:
					refused(t, before, after, e, err, fault.Conflict, "order_state")
				default:
					moved++
					if err != nil {
						t.Errorf("%s by %s in %d: %v", action, party, state, err)
					}
					if after.State != line.to || after.Rev != 4 || after.ChangedUS != 99 || e.Kind != line.event {
						t.Errorf("%s by %s in %d: %+v %+v", action, party, state, after, e)
					}
				}
			}
		}
	}
	if moved != 7 {
		t.Errorf("%d moves can happen, want 7", moved)
	}
}

func refused(t *testing.T, before, after Order, e Event, err error, class fault.Class, code string) {
	t.Helper()
	if fault.ClassOf(err) != class || fault.CodeOf(err) != code {
		t.Errorf("state %d: %v, want %s", before.State, err, code)
	}
	if d := cmp.Diff(before, after); d != "" || e != (Event{}) {
		t.Errorf("refused, and yet changed: %s %+v", d, e)
	}
}

func TestWhatAMoveWrites(t *testing.T) {
	for name, c := range map[string]struct {
		from   State
		action Action
		who    Party
		want   func(*Order)
	}{
		"paid":      {PendingPayment, Pay, Buyer, func(o *Order) { o.State, o.PaidUS = Paid, 99 }},
		"cancelled": {PendingPayment, Cancel, Operator, func(o *Order) { o.State, o.Reason = Cancelled, "fraud" }},
		"shipped":   {Paid, Ship, Seller, func(o *Order) { o.State, o.Express = Shipping, "DHL 1" }},
		"completed": {Shipping, Complete, Buyer, func(o *Order) { o.State = Completed }},
	} {
		before := anOrder(c.from)
		want := before
		c.want(&want)
		want.Rev, want.ChangedUS = 4, 99
		got, e, err := before.Move(c.action, c.who, Details{Express: "DHL 1", Reason: "fraud"}, uuid.UUID{9}, 99)
		if d := cmp.Diff(want, got); d != "" || err != nil {
			t.Errorf("%s: %v (-want +got):\n%s", name, err, d)
		}
		wantEvent := Event{ID: uuid.UUID{9}, Kind: "order." + name, AtUS: 99, Order: want.ID, Lot: want.Lot, Session: want.Session,
			State: want.State, Reason: want.Reason, Express: want.Express}
		if d := cmp.Diff(wantEvent, e); d != "" {
			t.Errorf("%s: event (-want +got):\n%s", name, d)
		}
	}
}

func TestShippingNeedsANumber(t *testing.T) {
	for express, good := range map[string]bool{
		"DHL 1": true, strings.Repeat("9", 64): true, strings.Repeat("号", 64): true,
		"": false, " ": false, strings.Repeat("9", 65): false, "a\x00": false, "\xff": false,
	} {
		o, _, err := anOrder(Paid).Move(Ship, Seller, Details{Express: express}, uuid.UUID{9}, 99)
		if (err == nil) != good || (o.State == Shipping && o.Express == express) != good {
			t.Errorf("express %q: %v, order %+v", express, err, o)
		}
		if f := fault.As(err); err != nil && (f == nil || f.Class != fault.Invalid || len(f.Fields) != 1 || f.Fields[0].Name != "express") {
			t.Errorf("express %q: %v", express, err)
		}
	}
}

func TestAReasonIsBounded(t *testing.T) {
	for reason, good := range map[string]bool{"": true, strings.Repeat("因", 200): true, strings.Repeat("x", 201): false, "\x1b": false} {
		o, _, err := anOrder(PendingPayment).Move(Cancel, Buyer, Details{Reason: reason}, uuid.UUID{9}, 99)
		if (err == nil) != good || (o.State == Cancelled) != good {
			t.Errorf("reason %q: %v, order %+v", reason, err, o)
		}
	}
}

func TestAnActionNobodyKnows(t *testing.T) {
	before := anOrder(PendingPayment)
	for _, action := range []Action{"", "refund", "PAY"} {
		after, e, err := before.Move(action, Buyer, Details{}, uuid.UUID{9}, 99)
		refused(t, before, after, e, err, fault.Invalid, "invalid")
	}
}
