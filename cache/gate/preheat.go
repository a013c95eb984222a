package gate

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/internal/fault"
)

// preheatAtOnce bounds the lots of one script: under a millisecond in which nobody else is served, and as many as a page of
// a thousand lots has for one of sixteen shards.
const preheatAtOnce = 96

// Preheat is auction.Gate's. Lots of another shard, or without a code, are an Internal fault before anything is written.
// A lot that the gate holds at a higher version is newer there: it stays as it is, and counts as written.
func (g *Gate) Preheat(ctx context.Context, shard int, lots []auction.Lot) ([]auction.PreheatResult, error) {
	if err := g.checkShard(shard); err != nil {
		return nil, err
	}
	for n := range lots {
		if l := &lots[n]; l.Shard != shard || !g.publishable(l) {
			return nil, fault.New(fault.Internal, "lot_not_publishable", fmt.Sprintf("lot %s of shard %d cannot be preheated in %d", l.ID, l.Shard, shard))
		}
	}
	return g.PreheatLots(ctx, lots)
}

// publishable says whether a lot has what the rules read.
func (g *Gate) publishable(l *auction.Lot) bool {
	return l.Shard >= 0 && l.Shard < g.keys.Shards() && auction.CodeWellFormed(l.Code) && plain(l.Area, 64) &&
		l.PerBuyer >= 1 && l.PerBuyer <= auction.MaxPerBuyer
}

// PreheatLots is Preheat for lots of any shards, in one pipeline with some scripts for each; PreheatBroken for one that
// cannot be sold as it is. fault Unavailable `not_vouched` where one of their shards is not; then others may be written.
func (g *Gate) PreheatLots(ctx context.Context, lots []auction.Lot) ([]auction.PreheatResult, error) {
	results := make([]auction.PreheatResult, len(lots))
	var left []int // their places
	for n := range lots {
		g.forget(lots[n].ID) // its terms may be new
		if results[n] = auction.PreheatBroken; g.publishable(&lots[n]) {
			left = append(left, n)
		}
	}
	var old map[uuid.UUID]string // codes that the gate had, of those that it has with another
	for range maxTries {
		if len(left) == 0 {
			return results, nil
		}
		err := g.preheatOnce(ctx, lots, left, old, results)
		if err != nil {
			return nil, err
		}
		if left, old, err = g.again(ctx, lots, left, results); err != nil {
			return nil, err
		}
	}
	if len(left) > 0 {
		return nil, unsettled()
	}
	return results, nil
}

// again gives the lots that have to be written again, with the codes that they have now: writing is idempotent.
func (g *Gate) again(ctx context.Context, lots []auction.Lot, sent []int, results []auction.PreheatResult) (left []int, old map[uuid.UUID]string, err error) {
	old = map[uuid.UUID]string{}
	for _, n := range sent {
		if results[n] != statusAgain {
			continue
		}
		id := lots[n].ID
		found, err := g.about(ctx, lots[n].Shard, []uuid.UUID{id})
		if err != nil {
			return nil, nil, err
		}
		g.forget(id)
		left = append(left, n)
		if code := found[0].Code; code != lots[n].Code {
			old[id] = code
		}
	}
	return left, old, nil
}

// preheatOnce writes the lots of those places, and their results.
func (g *Gate) preheatOnce(ctx context.Context, lots []auction.Lot, places []int, old map[uuid.UUID]string, results []auction.PreheatResult) error {
	var batches [][]int
	last := map[int]int{} // of each shard, the batch that is being filled
	for _, n := range places {
		b, ok := last[lots[n].Shard]
		if !ok || len(batches[b]) == preheatAtOnce {
			b = len(batches)
			last[lots[n].Shard] = b
			batches = append(batches, nil)
		}
		batches[b] = append(batches[b], n)
	}
	calls := make([]*redis.Cmd, len(batches))
	send := func() error {
		return g.bulk(ctx, func(p redis.Pipeliner) error {
			for b, batch := range batches {
				calls[b] = g.preheatCall(ctx, lots, batch, old)
				_ = p.Process(ctx, calls[b]) // it is only noted
			}
			return nil
		})
	}
	err := send()
	if err != nil && redis.HasErrorPrefix(err, "NOSCRIPT") {
		if err := g.scripts.preheat.Load(ctx, g.client).Err(); err != nil {
			return outcome(err)
		}
		err = send()
	}
	if err != nil {
		return err
	}
	for b, batch := range batches {
		if err := preheated(calls[b], batch, results); err != nil {
			return err
		}
	}
	return nil
}

// preheated reads the results of one script.
func preheated(call *redis.Cmd, batch []int, results []auction.PreheatResult) error {
	reply, err := call.Slice()
	switch {
	case err != nil:
		return outcome(err)
	case len(reply) == 2 && reply[1] == statusUnvouched:
		return notVouched()
	case len(reply) != 2+len(batch) || reply[0] != replyVersion:
		return fault.New(fault.Internal, "gate_reply", fmt.Sprintf("%d words for %d lots", len(reply), len(batch)))
	}
	for i, n := range batch {
		word, _ := reply[2+i].(string)
		results[n] = auction.PreheatResult(word)
	}
	return nil
}

