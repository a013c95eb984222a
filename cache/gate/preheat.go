package gate

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// preheatAtOnce bounds the lots of one script: it writes a dozen fields each.
const preheatAtOnce = 50

// Preheat is auction.Gate's. Lots of another shard, or without a code, are an Internal fault before anything is written.
// A lot that the gate holds at a higher version is newer there: it stays as it is, and counts as written.
func (g *Gate) Preheat(ctx context.Context, shard int, lots []auction.Lot) ([]auction.PreheatResult, error) {
	if err := g.checkShard(shard); err != nil {
		return nil, err
	}
	for _, l := range lots {
		if l.Shard != shard || !auction.CodeWellFormed(l.Code) || !plain(l.Area, 64) || l.PerBuyer < 1 || l.PerBuyer > auction.MaxPerBuyer {
			return nil, fault.New(fault.Internal, "lot_not_publishable", fmt.Sprintf("lot %s of shard %d cannot be preheated in %d", l.ID, l.Shard, shard))
		}
	}
	results := make([]auction.PreheatResult, 0, len(lots))
	for some := range slices.Chunk(lots, preheatAtOnce) {
		done, err := g.preheatSome(ctx, shard, some)
		if err != nil {
			return nil, err
		}
		results = append(results, done...)
	}
	return results, nil
}

// preheatSome writes the lots, and again all of them while one's code changes under it: writing is idempotent.
func (g *Gate) preheatSome(ctx context.Context, shard int, lots []auction.Lot) ([]auction.PreheatResult, error) {
	for range maxTries {
		reply, err := g.preheatOnce(ctx, shard, lots)
		if err != nil {
			return nil, err
		}
		if reply[0] == statusUnvouched {
			return nil, notVouched()
		}
		if len(reply) != 1+len(lots) {
			return nil, fault.New(fault.Internal, "gate_reply", fmt.Sprintf("%d results for %d lots", len(reply)-1, len(lots)))
		}
		if results, ok := g.preheated(lots, reply[1:]); ok {
			return results, nil
		}
	}
	return nil, unsettled()
}

func (g *Gate) preheated(lots []auction.Lot, reply []any) ([]auction.PreheatResult, bool) {
	results, ok := make([]auction.PreheatResult, len(lots)), true
	for i, l := range lots {
		g.forget(l.ID) // its terms may be new
		word, _ := reply[i].(string)
		results[i] = auction.PreheatResult(word)
		ok = ok && word != statusAgain
	}
	return results, ok
}

func (g *Gate) preheatOnce(ctx context.Context, shard int, lots []auction.Lot) ([]any, error) {
	ids := make([]uuid.UUID, len(lots))
	for i, l := range lots {
		ids[i] = l.ID
	}
	found, err := g.about(ctx, shard, ids)
	if err != nil {
		return nil, err
	}
	keys, args := []string{g.keys.Head(shard), g.keys.Lots(shard)}, []any{len(lots)}
	for i, l := range lots {
		stock := g.keys.Stock(shard, l.ID, l.Code)
		old := stock
		if found[i].code != "" {
			old = g.keys.Stock(shard, l.ID, found[i].code)
		}
		fields := fieldsOf(l)
		keys = append(keys, g.keys.Lot(shard, l.ID), stock, old)
		args = append(append(args, l.ID.String(), found[i].code, l.Stock-l.Sold, len(fields)), fields...)
	}
	return g.run(ctx, g.scripts.preheat, keys, args...)
}
