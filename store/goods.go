package store

import (
	"cmp"
	"context"
	"strings"

	"github.com/google/uuid"

	"rostrum/goods"
	"rostrum/internal/fault"
	"rostrum/internal/money"
	"rostrum/orders"
	"rostrum/store/db"
)

var _ goods.Items = (*Store)(nil)

// CreateItem stores a new item, of rev 1.
func (s *Store) CreateItem(ctx context.Context, i goods.Item) error {
	return s.CreateItems(ctx, []goods.Item{i})
}

// CreateItems stores new items, of rev 1, in order, in transactions of at most MaxBulk. Faults as CreateItem's, for any of
// them; then all of that transaction's are left out, and those of the ones before it stay.
func (s *Store) CreateItems(ctx context.Context, items []goods.Item) error {
	return s.bulk(ctx, "create items", len(items), func(ctx context.Context, t tx, from, to int) error {
		areas, args := map[string]bool{}, make([]any, 0, (to-from)*insertItems.width)
		for _, i := range items[from:to] {
			areas[i.Area] = true
			args = append(args, itemArgs(i)...)
		}
		for area := range areas {
			if _, err := t.AreaCode(ctx, area); err != nil {
				return missing(err, "area_not_found", "area")
			}
		}
		return numberTaken(insertItems.insert(ctx, t.conn, args))
	})
}

// itemArgs is the whole row of a new item, in the order of InsertItem.
func itemArgs(i goods.Item) []any {
	return []any{db.ID(i.ID), i.Number, db.ID(i.Owner), db.ID(i.Creator), i.Name, i.Description, i.PriceMinor, i.Currency, i.Area,
		i.Auctionable, i.ShowFromUS, i.TradeFromUS, i.WithdrawnUS, i.CreatedUS, 1, folded(i)}
}

// folded is what a search looks through.
func folded(i goods.Item) string { return fold(i.Number + "\n" + i.Name) }

// fold takes case out of a text, in Go: engines fold by tables of their own.
func fold(text string) string { return strings.ToLower(text) }

// numberTaken tells the one key that people can run into.
func numberTaken(err error) error {
	if key, ok := duplicate(err); ok && key == "uk_goods_number" {
		return fault.New(fault.Conflict, "number_taken", "the owner has another item of this number")
	}
	return err
}

// Item gives one item, with what is derived of it: its state and how much of it is on offer.
func (s *Store) Item(ctx context.Context, id uuid.UUID) (goods.Item, error) {
	var item goods.Item
	err := s.read(ctx, "item", func(ctx context.Context, q tx) (err error) {
		item, err = q.item(ctx, id)
		return err
	})
	return item, err
}

// ItemsByID gives those of the items that exist, in no order.
func (s *Store) ItemsByID(ctx context.Context, list []uuid.UUID) ([]goods.Item, error) {
	var items []goods.Item
	err := s.read(ctx, "items by id", func(ctx context.Context, q tx) (err error) {
		items, err = q.items(ctx, distinct(list))
		return err
	})
	return items, err
}

// items reads items inside a transaction, with what is derived of them.
func (t tx) items(ctx context.Context, list []uuid.UUID) ([]goods.Item, error) {
	rows, err := collect(t.conn, ids(list), func(q *db.Queries) ([]db.Good, error) { return q.ItemsByID(ctx, db.ID{}) })
	if err != nil {
		return nil, err
	}
	items := mapped(rows, itemOf)
	return items, t.derive(ctx, items)
}

// item reads an item inside a transaction, with what is derived of it.
func (t tx) item(ctx context.Context, id uuid.UUID) (goods.Item, error) {
	row, err := t.GetItem(ctx, db.ID(id))
	if err != nil {
		return goods.Item{}, missing(err, "item_not_found", "item")
	}
	items := []goods.Item{itemOf(row)}
	return items[0], t.derive(ctx, items)
}

// derive sets the items' states, from the newest order of their lots of one unit, and how much of them is on offer.
func (t tx) derive(ctx context.Context, items []goods.Item) error {
	list := mapped(items, func(i goods.Item) db.ID { return db.ID(i.ID) })
	offers, err := collect(t.conn, list, func(q *db.Queries) ([]db.OfferedOfItemsRow, error) { return q.OfferedOfItems(ctx, db.ID{}) })
	if err != nil {
		return err
	}
	offered := map[db.ID]int64{}
	for _, o := range offers {
		offered[o.ItemID] += o.Stock
	}
	rows, err := collect(t.conn, list, func(q *db.Queries) ([]db.OrderStatesOfItemsRow, error) { return q.OrderStatesOfItems(ctx, db.ID{}) })
	newest := map[db.ID]db.OrderStatesOfItemsRow{}
	for _, r := range rows {
		if was, ok := newest[r.ItemID]; !ok || string(r.ID[:]) > string(was.ID[:]) { // ids are of version 7: later is greater
			newest[r.ItemID] = r
		}
	}
	for i := range items {
		n := newest[list[i]]
		items[i].State, items[i].Offered = orders.ItemState(n.State, n.SessionState), offered[list[i]]
	}
	return err
}

