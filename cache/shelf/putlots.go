package shelf

import (
	"context"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
)

// lotsAtOnce lots make about maxPipeline commands.
const lotsAtOnce = maxPipeline

// putLots writes cards and order of some lots of a session; onlyNew: cards that are there stay.
func (s *Shelf) putLots(ctx context.Context, session uuid.UUID, lots []auction.Lot, onlyNew bool) error {
	return s.pipeline(ctx, func(p redis.Pipeliner) error {
		s.addLots(ctx, p, session, lots, onlyNew)
		return nil
	})
}

// addLots is putLots in somebody's pipeline. The client takes pointers to texts and numbers, which need no memory of their
// own to be put into an any.
func (s *Shelf) addLots(ctx context.Context, p redis.Pipeliner, session uuid.UUID, lots []auction.Lot, onlyNew bool) {
	if len(lots) == 0 {
		return
	}
	const words = 6 // of one SET
	puts, order := s.puts(lots), s.keys.Order(session)
	sets, places := make([]any, 0, words*len(lots)), make([]any, 0, 2+2*len(lots))
	places = append(places, "zadd", order)
	for i := range puts {
		put, first := &puts[i], len(sets)
		if sets = append(sets, "set", &put.key, &put.card, "px", &put.lastsMS); onlyNew {
			sets = append(sets, "nx")
		}
		_ = p.Process(ctx, redis.NewBoolCmd(ctx, sets[first:len(sets):len(sets)]...)) // it is only noted
		places = append(places, &lots[i].OpensUS, &put.id)
	}
	_ = p.Process(ctx, redis.NewIntCmd(ctx, places...))
	s.unfinished(ctx, p, order)
}

// unfinished lets a key go by itself when nobody completes what stands there; markOrder sets an order's real end. It never
// takes time away: an order that is complete keeps the end it has while it is written again.
func (s *Shelf) unfinished(ctx context.Context, p redis.Pipeliner, key string) {
	lasts := s.lasts(0)
	p.ExpireNX(ctx, key, lasts) // to GT a key without an end has a later one than any
	p.ExpireGT(ctx, key, lasts)
}

// put is a lot's card as it is written.
type put struct {
	key, id, card string
	lastsMS       int64
}

// puts makes the cards of lots in one piece of memory.
func (s *Shelf) puts(lots []auction.Lot) []put {
	const idLength, usual = 36, 320 // bytes of a key and a card
	var prefix, ends = len(s.keys.Card(uuid.Nil)) - idLength, make([]int, 0, len(lots))
	all, puts := make([]byte, 0, usual*len(lots)), make([]put, len(lots))
	for i := range lots {
		l := &lots[i]
		all = appendCard(appendFresh(s.keys.AppendCard(all, l.ID), s.freshUntil()), l)
		ends = append(ends, len(all))
		puts[i].lastsMS = s.lasts(l.ClosesUS).Milliseconds()
	}
	text, start := string(all), 0
	for i, end := range ends {
		key := start + prefix + idLength
		puts[i].key, puts[i].id, puts[i].card = text[start:key], text[key-idLength:key], text[key:end]
		start = end
	}
	return puts
}
