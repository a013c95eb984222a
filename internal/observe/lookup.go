package observe

import (
	"maps"
	"sync/atomic"
)

// lookup finds a series by its labels without asking for it by them, which would cost more than what is counted. The map is
// never written, only replaced. There are as many keys as series: few, and none of a client's choosing.
type lookup[K comparable, V any] struct{ known atomic.Pointer[map[K]V] }

// of gives the series of key; made makes it, and gives the key with texts that nobody else will write into.
func (l *lookup[K, V]) of(key K, made func(K) (K, V)) V {
	known := l.known.Load()
	if known != nil {
		if series, ok := (*known)[key]; ok {
			return series
		}
	}
	own, series := made(key)
	more := map[K]V{own: series}
	if known != nil {
		maps.Copy(more, *known)
	}
	l.known.CompareAndSwap(known, &more) // who loses against another is added next time
	return series
}
