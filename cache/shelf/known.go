package shelf

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bits-and-blooms/bloom/v3"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
)

// The filter: one in a thousand ids that never were passes it and costs a look at the shelf.
const (
	falsePositives = 0.001
	leastCapacity  = 100_000
	spare          = 4 // times the ids there are, so that it need not be made anew soon
)

// The stream of ids: an entry names up to a hundred lots. It need not reach back further than a filter takes to be made.
const (
	idsField    = "i"
	idsAtOnce   = 100
	idsKept     = 100_000
	idsWait     = time.Second
	idsPerRead  = 1000
	idsPerVisit = 1000
)

// known is a node's filter of the ids of lots. nil filter: not made yet, or no longer fed; then everything is known.
type known struct {
	mu     sync.RWMutex
	filter *bloom.BloomFilter
	room   int64 // ids that it can still take

	probed, wrong int64 // random ids that it was asked for, and those of them that it let pass
}

// probes are the random ids that a filter is asked for when it is made, and once a second while it is fed.
const probes = 1000

// probe measures a filter by ids that never were.
func (k *known) probe() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for range probes {
		if id := uuid.New(); k.filter != nil && k.filter.Test(id[:]) {
			k.wrong++
		}
	}
	k.probed += probes
}

// FalsePositives gives the share of ids that never were which this node's filter lets pass, as measured since it was made;
// 1 while there is none.
func (s *Shelf) FalsePositives() float64 {
	s.known.mu.RLock()
	defer s.known.mu.RUnlock()
	if s.known.filter == nil || s.known.probed == 0 {
		return 1
	}
	return float64(s.known.wrong) / float64(s.known.probed)
}

// Known says whether a lot may exist: false means that no published lot has this id. Until the filter is made, and whenever
// it is not fed, everything is known.
func (s *Shelf) Known(lot uuid.UUID) bool {
	s.known.mu.RLock()
	filter := s.known.filter
	pass := filter == nil || filter.Test(lot[:])
	s.known.mu.RUnlock()
	switch {
	case filter == nil:
		s.o.Count("bloom", "unbuilt")
	case pass:
		s.o.Count("bloom", "pass")
	default:
		s.o.Count("bloom", "refused")
	}
	return pass
}

// add takes ids into the filter; false where it is full and has to be made anew.
func (k *known) add(ids []uuid.UUID) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.filter == nil {
		return true
	}
	for _, id := range ids {
		if !k.filter.TestAndAdd(id[:]) { // who announced it has it already when it comes by the stream
			k.room--
		}
	}
	return k.room >= 0
}

func (k *known) replace(filter *bloom.BloomFilter, room int64) {
	k.mu.Lock()
	k.filter, k.room, k.probed, k.wrong = filter, room, 0, 0
	k.mu.Unlock()
}

// Announce tells every node that a session was published or changed: its lots exist, and what the shelf says of it and of
// its area's list is over. Without it a new lot is unknown to the filters until they are made anew.
func (s *Shelf) Announce(ctx context.Context, session auction.Session, lots []uuid.UUID) error {
	s.known.add(lots)
	s.sessions.Forget(session.ID)
	for _, id := range lots {
		s.cards.Forget(id)
	}
	err := s.pipeline(ctx, func(p redis.Pipeliner) error {
		p.Del(ctx, s.keys.SessionCard(session.ID))
		p.Del(ctx, s.keys.Sessions(session.Area))
		p.Del(ctx, s.keys.Sessions(everywhere))
		return nil
	})
	return errors.Join(err, s.announce(ctx, lots))
}

