package bench

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"rostrum/cache"
)

// pageLots are the lots of a goods page.
const pageLots = 20

// A raw SET goes in pipelines of this many; setBytes is the value's size where the server does not tell what it received.
const (
	setsAtOnce = 1000
	setBytes   = 1000
)

// rawSets is the yardstick of preheating: as many SETs as lots, of as many bytes in all.
type rawSets struct {
	count int
	value []byte
}

// firstPreheat takes the first round. It says how many bytes a lot is, to the server and in its memory, and with that what
// the yardstick writes.
func (s *scale) firstPreheat(ctx context.Context) (*rawSets, error) {
	s.o.say("Preheating %d lots: round 1", s.o.Lots)
	before, err := memoryOf(ctx, s.big.redis)
	if err != nil {
		return nil, err
	}
	if err := s.timed(0, "preheat_100k", func() error { return s.big.preheat(ctx, s.great) }); err != nil {
		return nil, err
	}
	after, err := memoryOf(ctx, s.big.redis)
	if err != nil {
		return nil, err
	}
	size := setBytes
	if after.received > before.received {
		size = int(after.received-before.received) / s.o.Lots
	}
	if after.used > before.used && before.used > 0 {
		s.f.note(0, "redis_bytes_lot", float64(after.used-before.used)/float64(s.o.Lots))
	}
	raw := &rawSets{count: s.o.Lots, value: make([]byte, size)}
	_, _ = rand.Read(raw.value) // it does not fail
	s.f.named("set_raw").Note = fmt.Sprintf("A lot is %d bytes to the server.", size)
	return raw, s.set(ctx, 0, raw)
}

// preheat takes a further round.
func (s *scale) preheat(ctx context.Context, round int, raw *rawSets) error {
	s.o.say("Preheating %d lots: round %d", s.o.Lots, round+1)
	return inTurn(round, func() error {
		return s.timed(round, "preheat_100k", func() error { return s.big.preheat(ctx, s.great) })
	}, func() error { return s.set(ctx, round, raw) })
}

func (s *scale) timed(round int, name string, do func() error) error {
	return s.f.time(round, name, s.o.Lots, s.big.processes, do)
}

// set writes them over one connection.
func (s *scale) set(ctx context.Context, round int, raw *rawSets) error {
	client, err := cache.Connect(cache.Connection{URL: "redis://" + s.big.redis + "/0", PoolSize: 1, Timeout: grace})
	if err != nil {
		return err
	}
	defer client.Close()
	return s.timed(round, "set_raw", func() error {
		for from := 0; from < raw.count; from += setsAtOnce {
			p := client.Pipeline()
			for n := from; n < min(from+setsAtOnce, raw.count); n++ {
				p.Set(ctx, s.big.rawPrefix()+strconv.Itoa(n), raw.value, 0)
			}
			if _, err := p.Exec(ctx); err != nil {
				return fmt.Errorf("raw SET: %w", err)
			}
		}
		return nil
	})
}

func (i *installation) rawPrefix() string { return i.prefix() + ":raw:" }

// pages takes the first page of the great sale, and the same bytes from the yardstick.
func (s *scale) pages(ctx context.Context) error {
	s.o.say("Goods pages")
	address := s.big.api.Addr().String()
	a, err := learn(ctx, address, newRequests().page(s.great.session.ID, s.members.token(0)), http.StatusOK)
	if err != nil {
		return fmt.Errorf("page_20: %w", err)
	}
	s.bare.get.Store(a)
	take := func(round int, name, address string, length time.Duration) func() error {
		return func() error {
			l := load{address: address, session: s.great.session.ID, members: s.members, plan: again(s.members.len()),
				want: http.StatusOK, clients: few, length: length, forget: true}
			watch := s.big.processes.watch()
			out, err := l.run(ctx)
			if err != nil || round < 0 {
				return err
			}
			u := watch(out.counted)
			s.strange(name, out)
			s.f.note(round, name, u.rate())
			s.f.spent(name, u)
			return nil
		}
	}
	warm := take(-1, "", address, s.o.Round/4)
	if err := warm(); err != nil {
		return fmt.Errorf("page_20: %w", err)
	}
	for round := range s.o.Rounds {
		err := inTurn(round, take(round, "fiber_get_64", s.bare.address, s.o.Round), take(round, "page_20", address, s.o.Round))
		if err != nil {
			return errors.Join(errors.New("page_20"), err)
		}
	}
	return nil
}
