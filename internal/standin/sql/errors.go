package standinsql

import (
	"errors"
	"strings"

	"github.com/go-sql-driver/mysql"
	"github.com/ncruces/go-sqlite3"
)

// numbers are MySQL's for SQLite's refusals. What is not here is nothing that MySQL would say, and stays as it is.
var numbers = []struct {
	is     error
	number uint16
}{
	{sqlite3.CONSTRAINT_UNIQUE, 1062},
	{sqlite3.CONSTRAINT_PRIMARYKEY, 1062},
	{sqlite3.CONSTRAINT_NOTNULL, 1048},
	{sqlite3.CONSTRAINT_CHECK, 1406}, // all our checks are lengths
	{sqlite3.CONSTRAINT_DATATYPE, 1366},
	{sqlite3.BUSY, 1205},
	{sqlite3.LOCKED, 1205},
	{sqlite3.READONLY, 1290},
	{sqlite3.FULL, 1114},
	{sqlite3.INTERRUPT, 1317},
}

// asMySQL gives the error that MySQL would have given.
func (c *connector) asMySQL(err error) error {
	var e *sqlite3.Error
	if !errors.As(err, &e) {
		return err
	}
	for _, n := range numbers {
		if errors.Is(err, n.is) {
			return &mysql.MySQLError{Number: n.number, Message: c.words(n.number, e)}
		}
	}
	return err
}

func (c *connector) words(number uint16, e *sqlite3.Error) string {
	if number != 1062 {
		return e.Error()
	}
	const says = "constraint failed: " // … UNIQUE constraint failed: table.column, table.column
	columns := e.Error()[strings.LastIndex(e.Error(), says)+len(says):]
	table, _, _ := strings.Cut(columns, ".")
	// The value that was there is not said by SQLite; nobody reads it.
	return "Duplicate entry '?' for key '" + table + "." + c.keys[columns] + "'"
}
