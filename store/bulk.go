package store

import (
	"bytes"
	"context"
	"slices"

	"github.com/google/uuid"
)

// bulk writes n rows in transactions of at most MaxBulk, so that none holds its locks for long: f writes the rows
// from … to-1 in the one it is given.
func (s *Store) bulk(ctx context.Context, what string, n int, f func(ctx context.Context, t tx, from, to int) error) error {
	for from := 0; from < n; from += MaxBulk {
		to := min(from+MaxBulk, n)
		err := s.write(ctx, what, func(ctx context.Context, t tx) error { return f(ctx, t, from, to) })
		if err != nil {
			return err
		}
	}
	return nil
}

// distinct gives each id once, in order.
func distinct(list []uuid.UUID) []uuid.UUID {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(list)
}
