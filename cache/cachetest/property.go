package cachetest

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Property holds the scripts to auction.Book: the same random history on both gives the same answers, the same records and
// the same state. It fails, too, if any verdict of a flash lot never came up: a history that does not reach a rule says
// nothing about it.
func Property(t *testing.T, s *Subject) {
	t.Helper()
	tally := map[auction.Verdict]int{}
	rapid.Check(t, func(rt *rapid.T) { newHistory(rt, s, tally).run() })
	for _, v := range auction.FlashVerdicts() {
		if tally[v] == 0 {
			t.Errorf("no bid was answered %q: %v", v, tally)
		}
	}
	for v := range tally {
		if !slices.Contains(auction.FlashVerdicts(), v) {
			t.Errorf("a flash lot answered %q", v)
		}
	}
}

// history is one random life of a shard, told to the gate and to the book at once.
type history struct {
	t       *rapid.T
	s       *Subject
	book    *auction.Book
	now     int64
	lots    []uuid.UUID
	buyers  []uuid.UUID
	bids    []uuid.UUID
	written []auction.Record // by the book
	loaded  int              // of written, how many a load has taken out of the journal
	locks   map[uuid.UUID]func()
	tally   map[auction.Verdict]int
}

const (
	second = int64(1_000_000)
	codeA  = "0123456789abcdefghABCD"
	codeB  = "zzzzzzzzzzzzzzzzzzzzzz"
)

func newHistory(t *rapid.T, s *Subject, tally map[auction.Verdict]int) *history {
	h := &history{t: t, s: s, now: T0, tally: tally, locks: map[uuid.UUID]func(){}}
	for range 4 {
		h.buyers = append(h.buyers, uuid.New())
	}
	for range 8 {
		h.bids = append(h.bids, uuid.New())
	}
	h.book = auction.NewBook(s.Deployment, rapid.IntRange(0, Shards-1).Draw(t, "shard"))
	h.book.Epoch, h.book.Seq = 1, rapid.Int64Range(0, 1<<40).Draw(t, "seq")
	for range rapid.IntRange(1, 4).Draw(t, "lots") {
		l := h.drawLot()
		h.lots = append(h.lots, l.ID)
		h.book.Add(l)
	}
	s.SetClock(t, h.now)
	s.Load(t, h.book)
	return h
}

func (h *history) drawLot() auction.Lot {
	t := h.t
	return LotOf(h.book.Shard, func(l *auction.Lot) {
		l.Seller = rapid.SampledFrom(h.buyers).Draw(t, "seller")
		l.Area = rapid.SampledFrom([]string{"north", "north", "south"}).Draw(t, "area")
		l.PriceMinor = rapid.SampledFrom([]int64{1, 1000, 1<<53 - 1}).Draw(t, "price")
		l.Stock = rapid.Int64Range(1, 6).Draw(t, "stock")
		l.PerBuyer = rapid.SampledFrom([]int{1, 1, 2, 4, 64}).Draw(t, "per_buyer")
		l.OpensUS = h.now + rapid.Int64Range(-20, 20).Draw(t, "opens")*second
		l.ClosesUS = l.OpensUS + rapid.Int64Range(10, 60).Draw(t, "lasts")*second
		l.State = rapid.SampledFrom([]auction.LotState{auction.LotOpen, auction.LotOpen, auction.LotOpen, auction.LotOpen,
			auction.LotOpen, auction.LotPaused, auction.LotWithdrawn, auction.LotClosed}).Draw(t, "state")
		l.Version = rapid.Int64Range(0, 3).Draw(t, "version")
	})
}

func (h *history) run() {
	defer h.unlockAll()
	steps := map[string]func(){"bids": h.bid, "bids more": h.bid, "bids yet more": h.bid, "time": h.tick, "close": h.close, "withdraw": h.withdraw,
		"release": h.release, "lock": h.lock, "unvouched": h.unvouched, "recover": h.recover, "preheat": h.preheat,
		"receipt": h.receipt}
	names := slices.Sorted(maps.Keys(steps))
	for range rapid.IntRange(5, 40).Draw(h.t, "steps") {
		steps[rapid.SampledFrom(names).Draw(h.t, "step")]()
	}
	h.compare()
}

