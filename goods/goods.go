// Package goods says what is sold: areas, and the items that sellers own and list. It is the beginning of the story: an
// item waits here until its seller puts it into a session, where it becomes a lot (package auction).
package goods

import (
	"context"

	"github.com/google/uuid"
)

// Area is a region of sale with its own sessions. Codes are lower case letters, digits and hyphens, 2 … 32.
type Area struct {
	Code string `json:"code"`
	Name string `json:"name"`
}

// State is an item's state as people see it (RULES.md, "Words").
type State int

// The states of an item. For lots of one unit all but Tradable follow from the newest order and are never stored.
const (
	Tradable        State = 1
	AwaitingPayment State = 2
	Traded          State = 3 // sold, with nothing to ship
	ToBeShipped     State = 4
	InDelivery      State = 5
	Complete        State = 6
	AwaitingPayout  State = 7
)

// Item is a thing a seller owns.
type Item struct {
	ID          uuid.UUID `json:"id"`
	Number      string    `json:"number"` // the seller's own number, unique for the seller, 1 … 64 characters
	Owner       uuid.UUID `json:"owner"`
	Creator     uuid.UUID `json:"creator"` // who entered it: the owner, or an operator for them
	Name        string    `json:"name"`    // 1 … 200 characters
	Description string    `json:"description"`
	PriceMinor  int64     `json:"price"` // minor units, 1 … 2^53-1
	Currency    string    `json:"currency"`
	Area        string    `json:"area"`
	Auctionable bool      `json:"auctionable"`   // may be put into a session
	ShowFromUS  int64     `json:"show_from_us"`  // next_time: in no session that is published before
	TradeFromUS int64     `json:"trade_from_us"` // trade_time: in no session that starts before
	State       State     `json:"state"`
	Offered     int64     `json:"offered"`      // units in published sessions that are not over; derived, as State
	WithdrawnUS int64     `json:"withdrawn_us"` // 0: not withdrawn. A withdrawn item goes into no new session
	CreatedUS   int64     `json:"created_us"`
	Rev         int64     `json:"rev"` // for If-Match; 1 when new
}

// Limits of an item's texts, in characters.
const (
	MaxNumber      = 64
	MaxName        = 200
	MaxDescription = 4000
)

// Filter narrows a list of items; zero fields do not.
type Filter struct {
	Owner     uuid.UUID
	Area      string
	State     State
	Text      string // part of name or number, case folded
	PriceFrom int64
	PriceTo   int64
	Withdrawn bool  // withdrawn ones too
	ShownAtUS int64 // only items whose ShowFromUS is at or before; 0: all
}

// Page bounds a list by keyset: at most Limit (1 … 100) items after the id; the zero id starts at the front.
type Page struct {
	Limit int
	After uuid.UUID
}

// Items keeps items. Fault codes: NotFound `item_not_found`, `area_not_found`; Stale `stale` where the row's rev is not
// the given one; Conflict `number_taken` (the owner has an item of that number), `item_in_sale` (a published, unfinished
// session has it).
type Items interface {
	CreateItem(ctx context.Context, i Item) error
	Item(ctx context.Context, id uuid.UUID) (Item, error)
	// ItemsByID gives those of the items that exist, in no order, at most 1000 at once; none: empty.
	ItemsByID(ctx context.Context, ids []uuid.UUID) ([]Item, error)
	// ChangeItem writes i where the row's rev is i.Rev, and raises it.
	ChangeItem(ctx context.Context, i Item) (Item, error)
	// WithdrawItem marks it withdrawn. An item that a published, unfinished session has is not withdrawn (`item_in_sale`).
	WithdrawItem(ctx context.Context, id uuid.UUID, rev, nowUS int64) (Item, error)
	// ListItems gives items in order of id, newest first; none: empty.
	ListItems(ctx context.Context, f Filter, p Page) ([]Item, error)
	Areas(ctx context.Context) ([]Area, error)
	PutArea(ctx context.Context, a Area) error
}
