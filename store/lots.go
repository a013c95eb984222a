package store

import (
	"context"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/store/db"
)

// AddLot puts a lot into a draft, of rev 1.
func (s *Store) AddLot(ctx context.Context, l auction.Lot) error {
	return s.AddLots(ctx, []auction.Lot{l})
}

// AddLots puts lots into drafts, of rev 1, in transactions of at most MaxBulk. Faults as AddLot's, for any of them; then all
// of that transaction's are left out, and those of the ones before it stay.
func (s *Store) AddLots(ctx context.Context, lots []auction.Lot) error {
	return s.bulk(ctx, "add lots", len(lots), func(ctx context.Context, t tx, from, to int) error {
		some := lots[from:to]
		for _, session := range distinct(mapped(some, func(l auction.Lot) uuid.UUID { return l.Session })) {
			// The session's row is the lock under which its list of lots changes.
			if _, err := t.draft(ctx, session); err != nil {
				return err
			}
			if err := t.newInSession(ctx, session, some); err != nil {
				return err
			}
		}
		args := make([]any, 0, len(some)*insertLots.width)
		for _, l := range some { // whatever the caller says of its life, a lot begins as a draft
			l.State, l.Version, l.Sold, l.Rev = auction.LotDraft, 0, 0, 1
			args = append(args, lotArgs(l)...)
		}
		return insertLots.insert(ctx, t.conn, args)
	})
}

// newInSession looks whether an item of the session's new lots is in it already, or twice among them.
func (t tx) newInSession(ctx context.Context, session uuid.UUID, lots []auction.Lot) error {
	var list []uuid.UUID
	for _, l := range lots {
		if l.Session == session {
			list = append(list, l.Item)
		}
	}
	items := distinct(list)
	there, err := collect(t.conn, ids(items), func(q *db.Queries) ([]db.ID, error) {
		return q.ItemsInSession(ctx, db.ItemsInSessionParams{SessionID: db.ID(session)})
	})
	if err == nil && (len(there) > 0 || len(items) < len(list)) {
		err = fault.New(fault.Conflict, "lot_exists", "the item is in this session already")
	}
	return err
}

// ChangeLot writes a draft's terms where its rev is l.Rev: title, format, price, currency, stock, limit and slices.
func (s *Store) ChangeLot(ctx context.Context, l auction.Lot) (auction.Lot, error) {
	var after auction.Lot
	err := s.write(ctx, "change lot", func(ctx context.Context, t tx) error {
		was, err := t.lotOfDraft(ctx, l.ID)
		if err != nil {
			return err
		}
		rows, err := t.UpdateLot(ctx, db.UpdateLotParams{Title: l.Title, Format: l.Format, Price: l.PriceMinor, Currency: l.Currency,
			Stock: l.Stock, PerBuyer: l.PerBuyer, Slices: l.Slices, Shard: was.Shard, ID: was.ID, Rev: l.Rev})
		if err := one(rows, err, stale("lot")); err != nil {
			return err
		}
		row, err := t.GetLot(ctx, was.ID)
		after = lotOf(row)
		return err
	})
	return after, err
}

// lotOfDraft finds a lot and locks its session, which must be a draft.
func (t tx) lotOfDraft(ctx context.Context, id uuid.UUID) (db.Lot, error) {
	row, err := t.GetLot(ctx, db.ID(id))
	if err != nil {
		return db.Lot{}, missing(err, "lot_not_found", "lot")
	}
	_, err = t.draft(ctx, uuid.UUID(row.SessionID))
	return row, err
}

// RemoveLot takes a lot out of a draft where its rev is rev.
func (s *Store) RemoveLot(ctx context.Context, id uuid.UUID, rev int64) error {
	return s.write(ctx, "remove lot", func(ctx context.Context, t tx) error {
		was, err := t.lotOfDraft(ctx, id)
		if err != nil {
			return err
		}
		rows, err := t.DeleteLot(ctx, db.DeleteLotParams{Shard: was.Shard, ID: was.ID, Rev: rev})
		return one(rows, err, stale("lot"))
	})
}

