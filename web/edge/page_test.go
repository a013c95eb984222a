package edge

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

func TestFoldTakesCaseOut(t *testing.T) {
	for _, pair := range [][2]string{{"A Lamp", "a lAMP"}, {"ÖLGEMÄLDE", "ölgemälde"}, {"ЧАСЫ", "часы"}, {"ΣΊΣΥΦΟΣ", "σίσυφος"}, {"K", "k"}, {"ſ", "S"}, {"拍賣", "拍賣"}} {
		if fold(pair[0]) != fold(pair[1]) {
			t.Errorf("%q and %q: %q and %q", pair[0], pair[1], fold(pair[0]), fold(pair[1]))
		}
	}
	if got := fold("A Lamp, 20 %"); got != "a lamp, 20 %" {
		t.Errorf("%q", got)
	}
	if fold("İ") == fold("i") || fold("ß") == fold("s") {
		t.Error("letters that are different are the same")
	}
}

func TestFiltersAreChecked(t *testing.T) {
	f, err := LotFilter{Text: "  A Lamp ", State: "live", PriceFrom: 1, PriceTo: 1}.Checked()
	if err != nil || f != (LotFilter{Text: "a lamp", State: "live", PriceFrom: 1, PriceTo: 1}) {
		t.Errorf("%+v %v", f, err)
	}
	_, err = LotFilter{State: "draft", PriceFrom: -1, PriceTo: 1 << 53, Text: strings.Repeat("é", MaxText+1)}.Checked()
	var named []string
	for _, w := range fault.As(err).Fields {
		if named = append(named, w.Name); w.Detail == "" || w.Remedy == "" {
			t.Errorf("%+v", w)
		}
	}
	if got := strings.Join(named, " "); got != "state price_from price_to text" {
		t.Errorf("wrong: %s", got)
	}
}

func TestWhatTheClockChanges(t *testing.T) {
	l := auction.Lot{State: auction.LotOpen, OpensUS: 10, ClosesUS: 20}
	s := auction.Session{State: auction.SessionScheduled, StartsUS: 10, EndsUS: 20}
	for now, want := range map[int64]int64{0: 10, 9: 10, 10: 20, 19: 20, 20: Never, 30: Never} {
		if got := LotChanges(&l, now); got != want {
			t.Errorf("a lot at %d changes at %d, want %d", now, got, want)
		}
		if got := SessionChanges(s, now); got != want {
			t.Errorf("a session at %d changes at %d, want %d", now, got, want)
		}
	}
	l.State, s.State = auction.LotClosed, auction.SessionEnded
	if LotChanges(&l, 0) != Never || SessionChanges(s, 0) != Never {
		t.Error("what is final changes")
	}
}

func key(n int) goodsKey { return goodsKey{page: auction.Page{Limit: n + 1}} }

// A page is served fresh to all; then one of them is sent to make it anew while the others are served; then nobody is.
func TestTheLifeOfARememberedPage(t *testing.T) {
	var m goodsMemory
	page := &GoodsPage{AtUS: 1_000_000, UntilUS: Never}
	m.put(key(0), page)
	served := func(atUS int64, times int) (n int) {
		for range times {
			if m.get(key(0), atUS) == page {
				n++
			}
		}
		return n
	}
	for _, tc := range []struct {
		atUS int64
		want int
	}{{1_000_000, 10}, {1_499_999, 10}, {1_500_000, 9}, {1_999_999, 10}, {2_000_000, 0}, {1_200_000, 10}, {-1, 0}} {
		if got := served(tc.atUS, 10); got != tc.want {
			t.Errorf("at %d: served %d of 10, want %d", tc.atUS, got, tc.want)
		}
	}
	if m.get(key(1), 1_000_000) != nil {
		t.Error("another page was served")
	}
	m.put(key(0), &GoodsPage{AtUS: 3_000_000, UntilUS: 3_200_000})
	if m.get(key(0), 3_199_999) == nil || m.get(key(0), 3_200_000) != nil {
		t.Error("a page does not end with what it says")
	}
}

