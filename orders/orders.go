// Package orders is what comes after an award: an order on its way to being paid for and delivered.
//
//	10000 pending_payment ─▶ 30000 paid ─▶ 30001 shipping ─▶ 50000 completed
//	  │   └─ 20001 cancelled        └─▶ 60000 refunded
//	  └─ 10001 timing_out ─▶ 20000 payment_timeout                20002 void (never was: the last guard refused it)
//
// One table says who may move an order from where to where; a move is written with its event in one transaction. A
// cancelled order's units go back to sale once: the order is marked here first, the gate journals the release, and
// applying that record notes ReleasedUS, and ends an order that is marked no more because the database forgot it.
package orders

import (
	"context"

	"github.com/google/uuid"
)

// State is an order's state; the numbers are stored and shown (FORMATS.md).
type State int

// The states of an order.
const (
	PendingPayment State = 10000
	TimingOut      State = 10001
	PaymentTimeout State = 20000
	Cancelled      State = 20001
	Void           State = 20002
	Paid           State = 30000
	Shipping       State = 30001
	Completed      State = 50000
	Refunded       State = 60000
)

// Order is an award on its way to being paid for and delivered.
type Order struct {
	ID         uuid.UUID `json:"id"`
	Shard      int       `json:"shard"`
	Lot        uuid.UUID `json:"lot"`
	Session    uuid.UUID `json:"session"`
	Item       uuid.UUID `json:"item"`
	Title      string    `json:"title"` // the lot's
	Seller     uuid.UUID `json:"seller"`
	Buyer      uuid.UUID `json:"buyer"`
	Bid        uuid.UUID `json:"bid_id"`
	Quantity   int64     `json:"quantity"`
	Nth        []int     `json:"nth"`   // the units, empty once they are released
	PriceMinor int64     `json:"price"` // of one unit
	TotalMinor int64     `json:"total"`
	Currency   string    `json:"currency"`
	State      State     `json:"state"`
	Reason     string    `json:"reason,omitempty"`  // of cancelled and void
	Express    string    `json:"express,omitempty"` // the carrier's number
	Epoch      int64     `json:"epoch"`
	Seq        int64     `json:"seq"`
	AdmittedUS int64     `json:"admitted_us"`
	PayByUS    int64     `json:"pay_by_us"`
	PaidUS     int64     `json:"paid_us,omitempty"`
	ChangedUS  int64     `json:"changed_us"`
	ReleasedUS int64     `json:"released_us,omitempty"` // when the units' return was applied
	Trace      string    `json:"trace,omitempty"`       // the request that won it
	Rev        int64     `json:"rev"`
}

// Filter narrows a list of orders; zero fields do not.
type Filter struct {
	Buyer, Seller, Lot, Session uuid.UUID
	State                       State
}

// Page bounds a list by keyset: at most Limit (1 … 100) after the id, newest first.
type Page struct {
	Limit int
	After uuid.UUID
}

// Orders keeps orders. Fault codes: NotFound `order_not_found`, Stale `stale`.
type Orders interface {
	Order(ctx context.Context, id uuid.UUID) (Order, error)
	ListOrders(ctx context.Context, f Filter, p Page) ([]Order, error)
	// SaveMove writes a move that Order.Move has made of an order: the row where its rev is still before.Rev, and the event
	// in the outbox, in one transaction.
	SaveMove(ctx context.Context, before, after Order, e Event) error
	// ToRelease gives cancelled and timed-out orders whose units have not come back yet, oldest change first.
	ToRelease(ctx context.Context, limit int) ([]Order, error)
}

// Event is what a move says to the world: one row of the outbox, one message of rostrum.orders.v1.
type Event struct {
	ID      uuid.UUID `json:"id"`
	Kind    string    `json:"kind"` // order.paid, order.cancelled, order.shipped, order.completed …
	AtUS    int64     `json:"at_us"`
	Order   uuid.UUID `json:"order"`
	Lot     uuid.UUID `json:"lot"`
	Session uuid.UUID `json:"session"`
	State   State     `json:"state"`
	Reason  string    `json:"reason,omitempty"`
	Express string    `json:"express,omitempty"`
}
