package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/store/db"
)

// Store keeps what lasts. It is safe for concurrent use.
type Store struct {
	db      *sql.DB
	q       *db.Queries
	options Options
	literal bool                               // rows of many go as text: the driver is a server's
	owner   atomic.Pointer[auction.Deployment] // once it is known: it never changes
}

// New makes a store on an open database. The database must behave as OpenDB's does (affected rows count what was found,
// strict mode, read committed); the stand-in's does.
func New(database *sql.DB, o Options) *Store {
	_, server := database.Driver().(*mysql.MySQLDriver)
	return &Store{db: database, q: db.New(database), options: o.withDefaults(), literal: server}
}

// Open opens the database of o.DSN and asserts that it answers and is strict. fault Unavailable `unavailable` while it
// does not answer; a server that is not strict, or a DSN that cannot be read, is an error of the installation.
func Open(ctx context.Context, o Options) (*Store, error) {
	database, err := OpenDB(o)
	if err != nil {
		return nil, err
	}
	s := New(database, o)
	if err := s.assertStrict(ctx); err != nil {
		database.Close()
		return nil, err
	}
	return s, nil
}

// OpenDB opens o.DSN with the settings the store relies on, without asking the server anything yet. Migrations use it
// with a longer Timeout.
func OpenDB(o Options) (*sql.DB, error) {
	o = o.withDefaults()
	c, err := config(o)
	if err != nil {
		return nil, err
	}
	connector, err := mysql.NewConnector(c)
	if err != nil {
		return nil, fmt.Errorf("store: dsn: %w", err)
	}
	database := sql.OpenDB(readCommitted{connector})
	database.SetMaxOpenConns(o.MaxConns)
	database.SetMaxIdleConns(o.MaxConns)
	database.SetConnMaxLifetime(o.ConnMaxLifetime)
	database.SetConnMaxIdleTime(sessionWait / 2) // we leave before the server hangs up
	return database, nil
}

// sessionWait is how long the server keeps an idle session, and the locks of one whose client is gone.
const sessionWait = 30 * time.Second

const strictMode = "STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"

// config forces what the store relies on; what else the DSN says (TLS, user, address) stands.
func config(o Options) (*mysql.Config, error) {
	c, err := mysql.ParseDSN(o.DSN)
	if err != nil {
		// The driver's text may carry the DSN, and with it the password.
		return nil, fault.New(fault.Invalid, "mysql_dsn", "the MySQL DSN cannot be read; it looks like user:password@tcp(host:port)/database")
	}
	if c.DBName == "" {
		return nil, fault.New(fault.Invalid, "mysql_dsn", "the MySQL DSN names no database")
	}
	c.Timeout = min(o.Timeout, 2*time.Second)
	// A statement may first wait for a lock, and must then hear 1205 rather than lose its connection.
	c.ReadTimeout, c.WriteTimeout = o.Timeout+lockWait, o.Timeout
	c.InterpolateParams, c.ClientFoundRows, c.RejectReadOnly, c.CheckConnLiveness = true, true, true, true
	c.MultiStatements = false
	c.ParseTime, c.Loc = true, time.UTC // our own times are integers; the migrations' lock has others
	c.Collation = "utf8mb4_bin"
	if c.Params == nil {
		c.Params = map[string]string{}
	}
	c.Logger = &mysql.NopLogger{} // what it would print comes back as an error too
	c.Params["sql_mode"] = "'" + strictMode + "'"
	c.Params["innodb_lock_wait_timeout"] = fmt.Sprint(int(lockWait.Seconds()))
	c.Params["wait_timeout"] = fmt.Sprint(int(sessionWait.Seconds()))
	return c, nil
}

// readCommitted sets the isolation of each new session by the one statement that all engines share; the variable's name
// differs.
type readCommitted struct{ driver.Connector }

func (r readCommitted) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := c.(driver.ExecerContext).ExecContext(ctx, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", nil); err != nil {
		c.Close()
		return nil, fmt.Errorf("store: isolation: %w", err)
	}
	return c, nil
}

// assertStrict asks whether the session really is strict: a proxy may hand out sessions that others have changed.
func (s *Store) assertStrict(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	var mode string
	if err := s.db.QueryRowContext(ctx, "SELECT @@SESSION.sql_mode").Scan(&mode); err != nil {
		return classify("open", err)
	}
	if !strings.Contains(mode, "STRICT_ALL_TABLES") {
		return fmt.Errorf("store: the session's sql_mode is %q: STRICT_ALL_TABLES is needed", mode)
	}
	return nil
}

// Ping says whether the database answers. fault Unavailable `unavailable`.
func (s *Store) Ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	return classify("ping", s.db.PingContext(ctx))
}

// DB gives the database, for what only an installation does with it (migrations, statistics of the pool).
func (s *Store) DB() *sql.DB { return s.db }

// Close closes the connections. Transactions that are open end first.
func (s *Store) Close() error { return s.db.Close() }
