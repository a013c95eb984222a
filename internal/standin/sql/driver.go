package standinsql

import (
	"context"
	"database/sql/driver"
	"sync"
	"time"

	"github.com/go-sql-driver/mysql"
	sqlite "github.com/ncruces/go-sqlite3/driver"
)

// connector opens connections to one database. They share the right to write.
type connector struct {
	inner driver.Connector
	texts map[string]string
	write chan struct{} // holds one token while somebody writes

	once sync.Mutex
	keys map[string]string // nil until the schema has been prepared
}

func newConnector(path string) (*connector, error) {
	inner, err := (&sqlite.SQLite{}).OpenConnector(dsn(path))
	return &connector{inner: inner, texts: known(), write: make(chan struct{}, 1)}, err
}

func (c *connector) Driver() driver.Driver { return c.inner.Driver() }

// Connect opens a connection; the first one brings the schema up.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	opened, err := c.inner.Connect(ctx)
	if err != nil {
		return nil, err
	}
	inner := opened.(sqlite.Conn)
	c.once.Lock()
	defer c.once.Unlock()
	if c.keys == nil {
		if c.keys, err = prepare(inner.Raw()); err != nil {
			inner.Close()
			return nil, err
		}
	}
	return &conn{Conn: inner, shared: c, ready: map[string]driver.Stmt{}}, nil
}

// lockWait is how long a writer waits for another, as MySQL's sessions do.
const lockWait = 5 * time.Second

// begin waits for the right to write.
func (c *connector) begin(ctx context.Context) error {
	timer := time.NewTimer(lockWait)
	defer timer.Stop()
	select {
	case c.write <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return &mysql.MySQLError{Number: 1205, Message: "Lock wait timeout exceeded; another transaction writes"}
	}
}

func (c *connector) end() { <-c.write }

// conn is a connection that keeps its prepared statements: compiling one costs more than running it.
type conn struct {
	sqlite.Conn
	shared *connector
	ready  map[string]driver.Stmt // prepared and not in use
	inTx   bool
}

// IsValid makes the pool keep the connection: a database in memory ends with it.
func (c *conn) IsValid() bool { return true }

// BeginTx begins a transaction that may write, whatever isolation is asked for: here all are one after the other.
func (c *conn) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	if err := c.shared.begin(ctx); err != nil {
		return nil, err
	}
	t, err := c.Conn.BeginTx(ctx, driver.TxOptions{})
	if err != nil {
		c.shared.end()
		return nil, c.shared.asMySQL(err)
	}
	c.inTx = true
	return &tx{t, c}, nil
}

// tx gives the right to write back when it ends.
type tx struct {
	driver.Tx
	conn *conn
}

func (t *tx) Commit() error   { return t.over(t.Tx.Commit()) }
func (t *tx) Rollback() error { return t.over(t.Tx.Rollback()) }

func (t *tx) over(err error) error {
	t.conn.inTx = false
	t.conn.shared.end()
	return t.conn.shared.asMySQL(err)
}

// Prepare is PrepareContext without a context.
func (c *conn) Prepare(text string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), text)
}

// PrepareContext compiles a text of the store.
func (c *conn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	ours, ok := c.shared.texts[text]
	if !ok {
		return nil, unknown(text)
	}
	inner, ok := c.ready[text]
	if ok {
		delete(c.ready, text)
		return &stmt{inner, c, text}, nil
	}
	inner, err := c.Conn.PrepareContext(ctx, ours)
	if err != nil {
		return nil, c.shared.asMySQL(err)
	}
	return &stmt{inner, c, text}, nil
}

// stmt is a compiled text; closing it puts it back.
type stmt struct {
	driver.Stmt
	conn *conn
	text string
}

func (s *stmt) Close() error {
	if _, again := s.conn.ready[s.text]; again {
		return s.Stmt.Close()
	}
	s.conn.ready[s.text] = s.Stmt
	return nil
}

// CheckNamedValue leaves the values to SQLite.
func (s *stmt) CheckNamedValue(v *driver.NamedValue) error {
	return s.Stmt.(driver.NamedValueChecker).CheckNamedValue(v)
}

// ExecContext runs a statement; outside a transaction it waits for its turn to write.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if !s.conn.inTx {
		if err := s.conn.shared.begin(ctx); err != nil {
			return nil, err
		}
		defer s.conn.shared.end()
	}
	r, err := s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
	return r, s.conn.shared.asMySQL(err)
}

// QueryContext runs a statement that gives rows.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	r, err := s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
	if err != nil {
		return nil, s.conn.shared.asMySQL(err)
	}
	return &rows{r, s.conn.shared}, nil
}

// rows turn the errors of reading, too.
type rows struct {
	driver.Rows
	shared *connector
}

func (r *rows) Next(dest []driver.Value) error { return r.shared.asMySQL(r.Rows.Next(dest)) }
