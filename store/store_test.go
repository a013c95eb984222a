package store_test

import (
	"testing"

	"rostrum/internal/live"
	standinsql "rostrum/internal/standin/sql"
	"rostrum/store"
	"rostrum/store/storetest"
)

func openSQLite(t testing.TB) *store.Store {
	t.Helper()
	database, err := standinsql.Open(standinsql.Memory)
	if err != nil {
		t.Fatal(err)
	}
	s := store.New(database, storetest.Options(""))
	t.Cleanup(func() { s.Close() })
	return s
}

func TestConformanceSQLite(t *testing.T) { storetest.Run(t, openSQLite) }

func TestConformanceMariaDB(t *testing.T) { storetest.Run(t, storetest.MySQL(t, live.MySQL(t))) }

func TestConformanceMySQL(t *testing.T) { storetest.Run(t, storetest.MySQL(t, live.MySQL2(t))) }