// Lot gives one lot.
func (s *Store) Lot(ctx context.Context, id uuid.UUID) (auction.Lot, error) {
	var lot auction.Lot
	err := s.read(ctx, "lot", func(ctx context.Context, q tx) error {
		row, err := q.GetLot(ctx, db.ID(id))
		lot = lotOf(row)
		return missing(err, "lot_not_found", "lot")
	})
	if err != nil {
		return auction.Lot{}, err // never a half-filled one
	}
	return lot, nil
}

// lots runs a statement that gives lots.
func (s *Store) lots(ctx context.Context, what string, f func(ctx context.Context, q tx) ([]db.Lot, error)) ([]auction.Lot, error) {
	var list []auction.Lot
	err := s.read(ctx, what, func(ctx context.Context, q tx) error {
		rows, err := f(ctx, q)
		list = mapped(rows, lotOf)
		return err
	})
	return list, err
}

// Lots gives a session's lots in order of id.
func (s *Store) Lots(ctx context.Context, session, after uuid.UUID, limit int) ([]auction.Lot, error) {
	return s.lots(ctx, "lots", func(ctx context.Context, q tx) ([]db.Lot, error) {
		return q.LotsOfSession(ctx, db.LotsOfSessionParams{SessionID: db.ID(session), ID: db.ID(after), Limit: page(limit)})
	})
}

// LotsToLoad gives a shard's published lots that are not settled, in order of id.
func (s *Store) LotsToLoad(ctx context.Context, shard int, after uuid.UUID, limit int) ([]auction.Lot, error) {
	return s.lots(ctx, "lots to load", func(ctx context.Context, q tx) ([]db.Lot, error) {
		return q.LotsToLoad(ctx, db.LotsToLoadParams{Shard: shard, ID: db.ID(after), Limit: page(limit)})
	})
}

// LotsToSweep gives those of a shard's lots of which the gate need hold nothing any more. Their session ended at or before
// endedUS and is settled, or cancelled with no order that may give units back: then the journal up to their last record is
// applied, and nothing is to be decided about them. And the gate's journal, which begins with journalSeq, has none of them.
func (s *Store) LotsToSweep(ctx context.Context, shard int, lots []uuid.UUID, endedUS, journalSeq int64) ([]uuid.UUID, error) {
	var list []uuid.UUID
	err := s.read(ctx, "lots to sweep", func(ctx context.Context, q tx) error {
		rows, err := collect(q.conn, ids(lots), func(q *db.Queries) ([]db.ID, error) {
			return q.LotsToSweep(ctx, db.LotsToSweepParams{Shard: shard, EndsUs: endedUS, Seq: journalSeq})
		})
		list = mapped(rows, func(id db.ID) uuid.UUID { return uuid.UUID(id) })
		return err
	})
	return list, err
}

// DueToClose gives open lots whose end has come, soonest first.
func (s *Store) DueToClose(ctx context.Context, untilUS int64, p auction.Page) ([]auction.Lot, error) {
	return s.lots(ctx, "due to close", func(ctx context.Context, q tx) ([]db.Lot, error) {
		return q.LotsToClose(ctx, db.LotsToCloseParams{UntilUs: untilUS, AfterUs: p.Key, AfterID: db.ID(p.ID), Limit: page(p.Limit)})
	})
}

// LotIDs gives the ids of all published lots, settled ones too, in order.
func (s *Store) LotIDs(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	var list []uuid.UUID
	err := s.read(ctx, "lot ids", func(ctx context.Context, q tx) error {
		rows, err := q.LotIDs(ctx, db.LotIDsParams{ID: db.ID(after), Limit: page(limit)})
		list = mapped(rows, func(id db.ID) uuid.UUID { return uuid.UUID(id) })
		return err
	})
	return list, err
}

// LotSalts gives the salts of a shard's lots, those that exist.
func (s *Store) LotSalts(ctx context.Context, shard int, lots []uuid.UUID) (map[uuid.UUID][]byte, error) {
	salts := map[uuid.UUID][]byte{}
	err := s.read(ctx, "lot salts", func(ctx context.Context, q tx) error {
		rows, err := collect(q.conn, ids(lots), func(q *db.Queries) ([]db.LotSaltsRow, error) {
			return q.LotSalts(ctx, db.LotSaltsParams{Shard: shard})
		})
		for _, r := range rows {
			salts[uuid.UUID(r.ID)] = r.Salt
		}
		return err
	})
	return salts, err
}
