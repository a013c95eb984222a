package auction_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rostrum/auction"
)

// history is a book to which random things happen, with every record it wrote.
type history struct {
	*rapid.T
	book    *auction.Book
	stock   map[uuid.UUID]int64
	records []auction.Record
	receipt map[[3]uuid.UUID]auction.Receipt // by lot, buyer, bid
	clockUS int64
	tally   map[string]int
}

const (
	someLots   = 3
	someBuyers = 4
	someBids   = 6
)

func drawLots(t *rapid.T) []auction.Lot {
	var drawn []auction.Lot
	for n := range rapid.IntRange(1, someLots).Draw(t, "lots") {
		l := aLot(n)
		l.Seller = id(buyers, someBuyers) // one of those who bid
		l.Stock = rapid.Int64Range(1, 6).Draw(t, "stock")
		l.PerBuyer = rapid.SampledFrom([]int{1, 1, 2, 3, auction.MaxPerBuyer}).Draw(t, "per buyer")
		l.OpensUS = rapid.Int64Range(1, 300).Draw(t, "opens")
		l.ClosesUS = l.OpensUS + rapid.Int64Range(1, 1500).Draw(t, "open for")
		if rapid.IntRange(0, 4).Draw(t, "state") == 0 {
			l.State = rapid.SampledFrom([]auction.LotState{auction.LotPaused, auction.LotWithdrawn}).Draw(t, "not open")
		}
		drawn = append(drawn, l)
	}
	return drawn
}

func newHistory(t *rapid.T, tally map[string]int, given ...auction.Lot) *history {
	h := &history{T: t, book: aBook(given...), stock: map[uuid.UUID]int64{}, receipt: map[[3]uuid.UUID]auction.Receipt{},
		clockUS: 200, tally: tally}
	for _, l := range given {
		h.stock[l.ID] = l.Stock
	}
	return h
}

// happen lets one random thing happen at a clock that mostly goes on and at times runs back.
func (h *history) happen() {
	h.clockUS = max(1, h.clockUS+rapid.Int64Range(-20, 60).Draw(h.T, "clock"))
	lot := id(lots, rapid.IntRange(0, someLots).Draw(h.T, "lot"))
	switch op := rapid.IntRange(0, 19).Draw(h.T, "op"); {
	case op < 13:
		h.bid(lot)
	case op < 16:
		h.release(lot)
	case op == 16:
		h.wrote("close", h.book.Close(lot, h.clockUS))
	case op == 17:
		for _, r := range h.book.Credit(h.clockUS-rapid.Int64Range(-5, 200).Draw(h.T, "paused for"), h.clockUS) {
			h.record("credit", r)
		}
	case op == 18 && h.stock[lot] > 0:
		h.book.Lock(lot, rapid.Bool().Draw(h.T, "locked"))
	case op == 19: // a cut: it has a seq and no lot
		h.book.Epoch++
		h.book.Seq++
		h.tally["cut"]++
	}
}

