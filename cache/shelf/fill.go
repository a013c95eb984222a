package shelf

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/internal/fault"
)

// entry is what stands under a key: a value that counts as fresh until a moment, or the word that there is none.
type entry struct {
	value      []byte // a card, else JSON; nil: nothing stands there
	freshUntil int64  // µs
	none       bool   // there is no such thing
}

const noneText = "-"

func (e entry) text() string {
	if e.none {
		return noneText
	}
	return string(append(appendFresh(nil, e.freshUntil), e.value...))
}

// appendFresh writes what stands before a value.
func appendFresh(b []byte, untilUS int64) []byte {
	return append(strconv.AppendInt(b, untilUS, 10), ' ')
}

// parseEntry reads text; what nobody wrote counts as nothing, and is filled anew.
func parseEntry(text []byte) entry {
	if string(text) == noneText {
		return entry{none: true}
	}
	until, value, ok := bytes.Cut(text, []byte(" "))
	us, err := strconv.ParseInt(string(until), 10, 64)
	if !ok || err != nil || len(value) == 0 || value[0] != cardForm && !json.Valid(value) {
		return entry{}
	}
	return entry{value: value, freshUntil: us}
}

// absent: the source says that there is no such thing.
func absent(err error) bool { return fault.ClassOf(err) == fault.NotFound }

// place is one thing that is kept on the shelf: how it is read there, and how the source is asked and the shelf written.
type place struct {
	name string // unique; also the name of the lock of who fills it
	read func(ctx context.Context) (entry, error)
	// fill asks the source. write: put it on the shelf, if that can be done.
	fill func(ctx context.Context, write bool) (entry, error)
}

// fetch gives what stands at a place. However many ask at once, one of them goes in this node, and one of all nodes visits
// the source; who finds it stale serves it and lets it be filled behind their back.
func (s *Shelf) fetch(ctx context.Context, p place) (entry, error) {
	led := false
	flight := s.flights.DoChan(p.name, func() (any, error) {
		led = true
		// Others wait for this one: it must not end because the first of them hung up.
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*s.o.Fill)
		defer cancel()
		return s.fetchAlone(own, p)
	})
	select {
	case <-ctx.Done():
		return entry{}, ctx.Err()
	case r := <-flight:
		s.o.Count("flight", map[bool]string{true: "led", false: "joined"}[led])
		if r.Err != nil {
			return entry{}, r.Err
		}
		return r.Val.(entry), nil
	}
}

func (s *Shelf) fetchAlone(ctx context.Context, p place) (entry, error) {
	found, err := s.read(ctx, p)
	switch {
	case err != nil:
		return p.fill(ctx, false) // slow, and right
	case found.none:
		s.o.Count("negative", "hit")
		return found, nil
	case found.value == nil:
		s.o.Count("shelf", "miss")
		return s.fillOnce(ctx, p)
	case s.o.Now().UnixMicro() < found.freshUntil:
		s.o.Count("shelf", "hit")
		return found, nil
	}
	s.o.Count("shelf", "stale")
	s.refill(ctx, p)
	return found, nil
}

func (s *Shelf) read(ctx context.Context, p place) (entry, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	found, err := p.read(ctx)
	if err != nil {
		s.o.Count("shelf", "error")
	}
	return found, err
}

// fillOnce fills a place that is empty, or waits for the node that does.
func (s *Shelf) fillOnce(ctx context.Context, p place) (entry, error) {
	unlock, won, err := s.fillLock(ctx, p)
	if err != nil {
		return p.fill(ctx, false)
	}
	if won {
		defer unlock()
		// Between our look and the lock another may have filled and gone.
		if found, err := s.read(ctx, p); err == nil && (found.value != nil || found.none) {
			return found, nil
		}
		return p.fill(ctx, true)
	}
	if found := s.await(ctx, p); found.value != nil || found.none {
		return found, nil
	}
	s.o.Count("lock", "gave_up")
	return p.fill(ctx, true)
}

// refill fills a stale place in the background, if nobody does. There are only so many at a time: who is not filled now is
// found stale again by the next reader.
func (s *Shelf) refill(ctx context.Context, p place) {
	if !s.refills.TryAcquire(1) {
		return
	}
	if _, busy := s.refilling.LoadOrStore(p.name, true); busy {
		s.refills.Release(1)
		return
	}
	s.filling.Add(1)
	go func() {
		defer s.filling.Done()
		defer s.refills.Release(1)
		defer s.refilling.Delete(p.name)
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.Fill)
		defer cancel()
		unlock, won, err := s.fillLock(own, p)
		if err != nil || !won {
			return
		}
		defer unlock()
		// Between the reader's look and the lock another may have filled and gone.
		if found, err := s.read(own, p); err == nil && s.o.Now().UnixMicro() >= found.freshUntil {
			_, _ = p.fill(own, true) // counted by visit; the stale one stays until it ends
		}
	}()
}

