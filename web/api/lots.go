package api

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"rostrum/auction"
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
	}
}

type lotPatch struct {
	ID      uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000034"`
	IfMatch string    `header:"If-Match" doc:"The lot's ETag"`
	Body    struct {
		Price    *int64 `json:"price,omitempty" minimum:"1" maximum:"9007199254740991"`
		Stock    *int64 `json:"stock,omitempty" minimum:"1" maximum:"2147483648"`
		PerBuyer *int   `json:"per_buyer,omitempty" minimum:"1" maximum:"64"`
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
}

func viewLot(l auction.Lot, nowUS int64) lotOut {
	return lotOut{l.ID, l.Session, l.Item, l.Seller, l.Area, l.Title, string(l.Format), l.PriceMinor, l.Currency, l.Stock, l.Stock - l.Sold,
		l.PerBuyer, l.Code, Time(l.OpensUS), Time(l.ClosesUS), LotState(l, nowUS)}
}

// LotState says in a word what a lot is at a moment.
func LotState(l auction.Lot, nowUS int64) string {
	switch {
	case l.State != auction.LotOpen:
		return string(l.State)
	case nowUS < l.OpensUS:
		return "scheduled"
	case nowUS < l.ClosesUS:
		return "live"
	}
	return "over"
}

type goodsIn struct {
	Paging
	ID uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000021"`
}

type goodsOut struct {
	Session sessionOut `json:"session"`
	Now     Time       `json:"now" doc:"The server's time, to count down by"`
	Items   []lotOut   `json:"items" nullable:"false"`
	Next    string     `json:"next,omitempty" doc:"Send it as cursor for the next page; not there on the last"`
}

type lotID struct {
	ID uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000031"`
}

type lotIDAtRev struct {
	ID      uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000034"`
	IfMatch string    `header:"If-Match" doc:"The lot's ETag"`
}

func (a *API) lots() {
	register(a, "lots-list", a.goodsPage)
	register(a, "lots-add", a.addLot)
	register(a, "lots-read", func(ctx context.Context, in *lotID) (*tagged[lotOut], error) {
		l, err := a.Edge.Lot(ctx, callOf(ctx).who, in.ID)
		return a.tagLot(l, err)
	})
	register(a, "lots-change", func(ctx context.Context, in *lotPatch) (*tagged[lotOut], error) {
		rev, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		return a.tagLot(a.Edge.ChangeLot(ctx, callOf(ctx).who, in.ID, rev, func(l *auction.Lot) {
			put(&l.PriceMinor, in.Body.Price)
			put(&l.Stock, in.Body.Stock)
			put(&l.PerBuyer, in.Body.PerBuyer)
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

func (a *API) tagLot(l auction.Lot, err error) (*tagged[lotOut], error) {
	return &tagged[lotOut]{etag(l.Rev), viewLot(l, a.Edge.NowUS())}, err
}

func (a *API) goodsPage(ctx context.Context, in *goodsIn) (*one[goodsOut], error) {
	who := callOf(ctx).who
	scope := fmt.Sprintf("lots %s %s", in.ID, who.User)
	at, err := a.cursors.read(scope, in.Cursor)
	if err != nil {
		return nil, err
	}
	g, err := a.Edge.Goods(ctx, who, in.ID, auction.Page{Limit: in.Limit, Key: at.Key, ID: at.ID})
	if err != nil {
		return nil, err
	}
	out := goodsOut{Session: a.viewSession(g.Session), Now: Time(g.NowUS), Items: make([]lotOut, 0, len(g.Lots))}
	for _, l := range g.Lots {
		out.Items = append(out.Items, viewLot(l, g.NowUS))
	}
	if g.Next.Limit > 0 {
		out.Next = a.cursors.write(scope, place{g.Next.Key, g.Next.ID})
	}
	return &one[goodsOut]{out}, nil
}

func (a *API) addLot(ctx context.Context, in *lotIn) (*created[lotOut], error) {
	b := in.Body
	l := auction.Lot{Item: b.Item, Format: auction.Format(b.Format), PriceMinor: b.Price, Currency: b.Currency, Stock: 1, PerBuyer: 1, Group: b.Group}
	put(&l.Stock, b.Stock)
	put(&l.PerBuyer, b.PerBuyer)
	l, err := a.Edge.AddLot(ctx, callOf(ctx).who, in.ID, l)
	return &created[lotOut]{Prefix + "/lots/" + l.ID.String(), etag(l.Rev), viewLot(l, a.Edge.NowUS())}, err
}
