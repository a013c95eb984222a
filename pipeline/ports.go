package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Positions is what the relay asks of the ledger.
type Positions interface {
	Position(ctx context.Context, shard int) (auction.Position, error)
	Positions(ctx context.Context) ([]auction.Position, error)
	Alive(ctx context.Context, shards []int, nowUS int64) error
}

// Applier is what the consumer asks of the ledger; auction.Ledger says what each owes.
type Applier interface {
	Apply(ctx context.Context, shard int, deliveries []auction.Delivery) (auction.Applied, error)
	Position(ctx context.Context, shard int) (auction.Position, error)
	Halt(ctx context.Context, shard int, reason string) error
	NoteGap(ctx context.Context, shard int, seq, sinceUS int64) error
	Rewind(ctx context.Context, shard int, offset int64) error
}

// CodeJournalDamaged is the fault code with which a Journal says that an entry it holds is no record. The relay stops the
// shard on it; every other error of a Journal is taken for a passing one.
const CodeJournalDamaged = "journal_damaged"

// Counter takes what was counted: how many of one of the names below. It must not block; nil counts nothing.
type Counter func(what string, n int)

// What is counted.
const (
	CountRelayed     = "relayed"      // records acknowledged by Kafka, repeats included
	CountRelayErrors = "relay_errors" // failed reads of the journal and failed produces
	CountResends     = "resends"      // times a relay went back to the position
	CountStopped     = "relay_stops"  // times a shard's relay stopped at poison
	CountApplied     = "applied"      // records applied
	CountDuplicates  = "duplicates"
	CountOrphans     = "orphans"
	CountVoided      = "voided"
	CountParked      = "parked"
	CountForks       = "forks"
	CountGaps        = "gaps"
	CountHalts       = "halts"
	CountPublished   = "published" // events of the public topics
)

func (c Counter) add(what string, n int) {
	if c != nil && n != 0 {
		c(what, n)
	}
}

// LeaseRelay is the name of the lease of a shard's relay. Recovery takes it, under an owner of its own, before it drains.
func LeaseRelay(shard int) string { return fmt.Sprintf("relay:%d", shard) }

// LeasePublish is the name of the lease of a shard's publisher; LeaseOutbox that of the outbox's.
func LeasePublish(shard int) string { return fmt.Sprintf("publish:%d", shard) }

// LeaseOutbox is the name of the lease of whoever publishes the outbox.
const LeaseOutbox = "publish:outbox"

// pause waits d, or until ctx is done.
func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// untilTick gives the time until the next multiple of d on the clock, at most d: those who wait for it act at one moment.
func untilTick(now time.Time, d time.Duration) time.Duration {
	return d - time.Duration(now.UnixNano())%d
}

// backoff grows from first to last by doubling; reset by zero.
type backoff struct{ first, last, next time.Duration }

func (b *backoff) grow() time.Duration {
	d := max(b.next, b.first)
	b.next = min(2*d, b.last)
	return d
}

func (b *backoff) reset() { b.next = 0 }

// trouble says once that something began to fail and once that it works again, however often it is tried.
type trouble struct {
	log *slog.Logger
	mu  sync.Mutex
	in  bool
}

func (t *trouble) note(what string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err != nil && !t.in:
		t.log.Warn(what+" fails, trying on", "err", err)
	case err == nil && t.in:
		t.log.Info(what + " works again")
	}
	t.in = err != nil
}

// passing says whether an error can go away by itself.
func passing(err error) bool {
	c := fault.ClassOf(err)
	return c == fault.Unavailable || c == fault.Unknown
}

func orLog(log *slog.Logger) *slog.Logger {
	if log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return log
}

func orClock(clock func() time.Time) func() time.Time {
	if clock == nil {
		return time.Now
	}
	return clock
}
