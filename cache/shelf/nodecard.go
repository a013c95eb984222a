package shelf

import (
	"unique"

	"github.com/google/uuid"

	"rostrum/auction"
)

// nodeCard is what a node remembers of a lot. It remembers a hundred thousand of them, so it has no field twice: the id is
// the key's, what the lots of a session agree in is kept once for all of them, and what few lots have lies elsewhere.
type nodeCard struct {
	frame                                 unique.Handle[frame]
	rare                                  *rare  // nil: it has nothing of it
	text                                  string // code, title
	item, seller                          uuid.UUID
	priceMinor, stock, sold, version, rev int64
	readUS                                int64 // when it came
	shard, perBuyer, codeLength           int32
	none                                  bool // there is no such lot
}

// frame is what the lots of a session mostly agree in.
type frame struct {
	session           uuid.UUID
	area, currency    string
	format            auction.Format
	state             auction.LotState
	opensUS, closesUS int64
}

// rare is of a lot that closes with others, or is a slice.
type rare struct {
	group, sliceOf uuid.UUID
	slices, slice  int
}

// remembered makes a lot's card for the node's memory. The salt is not in it, as it is in no card.
func remembered(l *auction.Lot, readUS int64) nodeCard {
	c := nodeCard{frame: unique.Make(frame{session: l.Session, area: l.Area, currency: l.Currency, format: l.Format, state: l.State,
		opensUS: l.OpensUS, closesUS: l.ClosesUS}),
		text: l.Code + l.Title, item: l.Item, seller: l.Seller, priceMinor: l.PriceMinor, stock: l.Stock, sold: l.Sold,
		version: l.Version, rev: l.Rev, readUS: readUS, shard: int32(l.Shard), perBuyer: int32(l.PerBuyer), codeLength: int32(len(l.Code))}
	if r := (rare{group: l.Group, sliceOf: l.SliceOf, slices: l.Slices, slice: l.Slice}); r != (rare{}) {
		c.rare = &r
	}
	return c
}

// answer gives the lot again, whose id is the key.
func (c *nodeCard) answer(id uuid.UUID) (auction.Lot, error) {
	if c.none {
		return auction.Lot{}, noLot()
	}
	f := c.frame.Value()
	l := auction.Lot{ID: id, Shard: int(c.shard), Session: f.session, Item: c.item, Seller: c.seller, Area: f.area, Title: c.text[c.codeLength:],
		Format: f.format, PriceMinor: c.priceMinor, Currency: f.currency, Stock: c.stock, PerBuyer: int(c.perBuyer), Code: c.text[:c.codeLength],
		OpensUS: f.opensUS, ClosesUS: f.closesUS, State: f.state, Version: c.version, Sold: c.sold, Rev: c.rev}
	if r := c.rare; r != nil {
		l.Group, l.SliceOf, l.Slices, l.Slice = r.group, r.sliceOf, r.slices, r.slice
	}
	return l, nil
}
