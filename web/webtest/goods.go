// Package webtest has what tests of the edge need: its ports in memory, a world of users, goods and sessions on them, and
// a client that speaks to a server over a real socket.
package webtest

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"

	"rostrum/goods"
	"rostrum/internal/fault"
)

// Goods is goods.Items in memory.
type Goods struct {
	mu      sync.Mutex
	items   map[uuid.UUID]goods.Item
	areas   []goods.Area
	offered func(item uuid.UUID) int64 // units in published, unfinished sessions; nil: none

	Fail error // what every change gives, where set
}

var _ goods.Items = (*Goods)(nil)

// CreateItem implements goods.Items.
func (g *Goods) CreateItem(_ context.Context, i goods.Item) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.check(i); err != nil {
		return err
	}
	if g.items == nil {
		g.items = map[uuid.UUID]goods.Item{}
	}
	g.items[i.ID] = i
	return nil
}

func (g *Goods) check(i goods.Item) error {
	if g.Fail != nil {
		return g.Fail
	}
	if !slices.ContainsFunc(g.areas, func(a goods.Area) bool { return a.Code == i.Area }) {
		return fault.New(fault.NotFound, "area_not_found", "there is no such area")
	}
	for _, other := range g.items {
		if other.ID != i.ID && other.Owner == i.Owner && other.Number == i.Number {
			return fault.New(fault.Conflict, "number_taken", "you have an item of that number")
		}
	}
	return nil
}

// Item implements goods.Items.
func (g *Goods) Item(_ context.Context, id uuid.UUID) (goods.Item, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	i, ok := g.items[id]
	if !ok {
		return i, fault.New(fault.NotFound, "item_not_found", "there is no such item")
	}
	return g.derived(i), nil
}

func (g *Goods) derived(i goods.Item) goods.Item {
	if g.offered != nil {
		i.Offered = g.offered(i.ID)
	}
	return i
}

// ItemsByID implements goods.Items.
func (g *Goods) ItemsByID(_ context.Context, ids []uuid.UUID) ([]goods.Item, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var found []goods.Item
	for id, i := range g.items {
		if slices.Contains(ids, id) {
			found = append(found, g.derived(i))
		}
	}
	return found, nil
}

// ChangeItem implements goods.Items.
func (g *Goods) ChangeItem(_ context.Context, i goods.Item) (goods.Item, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.items[i.ID].Rev != i.Rev {
		return i, staleRow()
	}
	if err := g.check(i); err != nil {
		return i, err
	}
	i.Rev++
	g.items[i.ID] = i
	return i, nil
}

// WithdrawItem implements goods.Items.
func (g *Goods) WithdrawItem(_ context.Context, id uuid.UUID, rev, nowUS int64) (goods.Item, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	i := g.items[id]
	switch {
	case i.Rev != rev:
		return i, staleRow()
	case g.derived(i).Offered > 0:
		return i, fault.New(fault.Conflict, "item_in_sale", "a published session has it")
	}
	i.WithdrawnUS, i.Rev = nowUS, i.Rev+1
	g.items[id] = i
	return i, nil
}

// ListItems implements goods.Items.
func (g *Goods) ListItems(_ context.Context, f goods.Filter, p goods.Page) ([]goods.Item, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	var found []goods.Item
	for _, i := range g.items {
		if fits(i, f) && (p.After == uuid.Nil || slices.Compare(i.ID[:], p.After[:]) < 0) {
			found = append(found, i)
		}
	}
	slices.SortFunc(found, func(x, y goods.Item) int { return slices.Compare(y.ID[:], x.ID[:]) })
	return found[:min(len(found), p.Limit)], nil
}

func fits(i goods.Item, f goods.Filter) bool {
	text := strings.ToLower(i.Name + "\x00" + i.Number)
	return (f.Owner == uuid.Nil || f.Owner == i.Owner) && (f.Area == "" || f.Area == i.Area) && (f.State == 0 || f.State == i.State) &&
		strings.Contains(text, strings.ToLower(f.Text)) && i.PriceMinor >= f.PriceFrom && (f.PriceTo == 0 || i.PriceMinor <= f.PriceTo) &&
		(f.Withdrawn || i.WithdrawnUS == 0)
}

// Areas implements goods.Items.
func (g *Goods) Areas(context.Context) ([]goods.Area, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.areas), nil
}

func (g *Goods) known(ctx context.Context, code string) (bool, error) {
	areas, err := g.Areas(ctx)
	return slices.ContainsFunc(areas, func(a goods.Area) bool { return a.Code == code }), err
}

// PutArea implements goods.Items.
func (g *Goods) PutArea(_ context.Context, a goods.Area) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := slices.IndexFunc(g.areas, func(b goods.Area) bool { return a.Code == b.Code }); n >= 0 {
		g.areas[n] = a
		return nil
	}
	g.areas = append(g.areas, a)
	return nil
}

func staleRow() error { return fault.New(fault.Stale, "stale", "the row was changed") }

// All gives every item, newest first.
func (g *Goods) All() []goods.Item {
	all, err := g.ListItems(context.Background(), goods.Filter{Withdrawn: true}, goods.Page{Limit: 1 << 20})
	if err != nil {
		panic(err) // it cannot fail
	}
	return all
}

// Dump gives everything, in order.
func (g *Goods) Dump() any {
	areas, _ := g.Areas(context.Background())
	return []any{g.All(), areas}
}
