package store

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/orders"
	"rostrum/store/db"
)

// lot is a lot's row as this transaction has left it, and what it has still to write of it.
type lot struct {
	db.Lot
	delta, added int64 // of sold and of stock, not yet written
	touched      bool
	prolonged    bool // it closes later than before
}

// refused is what the last guard says of a bid: the reason of its void order.
type refused struct{ reason string }

func (r refused) Error() string { return "refused: " + r.reason }

// The reasons of void orders.
const (
	voidOversold  = "oversold"         // the lot has fewer units than were sold
	voidLimit     = "limit"            // the buyer has this unit already, or none of this number may be had
	voidDuplicate = "duplicate_bid"    // the bid has an order already
	parkedOrderID = "order_id_taken"   // another order has this id: not even a void one can be written
	parkedNoLot   = "lot_not_in_shard" // the shard has no such lot
	parkedRelease = "nothing_released" // the order is not there, is void, or gave its units back before
)

// follow writes what follows from records: orders, units, lots.
func (b *batch) follow(ctx context.Context, list []auction.Delivery) error {
	if err := b.loadLots(ctx, list); err != nil {
		return err
	}
	known := list[:0:0]
	for _, d := range list {
		switch {
		case !d.Record.OfLot():
		case b.lots[d.Record.Lot] == nil:
			b.parked = append(b.parked, parking{d, parkedNoLot})
		default:
			known = append(known, d)
		}
	}
	if err := b.run(ctx, known); err != nil {
		return err
	}
	return b.prolong(ctx)
}

// prolong moves the ends of sessions whose lots close later now: a session ends with its last lot. In order of id, as
// shards that recover at the same time meet on the same rows.
func (b *batch) prolong(ctx context.Context) error {
	ends := map[db.ID]int64{}
	for _, l := range b.lots {
		if l != nil && l.prolonged {
			ends[l.SessionID] = max(ends[l.SessionID], l.ClosesUs)
		}
	}
	for _, id := range slices.SortedFunc(maps.Keys(ends), func(x, y db.ID) int { return slices.Compare(x[:], y[:]) }) {
		if err := b.repeatAsPlanned(ctx, id); err != nil {
			return err
		}
		if _, err := b.ProlongSession(ctx, db.ProlongSessionParams{EndsUs: ends[id], ID: id}); err != nil {
			return err
		}
	}
	return nil
}

// repeatAsPlanned makes a daily session's next occurrence before its end moves, where it has none yet: afterwards nobody
// knows for how long it was planned.
func (b *batch) repeatAsPlanned(ctx context.Context, id db.ID) error {
	row, err := b.GetSession(ctx, id)
	if err != nil || row.Recurrence != auction.Daily {
		return err
	}
	next := sessionOf(row).NextOccurrence(b.store.options.NewID(), b.store.options.Now().UnixMicro())
	err = b.insertSession(ctx, next)
	if fault.CodeOf(err) == "occurrence_exists" { // the closer made it, as a rule
		return nil
	}
	return err
}

// loadLots reads the lots of the batch without locking them: whoever applies to this shard holds its position, and a
// published lot changes in no other way.
func (b *batch) loadLots(ctx context.Context, list []auction.Delivery) error {
	b.lots = map[uuid.UUID]*lot{}
	var want []db.ID
	for _, d := range list {
		if _, there := b.lots[d.Record.Lot]; d.Record.OfLot() && !there {
			b.lots[d.Record.Lot] = nil // until its row is found
			want = append(want, db.ID(d.Record.Lot))
		}
	}
	rows, err := collect(b.conn, want, func(q *db.Queries) ([]db.Lot, error) {
		return q.LotsByID(ctx, db.LotsByIDParams{Shard: b.shard})
	})
	for _, r := range rows {
		b.lots[uuid.UUID(r.ID)] = &lot{Lot: r}
	}
	return err
}

// run takes records as one batch. Where the guards refuse it, it is rolled back to where it began and taken in halves,
// until the one bid that is refused stands alone and becomes a void order: nearly always there is none, and the price of
// one is a few statements more. A run that is not careful has no place to go back to: it ends with what was refused.
func (b *batch) run(ctx context.Context, list []auction.Delivery) error {
	if len(list) == 0 {
		return nil
	}
	if !b.careful {
		return b.together(ctx, list)
	}
	before, parked := b.snapshot(list), len(b.parked)
	if _, err := b.conn.ExecContext(ctx, savepointText); err != nil {
		return err
	}
	err := b.together(ctx, list)
	var no refused
	if err == nil || !errors.As(err, &no) {
		return err
	}
	if _, err := b.conn.ExecContext(ctx, rollbackText); err != nil {
		return err
	}
	maps.Copy(b.lots, before)
	b.parked = b.parked[:parked]
	if len(list) == 1 {
		return b.void(ctx, list[0], no.reason)
	}
	half := len(list) / 2
	if err := b.run(ctx, list[:half]); err != nil {
		return err
	}
	return b.run(ctx, list[half:])
}

