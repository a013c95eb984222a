package edge

import (
	"context"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/internal/fault"
	"rostrum/orders"
)

// written is how long after an admission its order's row may be on its way: an order asked for within it that is not
// there yet is answered with when to ask again.
const written = time.Minute

// Order gives an order to its buyer, its seller and those who look at everything; to anybody else it is not there.
// NotFound `order_not_found`, with RetryAfter where its id was made a moment ago.
func (e *Edge) Order(ctx context.Context, who accounts.Claims, id uuid.UUID) (orders.Order, error) {
	o, err := e.Orders.Order(ctx, id)
	if fault.ClassOf(err) == fault.NotFound && err != nil {
		return orders.Order{}, e.notYet(id)
	}
	if err == nil && !owner(who, o.Buyer) && !owner(who, o.Seller) && !may(who, accounts.OrdersReadAny) {
		return orders.Order{}, e.notYet(id) // the same answer as for none, so that nothing is told
	}
	return o, err
}

func (e *Edge) notYet(id uuid.UUID) error {
	missing := fault.New(fault.NotFound, "order_not_found", "there is no such order of yours")
	if age := e.NowUS()/1000 - madeAtMS(id); age >= -1000 && age < written.Milliseconds() {
		missing.Detail = "there is no such order of yours yet: an admitted bid's order is written within moments"
		missing.RetryAfter = time.Second
	}
	return missing
}

// madeAtMS gives the time inside a UUIDv7; 0 for any other.
func madeAtMS(id uuid.UUID) int64 {
	if id.Version() != 7 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(append([]byte{0, 0}, id[:6]...)))
}

// Bought lists who's own orders as buyer, newest first; Sold as seller.
func (e *Edge) Bought(ctx context.Context, who accounts.Claims, f orders.Filter, p orders.Page) ([]orders.Order, error) {
	f.Buyer = who.User
	return e.Orders.ListOrders(ctx, f, p)
}

// Sold lists the orders of who's own goods, newest first.
func (e *Edge) Sold(ctx context.Context, who accounts.Claims, f orders.Filter, p orders.Page) ([]orders.Order, error) {
	f.Seller = who.User
	return e.Orders.ListOrders(ctx, f, p)
}

// Move does an action on an order that who is a party to. Errors of orders.Order.Move; NotFound `order_not_found`;
// Conflict `stale` where somebody else moved it at the same moment.
func (e *Edge) Move(ctx context.Context, who accounts.Claims, id uuid.UUID, a orders.Action, d orders.Details) (orders.Order, error) {
	before, err := e.Order(ctx, who, id)
	if err != nil {
		return before, err
	}
	after, event, err := before.Move(a, party(who, before, a), d, e.NewID(), e.NowUS())
	if err != nil {
		return before, err
	}
	if err := e.Orders.SaveMove(ctx, before, after, event); err != nil {
		if fault.ClassOf(err) == fault.Stale {
			return before, fault.Wrap(fault.Conflict, "order_moved", "the order was moved at the same moment: read it again", err)
		}
		return before, err
	}
	return after, nil
}

// party says as what somebody acts on an order; who is several things acts as the one that the action is for.
func party(who accounts.Claims, o orders.Order, a orders.Action) orders.Party {
	switch {
	case a == orders.Ship && owner(who, o.Seller):
		return orders.Seller
	case a != orders.Ship && owner(who, o.Buyer):
		return orders.Buyer
	case operates(who):
		return orders.Operator
	case owner(who, o.Seller):
		return orders.Seller
	case owner(who, o.Buyer):
		return orders.Buyer
	}
	return "onlooker" // who may read everything: no row of the table of moves names it
}