// ChangeItem writes what the owner may describe, where the row's rev is i.Rev.
func (s *Store) ChangeItem(ctx context.Context, i goods.Item) (goods.Item, error) {
	var after goods.Item
	err := s.write(ctx, "change item", func(ctx context.Context, t tx) error {
		if _, err := t.AreaCode(ctx, i.Area); err != nil {
			return missing(err, "area_not_found", "area")
		}
		rows, err := t.UpdateItem(ctx, db.UpdateItemParams{Number: i.Number, Name: i.Name, Description: i.Description,
			Price: i.PriceMinor, Currency: i.Currency, Area: i.Area, Auctionable: i.Auctionable, ShowFromUs: i.ShowFromUS,
			TradeFromUs: i.TradeFromUS, Folded: folded(i), ID: db.ID(i.ID), Rev: i.Rev})
		if err != nil {
			return numberTaken(err)
		}
		// Read before rows is judged: an item that is not there is not stale.
		if after, err = t.item(ctx, i.ID); err != nil {
			return err
		}
		return one(rows, nil, stale("item"))
	})
	return after, err
}

// WithdrawItem marks an item withdrawn. One that is withdrawn already stays as it is.
func (s *Store) WithdrawItem(ctx context.Context, id uuid.UUID, rev, nowUS int64) (goods.Item, error) {
	var after goods.Item
	err := s.write(ctx, "withdraw item", func(ctx context.Context, t tx) error {
		// The row is locked before it is looked for in sessions: publishing locks it too, so one of the two is first.
		row, err := t.LockItem(ctx, db.ID(id))
		if err != nil {
			return missing(err, "item_not_found", "item")
		}
		if row.Rev != rev {
			return stale("item")
		}
		if err := t.withdraw(ctx, id, rev, cmp.Or(row.WithdrawnUs, nowUS)); err != nil {
			return err
		}
		after, err = t.item(ctx, id)
		return err
	})
	return after, err
}

// withdraw marks an item whose row is locked.
func (t tx) withdraw(ctx context.Context, id uuid.UUID, rev, atUS int64) error {
	i, err := t.item(ctx, id)
	if err != nil {
		return err
	}
	if i.Offered > 0 {
		return fault.New(fault.Conflict, "item_in_sale", "a published session that is not over has this item")
	}
	rows, err := t.MarkItemWithdrawn(ctx, db.MarkItemWithdrawnParams{WithdrawnUs: atUS, ID: db.ID(id), Rev: rev})
	return one(rows, err, stale("item"))
}

// scanPages bounds how many pages a filter by derived state looks through before it gives what it has.
const scanPages = 50

// ListItems gives items, newest first. A filter by state looks through at most 50 pages for them.
func (s *Store) ListItems(ctx context.Context, f goods.Filter, p goods.Page) ([]goods.Item, error) {
	var found []goods.Item
	err := s.read(ctx, "list items", func(ctx context.Context, q tx) error {
		// The derived state is in no column, so it is looked for page by page.
		for range scanPages {
			rows, err := q.listItems(ctx, f, p)
			if err != nil {
				return err
			}
			items := mapped(rows, itemOf)
			if err := q.derive(ctx, items); err != nil {
				return err
			}
			for _, i := range items {
				if (f.State == 0 || i.State == f.State) && len(found) < int(page(p.Limit)) {
					found = append(found, i)
				}
			}
			if f.State == 0 || len(found) == int(page(p.Limit)) || len(items) < int(page(p.Limit)) {
				return nil
			}
			p.After = items[len(items)-1].ID
		}
		return nil
	})
	return found, err
}

// listItems names the index by which the filter's page is read.
func (t tx) listItems(ctx context.Context, f goods.Filter, p goods.Page) ([]db.Good, error) {
	index := "PRIMARY"
	switch {
	case f.Owner != uuid.Nil:
		index = "ix_goods_owner"
	case f.Area != "":
		index = "ix_goods_area"
	}
	return db.New(byIndex{t.conn, index}).ListItems(ctx, itemFilter(f, p))
}

// itemFilter says of each condition whether it is asked at all: zero fields do not narrow.
func itemFilter(f goods.Filter, p goods.Page) db.ListItemsParams {
	return db.ListItemsParams{AnyOwner: f.Owner == uuid.Nil, OwnerID: db.ID(f.Owner), AnyArea: f.Area == "", Area: f.Area,
		WithdrawnToo: f.Withdrawn, AnyShow: f.ShownAtUS == 0, ShownAtUs: f.ShownAtUS, PriceFrom: f.PriceFrom,
		PriceTo: cmp.Or(f.PriceTo, money.MaxMinor), AnyText: f.Text == "", Folded: fold(f.Text),
		FromFront: p.After == uuid.Nil, Before: db.ID(p.After), Limit: page(p.Limit)}
}

// Areas gives all areas, ordered by code; at most 1000.
func (s *Store) Areas(ctx context.Context) ([]goods.Area, error) {
	var all []goods.Area
	err := s.read(ctx, "areas", func(ctx context.Context, q tx) error {
		rows, err := q.ListAreas(ctx)
		all = mapped(rows, func(a db.Area) goods.Area { return goods.Area(a) })
		return err
	})
	return all, err
}

// PutArea stores an area, or gives the one of this code another name.
func (s *Store) PutArea(ctx context.Context, a goods.Area) error {
	return s.write(ctx, "put area", func(ctx context.Context, t tx) error {
		rows, err := t.RenameArea(ctx, db.RenameAreaParams{Name: a.Name, Code: a.Code})
		if err != nil || rows > 0 {
			return err
		}
		return t.InsertArea(ctx, db.InsertAreaParams(a))
	})
}
