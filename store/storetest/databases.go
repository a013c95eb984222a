// Package storetest holds any database that package store runs on to what the ports promise: one suite, run on the
// SQLite stand-in always and on real MySQL and MariaDB servers where they are. It also has what other packages' tests
// need of a store: a sale that is ready to be bid in, whose rules are auction.Book.
package storetest

import (
	"context"
	"database/sql"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/store"
)

// Options are those of a store in a test: nothing waits long.
func Options(dsn string) store.Options {
	return store.Options{DSN: dsn, MaxConns: 16, Timeout: 10 * time.Second}
}

// Database makes a migrated database of a test's own on a server (a DSN without a database) and gives its DSN. It is
// dropped when the test ends.
func Database(t testing.TB, server string) string {
	t.Helper()
	id := uuid.New()
	name := "rostrum_test_" + hex.EncodeToString(id[:6])
	admin, err := sql.Open("mysql", server)
	must(t, err)
	must(t, exec(admin, "CREATE DATABASE "+name))
	t.Cleanup(func() {
		if err := exec(admin, "DROP DATABASE "+name); err != nil {
			t.Errorf("drop %s: %v", name, err)
		}
		admin.Close()
	})
	dsn := server + name
	o := Options(dsn)
	o.Timeout = time.Minute
	database, err := store.OpenDB(o)
	must(t, err)
	defer database.Close()
	must(t, store.Migrate(t.Context(), database, nil))
	return dsn
}

// MySQL gives a function that opens a store on a server, empty each time. They share one database of the test's own: no
// two of its stores may be in use at once.
func MySQL(t testing.TB, server string) func(t testing.TB) *store.Store {
	t.Helper()
	dsn := Database(t, server)
	return func(t testing.TB) *store.Store {
		t.Helper()
		s, err := store.Open(t.Context(), Options(dsn))
		must(t, err)
		t.Cleanup(func() { s.Close() })
		empty(t, s.DB())
		return s
	}
}

// Fresh opens a store on a database of its own. It takes longer than MySQL does, and leaves the server nothing to clear
// away while something is being measured.
func Fresh(t testing.TB, server string) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), Options(Database(t, server)))
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

// empty empties every table that has a row, the migrations' own aside. Rows are not deleted one by one: InnoDB would clear
// them away behind the next test, and while it merges their pages a list that is read backwards may miss rows that stand
// there (see ../DESIGN.md).
func empty(t testing.TB, database *sql.DB) {
	t.Helper()
	rows, err := database.Query("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()")
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var table string
		must(t, rows.Scan(&table))
		if strings.HasPrefix(table, "goose_") {
			continue
		}
		var any bool
		must(t, database.QueryRow("SELECT EXISTS (SELECT 1 FROM "+table+")").Scan(&any))
		if any {
			must(t, exec(database, "TRUNCATE TABLE "+table))
		}
	}
	must(t, rows.Err())
}

func exec(database *sql.DB, text string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	_, err := database.ExecContext(ctx, text)
	return err
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