func (h *history) bid(lot uuid.UUID) {
	b := auction.Bid{Lot: lot, Buyer: id(buyers, rapid.IntRange(1, someBuyers).Draw(h.T, "buyer")),
		ID: id(bids, rapid.IntRange(1, someBids).Draw(h.T, "bid")), Order: id(orderIDs, int(h.book.Seq)+1), Area: "north", Code: code,
		Quantity: int64(rapid.SampledFrom([]int{1, 1, 1, 2, 3, 65}).Draw(h.T, "quantity"))}
	switch rapid.IntRange(0, 19).Draw(h.T, "slip") {
	case 0:
		b.Area = "south"
	case 1:
		b.Code = code2
	case 2:
		b.Seen = 1
	case 3:
		b.Amount, b.Currency, b.Seen = 1990, "EUR", 1990
	}
	before := h.book.Seq
	answer, record := h.book.Decide(b, h.clockUS)
	h.tally[string(answer.Verdict)]++
	if answer.AtUS < h.clockUS || answer.AtUS != h.book.LastUS {
		h.Fatalf("decided at %d by a clock of %d, last %d", answer.AtUS, h.clockUS, h.book.LastUS)
	}
	key := [3]uuid.UUID{b.Lot, b.Buyer, b.ID}
	first, known := h.receipt[key]
	switch {
	case answer.Verdict == auction.Admitted && answer.Repeat:
		if !known || !cmp.Equal(first, answer.Receipt) || record != nil {
			h.Fatalf("repeat of %+v is %+v, record %v", first, answer.Receipt, record)
		}
		h.tally["repeat"]++
	case answer.Verdict == auction.Admitted:
		if known || record == nil || !cmp.Equal(auction.ReceiptOf(*record, ""), answer.Receipt) {
			h.Fatalf("admitted: known %v, record %+v, receipt %+v", known, record, answer.Receipt)
		}
		h.receipt[key] = answer.Receipt
		h.wrote("admission", record)
	case record != nil || h.book.Seq != before || answer.Receipt.Seq != 0:
		h.Fatalf("%s wrote %+v", answer.Verdict, record)
	case known != (answer.Verdict == auction.IDReused):
		h.Fatalf("%s for a bid id that was admitted: %v", answer.Verdict, known)
	}
}

// release asks for units of an admission back, mostly rightly, at times with another's order or units.
func (h *history) release(lot uuid.UUID) {
	rel := auction.Release{Lot: lot, Buyer: id(buyers, 1), Bid: id(bids, 1), Order: id(orderIDs, 1), Nth: []int{1}, Reason: "cancelled"}
	if n := len(h.records); n > 0 {
		r := h.records[rapid.IntRange(0, n-1).Draw(h.T, "of")]
		rel.Lot, rel.Buyer, rel.Bid, rel.Order, rel.Nth = r.Lot, r.Buyer, r.Bid, r.Order, r.Nth
	}
	if rapid.IntRange(0, 9).Draw(h.T, "slip") == 0 {
		rel.Order = id(orderIDs, 0)
	}
	h.wrote("release", h.book.Release(rel, h.clockUS))
}

func (h *history) wrote(what string, r *auction.Record) {
	if r == nil {
		return
	}
	h.record(what, *r)
	if r.Seq != h.book.Seq || r.Epoch != h.book.Epoch || r.TimeUS != h.book.LastUS {
		h.Fatalf("%s %s at %d; the book is at %d-%d, %d", what, r.ID(), r.TimeUS, h.book.Epoch, h.book.Seq, h.book.LastUS)
	}
}

func (h *history) record(what string, r auction.Record) {
	h.tally[what]++
	rawOf(h, r)
	h.records = append(h.records, r)
}

// holds looks at everything that must hold at any moment.
func (h *history) holds() {
	s := h.book.State()
	for _, l := range s.Lots {
		held := map[uuid.UUID]int{}
		for _, u := range l.Units {
			held[u.Buyer]++
			if u.Nth < 1 || u.Nth > l.PerBuyer {
				h.Fatalf("unit %d of a lot with %d a buyer", u.Nth, l.PerBuyer)
			}
		}
		for buyer, n := range held {
			if n > l.PerBuyer || buyer == l.Seller {
				h.Fatalf("buyer %s has %d, limit %d, seller %s", buyer, n, l.PerBuyer, l.Seller)
			}
		}
		if l.Left < 0 || l.Left+l.Sold != h.stock[l.ID] || l.Sold != int64(len(l.Units)) {
			h.Fatalf("left %d, sold %d, units %d of %d", l.Left, l.Sold, len(l.Units), h.stock[l.ID])
		}
	}
	versions, seq, timeUS := map[uuid.UUID]int64{}, int64(0), int64(0)
	for _, r := range h.records {
		versions[r.Lot]++
		if r.Version != versions[r.Lot] || r.Seq <= seq || r.TimeUS < timeUS {
			h.Fatalf("%s: version %d (want %d), after seq %d, at %d after %d", r.ID(), r.Version, versions[r.Lot], seq, r.TimeUS, timeUS)
		}
		seq, timeUS = r.Seq, r.TimeUS
	}
	if want := h.book.Seq - 2 - int64(h.cuts()); int64(len(h.records)) != want {
		h.Fatalf("%d records, the seq says %d", len(h.records), want)
	}
}

