package api

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"rostrum/goods"
)

type areaIn struct {
	Body struct {
		Code string `json:"code" doc:"2 to 32 of a-z, 0-9 and -"`
		Name string `json:"name" maxLength:"200"`
	}
}

func (a *API) areas() {
	register(a, "areas-list", func(ctx context.Context, _ *nothing) (*one[list[goods.Area]], error) {
		found, err := a.Edge.Areas(ctx) // all of them: there is no next
		return &one[list[goods.Area]]{list[goods.Area]{Items: append([]goods.Area{}, found...)}}, err
	})
	register(a, "areas-put", func(ctx context.Context, in *areaIn) (*one[goods.Area], error) {
		area := goods.Area{Code: in.Body.Code, Name: in.Body.Name}
		return &one[goods.Area]{area}, a.Edge.PutArea(ctx, area)
	})
}

type itemIn struct {
	Body struct {
		Number      string `json:"number" minLength:"1" maxLength:"64" doc:"Your own number for it, unique among your items"`
		Name        string `json:"name" minLength:"1" maxLength:"200"`
		Description string `json:"description,omitempty" maxLength:"4000"`
		Price       int64  `json:"price" minimum:"1" maximum:"9007199254740991" doc:"Of one unit, in minor units"`
		Currency    string `json:"currency" doc:"ISO 4217"`
		Area        string `json:"area" doc:"Code of the area that it is sold in"`
		Auctionable *bool  `json:"auctionable,omitempty" doc:"May be put into a session; true where it is left out"`
		ShowFrom    Time   `json:"show_from,omitzero" doc:"Not shown before: in no session that is published before, since that shows its lots; null is the same as leaving it out"`
		TradeFrom   Time   `json:"trade_from,omitzero" doc:"In no session that starts before; null is the same as leaving it out"`
	}
}

type itemPatch struct {
	ID      uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000012"`
	IfMatch string    `header:"If-Match" doc:"The item's ETag"`
	Body    struct {
		Number      *string   `json:"number,omitempty" minLength:"1" maxLength:"64"`
		Name        *string   `json:"name,omitempty" minLength:"1" maxLength:"200"`
		Description *string   `json:"description,omitempty" maxLength:"4000"`
		Price       *int64    `json:"price,omitempty" minimum:"1" maximum:"9007199254740991"`
		Currency    *string   `json:"currency,omitempty"`
		Area        *string   `json:"area,omitempty"`
		Auctionable *bool     `json:"auctionable,omitempty"`
		ShowFrom    Clearable `json:"show_from,omitzero" doc:"null takes it away"`
		TradeFrom   Clearable `json:"trade_from,omitzero" doc:"null takes it away"`
	}
}

type itemOut struct {
	ID          uuid.UUID `json:"id" format:"uuid"`
	Number      string    `json:"number"`
	Owner       uuid.UUID `json:"owner" format:"uuid"`
	Creator     uuid.UUID `json:"creator" format:"uuid"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Price       int64     `json:"price" doc:"Minor units"`
	Currency    string    `json:"currency"`
	Area        string    `json:"area"`
	Auctionable bool      `json:"auctionable"`
	ShowFrom    Time      `json:"show_from"`
	TradeFrom   Time      `json:"trade_from"`
	State       int       `json:"state" doc:"1 tradable, 2 awaiting payment, 3 traded (paid, its session goes on), 4 to be shipped (paid, its session is over), 5 in delivery, 6 complete (its session is settled), 7 awaiting payout (received). What is sold in lots of many units is always 1; only what is 1 goes into a session"`
	Withdrawn   Time      `json:"withdrawn" doc:"null: it is not"`
	Created     Time      `json:"created"`
}

func viewItem(i goods.Item) itemOut {
	return itemOut{i.ID, i.Number, i.Owner, i.Creator, i.Name, i.Description, i.PriceMinor, i.Currency, i.Area, i.Auctionable,
		Time(i.ShowFromUS), Time(i.TradeFromUS), int(i.State), Time(i.WithdrawnUS), Time(i.CreatedUS)}
}

type itemsIn struct {
	Paging
	Owner     uuid.UUID `query:"owner" format:"uuid" doc:"Only this owner's"`
	Area      string    `query:"area" maxLength:"32"`
	State     int       `query:"state" minimum:"1" maximum:"7" doc:"With it a page may be shorter than limit, even empty, and have a next"`
	Text      string    `query:"text" maxLength:"200" doc:"Part of name or number, whatever its case"`
	PriceFrom int64     `query:"price_from" minimum:"0" maximum:"9007199254740991"`
	PriceTo   int64     `query:"price_to" minimum:"0" maximum:"9007199254740991"`
	Withdrawn bool      `query:"withdrawn" doc:"Withdrawn ones too"`
}

type byID struct {
	ID uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000012"`
}

