package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"rostrum/internal/fault"
	"rostrum/store/db"
)

func TestConfigForcesWhatTheStoreReliesOn(t *testing.T) {
	c, err := config(Options{DSN: "u:secret@tcp(db:3306)/rostrum?parseTime=false&multiStatements=true&tls=skip-verify&sql_mode=ANSI&charset=latin1"}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	if c.MultiStatements || !c.InterpolateParams || !c.ClientFoundRows || !c.RejectReadOnly || !c.ParseTime || c.Collation != "utf8mb4_bin" {
		t.Errorf("config %+v", c)
	}
	if c.TLSConfig != "skip-verify" || c.User != "u" {
		t.Errorf("what the DSN decides is gone: %+v", c)
	}
	if c.ReadTimeout <= lockWait {
		t.Errorf("read timeout %v: a lock wait of %v must end first", c.ReadTimeout, lockWait)
	}
	for name, want := range map[string]string{"sql_mode": "'" + strictMode + "'", "innodb_lock_wait_timeout": "5", "wait_timeout": "30"} {
		if c.Params[name] != want {
			t.Errorf("%s = %q, want %q", name, c.Params[name], want)
		}
	}
}

func TestConfigRefuses(t *testing.T) {
	for _, dsn := range []string{"", "root:hunter2@tcp(127.0.0.1:3306", "root:hunter2@tcp(127.0.0.1:3306)/"} {
		_, err := OpenDB(Options{DSN: dsn})
		if fault.CodeOf(err) != "mysql_dsn" || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", dsn, err)
		}
	}
}

func TestOpenSaysThatTheDatabaseIsAway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close() // nobody listens there now
	_, err = Open(t.Context(), Options{DSN: "root@tcp(" + addr + ")/x", Timeout: time.Second})
	if fault.ClassOf(err) != fault.Unavailable || fault.CodeOf(err) != "unavailable" || fault.As(err).RetryAfter <= 0 {
		t.Errorf("%v", err)
	}
}

func TestClassify(t *testing.T) {
	own := fault.New(fault.Conflict, "x", "y")
	for _, c := range []struct {
		err   error
		class fault.Class
		code  string
	}{
		{own, fault.Conflict, "x"},
		{fmt.Errorf("wrapped: %w", own), fault.Conflict, "x"},
		{&mysql.MySQLError{Number: errDeadlock}, fault.Unavailable, "unavailable"},
		{&mysql.MySQLError{Number: errLockWait}, fault.Unavailable, "unavailable"},
		{&mysql.MySQLError{Number: errSnapshot}, fault.Unavailable, "unavailable"},
		{&mysql.MySQLError{Number: errReadOnly}, fault.Unavailable, "unavailable"},
		{&mysql.MySQLError{Number: 1054}, fault.Internal, "internal"},
		{&mysql.MySQLError{Number: errNoDatabase}, fault.Conflict, "no_database"},
		{mysql.ErrInvalidConn, fault.Unavailable, "unavailable"},
		{driver.ErrBadConn, fault.Unavailable, "unavailable"},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, fault.Unavailable, "unavailable"},
		{context.DeadlineExceeded, fault.Unavailable, "unavailable"},
		{io.ErrUnexpectedEOF, fault.Unavailable, "unavailable"},
		{errCommit{mysql.ErrInvalidConn}, fault.Unknown, "outcome_unknown"},
		{errCommit{context.Canceled}, fault.Unknown, "outcome_unknown"},
		{errCommit{&mysql.MySQLError{Number: errClusterRefused}}, fault.Unavailable, "unavailable"},
		{errors.New("a bug"), fault.Internal, "internal"},
	} {
		err := classify("test", c.err)
		if fault.ClassOf(err) != c.class || fault.CodeOf(err) != c.code {
			t.Errorf("%v: class %d, code %s; want %d, %s", c.err, fault.ClassOf(err), fault.CodeOf(err), c.class, c.code)
		}
		if !errors.Is(err, c.err) {
			t.Errorf("%v: the cause is gone", c.err)
		}
		if class := fault.ClassOf(applied(err)); class == fault.Unknown {
			t.Errorf("%v: the ledger knows no unknown outcome", c.err)
		}
	}
	if classify("test", nil) != nil || applied(nil) != nil {
		t.Error("nothing became an error")
	}
}

func TestDuplicate(t *testing.T) {
	for _, c := range []struct {
		err error
		key string
		ok  bool
	}{
		{&mysql.MySQLError{Number: 1062, Message: "Duplicate entry 'a-b' for key 'orders.uk_orders_bid'"}, "uk_orders_bid", true},
		{&mysql.MySQLError{Number: 1062, Message: "Duplicate entry 'a-b' for key 'uk_orders_bid'"}, "uk_orders_bid", true},
		{&mysql.MySQLError{Number: 1062, Message: "Duplicate entry ''x' for key 'y'' for key 'PRIMARY'"}, "PRIMARY", true},
		{&mysql.MySQLError{Number: 1048, Message: "Column 'x' cannot be null"}, "", false},
		{errors.New("no"), "", false},
		{nil, "", false},
	} {
		if key, ok := duplicate(c.err); key != c.key || ok != c.ok {
			t.Errorf("%v: %q, %v", c.err, key, ok)
		}
	}
}