func (h *history) cuts() int64 { return h.book.Epoch - 1 }

// rows are the lots as MySQL has them when all is applied.
func (h *history) rows() []auction.Lot {
	var rows []auction.Lot
	for _, l := range h.book.State().Lots {
		rows = append(rows, l.Lot)
	}
	return rows
}

func (h *history) at() auction.Cursor { return auction.Cursor{Epoch: h.book.Epoch, Seq: h.book.Seq} }

// live keeps lots whose state is made by records only: how a lot comes to be paused or withdrawn has no rule here yet.
func live(given []auction.Lot) []auction.Lot {
	for n := range given {
		given[n].State = auction.LotOpen
	}
	return given
}

func TestRandomHistoriesHoldTheRules(t *testing.T) {
	tally := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(t, tally, drawLots(t)...)
		for range rapid.IntRange(30, 60).Draw(t, "steps") {
			h.happen()
			h.holds()
		}
	})
	if testing.Short() {
		return // a fifth of the histories is too few to have seen everything
	}
	for _, v := range auction.FlashVerdicts() {
		if tally[string(v)] == 0 {
			t.Errorf("the histories never came to %s", v)
		}
	}
	for _, what := range []string{"repeat", "admission", "release", "close", "credit", "cut"} {
		if tally[what] == 0 {
			t.Errorf("the histories never came to a %s", what)
		}
	}
}

func TestABookIsRebuiltFromItsRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(t, map[string]int{}, live(drawLots(t))...)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			h.happen()
		}
		want := h.book.State()
		again, err := auction.Rebuild(deployment, 0, h.at(), h.rows(), h.records)
		if err != nil {
			t.Fatal(err)
		}
		got := again.State()
		// Refusals leave no record, so a rebuilt book knows the last time of a record only.
		if d := cmp.Diff(want, got, cmpopts.IgnoreFields(auction.ShardState{}, "LastUS")); d != "" {
			t.Fatalf("rebuilt (-want +got):\n%s", d)
		}
		if len(h.records) > 0 && got.LastUS != h.records[len(h.records)-1].TimeUS || got.LastUS > want.LastUS {
			t.Fatalf("last time %d, the book's is %d", got.LastUS, want.LastUS)
		}
		if want.Digest() != got.Digest() {
			t.Fatalf("digest %+v, want %+v", got.Digest(), want.Digest())
		}
		h.decidesAlike(again)
	})
}

// decidesAlike asks the book and the rebuilt one the same things. Locks are not records; they are freed first.
func (h *history) decidesAlike(again *auction.Book) {
	for _, l := range h.rows() {
		h.book.Lock(l.ID, false)
	}
	for n := range 10 {
		b := aBid(n%someLots, 1+n%someBuyers, rapid.IntRange(1, someBids).Draw(h.T, "bid"))
		at := h.book.LastUS + 10
		want, wantRecord := h.book.Decide(b, at)
		got, gotRecord := again.Decide(b, at)
		if d := cmp.Diff(want, got) + cmp.Diff(wantRecord, gotRecord); d != "" {
			h.Fatalf("the rebuilt book answers (-want +got):\n%s", d)
		}
	}
}

// damages are ways in which a stored journal of at least two records can be broken; i and j are places in it, i < j.
var damages = map[string]func(records []auction.Record, at *auction.Cursor, i, j int) []auction.Record{
	"missing": func(r []auction.Record, _ *auction.Cursor, i, _ int) []auction.Record {
		return append(r[:i:i], r[i+1:]...)
	},
	"twice": func(r []auction.Record, _ *auction.Cursor, i, _ int) []auction.Record {
		return append(r[:i+1:i+1], r[i:]...)
	},
	"reordered": func(r []auction.Record, _ *auction.Cursor, i, j int) []auction.Record {
		r[i], r[j] = r[j], r[i]
		return r
	},
	"of another lot": func(r []auction.Record, _ *auction.Cursor, i, _ int) []auction.Record {
		r[i].Lot = id(lots, 77)
		return r
	},
	"beyond the position": func(r []auction.Record, at *auction.Cursor, _, _ int) []auction.Record {
		at.Seq = r[len(r)-1].Seq - 1
		return r
	},
	"epoch back": func(r []auction.Record, _ *auction.Cursor, i, j int) []auction.Record {
		r[j].Epoch = r[i].Epoch - 1
		return r
	},
}

