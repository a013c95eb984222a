package store

import (
	"context"
	"database/sql"
	"database/sql/driver"

	"rostrum/store/db"
)

// fakeDriver begins transactions and counts how they end: what a server does at the moments a test cannot choose.
type fakeDriver struct {
	commit             error
	commits, rollbacks int
}

func openFake(d *fakeDriver) *sql.DB { return sql.OpenDB(fakeConnector{d}) }

type fakeConnector struct{ d *fakeDriver }

func (c fakeConnector) Connect(context.Context) (driver.Conn, error) { return fakeConn(c), nil }
func (c fakeConnector) Driver() driver.Driver                        { return nil }

type fakeConn struct{ d *fakeDriver }

func (c fakeConn) Prepare(string) (driver.Stmt, error) { return nil, driver.ErrSkip }
func (c fakeConn) Close() error                        { return nil }
func (c fakeConn) Begin() (driver.Tx, error)           { return c, nil }

func (c fakeConn) Commit() error   { c.d.commits++; return c.d.commit }
func (c fakeConn) Rollback() error { c.d.rollbacks++; return nil }

// counter counts what statements are sent and with how many values.
type counter struct {
	db.DBTX
	statements, values int
	seen               []int
}

func (c *counter) ExecContext(_ context.Context, _ string, args ...any) (sql.Result, error) {
	c.statements++
	c.values += len(args)
	for _, a := range args {
		if n, ok := a.(int); ok {
			c.seen = append(c.seen, n)
		}
	}
	return driver.RowsAffected(0), nil
}
