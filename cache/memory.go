package cache

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/maypok86/otter/v2"
)

// Memory is what a node remembers by id, within a size and a time: an otter cache behind a few of its methods.
type Memory[V any] struct{ entries entries }

// entries is one kind of otter cache for all kinds of values, behind an interface. Both are for the compiler's sake: it makes a
// thousand functions of the library for each kind, and again in every package that sees more of it; a newcomer waits for them.
type entries interface {
	GetIfPresent(id uuid.UUID) (any, bool)
	Refresh(ctx context.Context, id uuid.UUID, loader otter.Loader[uuid.UUID, any]) <-chan otter.RefreshResult[uuid.UUID, any]
	Set(id uuid.UUID, value any) (any, bool)
	Invalidate(id uuid.UUID) (any, bool)
	InvalidateAll()
}

// MemoryOptions bound a Memory.
type MemoryOptions struct {
	Most    int                  // entries
	TTL     func() time.Duration // of an entry, asked when it is written; nil: no end
	Refresh time.Duration        // when Refresh is called at the latest; 0: it never is
	Now     func() time.Time     // nil: time.Now
}

// NewMemory makes one; it needs no goroutine of its own. It panics without a size.
func NewMemory[V any](o MemoryOptions) Memory[V] { return Memory[V]{newEntries(o)} }

func newEntries(o MemoryOptions) entries {
	options := &otter.Options[uuid.UUID, any]{MaximumSize: o.Most}
	if o.Now != nil {
		options.Clock = ticks{o.Now}
	}
	if o.TTL != nil {
		options.ExpiryCalculator = otter.ExpiryWritingFunc(func(otter.Entry[uuid.UUID, any]) time.Duration { return o.TTL() })
	}
	if o.Refresh > 0 { // without a calculator Refresh does nothing; what fails is its caller's to tell
		options.RefreshCalculator, options.Logger = otter.RefreshWriting[uuid.UUID, any](o.Refresh), &otter.NoopLogger{}
	}
	return otter.Must(options)
}

// Get gives what is remembered; false: nothing, or no more.
func (m Memory[V]) Get(id uuid.UUID) (value V, ok bool) {
	found, ok := m.entries.GetIfPresent(id)
	if ok {
		value, _ = found.(V)
	}
	return value, ok
}

// Set remembers a value.
func (m Memory[V]) Set(id uuid.UUID, value V) { m.entries.Set(id, value) }

// Refresh loads a value anew while the old one serves, and drops what it loaded if that was forgotten meanwhile. It
// returns when that is done; what fails leaves the old value.
func (m Memory[V]) Refresh(ctx context.Context, id uuid.UUID, load func(ctx context.Context, id uuid.UUID) (V, error)) {
	<-m.entries.Refresh(ctx, id, otter.LoaderFunc[uuid.UUID, any](func(ctx context.Context, id uuid.UUID) (any, error) { return load(ctx, id) }))
}

// Forget forgets one id.
func (m Memory[V]) Forget(id uuid.UUID) { m.entries.Invalidate(id) }

// ForgetAll forgets all.
func (m Memory[V]) ForgetAll() { m.entries.InvalidateAll() }

// ticks is a clock as otter reads it.
type ticks struct{ now func() time.Time }

func (t ticks) NowNano() int64                      { return t.now().UnixNano() }
func (t ticks) Tick(time.Duration) <-chan time.Time { return nil }
