package gate

import (
	"context"
	"iter"
	"slices"
	"strconv"

	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/cache"
)

// loadCommands gives the commands that write a state and its journal into an empty shard.
func loadCommands(keys cache.Keys, state auction.ShardState, records []auction.Record) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		for _, l := range state.Lots {
			for c := range lotCommands(keys, state.Shard, l) {
				if !yield(c) {
					return
				}
			}
		}
		for _, r := range records {
			if !yield(append([]any{"XADD", keys.Journal(state.Shard), r.ID()}, encode(r)...)) {
				return
			}
		}
	}
}

func lotCommands(keys cache.Keys, shard int, l auction.LotBook) iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		terms := append([]any{"HSET", keys.Lot(shard, l.ID)}, fieldsOf(l.Lot)...)
		if !yield([]any{"SADD", keys.Lots(shard), l.ID.String()}) || !yield(terms) ||
			!yield([]any{"SET", keys.Stock(shard, l.ID, l.Code), l.Left}) {
			return
		}
		for _, r := range l.Admitted {
			if !yield([]any{"HSET", keys.Bids(shard, l.ID), receiptField(r.Buyer, r.Bid), receiptText(r)}) {
				return
			}
		}
		for _, u := range l.Units {
			if !yield([]any{"SET", keys.Unit(shard, l.Session, l.ID, u.Buyer, u.Nth), marker(u)}) {
				return
			}
		}
	}
}

// digest counts what the gate holds of the lots and units that were written, by reading it.
func (g *Gate) digest(ctx context.Context, state auction.ShardState) (auction.Digest, error) {
	vouch, err := g.Vouched(ctx, state.Shard)
	if err != nil {
		return auction.Digest{}, err
	}
	d := auction.Digest{Epoch: vouch.Epoch, Seq: vouch.Seq, Lots: vouch.LoadedLot}
	for some := range slices.Chunk(state.Lots, maxPipeline/3) {
		if err := g.digestLots(ctx, state.Shard, some, &d); err != nil {
			return auction.Digest{}, err
		}
	}
	for _, l := range state.Lots {
		for some := range slices.Chunk(l.Units, maxPipeline) {
			if err := g.digestUnits(ctx, state.Shard, l.Lot, some, &d); err != nil {
				return auction.Digest{}, err
			}
		}
	}
	return d, nil
}

func (g *Gate) digestLots(ctx context.Context, shard int, lots []auction.LotBook, d *auction.Digest) error {
	terms, stock, bids := make([]*redis.SliceCmd, len(lots)), make([]*redis.StringCmd, len(lots)), make([]*redis.IntCmd, len(lots))
	err := g.bulk(ctx, func(p redis.Pipeliner) error {
		for i, l := range lots {
			terms[i] = p.HMGet(ctx, g.keys.Lot(shard, l.ID), "version", "closes", "state")
			stock[i] = p.Get(ctx, g.keys.Stock(shard, l.ID, l.Code))
			bids[i] = p.HLen(ctx, g.keys.Bids(shard, l.ID))
		}
		return nil
	})
	if err != nil {
		return err
	}
	for i := range lots {
		left, _ := strconv.ParseInt(stock[i].Val(), 10, 64) // missing counts as none, and the digests differ
		d.Left += left
		d.Admitted += int(bids[i].Val())
		countTerms(terms[i].Val(), d)
	}
	return nil
}

func countTerms(terms []any, d *auction.Digest) {
	number := func(v any) int64 {
		text, _ := v.(string)
		n, _ := strconv.ParseInt(text, 10, 64)
		return n
	}
	d.Versions += number(terms[0])
	d.ClosesUS = (d.ClosesUS + number(terms[1])) % (1 << 53)
	if state, _ := terms[2].(string); state == string(auction.LotOpen) || state == string(auction.LotPaused) {
		d.Open++
	}
}

// digestUnits counts the markers that say what they should.
func (g *Gate) digestUnits(ctx context.Context, shard int, l auction.Lot, units []auction.Unit, d *auction.Digest) error {
	keys := make([]string, len(units))
	for i, u := range units {
		keys[i] = g.keys.Unit(shard, l.Session, l.ID, u.Buyer, u.Nth)
	}
	found, err := g.markers(ctx, keys)
	if err != nil {
		return err
	}
	for i, u := range units {
		if found[i] == marker(u) {
			d.Units++
		}
	}
	return nil
}
