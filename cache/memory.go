package cache

// Memory is what a node remembers by key, within a size and a time: an otter cache behind its four methods. It is an
// interface for the compiler's sake: a generic cache in a struct is compiled once more in every package that holds one.
type Memory[K comparable, V any] interface {
	GetIfPresent(key K) (V, bool)
	Set(key K, value V) (V, bool)
	Invalidate(key K) (V, bool)
	InvalidateAll()
}
