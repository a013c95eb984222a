package shelf

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// nodeCard is what a node remembers of a lot.
type nodeCard struct {
	lot  auction.Lot
	none bool
}

func noLot() error { return fault.New(fault.NotFound, "lot_not_found", "there is no such lot") }

func noSession() error {
	return fault.New(fault.NotFound, "session_not_found", "there is no such session")
}

// Card gives a published lot, code included: whether its reader may see that is the reader's to know. It may be some
// seconds old; the gate knows better. fault NotFound `lot_not_found` for an id that never was, of a draft, or settled; for
// most of those without any call.
func (s *Shelf) Card(ctx context.Context, lot uuid.UUID) (auction.Lot, error) {
	if !s.Known(lot) {
		return auction.Lot{}, noLot()
	}
	return s.card(ctx, lot)
}

// card is Card for an id that somebody has vouched for.
func (s *Shelf) card(ctx context.Context, lot uuid.UUID) (auction.Lot, error) {
	if c, ok := s.cards.GetIfPresent(lot); ok {
		s.o.Count("node", "hit")
		return c.answer()
	}
	s.o.Count("node", "miss")
	found, err := s.fetch(ctx, s.cardPlace(lot))
	if err != nil {
		return auction.Lot{}, err
	}
	c := nodeCard{none: found.none}
	if !found.none {
		if err := json.Unmarshal(found.value, &c.lot); err != nil {
			return auction.Lot{}, fmt.Errorf("card of lot %s: %w", lot, err)
		}
	}
	s.cards.Set(lot, c)
	return c.answer()
}

func (c nodeCard) answer() (auction.Lot, error) {
	if c.none {
		return auction.Lot{}, noLot()
	}
	return c.lot, nil
}

// cardPlace is a lot's card. It lies beside the other cards of its session, so one must know the session first.
func (s *Shelf) cardPlace(lot uuid.UUID) place {
	return place{name: "lot:" + lot.String(),
		read: func(ctx context.Context) (entry, error) {
			session, none, err := s.sessionOf(ctx, lot)
			if err != nil || session == uuid.Nil {
				return entry{none: none}, err
			}
			return s.get(ctx, s.keys.Card(session, lot))
		},
		fill: func(ctx context.Context, write bool) (entry, error) { return s.fillCard(ctx, lot, write) }}
}

// sessionOf gives a lot's session; uuid.Nil where the shelf does not know it, or knows that there is no such lot.
func (s *Shelf) sessionOf(ctx context.Context, lot uuid.UUID) (session uuid.UUID, none bool, err error) {
	if session, ok := s.where.GetIfPresent(lot); ok {
		return session, false, nil
	}
	text, err := s.client.Get(ctx, s.keys.At(lot)).Result()
	if errors.Is(err, redis.Nil) {
		return uuid.Nil, false, nil
	}
	if err != nil || text == noneText {
		return uuid.Nil, text == noneText, err
	}
	if session, err = uuid.Parse(text); err == nil {
		s.where.Set(lot, session)
	}
	return session, false, err
}

func (s *Shelf) fillCard(ctx context.Context, id uuid.UUID, write bool) (entry, error) {
	var lot auction.Lot
	err := s.visit(ctx, func(ctx context.Context) (err error) { lot, err = s.source.Lot(ctx, id); return err })
	if err == nil && lot.State == auction.LotDraft {
		err = noLot() // not published: not for the public to see
	}
	if err != nil && !absent(err) {
		return entry{}, err
	}
	e, ttl, err := s.fresh(lot, err, s.lasts(lot.ClosesUS))
	if err != nil || !write {
		return e, err
	}
	if e.none {
		_ = s.set(ctx, s.keys.At(id), e, ttl)
		return e, nil
	}
	_ = s.pipeline(ctx, func(p redis.Pipeliner) error { s.putCard(ctx, p, lot, e, ttl, false); return nil })
	return e, nil
}

// lasts says how long what ends at that moment is kept: a grace beyond it, and up to half a grace more, so that what is
// written together does not go together.
func (s *Shelf) lasts(endUS int64) time.Duration {
	s.o.Count("jitter", "spread")
	return max(time.UnixMicro(endUS).Sub(s.o.Now()), 0) + s.o.Grace + time.Duration(s.o.Random()*float64(s.o.Grace)/2)
}

// putCard writes a card and where it is; onlyNew: a card that is there stays.
func (s *Shelf) putCard(ctx context.Context, p redis.Pipeliner, l auction.Lot, e entry, ttl time.Duration, onlyNew bool) {
	s.where.Set(l.ID, l.Session)
	p.Set(ctx, s.keys.At(l.ID), l.Session.String(), ttl)
	if onlyNew {
		p.SetNX(ctx, s.keys.Card(l.Session, l.ID), e.text(), ttl)
		return
	}
	p.Set(ctx, s.keys.Card(l.Session, l.ID), e.text(), ttl)
}

// pipeline sends at most some thousand commands.
func (s *Shelf) pipeline(ctx context.Context, fill func(redis.Pipeliner) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.Fill)
	defer cancel()
	_, err := s.client.Pipelined(ctx, fill)
	return err
}
