package storetest

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rostrum/auction"
	"rostrum/goods"
	"rostrum/store"
)

// history is a random sale in one shard: what the book decides goes to the partition as it will, the store applies what
// it is given, and in the end both must know the same.
type history struct {
	*Sale
	shard   int
	topic   []auction.Delivery // the partition, in order
	read    int                // how much of it the consumer has read since it last sought
	waiting []auction.Record   // decided, in the journal, not yet sent
	sold    []auction.Record   // bids that may be released
	lost    int                // records that a cut has overtaken
}

// randomHistories plays 100 of them, each in a shard of its own.
func randomHistories(t *testing.T, s *store.Store) {
	d, err := s.Deployment(t.Context(), auction.Deployment{ID: ID(1), Shards: auction.MaxShards})
	must(t, err)
	must(t, s.PutArea(t.Context(), goods.Area{Code: "north", Name: "North"}))
	shard := -1
	rapid.Check(t, func(rt *rapid.T) {
		shard = (shard + 1) % auction.MaxShards
		sale := &Sale{Store: s, t: t, Deployment: d, Books: map[int]*auction.Book{}, offsets: map[int]int64{}, at: Opens,
			ids: (shard + 1) * 100_000}
		sale.Seller = sale.ID()
		sale.publish([]Terms{{Stock: 3, PerBuyer: 1}, {Stock: 8, PerBuyer: 3}, {Stock: 5, PerBuyer: 2}}, func(uuid.UUID) int { return shard })
		h := &history{Sale: sale, shard: shard}
		h.open(shard)
		rt.Repeat(map[string]func(*rapid.T){
			"bid":     h.bid,
			"release": h.release,
			"close":   h.close,
			"send":    h.send,
			"resend":  h.resend,
			"consume": h.consume,
			"seek":    h.seek,
			"recover": h.recover,
		})
		h.drain()
		h.compare(rt)
	})
}

func (h *history) bid(rt *rapid.T) {
	l := h.Lots[rapid.IntRange(0, len(h.Lots)-1).Draw(rt, "lot")]
	buyer := ID(rapid.IntRange(1, 5).Draw(rt, "buyer"))
	if _, r := h.TryBid(l, buyer, int64(rapid.IntRange(1, 2).Draw(rt, "quantity"))); r != nil {
		h.waiting, h.sold = append(h.waiting, *r), append(h.sold, *r)
	}
}

func (h *history) release(rt *rapid.T) {
	if len(h.sold) == 0 {
		return
	}
	i := rapid.IntRange(0, len(h.sold)-1).Draw(rt, "which")
	h.waiting = append(h.waiting, h.Release(h.sold[i]))
	h.sold = append(h.sold[:i], h.sold[i+1:]...)
}

// close lets the hour pass once, for one lot of the three: the others refuse bids from then on.
func (h *history) close(rt *rapid.T) {
	if !rapid.Bool().Draw(rt, "really") {
		return
	}
	h.at = max(h.at, Opens+Hour)
	if r := h.Books[h.shard].Close(h.Lots[0].ID, h.Tick()); r != nil {
		h.waiting = append(h.waiting, *r)
	}
}

// send lets the relay write some of the journal to the partition.
func (h *history) send(rt *rapid.T) {
	n := rapid.IntRange(0, len(h.waiting)).Draw(rt, "sent")
	h.topic = append(h.topic, h.Deliver(h.waiting[:n]...)...)
	h.waiting = h.waiting[n:]
}

// resend repeats something that was sent before, at new offsets.
func (h *history) resend(rt *rapid.T) {
	if len(h.topic) == 0 {
		return
	}
	from := rapid.IntRange(0, len(h.topic)-1).Draw(rt, "from")
	for _, d := range h.topic[from:rapid.IntRange(from, len(h.topic)).Draw(rt, "to")] {
		h.topic = append(h.topic, h.Deliver(d.Record)...)
	}
}

// consume applies a batch of what the consumer has not read.
func (h *history) consume(rt *rapid.T) {
	n := rapid.IntRange(0, len(h.topic)-h.read).Draw(rt, "batch")
	h.Apply(h.shard, h.topic[h.read:h.read+n]...)
	h.read += n
}

// seek lets another consumer take over: it begins where the store says, or where a reset group would.
func (h *history) seek(rt *rapid.T) {
	h.read = 0
	if rapid.Bool().Draw(rt, "by position") {
		h.read = h.next()
	}
}

// next gives the place in the topic from which the store wants to go on.
func (h *history) next() int {
	h.t.Helper()
	p, err := h.Store.Position(h.t.Context(), h.shard)
	must(h.t, err)
	for i, d := range h.topic {
		if d.Offset >= p.NextOffset {
			return i
		}
	}
	return len(h.topic)
}

// recover loses the gate with what it had not sent, and makes its book again from the store.
func (h *history) recover(rt *rapid.T) {
	h.t.Helper()
	if !rapid.Bool().Draw(rt, "drained") {
		h.lost += len(h.topic) - h.read
	} else {
		h.Apply(h.shard, h.topic[h.next():]...)
		h.read = len(h.topic)
	}
	cut := h.Cut(h.shard)
	book, err := RebuiltBook(h.t.Context(), h.Store, h.shard)
	must(h.t, err)
	h.Books[h.shard], h.waiting, h.sold = book, nil, nil
	h.topic = append(h.topic, cut...)
	for _, l := range book.State().Lots {
		for _, r := range l.Admitted {
			for _, u := range l.Units {
				if u.Order == r.Order && u.Nth == r.Nth[0] {
					h.sold = append(h.sold, r)
				}
			}
		}
	}
}

func (h *history) drain() {
	h.t.Helper()
	h.topic = append(h.topic, h.Deliver(h.waiting...)...)
	h.Apply(h.shard, h.topic[h.next():]...)
}

func (h *history) compare(rt *rapid.T) {
	got, err := Rebuilt(h.t.Context(), h.Store, h.shard)
	if err != nil {
		rt.Fatal(err)
	}
	want := h.Books[h.shard].State()
	if diff := cmp.Diff(want.Digest(), got.Digest()); diff != "" {
		rt.Errorf("the store's rebuild (-book +store):\n%s", diff)
	}
	if diff := cmp.Diff(want.Lots, got.Lots, cmp.Transformer("frozen", frozen)); diff != "" {
		rt.Errorf("lots (-book +store):\n%s", diff)
	}
	counts, err := h.Store.LotCounts(h.t.Context(), h.Lots[0].Session)
	if err != nil {
		rt.Fatal(err)
	}
	for i, c := range counts {
		if broken := c.Broken(); broken != nil || c.Sold != want.Lots[i].Sold || c.Void() != 0 || c.Version != want.Lots[i].Version {
			rt.Errorf("lot %d: %+v, broken %v; the book has sold %d", i, c, broken, want.Lots[i].Sold)
		}
	}
	if c := counts[0]; h.lost == 0 && c.Orphans != 0 {
		rt.Errorf("%d orphans, and nothing was lost", c.Orphans)
	}
}

// frozen leaves out of a lot what only its row knows.
func frozen(l auction.Lot) auction.Lot {
	l.Rev = 0
	return l
}