func (h *history) unlockAll() {
	for _, unlock := range h.locks {
		unlock()
	}
}

func (h *history) drawBid() auction.Bid {
	t := h.t
	b := auction.Bid{ID: rapid.SampledFrom(h.bids).Draw(t, "bid"), Lot: rapid.SampledFrom(h.lots).Draw(t, "lot"),
		Buyer: rapid.SampledFrom(h.buyers).Draw(t, "buyer"), Order: uuid.New(), Code: codeA,
		Area:     rapid.SampledFrom([]string{"north", "north", "north", "south"}).Draw(t, "area"),
		Quantity: rapid.SampledFrom([]int64{1, 1, 1, 2, 3, 65, 1<<53 - 1}).Draw(t, "quantity")}
	switch rapid.IntRange(0, 15).Draw(t, "oddity") {
	case 0:
		b.Lot = uuid.New()
	case 1:
		b.Code = rapid.SampledFrom([]string{codeB, ""}).Draw(t, "code")
	case 2:
		b.Seen = rapid.SampledFrom([]int64{1, 999, 1000}).Draw(t, "seen")
	case 3:
		b.Amount, b.Kind = rapid.SampledFrom([]int64{1, 1000, 1<<53 - 1}).Draw(t, "amount"), auction.BidMax
	case 4:
		b.Currency = rapid.SampledFrom([]string{"EUR", "USD"}).Draw(t, "currency")
	case 5:
		b.Trace = "req_" + uuid.NewString()
	}
	return b
}

func (h *history) bid() {
	bids := make([]auction.Bid, rapid.IntRange(1, 9).Draw(h.t, "many"))
	for i := range bids {
		bids[i] = h.drawBid()
	}
	got := h.decide(bids)
	for i, b := range bids {
		want, record := h.book.Decide(b, h.now)
		if want.Verdict == auction.Admitted {
			want.Receipt.Durability = auction.DurableNone
		}
		if record != nil {
			h.written = append(h.written, *record)
		}
		h.tally[want.Verdict]++
		h.same("answer", want, got[i])
	}
}

func (h *history) decide(bids []auction.Bid) []auction.Answer {
	got, err := h.s.Gate.Decide(context.Background(), h.book.Shard, bids)
	if err != nil || len(got) != len(bids) {
		h.t.Fatalf("decide: %d answers to %d bids, %v", len(got), len(bids), err)
	}
	return got
}

// same compares; when to ask again is the gate's own advice, which the rules do not know.
func (h *history) same(what string, want, got any) {
	h.t.Helper()
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(auction.Answer{}, "RetryAfter"), cmpopts.EquateEmpty()); d != "" {
		h.t.Fatalf("%s: the book (-) and the gate (+) differ:\n%s", what, d)
	}
}

func (h *history) tick() {
	h.now += rapid.SampledFrom([]int64{-5, 0, 1, 7, 20}).Draw(h.t, "seconds") * second
	h.s.SetClock(h.t, h.now)
}

func (h *history) close() {
	lot := rapid.SampledFrom(h.lots).Draw(h.t, "closing")
	want := h.book.Close(lot, h.now)
	got, err := h.s.Gate.Close(context.Background(), h.book.Shard, lot)
	if err != nil && fault.CodeOf(err) != "not_over" {
		h.t.Fatalf("close: %v", err)
	}
	if got != (want != nil) {
		h.t.Fatalf("close: %v %v, the book says %v", got, err, want)
	}
	h.wrote(want)
}

func (h *history) withdraw() {
	lot := rapid.SampledFrom(h.lots).Draw(h.t, "withdrawing")
	want := h.book.Withdraw(lot, "withdrawn", h.now)
	got, err := h.s.Gate.Withdraw(context.Background(), h.book.Shard, lot, "withdrawn")
	if err != nil || got != (want != nil) {
		h.t.Fatalf("withdraw: %v %v, the book says %v", got, err, want)
	}
	h.wrote(want)
}

