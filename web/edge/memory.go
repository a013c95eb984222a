package edge

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/singleflight"
)

// What a node remembers of goods pages. Everybody who sells nothing on a page sees the same one, so that a hundred
// thousand visitors of a session are served from one page made every half a second.
const (
	goodsFreshUS = 500_000   // then one of those who ask makes it anew, and the others are still served
	goodsGoodUS  = 1_000_000 // then nobody is served from it
	maxGoods     = 16 << 20  // bytes of pages, about
	lotBytes     = 1 << 10   // a lot in memory and as it is sent, about
)

// goodsMemory keeps shared pages for a moment. Pages of one user's own are not kept.
type goodsMemory struct {
	mu      sync.RWMutex
	pages   map[goodsKey]*keptGoods
	bytes   int
	flights singleflight.Group
}

type keptGoods struct {
	page          *GoodsPage
	freshUS, till int64
	renewing      atomic.Bool
}

func (k *keptGoods) bytes() int { return lotBytes*(1+len(k.page.Lots)) + 64*len(k.page.sellers) }

// kept gives what may be served now; nil for nothing.
func (m *goodsMemory) kept(key goodsKey, nowUS int64) *keptGoods {
	m.mu.RLock()
	k := m.pages[key]
	m.mu.RUnlock()
	if k == nil || nowUS >= k.till || nowUS < k.page.AtUS { // the last: the clock was turned back, and a code may be on it too soon
		return nil
	}
	return k
}

// get gives a page that may be served now. To one of those who ask for a page that is no longer fresh it gives nil, so
// that they make it anew.
func (m *goodsMemory) get(key goodsKey, nowUS int64) *GoodsPage {
	k := m.kept(key, nowUS)
	if k == nil || nowUS >= k.freshUS && k.renewing.CompareAndSwap(false, true) {
		return nil
	}
	return k.page
}

func (m *goodsMemory) put(key goodsKey, g *GoodsPage) {
	kept := &keptGoods{page: g, freshUS: g.AtUS + goodsFreshUS, till: min(g.UntilUS, g.AtUS+goodsGoodUS)}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pages == nil {
		m.pages = map[goodsKey]*keptGoods{}
	}
	m.drop(key)
	if m.bytes+kept.bytes() > maxGoods {
		m.shrink(g.AtUS)
	}
	m.pages[key], m.bytes = kept, m.bytes+kept.bytes()
}

// shrink drops what is too old, and if that is little others, whichever: what is asked for much is back at once.
func (m *goodsMemory) shrink(nowUS int64) {
	for key, k := range m.pages {
		if nowUS >= k.till {
			m.drop(key)
		}
	}
	for key := range m.pages {
		if m.bytes <= maxGoods*3/4 {
			return
		}
		m.drop(key)
	}
}

func (m *goodsMemory) drop(key goodsKey) {
	if k := m.pages[key]; k != nil {
		m.bytes -= k.bytes()
		delete(m.pages, key)
	}
}

// fill makes a page, once for all who ask for it at the same time, and remembers it. Where that fails, a page that may
// still be served is.
func (m *goodsMemory) fill(ctx context.Context, e *Edge, key goodsKey, look func(context.Context) (*GoodsPage, error)) (*GoodsPage, error) {
	flight := m.flights.DoChan(key.String(), func() (_ any, err error) {
		defer func() { // a flight is nobody's own goroutine: a panic here would end the process
			if r := recover(); r != nil {
				e.Counters.Alarm("panic")
				e.Log.ErrorContext(ctx, "a goods page panicked", "panic", r, "stack", string(debug.Stack()))
				err = fmt.Errorf("panic: %v", r)
			}
		}()
		if k := m.kept(key, e.NowUS()); k != nil && e.NowUS() < k.freshUS {
			return k.page, nil // another flight has landed meanwhile
		}
		// Others wait for this one: it must not end because the first of them hung up.
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.RequestTimeout)
		defer cancel()
		g, err := look(own)
		if err == nil {
			m.put(key, g)
		}
		return g, err
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-flight:
		if r.Err == nil {
			return r.Val.(*GoodsPage), nil
		}
		if k := m.kept(key, e.NowUS()); k != nil {
			return k.page, nil
		}
		return nil, r.Err
	}
}
