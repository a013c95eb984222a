package api

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/internal/fault"
	"rostrum/orders"
)

type orderOut struct {
	ID        uuid.UUID `json:"id" format:"uuid"`
	Serial    string    `json:"serial" doc:"The number for people"`
	Lot       uuid.UUID `json:"lot" format:"uuid"`
	Session   uuid.UUID `json:"session" format:"uuid"`
	Item      uuid.UUID `json:"item" format:"uuid"`
	Title     string    `json:"title"`
	Seller    uuid.UUID `json:"seller" format:"uuid"`
	Buyer     uuid.UUID `json:"buyer" format:"uuid"`
	Bid       uuid.UUID `json:"bid_id" format:"uuid"`
	Quantity  int64     `json:"quantity"`
	Price     int64     `json:"price" doc:"Of one unit, in minor units"`
	Total     int64     `json:"total"`
	Currency  string    `json:"currency"`
	State     int       `json:"state" doc:"10000 pending_payment, 10001 timing_out, 20000 payment_timeout, 20001 cancelled, 20002 void, 30000 paid, 30001 shipping, 50000 completed, 60000 refunded"`
	StateName string    `json:"state_name"`
	Reason    string    `json:"reason,omitempty" doc:"Of cancelled and void"`
	Express   string    `json:"express,omitempty" doc:"The carrier's number"`
	Admitted  Time      `json:"admitted"`
	PayBy     Time      `json:"pay_by"`
	Paid      Time      `json:"paid"`
	Changed   Time      `json:"changed"`
}

// StateName names an order's state as FORMATS does.
func StateName(s orders.State) string {
	switch s {
	case orders.PendingPayment:
		return "pending_payment"
	case orders.TimingOut:
		return "timing_out"
	case orders.PaymentTimeout:
		return "payment_timeout"
	case orders.Cancelled:
		return "cancelled"
	case orders.Void:
		return "void"
	case orders.Paid:
		return "paid"
	case orders.Shipping:
		return "shipping"
	case orders.Completed:
		return "completed"
	case orders.Refunded:
		return "refunded"
	}
	return "unknown"
}

func viewOrder(o orders.Order) orderOut {
	return orderOut{o.ID, orders.Serial(o.ID), o.Lot, o.Session, o.Item, o.Title, o.Seller, o.Buyer, o.Bid, o.Quantity, o.PriceMinor, o.TotalMinor,
		o.Currency, int(o.State), StateName(o.State), o.Reason, o.Express, Time(o.AdmittedUS), Time(o.PayByUS), Time(o.PaidUS), Time(o.ChangedUS)}
}

type ordersIn struct {
	Paging
	As    string `query:"as" enum:"buyer,seller" doc:"buyer where it is left out, for who may buy"`
	State int    `query:"state" enum:"10000,10001,20000,20001,20002,30000,30001,50000,60000"`
}

// OrderRef is an order's id or serial number in a path.
type OrderRef struct {
	ID string `path:"id" maxLength:"40" example:"R-06CC1Q-G001R01000-0000000500" doc:"The order's id or serial number"`
}

func (r OrderRef) id() (uuid.UUID, error) {
	id, ok := orders.ParseSerial(r.ID)
	if !ok {
		p := problem("order_not_found", "that is neither an order's id nor a serial number")
		p.Errors = []fault.Field{{Name: "id", Detail: "is neither an order's id nor a serial number", Remedy: "send one of GET /api/v1/orders"}}
		return id, p
	}
	return id, nil
}

type cancelIn struct {
	OrderRef
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"200"`
	}
}

type shipIn struct {
	OrderRef
	Body struct {
		Express string `json:"express" minLength:"1" maxLength:"64" doc:"The carrier's number"`
	}
}

func (a *API) orders() {
	register(a, "orders-list", a.listOrders)
	register(a, "orders-read", func(ctx context.Context, in *OrderRef) (*one[orderOut], error) {
		id, err := in.id()
		if err != nil {
			return nil, err
		}
		o, err := a.Edge.Order(ctx, callOf(ctx).who, id)
		return &one[orderOut]{viewOrder(o)}, err
	})
	register(a, "orders-pay", func(ctx context.Context, in *OrderRef) (*one[orderOut], error) {
		return a.move(ctx, *in, orders.Pay, orders.Details{})
	})
	register(a, "orders-complete", func(ctx context.Context, in *OrderRef) (*one[orderOut], error) {
		return a.move(ctx, *in, orders.Complete, orders.Details{})
	})
	register(a, "orders-ship", func(ctx context.Context, in *shipIn) (*one[orderOut], error) {
		return a.move(ctx, in.OrderRef, orders.Ship, orders.Details{Express: in.Body.Express})
	})
	register(a, "orders-cancel", func(ctx context.Context, in *cancelIn) (*one[orderOut], error) {
		d := orders.Details{}
		if in.Body != nil {
			d.Reason = in.Body.Reason
		}
		return a.move(ctx, in.OrderRef, orders.Cancel, d)
	})
}

func (a *API) move(ctx context.Context, ref OrderRef, action orders.Action, d orders.Details) (*one[orderOut], error) {
	id, err := ref.id()
	if err != nil {
		return nil, err
	}
	o, err := a.Edge.Move(ctx, callOf(ctx).who, id, action, d)
	return &one[orderOut]{viewOrder(o)}, err
}

func (a *API) listOrders(ctx context.Context, in *ordersIn) (*one[list[orderOut]], error) {
	who, find, action := callOf(ctx).who, a.Edge.Bought, accounts.OrdersListOwn
	if in.As == "seller" || in.As == "" && !accounts.Allowed(action, who.Roles) {
		find, action = a.Edge.Sold, accounts.OrdersListSold
	}
	if !accounts.Allowed(action, who.Roles) {
		return nil, problem("not_allowed", "this needs one of the roles "+accounts.RolesFor(action).String())
	}
	f := orders.Filter{State: orders.State(in.State)}
	scope := fmt.Sprintf("orders %s %s %d", who.User, in.As, in.State)
	at, err := a.cursors.read(scope, in.Cursor)
	if err != nil {
		return nil, err
	}
	found, err := find(ctx, who, f, orders.Page{Limit: in.Limit, After: at.ID})
	return &one[list[orderOut]]{pageOf(a, scope, in.Limit, found, func(o orders.Order) place { return place{ID: o.ID} }, viewOrder)}, err
}
