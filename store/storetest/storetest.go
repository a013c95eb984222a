package storetest

import (
	"testing"

	"rostrum/store"
)

// Run runs the suite. open gives an empty, migrated store that belongs to the test it is given.
func Run(t *testing.T, open func(t testing.TB) *store.Store) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, s *store.Store)
	}{
		{"apply: the way of a bid", wayOfABid},
		{"apply: the same batch twice", sameBatchTwice},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}