func TestRebuildRefusesADamagedJournal(t *testing.T) {
	damaged := 0
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(t, map[string]int{}, live(drawLots(t))...)
		for range 30 {
			h.happen()
		}
		n := len(h.records)
		if n < 2 {
			return
		}
		i := rapid.IntRange(0, n-2).Draw(t, "i")
		j := rapid.IntRange(i+1, n-1).Draw(t, "j")
		for what, damage := range damages {
			at := h.at()
			records := damage(append([]auction.Record(nil), h.records...), &at, i, j)
			if b, err := auction.Rebuild(deployment, 0, at, h.rows(), records); err == nil {
				t.Fatalf("%s at %d and %d of %d: rebuilt %+v", what, i, j, n, b.State().Digest())
			}
			damaged++
		}
	})
	if damaged == 0 {
		t.Error("no history had two records")
	}
}

// A unit has one owner at a time, and only its order gives it back.
func TestRebuildRefusesUnitsThatCannotBe(t *testing.T) {
	sold := func(seq int64, order int, nth ...int) auction.Record {
		return auction.Record{Epoch: 1, Seq: seq, Version: seq, Kind: auction.KindBid, Lot: id(lots, 1), Buyer: id(buyers, 1),
			Bid: id(bids, order), Order: id(orderIDs, order), Quantity: int64(len(nth)), Nth: nth}
	}
	back := func(seq int64, order int, nth ...int) auction.Record {
		r := sold(seq, order, nth...)
		r.Kind = auction.KindReleased
		return r
	}
	for name, records := range map[string][]auction.Record{
		"sold twice":             {sold(1, 1, 1), sold(2, 2, 1)},
		"returned, never sold":   {back(1, 1, 1)},
		"returned twice":         {sold(1, 1, 1), back(2, 1, 1), back(3, 1, 1)},
		"returned by another":    {sold(1, 1, 1), back(2, 2, 1)},
		"more than there are":    {sold(1, 1, 1, 2, 3), sold(2, 2, 4)},
		"of one lot, seq stands": {sold(1, 1, 1), sold(1, 2, 2)},
	} {
		if b, err := auction.Rebuild(deployment, 0, auction.Cursor{Epoch: 1, Seq: 9}, []auction.Lot{aLot(1)}, records); err == nil {
			t.Errorf("%s: rebuilt %+v", name, b.State())
		}
	}
}

// The lot's row counts what was added to its stock; the records add it once more while they are played.
func TestRebuildCountsTopUpsOnce(t *testing.T) {
	l := aLot(1)
	l.Stock += 40 // 3 when it was published
	record := func(version int64, kind auction.Kind, quantity int64) auction.Record {
		return auction.Record{Epoch: 1, Seq: version, Version: version, Kind: kind, Lot: l.ID, Quantity: quantity, ClosesUS: closesUS}
	}
	b, err := auction.Rebuild(deployment, 0, auction.Cursor{Epoch: 1, Seq: 9}, []auction.Lot{l},
		[]auction.Record{record(1, auction.KindToppedUp, 10), record(2, auction.KindPaused, 0), record(3, auction.KindToppedUp, 30),
			record(4, auction.KindResumed, 0), record(5, auction.KindWithdrawn, 0)})
	if err != nil {
		t.Fatal(err)
	}
	if got := b.State().Lots[0]; got.Stock != 43 || got.Left != 43 || got.State != auction.LotWithdrawn || got.Version != 5 {
		t.Errorf("rebuilt %+v", got)
	}
}
