package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/orders"
	"rostrum/store/db"
)

// LotCounts is what the tables say of one lot, each number from another table, so that they can be held against each
// other. They are read one after the other: while records are being applied the sides may differ.
type LotCounts struct {
	Lot      uuid.UUID        `json:"lot"`
	Shard    int              `json:"shard"`
	Title    string           `json:"title"`
	State    auction.LotState `json:"state"`
	Version  int64            `json:"version"`
	Stock    int64            `json:"stock"`     // lots
	Sold     int64            `json:"sold"`      // lots
	PerBuyer int              `json:"per_buyer"` // lots

	Units    int64                  `json:"units"`     // order_units
	Buyers   int64                  `json:"buyers"`    // order_units: who has any
	MaxUnits int64                  `json:"max_units"` // order_units: the most that one buyer has
	Orders   map[orders.State]int64 `json:"orders"`    // orders by state, void and released ones too
	Held     int64                  `json:"held"`      // units of orders that are neither void nor released
	Released int64                  `json:"released"`  // orders whose units came back

	Bids             int64 `json:"bids"`               // records of kind bid
	DoubledBids      int64 `json:"doubled_bids"`       // of these, how many repeat a (lot, buyer, bid)
	OrdersWithoutBid int64 `json:"orders_without_bid"` // orders that no bid record made
	BidsWithoutOrder int64 `json:"bids_without_order"` // bid records without any order, void ones count as one
	Parked           int64 `json:"parked"`             // deliveries that could not be applied
	Orphans          int64 `json:"orphans"`            // records of an epoch that was over
}

// Counts is the sum of LotCounts over all published lots, and what belongs to none of them.
type Counts struct {
	LotCounts          // the sums; Lot, Title, Shard and State are empty, MaxUnits and PerBuyer the largest
	Lots      int      `json:"lots"`
	Broken    []Broken `json:"broken,omitempty"`
}

// Broken is an invariant that does not hold.
type Broken struct {
	Lot  uuid.UUID `json:"lot"`
	What string    `json:"what"`
}

// Void gives the number of orders that the last guard refused.
func (c LotCounts) Void() int64 { return c.Orders[orders.Void] }

// Total gives the number of orders.
func (c LotCounts) Total() int64 {
	var n int64
	for _, of := range c.Orders {
		n += of
	}
	return n
}

// Broken says which invariants a lot's counts break; nil for none.
func (c LotCounts) Broken() []Broken {
	var list []Broken
	say := func(holds bool, what string, args ...any) {
		if !holds {
			list = append(list, Broken{c.Lot, fmt.Sprintf(what, args...)})
		}
	}
	say(c.Sold <= c.Stock, "sold %d of %d", c.Sold, c.Stock)
	say(c.Sold == c.Units, "sold %d, but %d units", c.Sold, c.Units)
	say(c.Held == c.Units, "orders hold %d units, but %d are there", c.Held, c.Units)
	say(c.MaxUnits <= int64(c.PerBuyer), "a buyer has %d units, at most %d", c.MaxUnits, c.PerBuyer)
	say(c.OrdersWithoutBid == 0, "%d orders without a bid record", c.OrdersWithoutBid)
	say(c.BidsWithoutOrder <= c.Parked, "%d bid records without an order, %d parked", c.BidsWithoutOrder, c.Parked)
	say(c.DoubledBids <= c.Void(), "%d bids recorded twice, %d void orders", c.DoubledBids, c.Void())
	return list
}

// Counts counts all published lots.
func (s *Store) Counts(ctx context.Context) (Counts, error) {
	lots, err := s.LotCounts(ctx, uuid.Nil)
	total := Counts{LotCounts: LotCounts{Orders: map[orders.State]int64{}}}
	for _, l := range lots {
		total.add(l)
	}
	if err != nil {
		return total, err
	}
	// What lies aside may name lots that nobody has: it is counted whole.
	total.Parked, total.Orphans, err = s.Aside(ctx)
	return total, err
}

// Aside counts what could not be applied and waits for somebody: parked deliveries and orphaned records.
func (s *Store) Aside(ctx context.Context) (parked, orphans int64, err error) {
	err = s.read(ctx, "aside", func(ctx context.Context, q tx) error {
		deliveries, err := q.CountParked(ctx)
		if err != nil {
			return err
		}
		for _, r := range deliveries {
			parked += r.Deliveries
		}
		records, err := q.CountOrphans(ctx)
		for _, r := range records {
			orphans += r.Records
		}
		return err
	})
	return parked, orphans, err
}

