package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"

	"rostrum/internal/fault"
)

// The engine's error numbers that mean something to us.
const (
	errDuplicate      = 1062
	errLockWait       = 1205
	errDeadlock       = 1213
	errSnapshot       = 1020 // MariaDB: the row changed since this transaction read it; all of it is rolled back
	errTooManyConns   = 1040
	errShutdown       = 1053
	errReadOnly       = 1290
	errReadOnlyTx     = 1792
	errQueryKilled    = 1317
	errUnknownTable   = 1146
	errNoDatabase     = 1049
	errClusterRefused = 3101 // group replication: the transaction lost against another
)

// passing errors roll the transaction back and may be gone when it is tried again.
var passing = []uint16{errDeadlock, errLockWait, errSnapshot, errClusterRefused}

// away errors say that the server cannot serve us now.
var away = append([]uint16{errTooManyConns, errShutdown, errReadOnly, errReadOnlyTx, errQueryKilled}, passing...)

// errCommit marks an error of COMMIT itself: the outcome is unknown.
type errCommit struct{ err error }

func (e errCommit) Error() string { return "commit: " + e.err.Error() }
func (e errCommit) Unwrap() error { return e.err }

// number gives the engine's number of an error, 0 for none of its own.
func number(err error) uint16 {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}

// duplicate gives the name of the key that refused a row, without its table: engines differ in whether they say it.
func duplicate(err error) (key string, ok bool) {
	var e *mysql.MySQLError
	if !errors.As(err, &e) || e.Number != errDuplicate {
		return "", false
	}
	// The value stands before the key and is somebody's text: only the last of these words are the engine's.
	key = e.Message[max(0, strings.LastIndex(e.Message, "for key '")):]
	key = strings.TrimSuffix(strings.TrimPrefix(key, "for key '"), "'")
	return key[strings.LastIndexByte(key, '.')+1:], true
}

// retryAfter is what a client is told that meets a store which is away.
const retryAfter = time.Second

// classify gives err its class. What the server refused in its own words, and what never reached it, is Unavailable; a
// COMMIT whose answer was lost is Unknown; faults pass; the rest is our mistake.
func classify(what string, err error) error {
	var commit errCommit
	switch {
	case err == nil, fault.As(err) != nil:
		return err
	case errors.As(err, &commit) && number(err) == 0:
		return fault.Wrap(fault.Unknown, "outcome_unknown", "the database's answer was lost", fmt.Errorf("store: %s: %w", what, err))
	case number(err) == errNoDatabase:
		return fault.Wrap(fault.Conflict, "no_database", "the server has no such database; make it with CREATE DATABASE … CHARACTER SET utf8mb4", err)
	case slices.Contains(away, number(err)), unreachable(err):
		f := fault.Wrap(fault.Unavailable, "unavailable", "the database does not answer", fmt.Errorf("store: %s: %w", what, err))
		f.RetryAfter = retryAfter
		return f
	}
	return fault.Wrap(fault.Internal, "internal", "the database refused what the store asked", fmt.Errorf("store: %s: %w", what, err))
}

// unreachable says whether the server was not reached, or was lost before it answered.
func unreachable(err error) bool {
	var n net.Error
	return errors.As(err, &n) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) ||
		errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, sql.ErrConnDone) || errors.Is(err, sql.ErrTxDone)
}

// applied classifies for the ledger: whoever applies reads the position again, so an unknown outcome is no other case.
func applied(err error) error {
	f := fault.As(err)
	if f == nil || f.Class != fault.Unknown {
		return err
	}
	return fault.Wrap(fault.Unavailable, "unavailable", "the outcome is unknown; the position says it", err)
}

// missing turns "no row" into a NotFound.
func missing(err error, code, what string) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fault.New(fault.NotFound, code, "there is no such "+what)
	}
	return err
}

// stale tells that a rev has passed.
func stale(what string) error {
	return fault.New(fault.Stale, "stale", "the "+what+" was changed by somebody else; read it again")
}
