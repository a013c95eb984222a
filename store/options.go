package store

import (
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
)

// Limits of the store.
const (
	MaxBatch = 5000 // deliveries in one Apply
	MaxPage  = 1000 // rows that a list gives at once, whatever is asked for
	MaxBulk  = 2000 // rows of items or lots written in one transaction
	maxTries = 4    // of one transaction that the engine refuses for a passing reason
)

// Options say how the store works. The zero value of each field means its default; DSN has none.
type Options struct {
	DSN             string        // go-sql-driver's form with a database: user:password@tcp(host:port)/rostrum
	MaxConns        int           // 32
	ConnMaxLifetime time.Duration // 3 min; below 5 min, or connections die under us
	Timeout         time.Duration // 5 s, of one statement; a transaction has it and the lock wait
	PaymentWindow   time.Duration // 15 min from the admission to pay_by

	Now     func() time.Time                // for notes that carry no time of their own
	NewID   func() uuid.UUID                // UUIDv7, of events and audit entries
	Backoff func(attempt int) time.Duration // before a transaction is tried again; attempt from 1
}

// lockWait is how long a statement waits for a row that somebody else holds: long beside a transaction, short beside a
// rebalance.
const lockWait = 5 * time.Second

func (o Options) withDefaults() Options {
	if o.MaxConns <= 0 {
		o.MaxConns = 32
	}
	if o.ConnMaxLifetime <= 0 {
		o.ConnMaxLifetime = 3 * time.Minute
	}
	if o.Timeout <= 0 {
		o.Timeout = 5 * time.Second
	}
	if o.PaymentWindow <= 0 {
		o.PaymentWindow = 15 * time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.NewID == nil {
		o.NewID = func() uuid.UUID { return uuid.Must(uuid.NewV7()) }
	}
	if o.Backoff == nil {
		o.Backoff = jitter
	}
	return o
}

// jitter doubles from 5 ms and spreads, so that two that met once do not meet again.
func jitter(attempt int) time.Duration {
	base := 5 * time.Millisecond << min(attempt, 6)
	return base/2 + rand.N(base)
}
