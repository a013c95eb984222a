package bench

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"time"

	"rostrum/accounts"
	"rostrum/internal/fault"
)

// Options bound a run.
type Options struct {
	Rounds  int           // 1 … 20
	Round   time.Duration // of one figure over HTTP, up to 5 s; a round ends sooner when every member has bid
	Clients int           // connections that bid at once, 1 … 1024
	Rows    int           // records of one round of relay and consumer, 100 … 200,000
	Members int           // bidders with tokens, 1 … 100,000: the most bids on a hot lot in a round
	Lead    time.Duration // from a sale's publication to its start: preheating must be done by then
	Limit   time.Duration // of the whole run; what was taken until then is kept

	Say func(format string, args ...any) // tells how far it is; nil: silent
	Log *slog.Logger                     // the platform's
}

// Defaults are a run of about two minutes.
func Defaults() Options {
	return Options{Rounds: 5, Round: 2 * time.Second, Clients: 64, Rows: 20_000, Members: 60_000, Lead: 2 * time.Second, Limit: 5 * time.Minute}
}

// Short is a run that only shows that each figure can be taken.
func Short() Options {
	return Options{Rounds: 2, Round: 300 * time.Millisecond, Clients: 16, Rows: 2000, Members: 5000, Lead: 2 * time.Second, Limit: time.Minute}
}

// Check gives what is wrong with the options; nil for nothing.
func (o Options) Check() error {
	for _, b := range []struct {
		name          string
		is, low, high int
	}{
		{"rounds", o.Rounds, 1, 20},
		{"milliseconds a round", int(o.Round.Milliseconds()), 10, 5000},
		{"clients", o.Clients, 1, 1024},
		{"rows", o.Rows, 100, 200_000},
		{"members", o.Members, 1, accounts.MaxMint},
		{"milliseconds of lead", int(o.Lead.Milliseconds()), 100, 60_000},
	} {
		if b.is < b.low || b.is > b.high {
			return fault.New(fault.Invalid, "bench_options", fmt.Sprintf("%s is %d: use %d to %d", b.name, b.is, b.low, b.high))
		}
	}
	// Four figures a round take their time, and about as long goes into letting the road clear between them.
	if o.Limit <= 0 || time.Duration(o.Rounds)*8*o.Round > o.Limit {
		return fault.New(fault.Invalid, "bench_options", fmt.Sprintf("%d rounds of %s do not fit into %s: take fewer or shorter ones",
			o.Rounds, o.Round, o.Limit))
	}
	return nil
}

func (o Options) say(format string, args ...any) {
	if o.Say != nil {
		o.Say(format, args...)
	}
}

// Servers are what a run stands on.
type Servers struct {
	Redis  string // host:port, with appendfsync everysec
	Always string // host:port, with appendfsync always; "": admit_always is left out
	Shelf  string // host:port; "": the gate's server is the shelf too
	Kafka  string // host:port

	// NewDatabase makes an empty database of that name.
	NewDatabase func(ctx context.Context, name string) (Database, error)
	// Lineage is the prelude of a Redis that cannot be asked who it is; "": it can.
	Lineage string
}

// Database is an empty database of a run's own.
type Database struct {
	DSN  string
	DB   *sql.DB // a stand-in with its schema, in place of DSN; no bare inserts are taken there
	Drop func(ctx context.Context) error
}

// The variables that name the servers, as deploy/local/env prints them.
const (
	EnvMySQL = "ROSTRUM_TEST_MYSQL" // DSN without a database
	EnvRedis = "ROSTRUM_TEST_REDIS"
	EnvShelf = "ROSTRUM_TEST_SHELF" // may be missing
	EnvKafka = "ROSTRUM_TEST_KAFKA"
)

// FromEnvironment gives the servers that the environment names, but for Always. fault Invalid `bench_servers` names the
// variables that are missing.
func FromEnvironment(get func(name string) string) (Servers, error) {
	var missing []string
	for _, name := range []string{EnvMySQL, EnvRedis, EnvKafka} {
		if get(name) == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return Servers{}, fault.New(fault.Invalid, "bench_servers", fmt.Sprintf("no servers: %v not set; make bench starts some, and eval \"$(deploy/local/env)\" names those of deploy/local/up", missing))
	}
	return Servers{Redis: get(EnvRedis), Shelf: get(EnvShelf), Kafka: get(EnvKafka), NewDatabase: onMySQL(get(EnvMySQL))}, nil
}
