package edge

import (
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/goods"
	"rostrum/internal/fault"
)

// areasForUS is how long a node remembers the areas of sale for who reads; what is checked against them is read anew.
const areasForUS = 1_000_000

// areaMemory is the areas as somebody read them last.
type areaMemory struct {
	areas []goods.Area
	atUS  int64
}

// Areas gives all areas of sale, by code; nobody may change the list. What another node has put up comes a second later.
func (e *Edge) Areas(ctx context.Context) ([]goods.Area, error) {
	now := e.NowUS()
	if m := e.areas.Load(); m != nil && now >= m.atUS && now < m.atUS+areasForUS {
		return m.areas, nil
	}
	areas, err := e.Items.Areas(ctx)
	if err == nil {
		e.areas.Store(&areaMemory{areas: areas, atUS: now})
	}
	return areas, err
}

// noArea says that an area is certainly not there: then nothing need be asked of anybody about it.
func (e *Edge) noArea(ctx context.Context, code string) bool {
	if code == "" {
		return false
	}
	areas, err := e.Areas(ctx)
	return err == nil && !slices.ContainsFunc(areas, func(a goods.Area) bool { return a.Code == code })
}

// PutArea makes an area, or renames it.
func (e *Edge) PutArea(ctx context.Context, a goods.Area) error {
	if err := fault.Invalids(goods.CheckArea(a)); err != nil {
		return err
	}
	defer e.areas.Store(nil)
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

// What one request for items in a state looks through: the state is derived and in no index.
const (
	itemsAtOnce = 100
	itemLooks   = 10
)

// ListItems lists items newest first: a seller's own, or for those who look at everything all that the filter lets pass.
// next is where the list goes on, Limit 0: it is over. With a state in the filter a page may be short, even empty, and have
// a next: a thousand items are looked at.
func (e *Edge) ListItems(ctx context.Context, who accounts.Claims, f goods.Filter, p goods.Page) (found []goods.Item, next goods.Page, err error) {
	if err := checkFilter(f); err != nil {
		return nil, next, err
	}
	if !looksAtAll(who) {
		if f.Owner != uuid.Nil && f.Owner != who.User {
			return nil, next, nil
		}
		f.Owner = who.User
	}
	if f.State != 0 {
		return e.itemsInState(ctx, f, p)
	}
	if found, err = e.Items.ListItems(ctx, f, p); err == nil && len(found) > 0 && len(found) == p.Limit {
		next = goods.Page{Limit: p.Limit, After: found[len(found)-1].ID}
	}
	return found, next, err
}

// checkFilter says what of a filter can never be right.
func checkFilter(f goods.Filter) error {
	var wrong []fault.Field
	if f.PriceTo != 0 && f.PriceFrom > f.PriceTo {
		wrong = append(wrong, fault.Field{Name: "price_to", Detail: fmt.Sprintf("is %d, below price_from", f.PriceTo), Remedy: "send price_from or more, or leave it out"})
	}
	for _, f := range [...]struct{ name, text string }{{"area", f.Area}, {"text", f.Text}} {
		if !utf8.ValidString(f.text) {
			wrong = append(wrong, fault.Field{Name: f.name, Detail: "is not UTF-8", Remedy: "send UTF-8, percent-encoded"})
		}
	}
	return fault.Invalids(wrong)
}

// itemsInState looks through all states, so that it knows how far it has come.
func (e *Edge) itemsInState(ctx context.Context, f goods.Filter, p goods.Page) (found []goods.Item, next goods.Page, err error) {
	state, at := f.State, goods.Page{Limit: itemsAtOnce, After: p.After}
	f.State = 0
	for range itemLooks {
		some, err := e.Items.ListItems(ctx, f, at)
		if err != nil {
			return nil, next, err
		}
		for _, i := range some {
			at.After = i.ID
			if i.State != state {
				continue
			}
			if found = append(found, i); len(found) == p.Limit {
				return found, goods.Page{Limit: p.Limit, After: at.After}, nil
			}
		}
		if len(some) < itemsAtOnce {
			return found, next, nil
		}
	}
	return found, goods.Page{Limit: p.Limit, After: at.After}, nil
}
