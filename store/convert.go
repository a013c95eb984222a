package store

import (
	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/goods"
	"rostrum/orders"
	"rostrum/store/db"
)

// Rows and the domain's types, both ways. Column by column and not by reflection: the compiler then says which place
// forgot a new field.

// itemOf leaves the state at Tradable; derive knows better.
func itemOf(g db.Good) goods.Item {
	return goods.Item{ID: uuid.UUID(g.ID), Number: g.Number, Owner: uuid.UUID(g.OwnerID), Creator: uuid.UUID(g.CreatorID), Name: g.Name,
		Description: g.Description, PriceMinor: g.Price, Currency: g.Currency, Area: g.Area, Auctionable: g.Auctionable,
		ShowFromUS: g.ShowFromUs, TradeFromUS: g.TradeFromUs, State: goods.Tradable, WithdrawnUS: g.WithdrawnUs,
		CreatedUS: g.CreatedUs, Rev: g.Rev}
}

// sessionOf leaves the number of lots to sessions.
func sessionOf(a db.Auction) auction.Session {
	s := auction.Session{ID: uuid.UUID(a.ID), Area: a.Area, Name: a.Name, Currency: a.Currency, StartsUS: a.StartsUs, EndsUS: a.EndsUs,
		Recurrence: a.Recurrence, Zone: a.Zone, State: a.State, Creator: uuid.UUID(a.CreatorID), CreatedUS: a.CreatedUs, Rev: a.Rev}
	s.Parent = idOr(a.ParentID)
	return s
}

// idOr is uuid.Nil for NULL.
func idOr(id *db.ID) uuid.UUID {
	if id == nil {
		return uuid.Nil
	}
	return uuid.UUID(*id)
}

// orNull is NULL where there is none: a unique key on it then does not apply.
func orNull(id uuid.UUID) *db.ID {
	if id == uuid.Nil {
		return nil
	}
	p := db.ID(id)
	return &p
}

// lotOf gives a lot as its row is now: State, Version, Sold and ClosesUS are what Apply has made of them.
func lotOf(l db.Lot) auction.Lot {
	return auction.Lot{ID: uuid.UUID(l.ID), Shard: l.Shard, Group: uuid.UUID(l.GroupID), Session: uuid.UUID(l.SessionID),
		Item: uuid.UUID(l.ItemID), Seller: uuid.UUID(l.SellerID), Area: l.Area, Title: l.Title, Format: l.Format, PriceMinor: l.Price,
		Currency: l.Currency, Stock: l.Stock, PerBuyer: l.PerBuyer, Code: l.Code, Salt: l.Salt, OpensUS: l.OpensUs, ClosesUS: l.ClosesUs,
		State: l.State, Version: l.Version, Sold: l.Sold, Rev: l.Rev, Slices: l.Slices, Slice: l.Slice, SliceOf: idOr(l.SliceOf)}
}

// lotArgs is the whole row, in the order of InsertLot and ReplaceLot.
func lotArgs(l auction.Lot) []any {
	return []any{l.Shard, db.ID(l.ID), db.ID(l.Group), db.ID(l.Session), db.ID(l.Item), db.ID(l.Seller), l.Area, l.Title, string(l.Format),
		l.PriceMinor, l.Currency, l.Stock, l.PerBuyer, l.Code, bytesOf(l.Salt), l.OpensUS, l.ClosesUS, string(l.State), l.Version, l.Sold, l.Rev,
		l.Slices, l.Slice, orNull(l.SliceOf)}
}

// orderOf leaves void_seq out: who reads an order sees its state.
func orderOf(o db.Order) orders.Order {
	return orders.Order{ID: uuid.UUID(o.ID), Shard: o.Shard, Lot: uuid.UUID(o.LotID), Session: uuid.UUID(o.SessionID), Item: uuid.UUID(o.ItemID),
		Title: o.Title, Seller: uuid.UUID(o.SellerID), Buyer: uuid.UUID(o.BuyerID), Bid: uuid.UUID(o.BidID), Quantity: o.Quantity,
		Nth: nthOf(o.Nth), PriceMinor: o.Price, TotalMinor: o.Total, Currency: o.Currency, State: o.State, Reason: o.Reason,
		Express: o.Express, Epoch: o.Epoch, Seq: o.Seq, AdmittedUS: o.AdmittedUs, PayByUS: o.PayByUs, PaidUS: o.PaidUs,
		ChangedUS: o.ChangedUs, ReleasedUS: o.ReleasedUs, Trace: o.Trace, Rev: o.Rev}
}

// nthBytes packs unit numbers, 1 … 64, a byte each.
func nthBytes(nth []int) []byte {
	b := make([]byte, len(nth))
	for i, n := range nth {
		b[i] = byte(n)
	}
	return b
}

// nthOf is nil for no units, as an order without them has it.
func nthOf(b []byte) []int {
	var nth []int
	for _, n := range b {
		nth = append(nth, int(n))
	}
	return nth
}

// userOf trusts the stored numbers: roles and states keep theirs for ever.
func userOf(u db.User) accounts.User {
	return accounts.User{ID: uuid.UUID(u.ID), Login: u.Login, Name: u.Name, Area: u.Area, Roles: accounts.Roles(u.Roles),
		PasswordHash: u.PasswordHash, State: accounts.State(u.State), CreatedUS: u.CreatedUs, Rev: u.Rev}
}

// bytesOf keeps an empty value from becoming NULL.
func bytesOf(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// mapped gives f of each row; empty, never nil, for none.
func mapped[A, B any](rows []A, f func(A) B) []B {
	all := make([]B, len(rows))
	for i, r := range rows {
		all[i] = f(r)
	}
	return all
}

// ids makes the database's ids of the domain's.
func ids(list []uuid.UUID) []db.ID {
	return mapped(list, func(id uuid.UUID) db.ID { return db.ID(id) })
}

// page bounds a limit that was asked for.
func page(limit int) int32 { return int32(min(max(limit, 1), MaxPage)) }