type byIDAtRev struct {
	ID      uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000012"`
	IfMatch string    `header:"If-Match" doc:"Its ETag"`
}

func (a *API) items() {
	register(a, "items-list", a.listItems)
	register(a, "items-create", a.createItem)
	register(a, "items-read", func(ctx context.Context, in *byID) (*tagged[itemOut], error) {
		i, err := a.Edge.Item(ctx, callOf(ctx).who, in.ID)
		return &tagged[itemOut]{etag(i.Rev), viewItem(i)}, err
	})
	register(a, "items-change", a.changeItem)
	register(a, "items-withdraw", func(ctx context.Context, in *byIDAtRev) (*tagged[itemOut], error) {
		rev, err := ifMatch(in.IfMatch)
		if err != nil {
			return nil, err
		}
		i, err := a.Edge.WithdrawItem(ctx, callOf(ctx).who, in.ID, rev)
		return &tagged[itemOut]{etag(i.Rev), viewItem(i)}, err
	})
}

func (a *API) listItems(ctx context.Context, in *itemsIn) (*one[list[itemOut]], error) {
	f := goods.Filter{Owner: in.Owner, Area: in.Area, State: goods.State(in.State), Text: in.Text,
		PriceFrom: in.PriceFrom, PriceTo: in.PriceTo, Withdrawn: in.Withdrawn}
	who := callOf(ctx).who
	scope := fmt.Sprintf("items %s %+v", who.User, f)
	at, err := a.cursors.read(scope, in.Cursor)
	if err != nil {
		return nil, err
	}
	found, next, err := a.Edge.ListItems(ctx, who, f, goods.Page{Limit: in.Limit, After: at.ID})
	if err != nil {
		return nil, err
	}
	out := pageOf(a, scope, 0, found, nil, viewItem)
	if next.Limit > 0 {
		out.Next = a.cursors.write(scope, place{ID: next.After})
	}
	return &one[list[itemOut]]{out}, nil
}

func (a *API) createItem(ctx context.Context, in *itemIn) (*created[itemOut], error) {
	b := in.Body
	i := goods.Item{Number: b.Number, Name: b.Name, Description: b.Description, PriceMinor: b.Price, Currency: b.Currency, Area: b.Area,
		Auctionable: b.Auctionable == nil || *b.Auctionable, ShowFromUS: int64(b.ShowFrom), TradeFromUS: int64(b.TradeFrom)}
	i, err := a.Edge.CreateItem(ctx, callOf(ctx).who, i)
	return &created[itemOut]{Prefix + "/items/" + i.ID.String(), etag(i.Rev), viewItem(i)}, err
}

func (a *API) changeItem(ctx context.Context, in *itemPatch) (*tagged[itemOut], error) {
	rev, err := ifMatch(in.IfMatch)
	if err != nil {
		return nil, err
	}
	b := in.Body
	i, err := a.Edge.ChangeItem(ctx, callOf(ctx).who, in.ID, rev, func(i *goods.Item) {
		put(&i.Number, b.Number)
		put(&i.Name, b.Name)
		put(&i.Description, b.Description)
		put(&i.PriceMinor, b.Price)
		put(&i.Currency, b.Currency)
		put(&i.Area, b.Area)
		put(&i.Auctionable, b.Auctionable)
		b.ShowFrom.put(&i.ShowFromUS)
		b.TradeFrom.put(&i.TradeFromUS)
	})
	return &tagged[itemOut]{etag(i.Rev), viewItem(i)}, err
}

// put takes over what was sent.
func put[T any](into *T, sent *T) {
	if sent != nil {
		*into = *sent
	}
}
