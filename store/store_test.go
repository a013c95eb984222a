package store_test

import (
	"path/filepath"
	"testing"

	"rostrum/internal/live"
	standinsql "rostrum/internal/standin/sql"
	"rostrum/store"
	"rostrum/store/storetest"
)

func openSQLite(t testing.TB) *store.Store {
	t.Helper()
	return openAt(t, standinsql.Memory)
}

func openAt(t testing.TB, path string) *store.Store {
	t.Helper()
	database, err := standinsql.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	s := store.New(database, storetest.Options(""))
	t.Cleanup(func() { s.Close() })
	return s
}

func TestConformanceSQLite(t *testing.T) { storetest.Run(t, openSQLite) }

// TestConformanceSQLiteFile has readers beside the writer, which a database in memory has not.
func TestConformanceSQLiteFile(t *testing.T) {
	storetest.Run(t, func(t testing.TB) *store.Store { return openAt(t, filepath.Join(t.TempDir(), "rostrum.db")) })
}

func TestConformanceMariaDB(t *testing.T) { storetest.Run(t, storetest.MySQL(t, live.MySQL(t))) }

func TestConformanceMySQL(t *testing.T) { storetest.Run(t, storetest.MySQL(t, live.MySQL2(t))) }
