package shelf

import (
	"math"
	"runtime"
	"strconv"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// A node's memory has every field of a lot, as a card has.
func TestNodeCardKeepsEveryField(t *testing.T) {
	odd := full(t)
	odd.Code, odd.Title, odd.PriceMinor, odd.Sold = "", "名", math.MaxInt64, math.MinInt64
	grouped := auction.Lot{ID: uuid.New(), Group: uuid.New()}
	for name, l := range map[string]auction.Lot{"full": full(t), "empty": {}, "odd": odd, "grouped": grouped} {
		c := remembered(&l, 7)
		l.Salt = nil // the one that is left out
		got, err := c.answer(l.ID)
		if d := cmp.Diff(l, got); err != nil || d != "" || c.readUS != 7 {
			t.Errorf("%s: %v (-remembered +answered):\n%s", name, err, d)
		}
	}
	if c := (nodeCard{none: true}); fault.ClassOf(second(c.answer(uuid.New()))) != fault.NotFound {
		t.Error("there is no such lot, and one is answered")
	}
}

func second(_ auction.Lot, err error) error { return err }

// Lots of one session share what they agree in; a lot alone costs its own fields.
func TestNodeCardsAreSmall(t *testing.T) {
	const lots, most = 10_000, 192 // bytes a lot, code and title included
	if size := unsafe.Sizeof(nodeCard{}); size > 128 {
		t.Errorf("a node's card has %d bytes", size)
	}
	cards := make([]nodeCard, lots)
	before := inUse()
	for n := range cards {
		l := full(t)
		l.Session, l.Group, l.SliceOf, l.Slices, l.Slice = uuid.UUID{1}, uuid.Nil, uuid.Nil, 0, 0
		l.Title, l.Code = "Lamp "+strconv.Itoa(n), "0123456789abcdefghijkl"
		cards[n] = remembered(&l, 0)
	}
	each := (inUse()-before)/lots + int64(unsafe.Sizeof(nodeCard{}))
	if runtime.KeepAlive(cards); each > most {
		t.Errorf("a lot takes %d bytes, want %d", each, most)
	}
}

func inUse() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func BenchmarkNodeCard(b *testing.B) {
	l := full(b)
	c := remembered(&l, 0)
	for b.Loop() {
		if _, err := c.answer(l.ID); err != nil {
			b.Fatal(err)
		}
	}
}
