package store_test

import (
	"testing"

	"rostrum/internal/live"
	"rostrum/store/storetest"
)

func BenchmarkApply(b *testing.B) { storetest.BenchApply(b, storetest.MySQL(b, live.MySQL(b))) }

func BenchmarkBareInsert(b *testing.B) { storetest.BenchBare(b, storetest.MySQL(b, live.MySQL(b))) }

func BenchmarkApplySQLite(b *testing.B) { storetest.BenchApply(b, openSQLite) }