func (h *history) wrote(r *auction.Record) {
	if r != nil {
		h.written = append(h.written, *r)
	}
}

func (h *history) release() {
	r := auction.Release{Lot: rapid.SampledFrom(h.lots).Draw(h.t, "of"), Buyer: h.buyers[0], Bid: h.bids[0], Order: uuid.New(),
		Nth: []int{1}, Reason: "cancelled"}
	admitted := slices.DeleteFunc(slices.Clone(h.written), func(r auction.Record) bool { return r.Kind != auction.KindBid })
	if len(admitted) > 0 && rapid.IntRange(0, 4).Draw(h.t, "real") > 0 {
		b := rapid.SampledFrom(admitted).Draw(h.t, "order")
		r = auction.Release{Lot: b.Lot, Buyer: b.Buyer, Bid: b.Bid, Order: b.Order, Nth: b.Nth, Reason: "payment_timeout"}
		if len(b.Nth) > 1 && rapid.Bool().Draw(h.t, "in part") {
			r.Nth = b.Nth[:1]
		}
	}
	want := h.book.Release(r, h.now)
	got, err := h.s.Gate.Release(context.Background(), h.book.Shard, r)
	if err != nil || got != (want != nil) {
		h.t.Fatalf("release: %v %v, the book says %v", got, err, want)
	}
	h.wrote(want)
}

func (h *history) lock() {
	lot := rapid.SampledFrom(h.lots).Draw(h.t, "locked")
	if unlock, ok := h.locks[lot]; ok {
		unlock()
		return
	}
	l, err := h.s.Gate.LockLot(context.Background(), h.book.Shard, lot, time.Minute)
	if err != nil {
		h.t.Fatalf("lock: %v", err)
	}
	h.book.Lock(lot, true)
	h.locks[lot] = func() {
		delete(h.locks, lot)
		h.book.Lock(lot, false)
		_ = l.Unlock(context.Background()) // a load has removed it, perhaps
	}
}

// unvouched takes the vouch back for a moment: nothing is decided.
func (h *history) unvouched() {
	ctx, shard := context.Background(), h.book.Shard
	if err := h.s.Gate.Disown(ctx, shard); err != nil {
		h.t.Fatalf("disown: %v", err)
	}
	b := h.drawBid()
	a := h.decide([]auction.Bid{b})[0]
	if a.Verdict != auction.Paused || a.Err != nil || a.Lost || a.RetryAfter == 0 {
		h.t.Fatalf("unvouched: %+v", a)
	}
	h.tally[a.Verdict]++
	_, closing := h.s.Gate.Close(ctx, shard, b.Lot)
	_, releasing := h.s.Gate.Release(ctx, shard, auction.Release{Lot: b.Lot, Buyer: b.Buyer, Nth: []int{1}})
	_, preheating := h.s.Gate.Preheat(ctx, shard, []auction.Lot{LotOf(shard)})
	_, withdrawing := h.s.Gate.Withdraw(ctx, shard, b.Lot, "operator")
	_, asking := h.s.Gate.Receipt(ctx, shard, b.Lot, b.Buyer, b.ID)
	for _, err := range []error{closing, releasing, preheating, withdrawing, asking, h.s.Gate.Sweep(ctx, shard, []uuid.UUID{b.Lot})} {
		if fault.CodeOf(err) != "not_vouched" {
			h.t.Fatalf("on an unvouched shard: %v", err)
		}
	}
	if err := h.s.Gate.Vouch(ctx, shard, h.book.Epoch); err != nil {
		h.t.Fatalf("vouch: %v", err)
	}
}

// recover loads the shard anew in the next epoch, as recovery does: cut, credit, load, vouch.
func (h *history) recover() {
	h.compare()
	h.unlockAll()
	h.book.Epoch, h.book.Seq = h.book.Epoch+1, h.book.Seq+1
	cut := auction.Record{Deployment: h.s.Deployment, Shard: h.book.Shard, Epoch: h.book.Epoch, Seq: h.book.Seq,
		Kind: auction.KindCut, TimeUS: max(h.now, h.book.LastUS)}
	records := append([]auction.Record{cut}, h.book.Credit(h.now-second, h.now)...)
	h.loaded = len(h.written)
	h.written = append(h.written, records...)
	h.s.Load(h.t, h.book, records...)
}