// preheatCall makes the call of one script. Lots of one session agree in most of their fields, which are sent once.
func (g *Gate) preheatCall(ctx context.Context, lots []auction.Lot, batch []int, old map[uuid.UUID]string) *redis.Cmd {
	values := newArguments(len(batch) * len(fieldNames))
	for _, n := range batch {
		values.fields(&lots[n])
	}
	agreed, own := agreement(values)
	keys, args := g.preheatKeys(lots, batch, old), newArguments(4+2*len(agreed)+len(own)+len(batch)*(2+len(own))+2*len(old))
	for _, n := range [...]int{len(batch), len(agreed), len(own), len(keys.ends) - 2 - 2*len(batch)} {
		args.number(int64(n))
	}
	for _, f := range agreed {
		args.text(fieldNames[f])
		args.raw(values.at(f))
	}
	for _, f := range own {
		args.text(fieldNames[f])
	}
	for _, n := range batch {
		args.id(lots[n].ID)
	}
	for _, n := range batch {
		args.number(lots[n].Stock - lots[n].Sold)
	}
	for i := range batch {
		for _, f := range own {
			args.raw(values.at(i*len(fieldNames) + f))
		}
	}
	for i, n := range batch {
		if code, ok := old[lots[n].ID]; ok {
			args.number(int64(i + 1))
			args.text(code)
		}
	}
	return redis.NewCmd(ctx, append(keys.behind("evalsha", g.scripts.preheat.Hash(), len(keys.ends)), args.behind()...)...)
}

// preheatKeys collects the keys of preheat.lua.
func (g *Gate) preheatKeys(lots []auction.Lot, batch []int, old map[uuid.UUID]string) *arguments {
	shard, keys := lots[batch[0]].Shard, newArguments(3*len(batch)+len(old))
	keys.text(g.keys.Head(shard))
	keys.text(g.keys.Lots(shard))
	for _, n := range batch {
		keys.text(g.keys.Lot(shard, lots[n].ID))
	}
	for _, n := range batch {
		keys.text(g.keys.Stock(shard, lots[n].ID, lots[n].Code))
	}
	for _, n := range batch {
		if code, ok := old[lots[n].ID]; ok {
			keys.text(g.keys.Stock(shard, lots[n].ID, code))
		}
	}
	return keys
}

// agreement gives the places of the fields that have one value in all the lots, and of those that have not.
func agreement(values *arguments) (agreed, own []int) {
	for f := range fieldNames {
		same := true
		for i := f; i < len(values.ends) && same; i += len(fieldNames) {
			same = bytes.Equal(values.at(i), values.at(f))
		}
		if same {
			agreed = append(agreed, f)
		} else {
			own = append(own, f)
		}
	}
	return agreed, own
}

func (a *arguments) raw(b []byte) {
	a.bytes = append(a.bytes, b...)
	a.end()
}

// Room says how much the gate's Redis may still take.
func (g *Gate) Room(ctx context.Context) (cache.Room, error) {
	ctx, cancel := context.WithTimeout(ctx, g.timeout)
	defer cancel()
	room, err := cache.RoomOf(ctx, g.client)
	if err != nil {
		return room, unsent(err)
	}
	return room, nil
}

// Compare says which of the lots, at most maxPipeline/2, the gate does not hold, and which it holds in other terms than
// these. What it holds at a higher version is newer there, and neither.
func (g *Gate) Compare(ctx context.Context, lots []auction.Lot) (missing, different []uuid.UUID, err error) {
	terms, stocks := make([]*redis.MapStringStringCmd, len(lots)), make([]*redis.IntCmd, len(lots))
	err = g.bulk(ctx, func(p redis.Pipeliner) error {
		for i := range lots {
			l := &lots[i]
			if !g.publishable(l) {
				continue // and so not held
			}
			terms[i] = p.HGetAll(ctx, g.keys.Lot(l.Shard, l.ID))
			stocks[i] = p.Exists(ctx, g.keys.Stock(l.Shard, l.ID, l.Code))
		}
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	for i := range lots {
		var held map[string]string
		if terms[i] != nil {
			held = terms[i].Val()
		}
		switch {
		case len(held) == 0:
			missing = append(missing, lots[i].ID)
		case newerThan(held, lots[i].Version):
		case stocks[i].Val() == 0 || !holds(held, fieldsOf(lots[i])):
			different = append(different, lots[i].ID)
		}
	}
	return missing, different, nil
}

func newerThan(held map[string]string, version int64) bool {
	n, err := strconv.ParseInt(held["version"], 10, 64)
	return err == nil && n > version
}

// holds says whether a hash has all the fields and values.
func holds(held map[string]string, fields []any) bool {
	for f := 0; f < len(fields); f += 2 {
		name, _ := fields[f].(string)
		if held[name] != fields[f+1] {
			return false
		}
	}
	return true
}
