package cache

import (
	"context"

	"github.com/maypok86/otter/v2"
)

// Memory is what a node remembers by key, within a size and a time: an otter cache behind a few of its methods. It is an
// interface for the compiler's sake: a generic cache in a struct is compiled once more in every package that holds one.
type Memory[K comparable, V any] interface {
	GetIfPresent(key K) (V, bool)
	// Refresh loads a value anew while the old one serves, and drops what it loaded if that was invalidated meanwhile.
	Refresh(ctx context.Context, key K, loader otter.Loader[K, V]) <-chan otter.RefreshResult[K, V]
	Set(key K, value V) (V, bool)
	Invalidate(key K) (V, bool)
	InvalidateAll()
}