func (c *Counts) add(l LotCounts) {
	c.Lots++
	c.Broken = append(c.Broken, l.Broken()...)
	c.Version, c.Stock, c.Sold, c.Units = c.Version+l.Version, c.Stock+l.Stock, c.Sold+l.Sold, c.Units+l.Units
	c.Buyers, c.Held, c.Released = c.Buyers+l.Buyers, c.Held+l.Held, c.Released+l.Released
	c.Bids, c.DoubledBids = c.Bids+l.Bids, c.DoubledBids+l.DoubledBids
	c.OrdersWithoutBid, c.BidsWithoutOrder = c.OrdersWithoutBid+l.OrdersWithoutBid, c.BidsWithoutOrder+l.BidsWithoutOrder
	c.MaxUnits, c.PerBuyer = max(c.MaxUnits, l.MaxUnits), max(c.PerBuyer, l.PerBuyer)
	for state, n := range l.Orders {
		c.Orders[state] += n
	}
}

// countStatements is how many statements LotCounts runs; each reads a whole table where all sessions are asked for, so
// this is for reconciling and tests, not for a page.
const countStatements = 8

// LotCounts counts the published lots of a session, or of all sessions for uuid.Nil, in order of id.
func (s *Store) LotCounts(ctx context.Context, session uuid.UUID) ([]LotCounts, error) {
	var list []LotCounts
	err := s.readFor(ctx, "lot counts", countStatements*s.options.Timeout, func(ctx context.Context, q tx) error {
		rows, err := q.CountStock(ctx, db.CountStockParams{Every: session == uuid.Nil, SessionID: db.ID(session)})
		if err != nil {
			return err
		}
		at := map[db.ID]*LotCounts{}
		list = make([]LotCounts, len(rows))
		for i, r := range rows {
			list[i] = LotCounts{Lot: uuid.UUID(r.ID), Shard: r.Shard, Title: r.Title, State: r.State, Version: r.Version, Stock: r.Stock,
				Sold: r.Sold, PerBuyer: r.PerBuyer, Orders: map[orders.State]int64{}}
			at[r.ID] = &list[i]
		}
		return q.count(ctx, db.CountUnitsParams{Every: session == uuid.Nil, SessionID: db.ID(session)}, at)
	})
	return list, err
}

// count runs the statements that count, one table after the other. All take the same parameters.
func (t tx) count(ctx context.Context, arg db.CountUnitsParams, at map[db.ID]*LotCounts) error {
	units, err := t.CountUnits(ctx, arg)
	note(at, units, func(r db.CountUnitsRow) db.ID { return r.LotID }, func(c *LotCounts, r db.CountUnitsRow) {
		c.Units, c.Buyers, c.MaxUnits = r.Units, r.Buyers, r.Most
	})
	if err != nil {
		return err
	}
	byState, err := t.CountOrders(ctx, db.CountOrdersParams(arg))
	note(at, byState, func(r db.CountOrdersRow) db.ID { return r.LotID }, func(c *LotCounts, r db.CountOrdersRow) {
		c.Orders[r.State] += r.Orders
		switch {
		case r.Released:
			c.Released += r.Orders
		case r.State != orders.Void:
			c.Held += r.Units
		}
	})
	if err != nil {
		return err
	}
	bids, err := t.CountBids(ctx, db.CountBidsParams(arg))
	note(at, bids, func(r db.CountBidsRow) db.ID { return r.LotID }, func(c *LotCounts, r db.CountBidsRow) {
		c.Bids, c.DoubledBids = r.Bids, r.Bids-r.DistinctBids
	})
	if err != nil {
		return err
	}
	return t.countAside(ctx, arg, at)
}

// countAside counts what should not be.
func (t tx) countAside(ctx context.Context, arg db.CountUnitsParams, at map[db.ID]*LotCounts) error {
	noBid, err := t.CountOrdersWithoutBid(ctx, db.CountOrdersWithoutBidParams(arg))
	note(at, noBid, func(r db.CountOrdersWithoutBidRow) db.ID { return r.LotID },
		func(c *LotCounts, r db.CountOrdersWithoutBidRow) { c.OrdersWithoutBid = r.Orders })
	if err != nil {
		return err
	}
	noOrder, err := t.CountBidsWithoutOrder(ctx, db.CountBidsWithoutOrderParams(arg))
	note(at, noOrder, func(r db.CountBidsWithoutOrderRow) db.ID { return r.LotID },
		func(c *LotCounts, r db.CountBidsWithoutOrderRow) { c.BidsWithoutOrder = r.Bids })
	if err != nil {
		return err
	}
	parked, err := t.CountParked(ctx)
	note(at, parked, func(r db.CountParkedRow) db.ID { return r.LotID }, func(c *LotCounts, r db.CountParkedRow) { c.Parked = r.Deliveries })
	if err != nil {
		return err
	}
	orphans, err := t.CountOrphans(ctx)
	note(at, orphans, func(r db.CountOrphansRow) db.ID { return r.LotID }, func(c *LotCounts, r db.CountOrphansRow) { c.Orphans = r.Records })
	return err
}

// note gives each row to the lot it is about, where that is one of those asked for.
func note[R any](at map[db.ID]*LotCounts, rows []R, lot func(R) db.ID, take func(*LotCounts, R)) {
	for _, r := range rows {
		if c := at[lot(r)]; c != nil {
			take(c, r)
		}
	}
}
