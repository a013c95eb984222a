package shelf

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strconv"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"rostrum/auction"
)

// The most lots a page has, and the most places that one look at the order, and that all looks for one page give: what
// the reader does not want is left out of a page, and a session may have a hundred thousand lots that somebody does not
// want.
const (
	MaxPage   = 100
	maxLook   = 500
	maxLooked = 1000
)

// orderMark is the member by which an order says that it is complete.
const orderMark = "-"

// placed is a lot's place in its session: lots are ordered by when they open, then by id. Neither ever changes.
type placed struct {
	opensUS int64
	id      uuid.UUID
}

func (p placed) compare(q placed) int {
	if c := cmp.Compare(p.opensUS, q.opensUS); c != 0 {
		return c
	}
	return slices.Compare(p.id[:], q.id[:])
}

// Page gives those of a published session's lots that keep wants (nil: all), at most p.Limit (1 … 100) after the place
// (p.Key, p.ID), and the place of the next page; Limit 0 in it: there is none. The key is the lot's opens_us. keep sees
// lots in order, once each. Where it wants few, a page may be short, even empty, with a next one: no more than some
// thousand lots are looked at for a page. fault NotFound `session_not_found`. Places survive the loss of the shelf, and
// lots that come and go: they name a lot, not a rank.
func (s *Shelf) Page(ctx context.Context, session uuid.UUID, keep func(*auction.Lot) bool, p auction.Page) ([]auction.Lot, auction.Page, error) {
	if _, err := s.Session(ctx, session); err != nil {
		return nil, auction.Page{}, err
	}
	limit := min(max(p.Limit, 1), MaxPage)
	// One more than wanted, so that the last page knows that it is the last.
	lots, end, err := s.lotsAfter(ctx, session, keep, placed{p.Key, p.ID}, limit+1)
	switch {
	case err != nil:
		return nil, auction.Page{}, err
	case len(lots) > limit:
		last := lots[limit-1]
		return lots[:limit], auction.Page{Limit: p.Limit, Key: last.OpensUS, ID: last.ID}, nil
	case end != nil:
		return lots, auction.Page{Limit: p.Limit, Key: end.opensUS, ID: end.id}, nil
	}
	return lots, auction.Page{}, nil
}

// lotsAfter gives lots that are wanted until there are enough, or no more, or enough was looked at: then end is the place
// to go on from, nil otherwise. A reader's own goods are left out here and not in a set of each seller's own: it costs a
// seller a longer look, and everybody else nothing.
func (s *Shelf) lotsAfter(ctx context.Context, session uuid.UUID, keep func(*auction.Lot) bool, at placed, want int) ([]auction.Lot, *placed, error) {
	var lots []auction.Lot
	for look, looked := want, 0; ; look = min(2*look, maxLook, maxLooked-looked) {
		some, end, err := s.look(ctx, session, at, look)
		if err != nil {
			return nil, nil, err
		}
		for n := range some {
			if keep == nil || keep(&some[n]) {
				lots = append(lots, some[n])
			}
			if len(lots) == want {
				return lots, nil, nil
			}
		}
		if looked += look; end == nil || looked >= maxLooked {
			return lots, end, nil
		}
		at = *end
	}
}

// look gives the lots of the next `most` places; end is the last place looked at, nil where no more follow.
func (s *Shelf) look(ctx context.Context, session uuid.UUID, at placed, most int) ([]auction.Lot, *placed, error) {
	places, complete, err := s.places(ctx, session, at, most)
	if err != nil || !complete {
		if err != nil {
			s.o.Count("shelf", "error")
		}
		list, err := s.listing(ctx, session)
		if err != nil {
			return nil, nil, err
		}
		lots, end := list.after(at, most)
		return lots, end, nil
	}
	lots, err := s.cardsOf(ctx, session, places)
	if err != nil || len(places) < most {
		return lots, nil, err
	}
	return lots, &places[len(places)-1], nil
}

// places gives the next places of a session's order; complete is false where the shelf does not have it.
func (s *Shelf) places(ctx context.Context, session uuid.UUID, at placed, most int) ([]placed, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	id := at.id.String()
	if at.id == uuid.Nil {
		id = ""
	}
	reply, err := pageScript.Run(ctx, s.client, []string{s.keys.Order(session)}, at.opensUS, id, most).StringSlice()
	if err != nil {
		return nil, false, err
	}
	if len(reply) < 2 || reply[0] != replyVersion || len(reply)%2 != 0 {
		return nil, false, fmt.Errorf("shelf: page.lua answered %q", reply)
	}
	var found []placed
	for i := 2; i < len(reply); i += 2 {
		id, err := uuid.Parse(reply[i])
		score, notNumber := strconv.ParseInt(reply[i+1], 10, 64)
		if err = errors.Join(err, notNumber); err != nil {
			return nil, false, fmt.Errorf("shelf: order of %s: %w", session, err)
		}
		found = append(found, placed{score, id})
	}
	return found, reply[1] == "1", nil
}

// fillers bounds how many missing cards of one page are filled at a time.
const fillers = 8

