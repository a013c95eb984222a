package store_test

import (
	"testing"

	"rostrum/internal/live"
	"rostrum/store"
	"rostrum/store/storetest"
)

// openFresh gives each measurement a database of its own.
func openFresh(t testing.TB) *store.Store { t.Helper(); return storetest.Fresh(t, live.MySQL(t)) }

func BenchmarkApply(b *testing.B) { storetest.BenchApply(b, openFresh) }

func BenchmarkBareInsert(b *testing.B) { storetest.BenchBare(b, openFresh) }

func BenchmarkApplySQLite(b *testing.B) { storetest.BenchApply(b, openSQLite) }

// BenchmarkListing measures a session of so many lots from nothing to published.
func BenchmarkListing(b *testing.B) {
	const lots = 100_000
	for b.Loop() {
		_, _, took := storetest.List(b, openFresh(b), 16, lots)
		for n, unit := range []string{"items/s", "lots/s", "published/s"} {
			b.ReportMetric(lots/took[n].Seconds(), unit)
		}
	}
}
