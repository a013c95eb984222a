package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// tables are those in which an admission has a row, with the query that gives the rows of a lot in order of admission.
var tables = []struct{ name, rows string }{
	{"records", "SELECT * FROM records WHERE shard = ? AND lot_id = ? ORDER BY seq"},
	{"orders", "SELECT * FROM orders WHERE shard = ? AND lot_id = ? ORDER BY seq"},
	{"order_units", "SELECT u.* FROM order_units AS u JOIN orders AS o ON o.shard = u.shard AND o.id = u.order_id " +
		"WHERE u.shard = ? AND u.lot_id = ? ORDER BY o.seq, u.nth"},
}

// bareName is the table beside one of the store's: of the same definition, written by bare inserts only.
func bareName(table string) string { return "bare_" + table }

// bareTables is a connection of its own for bare inserts, on tables beside the store's.
type bareTables struct{ db *sql.DB }

// openBare makes the tables beside.
func openBare(ctx context.Context, dsn string) (bareTables, error) {
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return bareTables{}, fmt.Errorf("bare tables: %w", err)
	}
	db.SetMaxOpenConns(1)
	for _, t := range tables {
		if _, err := db.ExecContext(ctx, "CREATE TABLE "+bareName(t.name)+" LIKE "+t.name); err != nil {
			return bareTables{db}, fmt.Errorf("bare tables: %w", err)
		}
	}
	return bareTables{db}, nil
}

func (b bareTables) close() error {
	if b.db == nil {
		return nil
	}
	return b.db.Close()
}

// rows is rows of one table, as they are.
type rows struct {
	table   string
	columns int
	values  []any // row after row
}

// rowsOf reads what the store has written of a lot.
func rowsOf(ctx context.Context, db *sql.DB, shard int, lot []byte) ([]rows, error) {
	all := make([]rows, len(tables))
	for n, t := range tables {
		r, err := read(ctx, db, t.rows, shard, lot)
		if err != nil {
			return nil, fmt.Errorf("rows of %s: %w", t.name, err)
		}
		r.table = bareName(t.name)
		all[n] = r
	}
	return all, nil
}

func read(ctx context.Context, db *sql.DB, query string, args ...any) (r rows, err error) {
	found, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, found.Close()) }()
	names, err := found.Columns()
	if err != nil {
		return r, err
	}
	r.columns = len(names)
	for found.Next() {
		row, into := make([]any, r.columns), make([]any, r.columns)
		for n := range row {
			into[n] = &row[n]
		}
		if err := found.Scan(into...); err != nil {
			return r, err
		}
		r.values = append(r.values, row...)
	}
	return r, found.Err()
}

func (r rows) len() int { return len(r.values) / max(r.columns, 1) }

// bareBatch is the texts of one transaction's inserts.
type bareBatch []string

// textsOf makes the bare inserts: batch rows of each table in one statement, a transaction for all of them. They are made
// before they are timed, values and all, so that the yardstick is the server's and the driver's part alone.
func textsOf(all []rows, batch int) []bareBatch {
	var batches []bareBatch
	for from, more := 0, true; more; from += batch {
		var texts bareBatch
		more = false
		for _, r := range all {
			if to := min(from+batch, r.len()); from < to {
				texts, more = append(texts, r.insert(from, to)), more || to < r.len()
			}
		}
		batches = append(batches, texts)
	}
	return batches
}

// insertBare writes them.
func insertBare(ctx context.Context, db *sql.DB, batches []bareBatch) error {
	for _, texts := range batches {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return fmt.Errorf("bare insert: %w", err)
		}
		for _, text := range texts {
			if _, err := tx.ExecContext(ctx, text); err != nil {
				return errors.Join(fmt.Errorf("bare insert: %w", err), tx.Rollback())
			}
		}
		if err := tx.Commit(); err != nil {
			return fmt.Errorf("bare insert: %w", err)
		}
	}
	return nil
}

// insert is the insert of the rows from … to.
func (r rows) insert(from, to int) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + r.table + " VALUES ")
	for n := from; n < to; n++ {
		for c, v := range r.values[n*r.columns : (n+1)*r.columns] {
			b.WriteString(separator(n-from, c))
			b.WriteString(literal(v))
		}
		b.WriteByte(')')
	}
	return b.String()
}

func separator(row, column int) string {
	switch {
	case column > 0:
		return ","
	case row > 0:
		return ",("
	}
	return "("
}

// escapes are those of a text between quotes; rows come from a database whose mode has not switched them off.
var escapes = strings.NewReplacer("\\", "\\\\", "'", "\\'", "\x00", "\\0", "\n", "\\n", "\r", "\\r", "\x1a", "\\Z")

// literal writes a value as the driver gives it.
func literal(v any) string {
	switch v := v.(type) {
	case nil:
		return "NULL"
	case []byte:
		return "_binary'" + escapes.Replace(string(v)) + "'"
	case string:
		return "'" + escapes.Replace(v) + "'"
	}
	return fmt.Sprint(v)
}
