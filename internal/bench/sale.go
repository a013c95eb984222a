package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/goods"
)

// area is where the sale takes place and all bidders are.
const area = "north"

// plenty is the stock of a hot lot: it is never sold out. scarce is that of the last lot, which is.
const (
	plenty = 1 << 30
	scarce = 1
)

// saleLength is how long the sale is open: longer than any run.
const saleLength = time.Hour

// sale is a live session: a hot lot a round and one that is soon sold out.
type sale struct {
	session auction.Session
	hot     []auction.Lot
	few     auction.Lot
	members []accounts.MintedToken
}

// openSale publishes the sale, preheats it, and waits until it is open: after lead, in which preheating has to be done.
func (i *installation) openSale(ctx context.Context, hot int, lead time.Duration) error {
	starts := time.Now().Add(lead)
	s, lots, err := i.publish(ctx, starts, hot)
	if err != nil {
		return err
	}
	i.sale.session, i.sale.hot, i.sale.few = s, lots[:hot], lots[hot]
	var last error
	err = await(ctx, lead, "preheating", func() bool { // the closer may be at it already
		report, err := i.app.Preheat(ctx, s.ID, nil)
		last = err
		return err == nil && report.Verified == len(lots)
	})
	if err != nil {
		return errors.Join(err, last)
	}
	return await(ctx, 2*lead, "the sale to open", func() bool { return time.Now().After(starts) })
}

// publish makes the session with its lots, the scarce one last.
func (i *installation) publish(ctx context.Context, starts time.Time, hot int) (auction.Session, []auction.Lot, error) {
	store, now := i.app.Store, time.Now().UnixMicro()
	seller := newID()
	s := auction.Session{ID: newID(), Area: area, Name: "Bench", Currency: "EUR", Zone: "UTC", StartsUS: starts.UnixMicro(),
		EndsUS: starts.Add(saleLength).UnixMicro(), Recurrence: auction.Once, State: auction.SessionDraft, Creator: seller, CreatedUS: now, Rev: 1}
	if err := store.CreateSession(ctx, s); err != nil {
		return s, nil, err
	}
	items, lots := map[uuid.UUID]goods.Item{}, []auction.Lot(nil)
	for n := range hot + 1 {
		item := goods.Item{ID: newID(), Number: fmt.Sprintf("bench-%d", n), Owner: seller, Creator: seller, Name: "Thing", PriceMinor: 500,
			Currency: "EUR", Area: area, Auctionable: true, State: goods.Tradable, CreatedUS: now, Rev: 1}
		l := auction.Lot{ID: newID(), Session: s.ID, Item: item.ID, Seller: seller, Area: area, Title: "Thing", Format: auction.Flash,
			PriceMinor: 500, Currency: "EUR", Stock: plenty, PerBuyer: 1, State: auction.LotDraft, Rev: 1}
		if n == hot {
			l.Stock = scarce
		}
		l.Shard = auction.ShardOf(l.ID, uuid.Nil, i.app.Deployment.Shards)
		if err := errors.Join(store.CreateItem(ctx, item), store.AddLot(ctx, l)); err != nil {
			return s, nil, err
		}
		items[item.ID], lots = item, append(lots, l)
	}
	s, err := store.Session(ctx, s.ID)
	if err != nil {
		return s, nil, err
	}
	s, lots, wrong, err := auction.Publish(s, lots, items, now, rand.Reader)
	if err != nil || len(wrong) > 0 {
		return s, nil, fmt.Errorf("publish: %v %w", wrong, err)
	}
	return s, lots, store.Publish(ctx, s, lots)
}

// mint gives the sale its bidders.
func (i *installation) mint(ctx context.Context, n int) (err error) {
	i.sale.members, err = i.app.Accounts.MintTokens(ctx, uuid.Nil, accounts.MintRequest{Area: area, Count: n, TTL: saleLength})
	return err
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
