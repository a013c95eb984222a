package auction

import (
	"github.com/google/uuid"
)

// Format says how a lot is sold (RULES.md, "Formats"). Only flash lots can be published now; tables, records and
// scripts carry the name so that the others need no new shape.
type Format string

// The formats.
const (
	Flash        Format = "flash"
	English      Format = "english"
	Dutch        Format = "dutch"
	SealedFirst  Format = "sealed_first"
	SealedSecond Format = "sealed_second"
)

// LotState is what may still happen to a lot. What time adds to it (not started, over but not yet closed) is computed
// at the moment of reading.
type LotState string

// The states of a lot. A closed lot stays closed; a withdrawn one never sold again.
const (
	LotDraft     LotState = "draft"
	LotOpen      LotState = "open" // published; its window says whether it takes bids
	LotPaused    LotState = "paused"
	LotClosed    LotState = "closed"
	LotWithdrawn LotState = "withdrawn"
)

// Limits of a lot.
const (
	MaxPerBuyer = 64      // units a buyer may hold of one lot
	MaxStock    = 1 << 31 // units of one lot
)

// Lot is an item put into a session. All but State, Version, Sold and ClosesUS is frozen when its session is published.
type Lot struct {
	ID         uuid.UUID `json:"id"`
	Shard      int       `json:"shard"`
	Group      uuid.UUID `json:"group,omitzero"` // lots that close together; Nil: none
	Session    uuid.UUID `json:"session"`
	Item       uuid.UUID `json:"item"`
	Seller     uuid.UUID `json:"seller"` // the item's owner, who may not bid
	Area       string    `json:"area"`   // the session's area
	Title      string    `json:"title"`  // the item's name when the lot was made
	Format     Format    `json:"format"`
	PriceMinor int64     `json:"price"` // of one unit, minor units, 1 … 2^53-1
	Currency   string    `json:"currency"`
	Stock      int64     `json:"stock"`     // units offered
	PerBuyer   int       `json:"per_buyer"` // 1 … MaxPerBuyer
	Code       string    `json:"code"`      // the random code, 22 base62; empty while draft
	Salt       []byte    `json:"salt"`      // 16 bytes, makes the lot's pseudonyms; empty while draft
	OpensUS    int64     `json:"opens_us"`
	ClosesUS   int64     `json:"closes_us"` // moves only later: credits and extensions
	State      LotState  `json:"state"`
	Version    int64     `json:"version"`           // records of this lot so far
	Sold       int64     `json:"sold"`              // units sold and not returned, as MySQL has applied them
	Rev        int64     `json:"rev"`               // of the row, for If-Match while it is a draft
	Slices     int       `json:"slices,omitzero"`   // over how many shards the stock is spread; 0 and 1: it is not
	Slice      int       `json:"slice,omitzero"`    // which of them this lot is, from 0; published lots only
	SliceOf    uuid.UUID `json:"slice_of,omitzero"` // the first slice's id, in every slice; Nil: not in slices, or a draft
}

// Unit is one sold unit of a lot: who has it and by which bid. Nth is 1 … PerBuyer, unique per lot and buyer.
type Unit struct {
	Buyer, Bid, Order uuid.UUID
	Nth               int
	Epoch, Seq        int64
}