// TestWriteTriesAgain: a transaction is run again for a passing reason, as a whole, and not for ever.
func TestWriteTriesAgain(t *testing.T) {
	for _, c := range []struct {
		failures int
		err      error
		runs     int
		class    fault.Class
	}{
		{0, nil, 1, 0},
		{1, &mysql.MySQLError{Number: errDeadlock}, 2, 0},
		{2, &mysql.MySQLError{Number: errLockWait}, 3, 0},
		{99, &mysql.MySQLError{Number: errSnapshot}, maxTries, fault.Unavailable},
		{99, fault.New(fault.Stale, "stale", ""), 1, fault.Stale},
		{99, mysql.ErrInvalidConn, 1, fault.Unavailable},
	} {
		d := &fakeDriver{}
		s := New(openFake(d), Options{Backoff: func(int) time.Duration { return 0 }})
		runs := 0
		err := s.write(t.Context(), "test", func(context.Context, tx) error {
			if runs++; runs <= c.failures {
				return c.err
			}
			return nil
		})
		if runs != c.runs || (err == nil) != (c.class == 0) || err != nil && fault.ClassOf(err) != c.class {
			t.Errorf("%v: %d runs, %v", c.err, runs, err)
		}
		if want := map[bool]int{true: 1, false: 0}[err == nil]; d.commits != want || d.rollbacks != runs-want {
			t.Errorf("%v: %d commits, %d rollbacks of %d runs", c.err, d.commits, d.rollbacks, runs)
		}
	}
}

// TestCommitOfUnknownOutcome: the ledger says unavailable, everybody else that it is unknown, and nothing is run twice.
func TestCommitOfUnknownOutcome(t *testing.T) {
	d := &fakeDriver{commit: mysql.ErrInvalidConn}
	s := New(openFake(d), Options{})
	runs := 0
	err := s.write(t.Context(), "test", func(context.Context, tx) error { runs++; return nil })
	if runs != 1 || fault.ClassOf(err) != fault.Unknown {
		t.Errorf("%d runs, %v", runs, err)
	}
	if err := applied(err); fault.ClassOf(err) != fault.Unavailable || fault.CodeOf(err) != "unavailable" {
		t.Errorf("the ledger: %v", err)
	}
}

func TestFormsOfAnInsert(t *testing.T) {
	f := rowsOf("-- name: X :exec\nINSERT INTO x (a, b) VALUES (?, ?)\n")
	if f.width != 2 || f.texts[2] != "-- name: X :exec\nINSERT INTO x (a, b) VALUES "+strings.Repeat("(?, ?), ", 9)+"(?, ?)" {
		t.Errorf("width %d, %q", f.width, f.texts[2])
	}
	for _, rows := range []int{0, 1, 9, 10, 11, 99, 100, 500, 1234} {
		c := &counter{}
		if err := f.insert(t.Context(), c, make([]any, 2*rows)); err != nil {
			t.Fatal(err)
		}
		if c.values != 2*rows || c.statements > 3+9+9+4 {
			t.Errorf("%d rows: %d values in %d statements", rows, c.values, c.statements)
		}
	}
	if err := f.insert(t.Context(), &counter{}, make([]any, 3)); err == nil {
		t.Error("half a row was written")
	}
}

func TestListsOfValues(t *testing.T) {
	for _, n := range []int{0, 1, 2, 10, 11, 500, 501, 1234} {
		c, values := &counter{}, make([]int, n)
		for i := range values {
			values[i] = i
		}
		err := each(c, values, func(q *db.Queries) error {
			_, err := q.TouchAlive(t.Context(), db.TouchAliveParams{})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(c.seen)
		if got := len(slices.Compact(c.seen)); got != n {
			t.Errorf("%d values: %d were sent", n, got)
		}
	}
}

func TestStatementsAreEachOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, text := range Statements() {
		// The form of one row has no line break at its end; it and the compiled text are two.
		if seen[text] {
			t.Errorf("twice:\n%s", text)
		}
		seen[text] = true
	}
	if len(seen) < 100 {
		t.Errorf("%d statements", len(seen))
	}
}

// TestPortableSQL holds the statements to what all engines share.
func TestPortableSQL(t *testing.T) {
	for _, text := range Statements() {
		for _, word := range []string{"RETURNING", "ON DUPLICATE", "IGNORE", "FOR SHARE", "SKIP LOCKED", "NOW(", "UUID(", " OFFSET ", "LOWER(", " LIKE "} {
			if strings.Contains(strings.ToUpper(text), word) {
				t.Errorf("%s in:\n%s", word, text)
			}
		}
	}
}

func TestClip(t *testing.T) {
	for _, c := range []struct {
		text string
		n    int
		want string
	}{{"", 3, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc"}, {"🪔🪔🪔🪔", 3, "🪔🪔🪔"}} {
		if got := clip(c.text, c.n); got != c.want {
			t.Errorf("%q to %d: %q", c.text, c.n, got)
		}
	}
}
