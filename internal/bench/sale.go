package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/goods"
)

// area is where the sales take place and all bidders are; price is that of every lot.
const (
	area  = "north"
	price = 500
)

// plenty is the stock of a lot that is never sold out.
const plenty = 1 << 30

// saleLength is how long a sale is open: longer than any run.
const saleLength = time.Hour

// sale is a published session with its lots.
type sale struct {
	session auction.Session
	lots    []auction.Lot // on one shard after the other
	starts  time.Time
}

// errOpened is that a sale opened before it was preheated.
var errOpened = errors.New("the machine is too busy for the time between a sale's publication and its start")

// inTime tries with a lead, and where a sale opened too soon with three times as long a one, and again.
func inTime(lead time.Duration, try func(lead time.Duration) error) error {
	err := try(lead)
	for n := 0; n < 2 && errors.Is(err, errOpened); n++ {
		lead *= 3
		err = try(lead)
	}
	return err
}

// openSale publishes lots of these stocks, preheats them, and waits until they are open: after lead, in which preheating
// has to be done.
func (i *installation) openSale(ctx context.Context, stocks []int64, lead time.Duration) (s sale, err error) {
	err = inTime(lead, func(lead time.Duration) error {
		if s, err = i.publish(ctx, stocks, lead); err != nil {
			return err
		}
		return i.preheat(ctx, s)
	})
	if err != nil {
		return s, err
	}
	i.sessions = append(i.sessions, s.session.ID)
	return s, s.await(ctx)
}

// preheat writes all of a sale into gate and shelf, or says that it opened meanwhile.
func (i *installation) preheat(ctx context.Context, s sale) error {
	report, err := i.app.Preheat(ctx, s.session.ID, nil)
	switch {
	case err != nil:
		return err
	case report.Open > 0:
		return fmt.Errorf("of %d lots %d had opened: %w", len(s.lots), report.Open, errOpened)
	case report.Written != len(s.lots) || report.Verified != len(s.lots):
		return fmt.Errorf("of %d lots %d were written and %d verified", len(s.lots), report.Written, report.Verified)
	}
	return nil
}

// await waits until the sale is open, by every clock near enough to this one.
func (s sale) await(ctx context.Context) error {
	const near = 50 * time.Millisecond
	return await(ctx, time.Until(s.starts)+startTimeout, "a sale to open", func() bool { return time.Since(s.starts) > near })
}

// stocks gives n lots of plenty.
func stocks(n int) []int64 {
	all := make([]int64, n)
	for k := range all {
		all[k] = plenty
	}
	return all
}

// publish makes a session with its lots, in the order of their stocks.
func (i *installation) publish(ctx context.Context, stocks []int64, lead time.Duration) (sale, error) {
	store, now := i.app.Store, time.Now()
	out := sale{starts: now.Add(lead)}
	seller := newID()
	s := auction.Session{ID: newID(), Area: area, Name: "Bench", Currency: "EUR", Zone: "UTC", StartsUS: out.starts.UnixMicro(),
		EndsUS: out.starts.Add(saleLength).UnixMicro(), Recurrence: auction.Once, State: auction.SessionDraft, Creator: seller, CreatedUS: now.UnixMicro(), Rev: 1}
	out.session = s
	things, lots := make([]goods.Item, len(stocks)), make([]auction.Lot, len(stocks))
	items := make(map[uuid.UUID]goods.Item, len(stocks))
	for n, stock := range stocks {
		things[n] = goods.Item{ID: newID(), Number: fmt.Sprintf("bench-%s-%d", s.ID, n), Owner: seller, Creator: seller, Name: "Thing",
			PriceMinor: price, Currency: "EUR", Area: area, Auctionable: true, State: goods.Tradable, CreatedUS: now.UnixMicro(), Rev: 1}
		lots[n] = auction.Lot{ID: idOn(n%i.app.Deployment.Shards, i.app.Deployment.Shards), Session: s.ID, Item: things[n].ID, Seller: seller, Area: area, Title: "Thing", Format: auction.Flash,
			PriceMinor: price, Currency: "EUR", Stock: stock, PerBuyer: 1, State: auction.LotDraft, Rev: 1}
		lots[n].Shard = auction.ShardOf(lots[n].ID, uuid.Nil, i.app.Deployment.Shards)
		items[things[n].ID] = things[n]
	}
	// One after the other: a lot's item and session have to be there.
	if err := store.CreateSession(ctx, s); err != nil {
		return out, err
	}
	if err := store.CreateItems(ctx, things); err != nil {
		return out, err
	}
	if err := store.AddLots(ctx, lots); err != nil {
		return out, err
	}
	s, err := store.Session(ctx, s.ID)
	if err != nil {
		return out, err
	}
	s, lots, wrong, err := auction.Publish(s, lots, items, i.app.Deployment.Shards, time.Now().UnixMicro(), rand.Reader)
	if err != nil {
		return out, err
	}
	if len(wrong) > 0 {
		return out, fmt.Errorf("publish: %v: %w", wrong[0], errOpened) // all that can be wrong with it is that its time has come
	}
	out.session, out.lots = s, lots
	return out, store.Publish(ctx, s, lots)
}

// idOn gives the id of a lot that lies on a shard.
func idOn(shard, shards int) uuid.UUID {
	for {
		if id := newID(); auction.ShardOf(id, uuid.Nil, shards) == shard {
			return id
		}
	}
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
