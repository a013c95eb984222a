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
	p, err := g.page(ctx, g.keys.Journal(shard), "("+cursorID(after), min(most, maxRead))
	if err != nil {
		return nil, outcome(err)
	}
	var records []auction.Record
	err = p.each(func(id string, fields []string) error {
		if records == nil {
			records = make([]auction.Record, 0, p.entries)
		}
		r, err := decode(g.deployment, shard, id, fields)
		records = append(records, r)
		return err
	})
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "journal_damaged", "", err)
	}
	return records, nil
}

// page asks for the entries of a stream from one on, as the reply's bytes: the relay reads all that is ever decided, and a
// map for each entry is what would cost it most.
func (g *Gate) page(ctx context.Context, key, from string, most int) (page, error) {
	cmd := redis.NewRawCmd(ctx, "XRANGE", key, from, "+", "COUNT", most)
	_ = g.client.Process(ctx, cmd) // the error is the command's
	raw, err := cmd.Result()
	if err != nil {
		return page{}, err
	}
	if p, ok := pageOf(raw); ok {
		return p, nil
	}
	// An error reply, which a raw command takes for a reply: asked in the ordinary way, where the client follows a shard
	// that has moved, and classifies the rest.
	entries, err := g.client.XRangeN(ctx, key, from, "+", int64(most)).Result()
	return page{listed: entries, entries: len(entries)}, err
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

// Stats is auction.Journal's. How far Kafka has the journal is what Mark was told last.
func (g *Gate) Stats(ctx context.Context, shard int) (auction.JournalStats, error) {
	if err := g.checkShard(shard); err != nil {
		return auction.JournalStats{}, err
	}
	key := g.keys.Journal(shard)
	var length *redis.IntCmd
	var first, last *redis.XMessageSliceCmd
	var acked *redis.SliceCmd
	err := g.bulk(ctx, func(p redis.Pipeliner) error {
		length, first, last = p.XLen(ctx, key), p.XRangeN(ctx, key, "-", "+", 1), p.XRevRangeN(ctx, key, "+", "-", 1)
		acked = p.HMGet(ctx, g.keys.Head(shard), "acked")
		return nil
	})
	if err != nil {
		return auction.JournalStats{}, err
	}
	s := auction.JournalStats{Length: length.Val()}
	if mark, ok := acked.Val()[0].(string); ok {
		s.Acked, err = parseCursor(mark)
	}
	if err == nil && len(first.Val()) > 0 && len(last.Val()) > 0 {
		s.First, err = parseCursor(first.Val()[0].ID)
	}
	if err == nil && s.First != (auction.Cursor{}) {
		s.Last, err = parseCursor(last.Val()[0].ID)
	}
	if err != nil {
		return auction.JournalStats{}, fault.Wrap(fault.Internal, "journal_damaged", "", err)
	}
	if !s.Acked.Before(s.Last) {
		return s, nil
	}
	waiting, err := g.Read(ctx, shard, s.Acked, 1)
	if len(waiting) > 0 {
		s.OldestUS = waiting[0].TimeUS
	}
	return s, err
}