// cardsOf gives the cards of places, in their order, by one MGET. What is missing is filled; a lot that the source does not
// have any more is left out.
func (s *Shelf) cardsOf(ctx context.Context, session uuid.UUID, places []placed) ([]auction.Lot, error) {
	cards := make([]*auction.Lot, len(places))
	missing := s.readCards(ctx, session, places, cards)
	group, filling := errgroup.WithContext(ctx)
	group.SetLimit(fillers)
	for _, i := range missing {
		group.Go(func() error {
			l, err := s.card(filling, places[i].id)
			if err == nil {
				cards[i] = &l
			} else if absent(err) {
				err = nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	lots := make([]auction.Lot, 0, len(cards))
	for _, c := range cards {
		if c != nil {
			lots = append(lots, *c)
		}
	}
	return lots, nil
}

// readCards reads what the shelf has, and gives the places of what it has not. What is stale is served, and filled behind
// the reader's back.
func (s *Shelf) readCards(ctx context.Context, session uuid.UUID, places []placed, cards []*auction.Lot) (missing []int) {
	if len(places) == 0 {
		return nil
	}
	keys := make([]string, len(places))
	for i, p := range places {
		keys[i] = s.keys.Card(p.id)
	}
	trip, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	found, err := s.many(trip, keys)
	if err != nil {
		s.o.Count("shelf", "error")
		found = make([]any, len(places))
	}
	now := s.o.Now().UnixMicro()
	for i := range places {
		text, _ := found[i].(string)
		e := parseEntry([]byte(text))
		l, err := parseCard(e.value)
		if err != nil {
			s.o.Count("shelf", "miss")
			missing = append(missing, i)
			continue
		}
		if cards[i] = &l; e.freshUntil > now {
			s.o.Count("shelf", "hit")
			continue
		}
		s.o.Count("shelf", "stale")
		s.refill(ctx, s.cardPlace(l.ID))
	}
	return missing
}

// listing is a whole session as the source gave it, in the order of its pages.
type listing struct{ lots []auction.Lot }

func (l *listing) after(at placed, most int) ([]auction.Lot, *placed) {
	first := sort.Search(len(l.lots), func(i int) bool { return placed{l.lots[i].OpensUS, l.lots[i].ID}.compare(at) > 0 })
	some := l.lots[first:min(first+most, len(l.lots))]
	if len(some) == 0 || first+most >= len(l.lots) {
		return some, nil
	}
	last := some[len(some)-1]
	return some, &placed{last.OpensUS, last.ID}
}

// listing gives a session whose order the shelf has lost. The node remembers it for a moment; one of all nodes puts order
// and cards back onto the shelf.
func (s *Shelf) listing(ctx context.Context, session uuid.UUID) (*listing, error) {
	if l, ok := s.listings.Get(session); ok {
		s.o.Count("node", "hit")
		return l, nil
	}
	found, err, _ := s.flights.Do("listing:"+session.String(), func() (any, error) {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), 4*s.o.Fill)
		defer cancel()
		l, err := s.readListing(own, session)
		if err == nil {
			s.listings.Set(session, l)
			s.restore(own, session, l)
		}
		return l, err
	})
	if err != nil {
		return nil, err
	}
	return found.(*listing), nil
}

func (s *Shelf) readListing(ctx context.Context, session uuid.UUID) (*listing, error) {
	l, last := &listing{}, uuid.Nil
	for len(l.lots) < auction.MaxSessionLots {
		var some []auction.Lot
		err := s.visit(ctx, func(ctx context.Context) (err error) {
			some, err = s.source.Lots(ctx, session, last, maxPipeline)
			return err
		})
		if err != nil {
			return nil, err
		}
		if len(some) == 0 {
			break
		}
		l.lots, last = append(l.lots, some...), some[len(some)-1].ID
	}
	slices.SortFunc(l.lots, func(x, y auction.Lot) int { return placed{x.OpensUS, x.ID}.compare(placed{y.OpensUS, y.ID}) })
	return l, nil
}

// restore puts a listing onto the shelf, if no other node does. What fails is tried again when the node has forgotten it.
func (s *Shelf) restore(ctx context.Context, session uuid.UUID, l *listing) {
	unlock, won, err := s.fillLock(ctx, place{name: "order:" + session.String()})
	if err != nil || !won {
		return
	}
	defer unlock()
	for some := range slices.Chunk(l.lots, lotsAtOnce) {
		if err := s.putLots(ctx, session, some, true); err != nil {
			return
		}
	}
	_ = s.markOrder(ctx, session, l.end())
}

func (l *listing) end() int64 {
	end := int64(0)
	for _, lot := range l.lots {
		end = max(end, lot.ClosesUS)
	}
	return end
}

// markOrder says that a session's order is complete, and when it may go.
func (s *Shelf) markOrder(ctx context.Context, session uuid.UUID, endUS int64) error {
	key, ttl := s.keys.Order(session), s.lasts(endUS)
	return s.pipeline(ctx, func(p redis.Pipeliner) error {
		p.ZAdd(ctx, key, redis.Z{Score: 0, Member: orderMark})
		p.PExpire(ctx, key, ttl)
		return nil
	})
}
