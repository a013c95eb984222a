package store

import (
	"context"

	"github.com/google/uuid"

	"rostrum/store/db"
)

// SellOnLots has the database take so many units of each lot, all in one statement or none, as Apply does: whatever is
// known of the lots in memory.
func SellOnLots(ctx context.Context, s *Store, shard int, units map[uuid.UUID]int64) error {
	return s.write(ctx, "sell", func(ctx context.Context, t tx) error {
		b := batch{tx: t, store: s, shard: shard, lots: map[uuid.UUID]*lot{}}
		var ids []db.ID
		for id := range units {
			ids = append(ids, db.ID(id))
		}
		rows, err := collect(t.conn, ids, func(q *db.Queries) ([]db.Lot, error) { return q.LotsByID(ctx, db.LotsByIDParams{Shard: shard}) })
		for _, r := range rows {
			b.lots[uuid.UUID(r.ID)] = &lot{Lot: r, delta: units[uuid.UUID(r.ID)], touched: true}
		}
		if err != nil {
			return err
		}
		return b.writeLots(ctx)
	})
}