// snapshot copies the lots that the records are about.
func (b *batch) snapshot(list []auction.Delivery) map[uuid.UUID]*lot {
	was := map[uuid.UUID]*lot{}
	for _, d := range list {
		if was[d.Record.Lot] == nil {
			l := *b.lots[d.Record.Lot]
			was[d.Record.Lot] = &l
		}
	}
	return was
}

// together takes records in order: bids side by side in many rows, whatever else one by one in its place.
func (b *batch) together(ctx context.Context, list []auction.Delivery) error {
	var bids []auction.Record
	for _, d := range list {
		r, l := d.Record, b.lots[d.Record.Lot]
		l.touched, l.Version = true, max(l.Version, r.Version)
		switch r.Kind {
		case auction.KindBid:
			if err := l.sell(r); err != nil {
				return err
			}
			bids = append(bids, r)
		case auction.KindReleased:
			// It may name an order of this batch, and a later bid of this batch its units.
			if err := b.sold(ctx, bids); err != nil {
				return err
			}
			bids = bids[:0]
			if err := b.release(ctx, l, d); err != nil {
				return err
			}
		default:
			l.change(r)
		}
	}
	if err := b.sold(ctx, bids); err != nil {
		return err
	}
	return b.writeLots(ctx)
}

// sell takes a bid's units from a lot in memory. It asks what the guards in the database will ask: they decide.
func (l *lot) sell(r auction.Record) error {
	if r.Nth[len(r.Nth)-1] > l.PerBuyer {
		return refused{voidLimit}
	}
	if l.Sold+l.delta+r.Quantity > l.Stock+l.added {
		return refused{voidOversold}
	}
	l.delta += r.Quantity
	return nil
}

// change takes the effect of a record that is neither a bid nor a release. Of one that is redriven only what adds up is
// taken: how the lot is has been said by a later one.
func (l *lot) change(r auction.Record) {
	if r.Version < l.Version && r.Kind != auction.KindToppedUp {
		return
	}
	switch r.Kind {
	case auction.KindClosed:
		l.State = auction.LotClosed
	case auction.KindWithdrawn:
		l.State = auction.LotWithdrawn
	case auction.KindPaused:
		l.State = auction.LotPaused
	case auction.KindResumed:
		l.State, l.ClosesUs, l.prolonged = auction.LotOpen, r.ClosesUS, true
	case auction.KindExtended:
		l.ClosesUs, l.prolonged = r.ClosesUS, true
	case auction.KindToppedUp:
		l.added += r.Quantity
	}
}

// writeLots writes the touched lots, in order of id, as everybody who locks several lots does: on a server many by one
// statement, elsewhere (the stand-in) each by its own. As many rows must be found as there are lots.
func (b *batch) writeLots(ctx context.Context) error {
	var touched []*lot
	for _, l := range b.lots {
		if l != nil && l.touched {
			touched = append(touched, l)
		}
	}
	slices.SortFunc(touched, func(x, y *lot) int { return slices.Compare(x.ID[:], y.ID[:]) })
	atOnce := 1
	if b.store.literal {
		atOnce = maxLotsAtOnce
	}
	for some := range slices.Chunk(touched, atOnce) {
		if err := b.writeSome(ctx, some); err != nil {
			return err
		}
	}
	for _, l := range touched {
		l.Sold, l.Stock = l.Sold+l.delta, l.Stock+l.added
		l.delta, l.added, l.touched = 0, 0, false
	}
	return nil
}

func (b *batch) writeSome(ctx context.Context, lots []*lot) error {
	var rows int64
	var err error
	if l := lots[0]; len(lots) == 1 {
		rows, err = b.ApplyToLot(ctx, db.ApplyToLotParams{Delta: l.delta, Version: l.Version, State: l.State, ClosesUs: l.ClosesUs,
			Added: l.added, Shard: b.shard, ID: l.ID})
	} else {
		rows, err = b.updateLots(ctx, lots)
	}
	if err == nil && rows != int64(len(lots)) {
		return refused{voidOversold}
	}
	return err
}

