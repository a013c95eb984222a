package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/store/db"
)

// Records gives a shard's records in order of seq; none: empty.
func (s *Store) Records(ctx context.Context, shard int, afterSeq int64, limit int) ([]auction.Record, error) {
	return s.records(ctx, "records", func(ctx context.Context, q tx) ([][]byte, error) {
		return q.RecordsAfter(ctx, db.RecordsAfterParams{Shard: shard, Seq: afterSeq, Limit: page(limit)})
	})
}

// LotRecords gives a lot's records in order of seq; none: empty.
func (s *Store) LotRecords(ctx context.Context, shard int, lot uuid.UUID, afterSeq int64, limit int) ([]auction.Record, error) {
	return s.records(ctx, "lot records", func(ctx context.Context, q tx) ([][]byte, error) {
		return q.RecordsOfLot(ctx, db.RecordsOfLotParams{Shard: shard, LotID: db.ID(lot), Seq: afterSeq, Limit: page(limit)})
	})
}

// BidRecord gives the record of an admitted bid, void ones too: what was admitted stays admitted. It is found by the bid's
// order, whose key names the bid, so that the journal needs no key for it. fault NotFound `bid_not_found`; a bid that was
// parked has no order and is not found.
func (s *Store) BidRecord(ctx context.Context, shard int, lot, buyer, bid uuid.UUID) (auction.Record, error) {
	list, err := s.records(ctx, "record of a bid", func(ctx context.Context, q tx) ([][]byte, error) {
		raw, err := q.RecordOfBid(ctx, db.RecordOfBidParams{Shard: shard, LotID: db.ID(lot), BuyerID: db.ID(buyer), BidID: db.ID(bid)})
		if err != nil {
			return nil, missing(err, "bid_not_found", "admitted bid")
		}
		return [][]byte{raw}, nil
	})
	if err != nil {
		return auction.Record{}, err
	}
	return list[0], nil
}

// records reads stored bytes back. Bytes that are no record are damage, and an error of their own.
func (s *Store) records(ctx context.Context, what string, f func(ctx context.Context, q tx) ([][]byte, error)) ([]auction.Record, error) {
	var list []auction.Record
	err := s.read(ctx, what, func(ctx context.Context, q tx) error {
		rows, err := f(ctx, q)
		for _, raw := range rows {
			r, err := auction.ParseRecord(raw)
			if err != nil {
				return fmt.Errorf("the stored journal is damaged: %w", err)
			}
			list = append(list, r)
		}
		return err
	})
	return list, err
}
