package orders

import (
	"fmt"
	"slices"

	"github.com/google/uuid"

	"rostrum/goods"
	"rostrum/internal/fault"
)

// Action is what somebody does to an order.
type Action string

// The actions.
const (
	Pay      Action = "pay"
	Cancel   Action = "cancel"
	Ship     Action = "ship"
	Complete Action = "complete"
)

// Party is who acts, as seen from the order.
type Party string

// The parties to an order.
const (
	Buyer    Party = "buyer"
	Seller   Party = "seller"
	Operator Party = "operator"
)

// move is one line of the transition table.
type move struct {
	action Action
	from   State
	to     State
	event  string
	who    []Party
}

// moves is the transition table: what is not here cannot happen.
var moves = []move{
	{Pay, PendingPayment, Paid, "order.paid", []Party{Buyer}},
	{Cancel, PendingPayment, Cancelled, "order.cancelled", []Party{Buyer, Operator}},
	{Ship, Paid, Shipping, "order.shipped", []Party{Seller, Operator}},
	{Complete, Shipping, Completed, "order.completed", []Party{Buyer, Operator}},
}

// Limits of details, in characters.
const (
	MaxExpress = 64
	MaxReason  = 200
)

// Details are what an action brings with it.
type Details struct {
	Express string // ship: the carrier's number, 1 … MaxExpress characters
	Reason  string // cancel: at most MaxReason characters
}

func (d Details) check(a Action) []fault.Field {
	switch a {
	case Ship:
		return goods.Text("express", d.Express, 1, MaxExpress)
	case Cancel:
		return goods.Text("reason", d.Reason, 0, MaxReason)
	}
	return nil
}

// Move gives the order after an action and the event it makes. fault Conflict `order_state` where the order is not in
// the state the action needs, Forbidden `not_your_order` where the party may not, Invalid for missing details. eventID
// and nowUS come from the caller; the order's rev is raised.
func (o Order) Move(a Action, who Party, d Details, eventID uuid.UUID, nowUS int64) (Order, Event, error) {
	i := slices.IndexFunc(moves, func(m move) bool { return m.action == a })
	if i < 0 {
		return o, Event{}, fault.Wrong("action", "is not an action on orders", "send pay, cancel, ship or complete")
	}
	m := moves[i]
	switch {
	case !slices.Contains(m.who, who):
		return o, Event{}, fault.New(fault.Forbidden, "not_your_order", fmt.Sprintf("the %s of an order cannot %s it", who, a))
	case o.State != m.from:
		return o, Event{}, fault.New(fault.Conflict, "order_state", fmt.Sprintf("an order in state %d cannot %s; it must be in %d", o.State, a, m.from))
	}
	if wrong := fault.Invalids(d.check(a)); wrong != nil {
		return o, Event{}, wrong
	}
	return o.moved(m, d, eventID, nowUS)
}

func (o Order) moved(m move, d Details, eventID uuid.UUID, nowUS int64) (Order, Event, error) {
	o.State, o.ChangedUS, o.Rev = m.to, nowUS, o.Rev+1
	switch m.action {
	case Pay:
		o.PaidUS = nowUS
	case Ship:
		o.Express = d.Express
	case Cancel:
		o.Reason = d.Reason
	}
	return o, Event{ID: eventID, Kind: m.event, AtUS: nowUS, Order: o.ID, Lot: o.Lot, Session: o.Session, State: o.State,
		Reason: o.Reason, Express: o.Express}, nil
}
