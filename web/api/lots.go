package api

import (
	"context"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/web/edge"
)

type lotIn struct {
	ID   uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000022" doc:"The session's"`
	Body struct {
		Item     uuid.UUID `json:"item" format:"uuid"`
		Format   string    `json:"format,omitempty" enum:"flash,english,dutch,sealed_first,sealed_second" doc:"flash where it is left out, and the only one that can be published now"`
		Price    int64     `json:"price,omitempty" minimum:"1" maximum:"9007199254740991" doc:"Of one unit, in minor units; the item's where it is left out"`
		Currency string    `json:"currency,omitempty" doc:"The session's"`
		Stock    *int64    `json:"stock,omitempty" minimum:"1" maximum:"2147483648" doc:"Units offered; 1 where it is left out"`
		PerBuyer *int      `json:"per_buyer,omitempty" minimum:"1" maximum:"64" doc:"Units that one buyer may have; 1 where it is left out"`
		Group    uuid.UUID `json:"group,omitzero" format:"uuid" doc:"Lots of a group close together"`
		Slices   *int      `json:"slices,omitempty" minimum:"1" maximum:"1024" doc:"For a very large stock: publishing makes so many lots of this one, each with its part of the stock on a shard of its own. A buyer is shown one of them and has its stock only; at most as many as the deployment has shards, and two units each. 1 where it is left out"`
	}
}

type lotPatch struct {
	ID      uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000034"`
	IfMatch string    `header:"If-Match" doc:"The lot's ETag"`
	Body    struct {
		Price    *int64 `json:"price,omitempty" minimum:"1" maximum:"9007199254740991"`
		Stock    *int64 `json:"stock,omitempty" minimum:"1" maximum:"2147483648"`
		PerBuyer *int   `json:"per_buyer,omitempty" minimum:"1" maximum:"64"`
		Slices   *int   `json:"slices,omitempty" minimum:"1" maximum:"1024"`
	}
}

type lotOut struct {
	ID       uuid.UUID `json:"id" format:"uuid"`
	Session  uuid.UUID `json:"session" format:"uuid"`
	Item     uuid.UUID `json:"item" format:"uuid"`
	Seller   uuid.UUID `json:"seller" format:"uuid"`
	Area     string    `json:"area"`
	Title    string    `json:"title"`
	Format   string    `json:"format"`
	Price    int64     `json:"price" doc:"Of one unit, in minor units"`
	Currency string    `json:"currency"`
	Stock    int64     `json:"stock" doc:"Units offered"`
	Left     int64     `json:"left" doc:"Units unsold, as of a moment ago"`
	PerBuyer int       `json:"per_buyer"`
	Code     string    `json:"code,omitempty" doc:"Send it with the bid. It is here only while the lot is live, and only for bidders who may buy it"`
	Opens    Time      `json:"opens" doc:"null for a draft"`
	Closes   Time      `json:"closes" doc:"null for a draft"`
	State    string    `json:"state" doc:"draft, scheduled, live, over, paused, closed or withdrawn, as of now"`
	Slices   int       `json:"slices,omitzero" doc:"The lot is sold in so many parts: stock and left are those of the reader's own part, and others may have units left when it has none"`
}

func viewLot(l auction.Lot, nowUS int64) lotOut {
	return lotOut{l.ID, l.Session, l.Item, l.Seller, l.Area, l.Title, string(l.Format), l.PriceMinor, l.Currency, l.Stock, l.Stock - l.Sold,
		l.PerBuyer, l.Code, Time(l.OpensUS), Time(l.ClosesUS), edge.LotState(&l, nowUS), slicesOf(&l)}
}

// slicesOf is 0 for a lot that is not in slices, however that is written.
func slicesOf(l *auction.Lot) int {
	if l.Slices <= 1 {
		return 0
	}
	return l.Slices
}

type lotRead struct {
	Conditional
	ID uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000031"`
}

type lotIDAtRev struct {
	ID      uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000034"`
	IfMatch string    `header:"If-Match" doc:"The lot's ETag"`
}

func (a *API) lots() {
	a.goods()
	register(a, "lots-add", a.addLot)
	register(a, "lots-read", a.readLot)
	a.describeCaching("lots-read", "It is public where nobody is logged in; for who may see drafts its ETag is the revision, for If-Match, and nobody keeps it.")
	register(a, "lots-change", func(ctx context.Context, in *lotPatch) (*tagged[lotOut], error) {
		rev, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		return a.tagLot(a.Edge.ChangeLot(ctx, callOf(ctx).who, in.ID, rev, func(l *auction.Lot) {
			put(&l.PriceMinor, in.Body.Price)
			put(&l.Stock, in.Body.Stock)
			put(&l.PerBuyer, in.Body.PerBuyer)
			put(&l.Slices, in.Body.Slices)
		}))
	})
	register(a, "lots-remove", func(ctx context.Context, in *lotIDAtRev) (*nothing, error) {
		rev, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		return nil, a.Edge.RemoveLot(ctx, callOf(ctx).who, in.ID, rev)
	})
}

// readLot gives planners the lot as it is written, with its revision, and everybody else what caches have.
func (a *API) readLot(ctx context.Context, in *lotRead) (*cached[lotOut], error) {
	who := callOf(ctx).who
	l, err := a.Edge.Lot(ctx, who, in.ID)
	if err != nil {
		return nil, err
	}
	now := a.Edge.NowUS()
	view := viewLot(l, now)
	if a.Edge.Plans(who) {
		return unlessKnown("", etag(l.Rev), forPlanner, view), nil
	}
	return unlessKnown(in.IfNoneMatch, weakTag(view), openly(who, goodsFor, now, edge.LotChanges(&l, now)), view), nil
}

func (a *API) tagLot(l auction.Lot, err error) (*tagged[lotOut], error) {
	return &tagged[lotOut]{etag(l.Rev), viewLot(l, a.Edge.NowUS())}, err
}

func (a *API) addLot(ctx context.Context, in *lotIn) (*created[lotOut], error) {
	b := in.Body
	l := auction.Lot{Item: b.Item, Format: auction.Format(b.Format), PriceMinor: b.Price, Currency: b.Currency, Stock: 1, PerBuyer: 1, Group: b.Group}
	put(&l.Stock, b.Stock)
	put(&l.PerBuyer, b.PerBuyer)
	put(&l.Slices, b.Slices)
	l, err := a.Edge.AddLot(ctx, callOf(ctx).who, in.ID, l)
	return &created[lotOut]{Prefix + "/lots/" + l.ID.String(), etag(l.Rev), viewLot(l, a.Edge.NowUS())}, err
}
