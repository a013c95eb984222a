package standinsql

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"

	"github.com/ncruces/go-sqlite3"
	_ "github.com/ncruces/go-sqlite3/embed" // SQLite itself, compiled to WebAssembly
)

//go:embed schema/*.sql
var schema embed.FS

// Memory is the path of a database that ends with its last connection.
const Memory = ":memory:"

// readers is how many connections a database in a file has: one writes at a time, the others read.
const readers = 8

// Open opens, and makes where it is not there, the database in the file path, or in Memory, and brings it to this
// program's schema. Data of a newer program, a file that is no database or not ours, and a place that cannot be written
// are errors that say so. The database is for package store: it takes no other statement.
func Open(path string) (*sql.DB, error) {
	c, err := newConnector(path)
	if err != nil {
		return nil, fmt.Errorf("the database %s: %w", path, err)
	}
	database := sql.OpenDB(c)
	database.SetMaxOpenConns(readers)
	database.SetMaxIdleConns(readers)
	if path == Memory {
		// A second connection would have a memory of its own.
		database.SetMaxOpenConns(1)
		database.SetMaxIdleConns(1)
	}
	if err := database.PingContext(context.Background()); err != nil {
		database.Close()
		return nil, fmt.Errorf("the database %s: %w", path, said(err))
	}
	return database, nil
}

// said adds what a person can do about an error of SQLite's.
func said(err error) error {
	switch {
	case errors.Is(err, sqlite3.CANTOPEN), errors.Is(err, sqlite3.READONLY), errors.Is(err, sqlite3.PERM):
		return fmt.Errorf("cannot be written; choose a folder of your own: %w", err)
	case errors.Is(err, sqlite3.NOTADB), errors.Is(err, sqlite3.CORRUPT):
		return fmt.Errorf("is no SQLite database, or a damaged one: %w", err)
	}
	return err
}

// dsn gives the driver's name of a path: the pragmas of a database with one writer that outlives a killed process.
func dsn(path string) string {
	pragmas := url.Values{
		"_txlock": {"immediate"},
		"_pragma": {"busy_timeout(5000)", "journal_mode(wal)", "synchronous(normal)", "temp_store(memory)"},
	}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: pragmas.Encode()}).String()
}

// prepare brings an open database to the newest schema, and learns the names of its keys. Each step is one transaction.
func prepare(c *sqlite3.Conn) (map[string]string, error) {
	steps, err := fs.Glob(schema, "schema/*.sql")
	if err != nil {
		return nil, err
	}
	if err := c.Exec(`BEGIN IMMEDIATE`); err != nil {
		return nil, err
	}
	if err := upgrade(c, steps); err != nil {
		return nil, errors.Join(err, c.Exec(`ROLLBACK`))
	}
	if err := c.Exec(`COMMIT`); err != nil {
		return nil, err
	}
	return keyNames(c)
}

func upgrade(c *sqlite3.Conn, steps []string) error {
	tables, err := texts(c, `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`)
	if err != nil {
		return err
	}
	if len(tables) > 0 && !strings.Contains(" "+strings.Join(tables, " ")+" ", " goose_db_version ") {
		return fmt.Errorf("holds something else (%s …); choose another path", tables[0])
	}
	// The same table that MySQL's migrations keep, so that the store's check of the schema asks one question of both.
	err = c.Exec(`CREATE TABLE IF NOT EXISTS goose_db_version (version_id INTEGER PRIMARY KEY) STRICT; INSERT OR IGNORE INTO goose_db_version VALUES (0)`)
	if err != nil {
		return err
	}
	at, err := number(c, `SELECT MAX(version_id) FROM goose_db_version`)
	if err != nil {
		return err
	}
	if at > len(steps) {
		return fmt.Errorf("has schema %d, this program knows %d: start a newer program, or choose another path", at, len(steps))
	}
	for i, step := range steps[at:] {
		text, err := schema.ReadFile(step)
		if err != nil {
			return err
		}
		if err := c.Exec(string(text) + fmt.Sprintf(`; INSERT INTO goose_db_version VALUES (%d)`, at+i+1)); err != nil {
			return fmt.Errorf("%s: %w", step, err)
		}
	}
	return nil
}

// keyNames gives the name of the key for the "table.column, table.column" that SQLite says of a row it refuses.
func keyNames(c *sqlite3.Conn) (map[string]string, error) {
	rows, err := texts(c, `SELECT iif(l.origin = 'pk', 'PRIMARY', l.name) || ' ' || group_concat(t.name || '.' || i.name, ', ')
		FROM sqlite_schema AS t, pragma_index_list(t.name) AS l, pragma_index_info(l.name) AS i
		WHERE t.type = 'table' AND l."unique" GROUP BY t.name, l.name`)
	names := map[string]string{}
	for _, row := range rows {
		name, columns, _ := strings.Cut(row, " ")
		names[columns] = name
	}
	return names, err
}

// texts gives the first column of a query's rows.
func texts(c *sqlite3.Conn, query string) ([]string, error) {
	s, _, err := c.Prepare(query)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	var all []string
	for s.Step() {
		all = append(all, s.ColumnText(0))
	}
	return all, s.Err()
}

func number(c *sqlite3.Conn, query string) (int, error) {
	s, _, err := c.Prepare(query)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	if !s.Step() {
		return 0, s.Err()
	}
	return s.ColumnInt(0), s.Err()
}
