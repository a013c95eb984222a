package gate

import (
	"context"
	"fmt"

	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// maxRead bounds what one Read gives.
const maxRead = 10_000

func cursorID(c auction.Cursor) string { return fmt.Sprintf("%d-%d", c.Epoch, c.Seq) }

// Read is auction.Journal's; it gives at most 10,000 records. It reads a shard that nobody vouches for, too: what a journal
// that survived still holds has to be carried on. An entry that is no record is an Internal fault `journal_damaged`.
func (g *Gate) Read(ctx context.Context, shard int, after auction.Cursor, most int) ([]auction.Record, error) {
	if err := g.checkShard(shard); err != nil || most < 1 {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, bulkTimes*g.timeout)
	defer cancel()
	entries, err := g.client.XRangeN(ctx, g.keys.Journal(shard), "("+cursorID(after), "+", int64(min(most, maxRead))).Result()
	if err != nil {
		return nil, outcome(err)
	}
	records := make([]auction.Record, len(entries))
	for i, e := range entries {
		if records[i], err = decode(g.deployment, shard, e); err != nil {
			return nil, fault.Wrap(fault.Internal, "journal_damaged", "", err)
		}
	}
	return records, nil
}

// Trim is auction.Journal's.
func (g *Gate) Trim(ctx context.Context, shard int, upTo auction.Cursor) error {
	if err := g.checkShard(shard); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, bulkTimes*g.timeout)
	defer cancel()
	upTo.Seq++
	if err := g.client.XTrimMinID(ctx, g.keys.Journal(shard), cursorID(upTo)).Err(); err != nil {
		return outcome(err)
	}
	return nil
}

// Stats is auction.Journal's.
func (g *Gate) Stats(ctx context.Context, shard int) (auction.JournalStats, error) {
	if err := g.checkShard(shard); err != nil {
		return auction.JournalStats{}, err
	}
	key := g.keys.Journal(shard)
	var length *redis.IntCmd
	var first, last *redis.XMessageSliceCmd
	err := g.bulk(ctx, func(p redis.Pipeliner) error {
		length, first, last = p.XLen(ctx, key), p.XRangeN(ctx, key, "-", "+", 1), p.XRevRangeN(ctx, key, "+", "-", 1)
		return nil
	})
	if err != nil {
		return auction.JournalStats{}, err
	}
	s := auction.JournalStats{Length: length.Val()}
	if len(first.Val()) == 0 || len(last.Val()) == 0 {
		return s, nil
	}
	oldest, err := decode(g.deployment, shard, first.Val()[0])
	if err == nil {
		s.First, s.OldestUS = oldest.At(), oldest.TimeUS
		s.Last, err = parseCursor(last.Val()[0].ID)
	}
	if err != nil {
		return auction.JournalStats{}, fault.Wrap(fault.Internal, "journal_damaged", "", err)
	}
	return s, nil
}