func (h *history) preheat() {
	l := h.drawLot()
	l.State, l.Version = auction.LotOpen, 0
	for _, old := range h.book.State().Lots {
		if rapid.Bool().Draw(h.t, "again") {
			l.ID, l.Version = old.ID, old.Version
			break
		}
	}
	want := h.preheatByHand(l)
	got, err := h.s.Gate.Preheat(context.Background(), h.book.Shard, []auction.Lot{l})
	if err != nil || got[0] != want {
		h.t.Fatalf("preheat: %v %v, want %v", got, err, want)
	}
}

func (h *history) preheatByHand(l auction.Lot) auction.PreheatResult {
	now, opens, refused := max(h.now, h.book.LastUS), l.OpensUS, auction.PreheatMissed
	// The gate keeps the time by which it refused or wrote; the book is told by a bid on no lot.
	h.book.Decide(auction.Bid{}, h.now)
	for _, old := range h.book.State().Lots {
		if old.ID == l.ID && (old.State == auction.LotClosed || old.State == auction.LotWithdrawn) {
			return auction.PreheatClosed
		} else if old.ID == l.ID {
			opens, refused = min(opens, old.OpensUS), auction.PreheatOpen
		}
	}
	if now >= opens {
		return refused
	}
	if !slices.Contains(h.lots, l.ID) {
		h.lots = append(h.lots, l.ID)
	}
	_, locked := h.locks[l.ID]
	h.book.Add(l)
	h.book.Lock(l.ID, locked)
	return auction.PreheatWritten
}

// receipt asks for the receipt of a bid that may never have been admitted.
func (h *history) receipt() {
	b := h.drawBid()
	got, err := h.s.Gate.Receipt(context.Background(), h.book.Shard, b.Lot, b.Buyer, b.ID)
	for _, r := range h.admitted() {
		if r.Lot == b.Lot && r.Buyer == b.Buyer && r.Bid == b.ID {
			h.same("receipt", auction.ReceiptOf(r, auction.DurableNone), got.Receipt)
			if got.Verdict != auction.Admitted || !got.Repeat {
				h.t.Fatalf("receipt: %+v", got)
			}
			return
		}
	}
	if fault.CodeOf(err) != "bid_not_found" {
		h.t.Fatalf("receipt of no admission: %+v %v", got, err)
	}
}

func (h *history) admitted() []auction.Record {
	var all []auction.Record
	for _, l := range h.book.State().Lots {
		all = append(all, l.Admitted...)
	}
	return all
}

// compare holds the whole state to the book's: the journal since the last load, and each lot.
func (h *history) compare() {
	records, err := h.s.Gate.Read(context.Background(), h.book.Shard, auction.Cursor{}, 10_000)
	if err != nil {
		h.t.Fatalf("read: %v", err)
	}
	h.same("journal", h.written[h.loaded:], records)
	state := h.book.State()
	for _, want := range state.Lots {
		got, err := h.s.Gate.Holds(context.Background(), h.book.Shard, want.ID)
		if err != nil {
			h.t.Fatalf("holds: %v", err)
		}
		want.Item, want.Format, want.Sold = uuid.Nil, "", want.Stock-want.Left // not the gate's to know
		for i := range want.Admitted {
			want.Admitted[i].Trace = ""
		}
		h.same("lot", want, got)
	}
	v, err := h.s.Gate.Vouched(context.Background(), h.book.Shard)
	if err != nil || !v.Valid || v.Epoch != state.Epoch || v.Seq != state.Seq || v.LoadedLot != len(state.Lots) {
		h.t.Fatalf("vouched: %+v %v, the book is at %d-%d", v, err, state.Epoch, state.Seq)
	}
}
