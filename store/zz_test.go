package store_test

import (
	"os"
	"strings"
	"testing"

	"rostrum/internal/live"
	"rostrum/store"
	"rostrum/store/storetest"
)

func BenchmarkZZ(b *testing.B) {
	open := storetest.MySQL(b, live.MySQL(b))
	first := true
	storetest.BenchApply(b, func(t testing.TB) *store.Store {
		s := open(t)
		if first {
			for _, q := range strings.Split(os.Getenv("ZZ"), ";") {
				if q != "" {
					if _, err := s.DB().Exec(q); err != nil {
						t.Fatal(err)
					}
				}
			}
			first = false
		}
		return s
	})
}
