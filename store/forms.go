package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"rostrum/store/db"
)

// sizes are the row counts for which a statement has a form. Few texts, so that engines that keep plans keep few, and
// every text can be prepared by a test; 500 rows of the widest table stay far below the limits on placeholders.
var sizes = [...]int{500, 100, 10, 1}

// form is a one-row INSERT and its texts for many rows.
type form struct {
	head  string // up to its first row
	width int
	texts [len(sizes)]string
}

// rowsOf makes the forms of an INSERT … VALUES (?, …) of one row.
func rowsOf(text string) form {
	head, tuple, ok := strings.Cut(text, "VALUES ")
	tuple = strings.TrimSpace(tuple)
	if !ok || !strings.HasPrefix(tuple, "(") || !strings.HasSuffix(tuple, ")") {
		panic("store: no one-row insert: " + text)
	}
	f := form{head: head + "VALUES ", width: strings.Count(tuple, "?")}
	for i, n := range sizes {
		f.texts[i] = head + "VALUES " + strings.Repeat(tuple+", ", n-1) + tuple
	}
	return f
}

// The statements that come in many rows.
var (
	insertRecords = rowsOf(db.InsertRecord)
	insertOrders  = rowsOf(db.InsertOrder)
	insertUnits   = rowsOf(db.InsertUnit)
	insertEvents  = rowsOf(db.InsertEvent)
	insertUsers   = rowsOf(db.InsertUser)
	insertItems   = rowsOf(db.InsertItem)
	insertLots    = rowsOf(db.InsertLot)
	replaceLots   = rowsOf(db.ReplaceLot)
)

// insert writes rows, given one after the other in args, by the largest forms that fit.
func (f form) insert(ctx context.Context, c db.DBTX, args []any) error {
	for i, n := range sizes {
		for len(args) >= n*f.width {
			if _, err := c.ExecContext(ctx, f.texts[i], args[:n*f.width]...); err != nil {
				return err
			}
			args = args[n*f.width:]
		}
	}
	if len(args) != 0 {
		return fmt.Errorf("store: %d values are left of rows of %d", len(args), f.width)
	}
	return nil
}

// list is a list of values in place of the one in a statement's IN (?), which is its last parameter: the compiled
// statement runs with its own code to read the rows, only the text is longer.
type list struct {
	db.DBTX
	values []any // len is one of sizes
}

const inOne = "IN (?)"

// widen replaces the one value by the list. The arguments are copied: the compiled code owns them.
func (l list) widen(text string, args []any) (string, []any) {
	return widened(text, len(l.values)), append(args[:len(args)-1:len(args)-1], l.values...)
}

// widened makes room for n values in a statement's IN (?).
func widened(text string, n int) string {
	return strings.Replace(text, inOne, "IN (?"+strings.Repeat(", ?", n-1)+")", 1)
}

func (l list) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	text, args = l.widen(text, args)
	return l.DBTX.QueryContext(ctx, text, args...)
}

func (l list) ExecContext(ctx context.Context, text string, args ...any) (sql.Result, error) {
	text, args = l.widen(text, args)
	return l.DBTX.ExecContext(ctx, text, args...)
}

// each runs f for values in lists of the sizes there are; a list that is not full repeats its last value.
func each[V any](c db.DBTX, values []V, f func(q *db.Queries) error) error {
	for len(values) > 0 {
		n := sizes[0] // the smallest size that holds them all, else the largest
		for _, size := range sizes {
			if size >= len(values) {
				n = size
			}
		}
		take := min(n, len(values))
		args := make([]any, n)
		for i := range args {
			args[i] = values[min(i, take-1)]
		}
		if err := f(db.New(list{c, args})); err != nil {
			return err
		}
		values = values[take:]
	}
	return nil
}

// collect is each for statements that give rows.
func collect[V, R any](c db.DBTX, values []V, f func(q *db.Queries) ([]R, error)) ([]R, error) {
	var all []R
	err := each(c, values, func(q *db.Queries) error {
		rows, err := f(q)
		all = append(all, rows...)
		return err
	})
	return all, err
}
