package shelf

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/internal/fault"
)

func noLot() error { return fault.New(fault.NotFound, "lot_not_found", "there is no such lot") }

func noSession() error {
	return fault.New(fault.NotFound, "session_not_found", "there is no such session")
}

// Card gives a published lot, code included: whether its reader may see that is the reader's to know. It may be some
// seconds old; the gate knows better. fault NotFound `lot_not_found` for an id that never was, or of a draft; for most of
// those without any call.
func (s *Shelf) Card(ctx context.Context, lot uuid.UUID) (auction.Lot, error) {
	return s.knownCard(ctx, lot, false)
}

// Terms is Card for who needs what was frozen when the lot was published, or that it is over for good, and leaves the rest to
// the gate: what this node remembers may be minutes old, and half a minute once the lot is over by the clock. It then costs
// no memory and a fraction of a microsecond, which is what a bid is to spend on it.
func (s *Shelf) Terms(ctx context.Context, lot uuid.UUID) (auction.Lot, error) {
	return s.knownCard(ctx, lot, true)
}

// ages gives for how long a card serves, and from which age on it is fetched anew meanwhile. For bids that is long: until a
// lot's end nothing changes but that it may be withdrawn, which the gate says. From then on it is to be known soon that it
// is closed, for those who come too late; they are served meanwhile, since the gate says that, too.
func (s *Shelf) ages(c *nodeCard, forBids bool, nowUS int64) (most, ahead time.Duration) {
	switch {
	case !forBids:
		return s.o.Node, s.o.Node / 2
	case c.none:
		return s.o.Terms, s.o.Terms / 2
	case nowUS >= c.frame.Value().closesUS:
		return s.o.Frozen, s.o.Terms / 2
	}
	return s.o.Frozen, s.o.Frozen / 2
}

// card is Card for an id that somebody has vouched for.
func (s *Shelf) card(ctx context.Context, lot uuid.UUID) (auction.Lot, error) {
	if c, ok := s.atHand(ctx, lot, false); ok {
		return c.answer(lot)
	}
	return s.elsewhere(ctx, lot)
}

// knownCard looks at hand first, which is cheaper than the filter, and nowhere else for an id that the filter refuses.
func (s *Shelf) knownCard(ctx context.Context, lot uuid.UUID, forBids bool) (auction.Lot, error) {
	if c, ok := s.atHand(ctx, lot, forBids); ok {
		return c.answer(lot)
	}
	if !s.Known(lot) {
		return auction.Lot{}, noLot()
	}
	return s.elsewhere(ctx, lot)
}

// atHand gives a card that this node has not had for too long, and has it refreshed ahead of that.
func (s *Shelf) atHand(ctx context.Context, lot uuid.UUID, forBids bool) (nodeCard, bool) {
	c, ok := s.cards.Get(lot)
	if !ok {
		return c, false
	}
	nowUS := s.o.Now().UnixMicro()
	most, ahead := s.ages(&c, forBids, nowUS)
	old := time.Duration(nowUS-c.readUS) * time.Microsecond
	if old >= most {
		return c, false
	}
	s.o.Count("node", "hit")
	if old > ahead {
		s.refresh(ctx, lot)
	}
	return c, true
}

// elsewhere takes a card from the shelf or the source into the node's memory.
func (s *Shelf) elsewhere(ctx context.Context, lot uuid.UUID) (auction.Lot, error) {
	s.o.Count("node", "miss")
	c, err := s.fetchCard(ctx, lot)
	if err != nil {
		return auction.Lot{}, err
	}
	s.cards.Set(lot, c)
	return c.answer(lot)
}

// fetchCard gives a card from the shelf, or from the source. It is the loader of the node's memory, too.
func (s *Shelf) fetchCard(ctx context.Context, lot uuid.UUID) (nodeCard, error) {
	found, err := s.fetch(ctx, s.cardPlace(lot))
	now := s.o.Now().UnixMicro()
	if err != nil || found.none {
		return nodeCard{none: found.none, readUS: now}, err
	}
	l, err := parseCard(found.value)
	if err != nil {
		return nodeCard{}, fmt.Errorf("card of lot %s: %w", lot, err)
	}
	return remembered(&l, now), nil
}

// refresh loads a card that will end soon while it still serves, so that a lot in demand never makes a bid wait for the
// shelf. There are only so many at a time: who is not refreshed now is so by the next reader, or ends.
func (s *Shelf) refresh(ctx context.Context, lot uuid.UUID) {
	if !s.refills.TryAcquire(1) {
		return
	}
	if _, busy := s.refilling.LoadOrStore(lot, true); busy {
		s.refills.Release(1)
		return
	}
	s.o.Count("ahead", "refreshed")
	s.filling.Add(1)
	go func() {
		defer s.filling.Done()
		defer s.refills.Release(1)
		defer s.refilling.Delete(lot)
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*s.o.Fill)
		defer cancel()
		s.cards.Refresh(own, lot, s.fetchCard)
	}()
}

// cardPlace is a lot's card.
func (s *Shelf) cardPlace(lot uuid.UUID) place {
	return place{name: "lot:" + lot.String(),
		read: func(ctx context.Context) (entry, error) { return s.get(ctx, s.keys.Card(lot)) },
		fill: func(ctx context.Context, write bool) (entry, error) { return s.fillCard(ctx, lot, write) }}
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
	if err == nil && write {
		_ = s.set(ctx, s.keys.Card(id), e, ttl) // what cannot be kept is still right
	}
	return e, err
}

// lasts says how long what ends at that moment is kept: a grace beyond it, and some jitter more, so that what is written
// together does not go together.
func (s *Shelf) lasts(endUS int64) time.Duration {
	s.o.Count("jitter", "spread")
	return max(time.UnixMicro(endUS).Sub(s.o.Now()), 0) + s.o.Grace + time.Duration(s.o.Random()*float64(s.o.Jitter))
}

// pipeline sends at most some thousand commands.
func (s *Shelf) pipeline(ctx context.Context, fill func(redis.Pipeliner) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.Fill)
	defer cancel()
	_, err := s.client.Pipelined(ctx, fill)
	return err
}
