package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/segmentio/kafka-go"

	"rostrum/internal/fault"
)

// Servers are what a run stands on.
type Servers struct {
	Redis string // host:port, with appendfsync everysec
	Shelf string // host:port; "": the gate's server is the shelf too
	Kafka string // host:port
	MySQL string // host:port, to tell its process by; "": not told

	// NewDatabase makes an empty database of that name.
	NewDatabase func(ctx context.Context, name string) (Database, error)
	// StartRedis starts one with that appendfsync and gives how to end it; errors.Is exec.ErrNotFound where none is to be
	// had, and the figures that need it are left out.
	StartRedis func(ctx context.Context, appendfsync string) (address string, end func() error, err error)
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

// FromEnvironment gives the servers that the environment names. fault Invalid `bench_servers` names the variables that are
// missing, or that name a cluster of Redis.
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
	for _, name := range []string{EnvRedis, EnvShelf} {
		if strings.Contains(get(name), ",") {
			return Servers{}, fault.New(fault.Invalid, "bench_servers", name+" names a cluster: a figure is of one Redis; set it to one that is not in a cluster")
		}
	}
	kafka, _, _ := strings.Cut(get(EnvKafka), ",") // any broker names the others
	return Servers{Redis: get(EnvRedis), Shelf: get(EnvShelf), Kafka: kafka, MySQL: hostOf(get(EnvMySQL)),
		NewDatabase: onMySQL(get(EnvMySQL)), StartRedis: StartRedis}, nil
}

// hostOf gives host:port of a DSN; "" where it has none, as one of a socket.
func hostOf(dsn string) string {
	_, rest, _ := strings.Cut(dsn, "@tcp(")
	address, _, _ := strings.Cut(rest, ")")
	return address
}

// checkTimeout is what a server may take to say that it is there.
const checkTimeout = 5 * time.Second

// check says which server is not there, or is not what its name says, before anything is made on any of them: fault
// Unavailable `bench_unreachable`.
func (s Servers) check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var failed []error
	say := func(variable, address string, err error) {
		if err != nil {
			failed = append(failed, fault.Wrap(fault.Unavailable, "bench_unreachable", fmt.Sprintf("%s: nothing of use at %s", variable, address), err))
		}
	}
	say(EnvRedis, s.Redis, ping(ctx, s.Redis))
	if s.Shelf != "" {
		say(EnvShelf, s.Shelf, ping(ctx, s.Shelf))
	}
	if s.MySQL != "" {
		say(EnvMySQL, s.MySQL, reach(ctx, s.MySQL))
	}
	client := bareClient(s.Kafka)
	defer closeIdle(client)
	client.Timeout = checkTimeout
	_, err := client.Metadata(ctx, &kafka.MetadataRequest{})
	say(EnvKafka, s.Kafka, err)
	return errors.Join(failed...)
}

// reach connects and no more: who may log in is found out when the first database is made, which is before anything else is.
func reach(ctx context.Context, address string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// onMySQL makes databases on the server of a DSN without one. The driver is the one that package store registers.
func onMySQL(server string) func(ctx context.Context, name string) (Database, error) {
	return func(ctx context.Context, name string) (Database, error) {
		if err := onServer(ctx, server, "CREATE DATABASE "+name); err != nil {
			return Database{}, err
		}
		return Database{DSN: named(server, name), Drop: func(ctx context.Context) error {
			return onServer(ctx, server, "DROP DATABASE IF EXISTS "+name)
		}}, nil
	}
}

func onServer(ctx context.Context, server, statement string) (err error) {
	admin, err := sql.Open("mysql", server)
	if err != nil {
		return fmt.Errorf("%s: %w", EnvMySQL, err)
	}
	defer func() { err = errors.Join(err, admin.Close()) }()
	if _, err = admin.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s (%s): %s: %w", EnvMySQL, hostOf(server), statement, err)
	}
	return nil
}

// named puts a database's name into a DSN that has none: before its parameters, where it has some.
func named(server, name string) string {
	before, parameters, has := strings.Cut(server, "?")
	if has {
		return before + name + "?" + parameters
	}
	return server + name
}
