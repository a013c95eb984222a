package edge

import (
	"context"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/goods"
	"rostrum/internal/fault"
)

// card gives a published lot from the shelf.
func (e *Edge) card(ctx context.Context, id uuid.UUID) (auction.Lot, error) {
	l, err := e.Shelf.Card(ctx, id)
	if err == nil && l.State == auction.LotDraft {
		return auction.Lot{}, notFound("lot_not_found", "there is no such lot")
	}
	return l, err
}

// Lot gives a lot, as Goods shows it, and in place of another's slice the reader's own. A draft is shown to who may see
// drafts; what they get is never from a cache, and the very slice they asked for.
func (e *Edge) Lot(ctx context.Context, who accounts.Claims, id uuid.UUID) (auction.Lot, error) {
	var l auction.Lot
	var err error
	if may(who, accounts.SessionsDrafts) {
		l, err = e.Sessions.Lot(ctx, id)
	} else {
		l, err = e.card(ctx, id)
		if err == nil && !l.Serves(who.User) {
			l, err = e.card(ctx, l.Sibling(l.SliceFor(who.User), e.Shards))
		}
	}
	return hideCode(l, may(who, accounts.BidsPlace) && !owner(who, l.Seller) && l.Serves(who.User), e.NowUS()), err
}

// AddLot puts who's own item (any, for an operator) into a draft session. What the caller leaves zero is taken from the
// item and the session: price, currency, one unit, one a buyer, flash. Invalid with every wrong field; Conflict
// `session_published`, `lot_exists`.
func (e *Edge) AddLot(ctx context.Context, who accounts.Claims, session uuid.UUID, l auction.Lot) (auction.Lot, error) {
	s, err := e.draft(ctx, session)
	if err != nil {
		return l, err
	}
	i, err := e.Items.Item(ctx, l.Item)
	if fault.ClassOf(err) == fault.NotFound && err != nil || err == nil && !owner(who, i.Owner) && !operates(who) {
		return l, fault.Wrong("item", "is not an item of yours", "send the id of one of GET /api/v1/items")
	}
	if err != nil {
		return l, err
	}
	l.ID, l.Session, l.Area, l.State, l.Rev = e.NewID(), s.ID, s.Area, auction.LotDraft, 1
	l.Shard = auction.ShardOf(l.ID, l.Group, e.Shards)
	l = filledIn(l, i, s)
	if err := fault.Invalids(append(auction.CheckLot("", l, i, s, s.StartsUS), auction.CheckSlices("", l, e.Shards)...)); err != nil {
		return l, err
	}
	return l, e.Sessions.AddLot(ctx, l)
}

func filledIn(l auction.Lot, i goods.Item, s auction.Session) auction.Lot {
	l.Seller, l.Title = i.Owner, i.Name
	if l.PriceMinor == 0 {
		l.PriceMinor = i.PriceMinor
	}
	if l.Currency == "" {
		l.Currency = s.Currency
	}
	if l.Format == "" {
		l.Format = auction.Flash
	}
	return l
}

// ChangeLot changes a draft lot that still has rev. Conflict `session_published`, Stale `stale`.
func (e *Edge) ChangeLot(ctx context.Context, who accounts.Claims, id uuid.UUID, rev int64, change func(*auction.Lot)) (auction.Lot, error) {
	l, s, err := e.ownLot(ctx, who, id, rev)
	if err != nil {
		return l, err
	}
	i, err := e.Items.Item(ctx, l.Item)
	if err != nil {
		return l, err
	}
	change(&l)
	if err := fault.Invalids(append(auction.CheckLot("", l, i, s, s.StartsUS), auction.CheckSlices("", l, e.Shards)...)); err != nil {
		return l, err
	}
	return e.Sessions.ChangeLot(ctx, l)
}

// RemoveLot takes a draft lot that still has rev out of its session. Errors as in ChangeLot.
func (e *Edge) RemoveLot(ctx context.Context, who accounts.Claims, id uuid.UUID, rev int64) error {
	l, _, err := e.ownLot(ctx, who, id, rev)
	if err != nil {
		return err
	}
	return e.Sessions.RemoveLot(ctx, l.ID, rev)
}

// ownLot gives a draft lot that who may change, at a revision, with its session.
func (e *Edge) ownLot(ctx context.Context, who accounts.Claims, id uuid.UUID, rev int64) (auction.Lot, auction.Session, error) {
	l, err := e.Sessions.Lot(ctx, id)
	if err == nil && !owner(who, l.Seller) && !operates(who) {
		err = notFound("lot_not_found", "there is no such lot of yours")
	}
	if err != nil {
		return l, auction.Session{}, err
	}
	s, err := e.draft(ctx, l.Session)
	if err == nil && l.Rev != rev {
		err = stale()
	}
	return l, s, err
}