// announce puts ids into the stream, and removes what says that they do not exist.
func (s *Shelf) announce(ctx context.Context, lots []uuid.UUID) error {
	if err := s.stream(ctx, lots); err != nil {
		return err
	}
	for some := range slices.Chunk(lots, maxPipeline) {
		err := s.pipeline(ctx, func(p redis.Pipeliner) error {
			for _, id := range some {
				p.Del(ctx, s.keys.Card(id))
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// stream puts ids into the stream.
func (s *Shelf) stream(ctx context.Context, lots []uuid.UUID) error {
	for some := range slices.Chunk(lots, maxPipeline*idsAtOnce) {
		if err := s.pipeline(ctx, func(p redis.Pipeliner) error { s.addIDs(ctx, p, some); return nil }); err != nil {
			return err
		}
	}
	return nil
}

// addIDs is stream in somebody's pipeline.
func (s *Shelf) addIDs(ctx context.Context, p redis.Pipeliner, lots []uuid.UUID) {
	for entry := range slices.Chunk(lots, idsAtOnce) {
		p.XAdd(ctx, &redis.XAddArgs{Stream: s.keys.IDs(), MaxLen: idsKept, Approx: true, Values: []any{idsField, join(entry)}})
	}
}

func join(ids []uuid.UUID) string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return strings.Join(texts, ",")
}

// Run keeps the filter: it makes it from the source, feeds it from the stream, and makes it anew when the stream was lost,
// when it is full, and from time to time. While it cannot, everything is known. It returns when ctx ends, with its error.
func (s *Shelf) Run(ctx context.Context) error {
	const firstPause, longestPause = 100 * time.Millisecond, 5 * time.Second
	pause := firstPause
	for ctx.Err() == nil {
		last, err := s.build(ctx)
		if err == nil {
			pause = firstPause
			err = s.follow(ctx, last)
		}
		if err != nil && !errors.Is(err, errRebuild) {
			s.known.replace(nil, 0) // what is announced now does not reach us
			select {
			case <-ctx.Done():
			case <-time.After(s.o.around(pause)):
			}
			pause = min(2*pause, longestPause)
		}
	}
	s.known.replace(nil, 0)
	return ctx.Err()
}

// errRebuild: the filter has to be made anew; the old one serves meanwhile.
var errRebuild = errors.New("shelf: filter to be made anew")

// build makes the filter of all that the source knows, and gives the place in the stream from which to feed it: the end
// from before the source was asked, so that nothing falls between.
func (s *Shelf) build(ctx context.Context) (last string, err error) {
	if last, err = s.lastID(ctx); err != nil {
		return "", err
	}
	var ids []uuid.UUID
	for at := uuid.Nil; ; {
		var some []uuid.UUID
		err := s.visit(ctx, func(ctx context.Context) (err error) {
			some, err = s.source.LotIDs(ctx, at, idsPerVisit)
			return err
		})
		if err != nil {
			return "", err
		}
		if len(some) == 0 {
			break
		}
		ids, at = append(ids, some...), some[len(some)-1]
	}
	capacity := max(spare*len(ids), leastCapacity)
	filter := bloom.NewWithEstimates(uint(capacity), falsePositives)
	for _, id := range ids {
		filter.Add(id[:])
	}
	s.known.replace(filter, int64(capacity-len(ids)))
	s.known.probe()
	s.o.Count("bloom", "rebuilt")
	return last, nil
}

// lastID gives the stream's last id, "0-0" where it is empty.
func (s *Shelf) lastID(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	found, err := s.client.XRevRangeN(ctx, s.keys.IDs(), "+", "-", 1).Result()
	if err != nil || len(found) == 0 {
		return "0-0", err
	}
	return found[0].ID, nil
}

// follow feeds the filter from the stream, until it has to be made anew (errRebuild) or the stream cannot be read.
func (s *Shelf) follow(ctx context.Context, last string) error {
	until := s.o.Now().Add(s.o.around(s.o.Rebuild))
	for ctx.Err() == nil {
		if s.o.Now().After(until) {
			return errRebuild
		}
		entries, err := s.readIDs(ctx, last)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if !s.known.add(idsIn(e)) {
				return errRebuild
			}
			last = e.ID
		}
		if len(entries) > 0 {
			continue
		}
		s.known.probe()
		// A stream that was lost begins again at lower ids, which the next read would not give.
		if end, err := s.lastID(ctx); err != nil || comesBefore(end, last) {
			return errors.Join(err, errRebuild)
		}
	}
	return ctx.Err()
}

// readIDs waits for entries behind last; none after idsWait: empty.
func (s *Shelf) readIDs(ctx context.Context, last string) ([]redis.XMessage, error) {
	streams, err := s.client.XRead(ctx, &redis.XReadArgs{Streams: []string{s.keys.IDs(), last}, Count: idsPerRead, Block: idsWait}).Result()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil || len(streams) != 1 {
		return nil, fmt.Errorf("shelf: ids of lots: %w", err)
	}
	return streams[0].Messages, nil
}

func idsIn(e redis.XMessage) []uuid.UUID {
	text, _ := e.Values[idsField].(string)
	var ids []uuid.UUID
	for word := range strings.SplitSeq(text, ",") {
		if id, err := uuid.Parse(word); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

// comesBefore compares two stream ids, `<ms>-<n>`.
func comesBefore(a, b string) bool {
	ams, an := parseID(a)
	bms, bn := parseID(b)
	return ams < bms || ams == bms && an < bn
}

func parseID(id string) (ms, n int64) {
	first, second, _ := strings.Cut(id, "-")
	ms, _ = strconv.ParseInt(first, 10, 64)
	n, _ = strconv.ParseInt(second, 10, 64)
	return ms, n
}