// The memory has a bound, however many pages there are and however often each is made anew.
func TestRememberedPagesHaveABound(t *testing.T) {
	var m goodsMemory
	for n := range 5000 {
		at := int64(n) * 10_000
		for range 2 {
			m.put(key(n%3000), &GoodsPage{AtUS: at, UntilUS: Never, Lots: make([]auction.Lot, 100)})
		}
		if m.bytes > maxGoods {
			t.Fatalf("%d bytes after %d pages", m.bytes, n)
		}
		if m.get(key(n%3000), at) == nil {
			t.Fatalf("page %d is not remembered", n)
		}
	}
	bytes := 0
	for _, k := range m.pages {
		bytes += k.bytes()
	}
	if bytes != m.bytes || bytes < maxGoods/4 {
		t.Errorf("counted %d bytes, there are %d", m.bytes, bytes)
	}
}

func edgeOf(clock *atomic.Int64) *Edge {
	return New(Ports{Clock: func() time.Time { return time.UnixMicro(clock.Load()) }, Counters: nobody{}}, Options{})
}

type nobody struct{ Counters }

func (nobody) Alarm(string) {}

// A hundred who miss a page at once make it once.
func TestOneFlightMakesAPage(t *testing.T) {
	var clock, looks atomic.Int64
	var m goodsMemory
	e := edgeOf(&clock)
	var group sync.WaitGroup
	begun, release := make(chan bool, 100), make(chan bool)
	for range 100 {
		group.Go(func() {
			begun <- true
			g, err := m.fill(t.Context(), e, key(0), func(context.Context) (*GoodsPage, error) {
				looks.Add(1)
				<-release
				return &GoodsPage{UntilUS: Never, sellers: map[uuid.UUID]struct{}{}}, nil
			})
			if err != nil || g == nil {
				t.Errorf("%v %v", g, err)
			}
		})
	}
	for range 100 {
		<-begun
	}
	close(release)
	group.Wait()
	if n := looks.Load(); n != 1 {
		t.Errorf("made %d times", n)
	}
}

// A shelf that fails, or a bug, costs nobody the page that is still good, and never the process.
func TestAFailedLookServesWhatIsStillGood(t *testing.T) {
	var clock atomic.Int64
	var m goodsMemory
	e := edgeOf(&clock)
	broken := errors.New("the shelf is away")
	if g, err := m.fill(t.Context(), e, key(0), func(context.Context) (*GoodsPage, error) { return nil, broken }); !errors.Is(err, broken) || g != nil {
		t.Errorf("%v %v", g, err)
	}
	page := &GoodsPage{UntilUS: Never}
	m.put(key(0), page)
	clock.Store(goodsFreshUS + 1)
	for range 2 {
		if g, err := m.fill(t.Context(), e, key(0), func(context.Context) (*GoodsPage, error) { return nil, broken }); err != nil || g != page {
			t.Errorf("%v %v", g, err)
		}
	}
	if g, err := m.fill(t.Context(), e, key(1), func(context.Context) (*GoodsPage, error) { panic("a bug") }); err == nil || g != nil {
		t.Errorf("a panic: %v %v", g, err)
	}
	hungUp, cancel := context.WithCancel(t.Context())
	cancel()
	block := make(chan bool)
	if _, err := m.fill(hungUp, e, key(2), func(context.Context) (*GoodsPage, error) { <-block; return page, nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("who hung up waits on: %v", err)
	}
	close(block)
}

func TestLeastCommon(t *testing.T) {
	for _, tc := range [][3]int{{1, 1, 1}, {1, 16, 16}, {16, 4, 16}, {4, 6, 12}, {3, 5, 15}} {
		if got := leastCommon(tc[0], tc[1]); got != tc[2] {
			t.Errorf("of %d and %d: %d", tc[0], tc[1], got)
		}
	}
	if got := leastCommon(4093, 4091); got <= maxSpread {
		t.Errorf("of two great primes: %d", got)
	}
}
