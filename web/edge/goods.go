package edge

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/goods"
	"rostrum/internal/fault"
)

// Areas gives all areas of sale.
func (e *Edge) Areas(ctx context.Context) ([]goods.Area, error) { return e.Items.Areas(ctx) }

// PutArea makes an area, or renames it.
func (e *Edge) PutArea(ctx context.Context, a goods.Area) error {
	if err := fault.Invalids(goods.CheckArea(a)); err != nil {
		return err
	}
	return e.Items.PutArea(ctx, a)
}

// knownArea says what is wrong with an area's code that nobody has put up.
func (e *Edge) knownArea(ctx context.Context, code string) ([]fault.Field, error) {
	areas, err := e.Items.Areas(ctx)
	if err != nil || slices.ContainsFunc(areas, func(a goods.Area) bool { return a.Code == code }) {
		return nil, err
	}
	return []fault.Field{{Name: "area", Detail: "there is no such area", Remedy: "send the code of one of GET /api/v1/areas"}}, nil
}

// CreateItem lists an item of who's own. Invalid with every wrong field; Conflict `number_taken`.
func (e *Edge) CreateItem(ctx context.Context, who accounts.Claims, i goods.Item) (goods.Item, error) {
	i.ID, i.Owner, i.Creator, i.State, i.Rev = e.NewID(), who.User, who.User, goods.Tradable, 1
	i.CreatedUS = e.NowUS()
	if err := e.checkItem(ctx, i); err != nil {
		return i, err
	}
	return i, e.Items.CreateItem(ctx, i)
}

func (e *Edge) checkItem(ctx context.Context, i goods.Item) error {
	wrong := i.Check()
	if !slices.ContainsFunc(wrong, func(f fault.Field) bool { return f.Name == "area" }) {
		unknown, err := e.knownArea(ctx, i.Area)
		if err != nil {
			return err
		}
		wrong = append(wrong, unknown...)
	}
	if err := fault.Invalids(wrong); err != nil {
		return err
	}
	return nil
}

// Item gives an item: to its owner, and to those who look at everything. Else NotFound `item_not_found`.
func (e *Edge) Item(ctx context.Context, who accounts.Claims, id uuid.UUID) (goods.Item, error) {
	i, err := e.Items.Item(ctx, id)
	if err == nil && !owner(who, i.Owner) && !looksAtAll(who) {
		return goods.Item{}, notFound("item_not_found", "there is no such item")
	}
	return i, err
}

// ChangeItem changes who's own item (or any, for an operator), where it still has rev. Stale `stale`.
func (e *Edge) ChangeItem(ctx context.Context, who accounts.Claims, id uuid.UUID, rev int64, change func(*goods.Item)) (goods.Item, error) {
	i, err := e.ownItem(ctx, who, id, rev)
	if err != nil {
		return i, err
	}
	change(&i)
	if err := e.checkItem(ctx, i); err != nil {
		return i, err
	}
	return e.Items.ChangeItem(ctx, i)
}

// WithdrawItem takes who's own item (or any, for an operator) off the market. Conflict `item_in_sale`, Stale `stale`.
func (e *Edge) WithdrawItem(ctx context.Context, who accounts.Claims, id uuid.UUID, rev int64) (goods.Item, error) {
	i, err := e.ownItem(ctx, who, id, rev)
	if err != nil {
		return i, err
	}
	return e.Items.WithdrawItem(ctx, i.ID, rev, e.NowUS())
}

// ownItem gives an item that who may change, at a revision.
func (e *Edge) ownItem(ctx context.Context, who accounts.Claims, id uuid.UUID, rev int64) (goods.Item, error) {
	i, err := e.Item(ctx, who, id)
	switch {
	case err != nil:
		return i, err
	case !owner(who, i.Owner) && !operates(who):
		return i, notFound("item_not_found", "there is no such item of yours")
	case i.Rev != rev:
		return i, stale()
	}
	return i, nil
}

func stale() error {
	return fault.New(fault.Stale, "stale", "it was changed since you read it: read it again and send its ETag")
}

// ListItems lists items newest first: a seller's own, or for those who look at everything all that the filter lets pass.
func (e *Edge) ListItems(ctx context.Context, who accounts.Claims, f goods.Filter, p goods.Page) ([]goods.Item, error) {
	if !looksAtAll(who) {
		if f.Owner != uuid.Nil && f.Owner != who.User {
			return nil, nil
		}
		f.Owner = who.User
	}
	return e.Items.ListItems(ctx, f, p)
}
