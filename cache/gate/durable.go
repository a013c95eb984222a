package gate

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Under durability kafka an answer for a record waits until Kafka has acknowledged it. What is acknowledged is the shard's
// durable mark: the relay writes it into the shard's head (Mark), and every node that has somebody waiting reads it.

// Times of the durable mark.
const (
	markStale = 2 * time.Second      // an older mark: nothing is taken, nobody would answer for it in time
	markPoll  = 2 * time.Millisecond // between looks, while somebody waits
)

// Mark writes down that Kafka has acknowledged the shard's records up to the cursor, for Stats, and that somebody still
// looks after it: under durability kafka it is to be called after each acknowledgement and at least once a second. Only the owner of the shard's relay lease
// may call it, inside the lease. Its mark never moves back. fault Unavailable `not_vouched` where the cursor is not of the
// epoch that decides now.
func (g *Gate) Mark(ctx context.Context, shard int, acked auction.Cursor) error {
	if err := g.checkShard(shard); err != nil {
		return err
	}
	status, err := g.status(ctx, g.scripts.mark, []string{g.keys.Head(shard)}, acked.Epoch, acked.Seq)
	if err == nil && status == statusUnvouched {
		return notVouched()
	}
	return err
}

// durable gives an answer of the epoch that decides when what it promises is true. An answer whose time or epoch is over
// first is of unknown outcome: the record is in the journal, and may yet reach Kafka, or was cut off.
func (g *Gate) durable(ctx context.Context, shard int, a auction.Answer) auction.Answer {
	if g.durability != auction.DurableKafka || a.Err != nil || a.Verdict != auction.Admitted {
		return a
	}
	if err := g.marks.wait(ctx, shard, auction.Cursor{Epoch: a.Receipt.Epoch, Seq: a.Receipt.Seq}, g.readMarks); err != nil {
		return auction.Answer{Err: err}
	}
	return a
}

// marks is what a node knows of the shards' durable marks, and who waits for them. One goroutine looks while anybody does.
type marks struct {
	mu       sync.Mutex
	known    []auction.Cursor
	waiting  [][]waiter // by shard
	watching bool
}

type waiter struct {
	at   auction.Cursor
	done chan bool // gets one word: whether the mark has passed it, or its epoch is over
}

// passed says whether a mark, which is of the epoch that decides, has something to say of a record, and what. A mark of a
// later epoch says that the record may have been cut off, whatever its seq.
func passed(mark, at auction.Cursor) (said, carried bool) {
	return mark.Epoch > at.Epoch || !mark.Before(at), mark.Epoch == at.Epoch && mark.Seq >= at.Seq
}

func newMarks(shards int) *marks {
	return &marks{known: make([]auction.Cursor, shards), waiting: make([][]waiter, shards)}
}

// reader reads the marks of shards; a shard whose mark cannot be read is left as it was.
type reader func(ctx context.Context, shards []int) map[int]auction.Cursor

func (m *marks) wait(ctx context.Context, shard int, at auction.Cursor, read reader) error {
	done := m.enter(ctx, shard, at, read)
	select {
	case carried := <-done:
		if carried {
			return nil
		}
	case <-ctx.Done():
		m.leave(shard, done)
	}
	f := fault.New(fault.Unknown, "gate_unknown", "the bid is in the journal, and not known to be in Kafka; ask again")
	f.RetryAfter = retryFault
	return f
}

// enter gives what to wait for.
func (m *marks) enter(ctx context.Context, shard int, at auction.Cursor, read reader) chan bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	w := waiter{at, make(chan bool, 1)}
	if said, carried := passed(m.known[shard], at); said {
		w.done <- carried
		return w.done
	}
	m.waiting[shard] = append(m.waiting[shard], w)
	if !m.watching {
		m.watching = true
		go m.watch(context.WithoutCancel(ctx), read)
	}
	return w.done
}

func (m *marks) leave(shard int, done chan bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.waiting[shard] = slices.DeleteFunc(m.waiting[shard], func(w waiter) bool { return w.done == done })
}

// watch looks at the marks until nobody waits.
func (m *marks) watch(ctx context.Context, read reader) {
	for {
		shards := m.wanted()
		if len(shards) == 0 {
			return
		}
		m.learn(read(ctx, shards))
		time.Sleep(markPoll)
	}
}

// wanted gives the shards that somebody waits for; none: the watch is over, and the next who waits begins another.
func (m *marks) wanted() (shards []int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for shard, w := range m.waiting {
		if len(w) > 0 {
			shards = append(shards, shard)
		}
	}
	m.watching = len(shards) > 0
	return shards
}

func (m *marks) learn(read map[int]auction.Cursor) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for shard, at := range read {
		if m.known[shard].Before(at) {
			m.known[shard] = at
		}
		left := m.waiting[shard][:0]
		for _, w := range m.waiting[shard] {
			if said, carried := passed(m.known[shard], w.at); said {
				w.done <- carried
			} else {
				left = append(left, w)
			}
		}
		clear(m.waiting[shard][len(left):])
		m.waiting[shard] = left
	}
}

// readMarks is the reader of a gate.
func (g *Gate) readMarks(ctx context.Context, shards []int) map[int]auction.Cursor {
	replies, marks := make([]*redis.StringCmd, len(shards)), map[int]auction.Cursor{}
	_ = g.pipeline(ctx, g.timeout, func(p redis.Pipeliner) error { // what cannot be read is read again
		for i, shard := range shards {
			replies[i] = p.HGet(ctx, g.keys.Head(shard), "acked")
		}
		return nil
	})
	for i, shard := range shards {
		if at, err := parseCursor(replies[i].Val()); err == nil && replies[i].Err() == nil {
			marks[shard] = at
		}
	}
	return marks
}