// fillLock makes this node the one that fills a place. unlock ends it if it is still ours; else it ends by itself.
func (s *Shelf) fillLock(ctx context.Context, p place) (unlock func(), won bool, err error) {
	key, token := s.keys.Fill(p.name), uuid.NewString()
	trip, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	won, err = s.client.SetNX(trip, key, token, s.o.Fill).Result()
	if err == nil {
		s.o.Count("lock", map[bool]string{true: "won", false: "lost"}[won])
	}
	return func() {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.Timeout)
		defer cancel()
		_ = unlockScript.Run(own, s.client, []string{key}, token).Err() // its time to live ends it, too
	}, won, err
}

// await looks until the node that fills has filled, for a fifth of the time that it may take.
func (s *Shelf) await(ctx context.Context, p place) entry {
	const looks = 20
	ticker := time.NewTicker(max(s.o.Fill/5/looks, time.Millisecond))
	defer ticker.Stop()
	for range looks {
		select {
		case <-ctx.Done():
			return entry{}
		case <-ticker.C:
		}
		if found, err := s.read(ctx, p); err != nil || found.value != nil || found.none {
			return found
		}
	}
	return entry{}
}

// at gives the plain place of one key: read by GET, written with a time to live.
func (s *Shelf) at(key, name string, ask func(ctx context.Context) (any, error)) place {
	return place{name: name,
		read: func(ctx context.Context) (entry, error) { return s.get(ctx, key) },
		fill: func(ctx context.Context, write bool) (entry, error) {
			var value any
			err := s.visit(ctx, func(ctx context.Context) (err error) { value, err = ask(ctx); return err })
			if err != nil && !absent(err) {
				return entry{}, err
			}
			e, ttl, err := s.fresh(value, err, s.o.around(s.o.Fresh+s.o.Stale))
			if err == nil && write {
				_ = s.set(ctx, key, e, ttl) // what cannot be kept is still right
			}
			return e, err
		}}
}

// fresh makes the entry of what the source said, and how long to keep it: ttl, or a moment where there is no such thing.
func (s *Shelf) fresh(value any, missing error, ttl time.Duration) (entry, time.Duration, error) {
	if missing != nil {
		s.o.Count("negative", "set")
		return entry{none: true}, s.o.around(s.o.Negative), nil
	}
	text, err := encode(value)
	return entry{value: text, freshUntil: s.freshUntil()}, ttl, err
}

// freshUntil says how long what is written now counts as fresh, µs.
func (s *Shelf) freshUntil() int64 { return s.o.Now().Add(s.o.around(s.o.Fresh)).UnixMicro() }

// encode writes a lot as a card, and anything else as JSON.
func encode(value any) ([]byte, error) {
	if l, ok := value.(auction.Lot); ok {
		return appendCard(nil, &l), nil
	}
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("shelf: %w", err)
	}
	return text, nil
}

func (s *Shelf) get(ctx context.Context, key string) (entry, error) {
	text, err := s.client.Get(ctx, key).Bytes()
	if errors.Is(err, redis.Nil) {
		return entry{}, nil
	}
	return parseEntry(text), err
}

// many gives what stands under keys, in their order; nil for nothing. A cluster has them in many slots, and is asked for
// each in one pipeline.
func (s *Shelf) many(ctx context.Context, keys []string) ([]any, error) {
	if !cache.Clustered(s.client) {
		return s.client.MGet(ctx, keys...).Result()
	}
	found, texts := make([]any, len(keys)), make([]*redis.StringCmd, len(keys))
	_, err := s.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i, key := range keys {
			texts[i] = p.Get(ctx, key)
		}
		return nil
	})
	if errors.Is(err, redis.Nil) {
		err = nil
	}
	for i, text := range texts {
		if text.Err() == nil {
			found[i] = text.Val()
		}
	}
	return found, err
}

func (s *Shelf) set(ctx context.Context, key string, e entry, ttl time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	return s.client.Set(ctx, key, e.text(), ttl).Err()
}