// sold writes bids' units and orders.
func (b *batch) sold(ctx context.Context, bids []auction.Record) error {
	// Units first: of two refusals it is the buyer's limit that is told.
	units := b.rowsInto(ctx, insertUnits)
	for _, r := range bids {
		for _, nth := range r.Nth {
			units.begin().int(int64(b.shard)).id(db.ID(r.Lot)).id(db.ID(r.Buyer)).int(int64(nth)).id(db.ID(r.Order)).end()
		}
	}
	err := units.write(ctx, b)
	if _, taken := duplicate(err); taken {
		return refused{voidLimit}
	}
	if err != nil {
		return err
	}
	rows := b.rowsInto(ctx, insertOrders)
	for _, r := range bids {
		b.orderRow(rows.begin(), r, orders.PendingPayment, "", 0).end()
	}
	err = rows.write(ctx, b)
	if key, taken := duplicate(err); taken {
		if key == "PRIMARY" {
			return refused{parkedOrderID}
		}
		return refused{voidDuplicate}
	}
	return err
}

// orderRow is a row of orders. Title, seller, session and item are copied from the lot, frozen since it was published, so
// that an order is read without a join.
func (b *batch) orderRow(to *rows, r auction.Record, state orders.State, reason string, voidSeq int64) *rows {
	l, nth := b.lots[r.Lot], nthBytes(r.Nth)
	if voidSeq != 0 {
		nth = []byte{} // a void order never had any
	}
	payBy := r.TimeUS + b.store.options.PaymentWindow.Microseconds()
	to.int(int64(b.shard)).id(db.ID(r.Order)).id(db.ID(r.Lot)).id(l.SessionID).id(l.ItemID).string(l.Title).id(l.SellerID)
	to.id(db.ID(r.Buyer)).id(db.ID(r.Bid)).int(r.Quantity).bytes(nth).int(r.PriceMinor).int(r.PriceMinor * r.Quantity)
	to.string(r.Currency).int(int64(state)).string(reason).string("").int(r.Epoch).int(r.Seq).int(r.TimeUS)
	return to.int(payBy).int(0).int(r.TimeUS).int(0).string(r.Trace).int(1).int(voidSeq)
}

// void writes the order of a bid that the last guard has refused, and its notice. The lot only counts the record.
func (b *batch) void(ctx context.Context, d auction.Delivery, reason string) error {
	r, l := d.Record, b.lots[d.Record.Lot]
	l.touched, l.Version = true, max(l.Version, r.Version)
	if err := b.writeLots(ctx); err != nil {
		return err
	}
	rows := b.rowsInto(ctx, insertOrders)
	b.orderRow(rows.begin(), r, orders.Void, reason, r.Seq).end()
	err := rows.write(ctx, b)
	if _, taken := duplicate(err); taken {
		b.parked = append(b.parked, parking{d, parkedOrderID})
		return nil
	}
	if err != nil {
		return err
	}
	b.done.Voided++
	return b.event(ctx, b.shard, b.told(r, l, "order.void", orders.Void, reason))
}

// told is an event about a record's order, at the record's time: a batch that is applied again tells the same.
func (b *batch) told(r auction.Record, l *lot, kind string, state orders.State, reason string) orders.Event {
	return orders.Event{ID: b.store.options.NewID(), Kind: kind, AtUS: r.TimeUS, Order: r.Order, Lot: r.Lot,
		Session: uuid.UUID(l.SessionID), State: state, Reason: reason}
}

// release gives an order's units back, once per order. A release of an order that is not there, is void or was released
// before returns nothing: the record is kept and parked, the stock stays.
func (b *batch) release(ctx context.Context, l *lot, d auction.Delivery) error {
	r := d.Record
	o, err := b.LockOrder(ctx, db.LockOrderParams{Shard: b.shard, ID: db.ID(r.Order)})
	if errors.Is(err, sql.ErrNoRows) || err == nil && (o.State == orders.Void || o.ReleasedUs != 0) {
		b.parked = append(b.parked, parking{d, parkedRelease})
		return nil
	}
	if err != nil {
		return err
	}
	units, err := b.DeleteUnits(ctx, db.DeleteUnitsParams{Shard: b.shard, LotID: o.LotID, BuyerID: o.BuyerID, OrderID: o.ID})
	if err != nil {
		return err
	}
	// What is really there goes back, whatever the record counts.
	l.delta -= units
	state, event := orders.Returned(o.State, r.Reason)
	if event != "" {
		if err := b.event(ctx, b.shard, b.told(r, l, event, state, r.Reason)); err != nil {
			return err
		}
	}
	_, err = b.ReleaseOrder(ctx, db.ReleaseOrderParams{State: state, Nth: []byte{}, ReleasedUs: r.TimeUS, ChangedUs: r.TimeUS, Shard: b.shard, ID: o.ID})
	return err
}
