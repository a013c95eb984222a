package shelf

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/internal/fault"
)

// What a lot takes, bytes, as measured with ids, keys and a title of usual length, and a little more: a test holds it to
// what a Redis says. A title's own bytes come on top on the shelf.
const (
	gateBytes  = 720
	shelfBytes = 900
)

// maxSample bounds the lots that are compared field by field.
const maxSample = 200

// room says before anything is written whether there is less room than the lots need. What the first page has there
// already needs none, and stands for the others: who preheats again is not refused for what he did himself.
func (p *preheat) room(ctx context.Context, first []auction.Lot) error {
	some := first[:min(len(first), maxPipeline/2)]
	missing, _, err := p.gate.Compare(ctx, some)
	if err != nil {
		return err
	}
	gate, err := p.gate.Room(ctx)
	if err != nil {
		return err
	}
	left := int64(max(p.session.Lots-p.report.Lots, len(first)))
	need := left * int64(len(missing)) / int64(len(some)) * gateBytes
	if gate.Limited && need > gate.Left {
		return tooLittle("gate_memory", "gate", left, need, gate.Left)
	}
	if p.how.GateOnly {
		return nil
	}
	shelf, lack, err := p.shelf.lack(ctx, p.session.ID, some)
	if err != nil {
		return err
	}
	onShelf := left * lack / int64(len(some))
	if shelf.Server == gate.Server && gate.Server != "" {
		onShelf += need
	}
	if shelf.Limited && onShelf > shelf.Left {
		return tooLittle("shelf_memory", "shelf", left, onShelf, shelf.Left)
	}
	return nil
}

func tooLittle(code, role string, lots, need, left int64) error {
	const mib = 1 << 20
	return fault.New(fault.Conflict, code, fmt.Sprintf("%d lots need about %d MiB in the %s's Redis, which has %d MiB left of its maxmemory: raise it, or take something out",
		lots, need/mib+1, role, left/mib))
}

// lack gives the room that the shelf's Redis has, and what the cards of these lots that are not there yet take.
func (s *Shelf) lack(ctx context.Context, session uuid.UUID, lots []auction.Lot) (room cache.Room, bytes int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Fill)
	defer cancel()
	if room, err = cache.RoomOf(ctx, s.client); err != nil {
		return room, 0, fault.Wrap(fault.Unavailable, "shelf_unavailable", "the shelf cannot be reached", err)
	}
	there := make([]*redis.IntCmd, len(lots))
	_, err = s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, l := range lots {
			there[i] = p.Exists(ctx, s.keys.Card(l.ID))
		}
		return nil
	})
	if err != nil {
		return room, 0, fault.Wrap(fault.Unavailable, "shelf_unavailable", "the shelf cannot be reached", err)
	}
	for i, l := range lots {
		if there[i].Val() == 0 {
			bytes += shelfBytes + int64(len(l.Title))
		}
	}
	return room, bytes, nil
}

// verify counts the lots whose place and card are on the shelf, and compares the sample with what the source gave.
func (p *preheat) verify(ctx context.Context) (err error) {
	r := &p.report
	if !p.how.GateOnly {
		if r.Verified, err = p.shelf.countCards(ctx, p.session.ID); err != nil {
			return err
		}
	}
	if len(p.sample) == 0 || p.shelf.o.Now().UnixMicro() >= p.session.StartsUS {
		return nil // what is sold from changes
	}
	missing, different, err := p.gate.Compare(ctx, p.sample)
	if err != nil {
		return err
	}
	if wrong := append(missing, different...); len(wrong) > 0 {
		return unequal("gate", wrong)
	}
	if !p.how.GateOnly {
		if wrong, err := p.shelf.otherCards(ctx, p.session.ID, p.sample); err != nil || len(wrong) > 0 {
			return cmpOr(err, unequal("shelf", wrong))
		}
	}
	r.Sampled = len(p.sample)
	return nil
}

func unequal(role string, lots []uuid.UUID) error {
	return fault.New(fault.Unavailable, "preheat_unverified",
		fmt.Sprintf("of a sample, the %s holds other than was read: %s", role, named(lots, len(lots))))
}

func cmpOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// countCards counts the places of a session's order that have a card.
func (s *Shelf) countCards(ctx context.Context, session uuid.UUID) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*s.o.Fill)
	defer cancel()
	key, card := s.keys.Order(session), strings.TrimSuffix(s.keys.Card(uuid.Nil), uuid.Nil.String())
	cluster := cache.Clustered(s.client)
	found, cards := 0, []string(nil)
	for at := int64(1); ; at += maxPipeline { // behind the mark
		var places *redis.StringSliceCmd
		var there []*redis.IntCmd
		_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
			places = p.ZRange(ctx, key, at, at+maxPipeline-1)
			atOnce := maxPipeline
			if cluster {
				atOnce = 1 // they lie in many slots
			}
			for some := range slices.Chunk(cards, atOnce) { // of the places before
				there = append(there, p.Exists(ctx, some...))
			}
			return nil
		})
		if err != nil {
			return found, fault.Wrap(fault.Unavailable, "shelf_unavailable", "the shelf cannot be reached", err)
		}
		for _, n := range there {
			found += int(n.Val())
		}
		if cards = cards[:0]; len(places.Val()) == 0 {
			return found, nil
		}
		for _, id := range places.Val() {
			cards = append(cards, card+id)
		}
	}
}

// otherCards gives those of the lots whose card says other than they do, or is not there. A newer card is right.
func (s *Shelf) otherCards(ctx context.Context, session uuid.UUID, lots []auction.Lot) ([]uuid.UUID, error) {
	cards := make([]*auction.Lot, len(lots))
	places := make([]placed, len(lots))
	for i, l := range lots {
		places[i] = placed{l.OpensUS, l.ID}
	}
	s.readCards(ctx, session, places, cards)
	var wrong []uuid.UUID
	for i := range lots {
		c := cards[i]
		if c == nil || c.Version <= lots[i].Version && !bytes.Equal(appendCard(nil, c), appendCard(nil, &lots[i])) {
			wrong = append(wrong, lots[i].ID)
		}
	}
	return wrong, ctx.Err()
}
