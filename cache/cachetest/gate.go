package cachetest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

var ctx = context.Background()

// Gate is the conformance suite of auction.Gate, auction.Lineage, auction.Journal and auction.Leases. open gives a new
// subject on the same kind of server each time.
func Gate(t *testing.T, open func(t *testing.T) *Subject) {
	t.Helper()
	for _, c := range []struct {
		name string
		test func(*testing.T, *Subject)
	}{
		{"an admission and its receipt", testAdmission}, {"many bids in their order", testMany},
		{"bids that are not sent", testScreened}, {"exactly the stock", testStock}, {"preheat", testPreheat},
		{"close", testClose}, {"withdraw", testWithdraw}, {"release", testRelease}, {"sweep", testSweep}, {"lots held", testHeld}, {"missing keys", testLost},
		{"shards that are not there", testNoShard},
		{"journal", testJournal}, {"full journal", testFullJournal}, {"damaged journal", testDamagedJournal},
		{"load", testLoad}, {"load refuses", testLoadRefuses}, {"loads at once", testLoadInterrupted},
		{"a load that was overtaken", testLoadOvertaken}, {"digest", testDigest},
		{"vouch", testVouch}, {"identity", testIdentity}, {"holds nothing", testHoldsNothing},
		{"leases", testLeases}, {"lock", testLock}, {"lock is kept", testLockKept}, {"lock is lost", testLockLost},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// one decides one bid, which must be answered.
func (s *Subject) one(t *testing.T, shard int, b auction.Bid) auction.Answer {
	t.Helper()
	answers, err := s.Gate.Decide(ctx, shard, []auction.Bid{b})
	if err != nil || len(answers) != 1 || answers[0].Err != nil {
		t.Fatalf("decide: %+v %v", answers, err)
	}
	return answers[0]
}

func wantVerdict(t *testing.T, a auction.Answer, want auction.Verdict) {
	t.Helper()
	if a.Verdict != want || a.Err != nil {
		t.Fatalf("answered %q (%v), want %q: %+v", a.Verdict, a.Err, want, a)
	}
}

func wantCode(t *testing.T, err error, class fault.Class, code string) {
	t.Helper()
	if fault.CodeOf(err) != code || fault.ClassOf(err) != class {
		t.Fatalf("error %v, want %s", err, code)
	}
}

func testAdmission(t *testing.T, s *Subject) {
	l := LotOf(1, func(l *auction.Lot) { l.PerBuyer, l.Version = 3, 7 })
	s.Open(t, 1, l)
	b := BidOn(l, func(b *auction.Bid) { b.Quantity, b.Seen, b.Trace = 2, 1000, "req-1" })
	s.SetClock(t, T0+5)
	got := s.one(t, 1, b)
	want := auction.Answer{Verdict: auction.Admitted, AtUS: T0 + 5, OpensUS: l.OpensUS, ClosesUS: l.ClosesUS, PriceMinor: 1000, Left: 3,
		Receipt: auction.Receipt{Bid: b.ID, Lot: l.ID, Buyer: b.Buyer, Order: b.Order, Quantity: 2, Nth: []int{1, 2}, PriceMinor: 1000,
			Currency: "EUR", Seen: 1000, VersionBefore: 7, Version: 8, Epoch: 1, Seq: 1, TimeUS: T0 + 5, Durability: auction.DurableNone}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("admission (-want +got):\n%s", d)
	}
	s.SetClock(t, T0+9)
	again := b
	again.Order, again.Code, again.Trace = uuid.New(), codeB, "req-2" // no part of a bid's content
	want.Repeat, want.AtUS, want.Left = true, T0+9, -1
	if d := cmp.Diff(want, s.one(t, 1, again)); d != "" {
		t.Errorf("the same again (-want +got):\n%s", d)
	}
	receipt, err := s.Gate.Receipt(ctx, 1, l.ID, b.Buyer, b.ID)
	if d := cmp.Diff(want, receipt); err != nil || d != "" {
		t.Errorf("receipt: %v\n%s", err, d)
	}
	other := b
	other.Quantity = 1
	wantVerdict(t, s.one(t, 1, other), auction.IDReused)
	other.Buyer = uuid.New() // somebody else's id is another id
	wantVerdict(t, s.one(t, 1, other), auction.Admitted)
	_, err = s.Gate.Receipt(ctx, 1, l.ID, b.Buyer, uuid.New())
	wantCode(t, err, fault.NotFound, "bid_not_found")
}

// A slice longer than one script is cut, and its order is kept over lots and cuts.
func testMany(t *testing.T, s *Subject) {
	lots := []auction.Lot{LotOf(0, func(l *auction.Lot) { l.Stock = 80 }), LotOf(0, func(l *auction.Lot) { l.Stock = 3 })}
	book := s.Open(t, 0, lots...)
	bids := make([]auction.Bid, 300)
	for i := range bids {
		bids[i] = BidOn(lots[i%2])
		if i%7 == 6 {
			bids[i] = bids[i-1] // twice in one call
		}
	}
	got, err := s.Gate.Decide(ctx, 0, bids)
	if err != nil || len(got) != len(bids) {
		t.Fatalf("%d answers, %v", len(got), err)
	}
	for i, b := range bids {
		want, _ := book.Decide(b, T0)
		want.Receipt.Durability = got[i].Receipt.Durability
		if d := cmp.Diff(want, got[i], cmpopts.IgnoreFields(auction.Answer{}, "RetryAfter")); d != "" {
			t.Fatalf("bid %d (-book +gate):\n%s", i, d)
		}
	}
	if got, err := s.Gate.Decide(ctx, 0, nil); len(got) != 0 || err != nil {
		t.Errorf("no bids: %v %v", got, err)
	}
}

func testScreened(t *testing.T, s *Subject) {
	l := LotOf(0)
	s.Open(t, 0, l)
	for name, c := range map[string]struct {
		change func(*auction.Bid)
		code   string // of the fault; "": the verdict is bad_code
	}{
		"short code": {func(b *auction.Bid) { b.Code = "short" }, ""}, "code with a colon": {func(b *auction.Bid) { b.Code = ":123456789abcdefghABCD" }, ""},
		"late":        {func(b *auction.Bid) { b.Deadline = time.Unix(1, 0) }, "deadline"},
		"no quantity": {func(b *auction.Bid) { b.Quantity = 0 }, "invalid"}, "negative": {func(b *auction.Bid) { b.Quantity = -1 }, "invalid"},
		"beyond exact": {func(b *auction.Bid) { b.Amount = 1 << 53 }, "invalid"}, "blank in currency": {func(b *auction.Bid) { b.Currency = "E R" }, "invalid"},
		"long trace": {func(b *auction.Bid) { b.Trace = string(make([]byte, 65)) }, "invalid"},
	} {
		good, odd := BidOn(l), BidOn(l, c.change)
		got, err := s.Gate.Decide(ctx, 0, []auction.Bid{odd, good})
		if err != nil {
			t.Fatal(err)
		}
		if c.code == "" && got[0].Verdict != auction.BadCode || c.code != "" && (fault.CodeOf(got[0].Err) != c.code || got[0].Verdict != "") {
			t.Errorf("%s: %+v", name, got[0])
		}
		if got[1].Err != nil || got[1].Verdict != auction.Admitted && got[1].Verdict != auction.SoldOut {
			t.Errorf("%s: the bid beside it: %+v", name, got[1])
		}
	}
}

// Fifty at once for a hundred units: a hundred are sold, each of them once, and the journal says the same.
func testStock(t *testing.T, s *Subject) {
	const stock, bidders, bidsEach = 100, 50, 6
	l := LotOf(2, func(l *auction.Lot) { l.Stock = stock })
	s.Open(t, 2, l)
	var all sync.WaitGroup
	var mu sync.Mutex
	admitted := map[uuid.UUID]auction.Receipt{}
	verdicts := map[auction.Verdict]int{}
	for range bidders {
		all.Go(func() {
			for range bidsEach {
				b := BidOn(l)
				for range 2 { // and once more with the same id
					answers, err := s.Gate.Decide(ctx, 2, []auction.Bid{b})
					mu.Lock()
					if err != nil || answers[0].Err != nil {
						t.Errorf("decide: %v %v", err, answers)
					} else if a := answers[0]; a.Verdict == auction.Admitted {
						if first, ok := admitted[b.ID]; ok && !cmp.Equal(first, a.Receipt) {
							t.Errorf("two receipts: %+v %+v", first, a.Receipt)
						}
						admitted[b.ID] = a.Receipt
					} else {
						verdicts[a.Verdict]++
					}
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	if len(admitted) != stock || verdicts[auction.SoldOut] != 2*(bidders*bidsEach-stock) {
		t.Errorf("%d admitted, want %d; refused %v", len(admitted), stock, verdicts)
	}
	records, err := s.Gate.Read(ctx, 2, auction.Cursor{}, 1000)
	if err != nil || len(records) != stock {
		t.Fatalf("journal: %d records, %v", len(records), err)
	}
	for i, r := range records {
		if d := cmp.Diff(auction.ReceiptOf(r, auction.DurableNone), admitted[r.Bid]); r.Seq != int64(i+1) || d != "" {
			t.Errorf("record %d has seq %d:\n%s", i, r.Seq, d)
		}
	}
}

// A lot is withdrawn once, for good: preheating does not bring it back, closing finds it closed, and what was admitted
// before stays admitted.
func testWithdraw(t *testing.T, s *Subject) {
	l := LotOf(0)
	s.Open(t, 0, l)
	s.SetClock(t, l.OpensUS)
	first := BidOn(l)
	wantVerdict(t, s.one(t, 0, first), auction.Admitted)
	_, err := s.Gate.Withdraw(ctx, 0, l.ID, "no such form")
	wantCode(t, err, fault.Invalid, "invalid")
	for i, want := range []bool{true, false} {
		if got, err := s.Gate.Withdraw(ctx, 0, l.ID, "session_cancelled"); err != nil || got != want {
			t.Errorf("withdraw %d: %v %v", i+1, got, err)
		}
	}
	wantVerdict(t, s.one(t, 0, BidOn(l)), auction.Withdrawn)
	if again := s.one(t, 0, first); again.Verdict != auction.Admitted || !again.Repeat {
		t.Errorf("what was admitted: %+v", again)
	}
	if done, err := s.Gate.Close(ctx, 0, l.ID); err != nil || done {
		t.Errorf("close: %v %v", done, err)
	}
	s.SetClock(t, l.OpensUS-1) // time does not run back: the lot stays open to the gate
	if got := must(s.Gate.Preheat(ctx, 0, []auction.Lot{l}))[0]; got == auction.PreheatWritten {
		t.Error("a withdrawn lot was preheated again")
	}
	_, err = s.Gate.Withdraw(ctx, 0, uuid.New(), "session_cancelled")
	wantCode(t, err, fault.NotFound, "lot_not_loaded")
	records := must(s.Gate.Read(ctx, 0, auction.Cursor{}, 10))
	if last := records[len(records)-1]; last.Kind != auction.KindWithdrawn || last.Reason != "session_cancelled" || last.Version != 2 {
		t.Errorf("journalled %+v", last)
	}
}

func testClose(t *testing.T, s *Subject) {
	l := LotOf(0, func(l *auction.Lot) { l.ClosesUS = T0 + 10 })
	paused := LotOf(0, func(l *auction.Lot) { l.ClosesUS, l.State = T0+10, auction.LotPaused })
	gone := LotOf(0, func(l *auction.Lot) { l.State = auction.LotWithdrawn })
	s.Open(t, 0, l, paused, gone)
	_, err := s.Gate.Close(ctx, 0, l.ID)
	wantCode(t, err, fault.Conflict, "not_over")
	s.SetClock(t, T0+10)
	for i, want := range []bool{true, false, false} {
		if got, err := s.Gate.Close(ctx, 0, l.ID); err != nil || got != want {
			t.Errorf("close %d: %v %v", i+1, got, err)
		}
	}
	wantVerdict(t, s.one(t, 0, BidOn(l)), auction.Ended)
	_, err = s.Gate.Close(ctx, 0, paused.ID)
	wantCode(t, err, fault.Conflict, "not_over")
	_, err = s.Gate.Close(ctx, 0, uuid.New())
	wantCode(t, err, fault.NotFound, "lot_not_loaded")
	if got, err := s.Gate.Close(ctx, 0, gone.ID); err != nil || got {
		t.Errorf("close of a withdrawn lot: %v %v", got, err)
	}
}

// The refund that is redelivered: stock rises once.
func testRelease(t *testing.T, s *Subject) {
	l := LotOf(0, func(l *auction.Lot) { l.Stock, l.PerBuyer = 3, 3 })
	s.Open(t, 0, l)
	b := BidOn(l, func(b *auction.Bid) { b.Quantity = 3 })
	first := s.one(t, 0, b)
	wantVerdict(t, first, auction.Admitted)
	r := auction.Release{Lot: l.ID, Buyer: b.Buyer, Bid: b.ID, Order: b.Order, Nth: []int{1, 2, 3}, Reason: "cancelled"}
	foreign := r
	foreign.Order = uuid.New()
	for i, c := range []struct {
		r    auction.Release
		want bool
	}{{foreign, false}, {r, true}, {r, false}, {r, false}} {
		if got, err := s.Gate.Release(ctx, 0, c.r); err != nil || got != c.want {
			t.Errorf("release %d: %v %v, want %v", i, got, err, c.want)
		}
	}
	// The receipt stands, the units are free, and the marker of the next order is not the old one's to take.
	if a := s.one(t, 0, b); !a.Repeat || !cmp.Equal(a.Receipt, first.Receipt) {
		t.Errorf("receipt after the release: %+v", a)
	}
	next := BidOn(l, func(n *auction.Bid) { n.Buyer, n.Quantity = b.Buyer, 2 })
	if a := s.one(t, 0, next); a.Verdict != auction.Admitted || a.Left != 1 {
		t.Errorf("bid on the released units: %+v", a)
	}
	if got, err := s.Gate.Release(ctx, 0, r); err != nil || got {
		t.Errorf("old release: %v %v", got, err)
	}
	for _, bad := range [][]int{{2, 1}, {0}, {65}, {1, 1}} {
		r.Nth = bad
		_, err := s.Gate.Release(ctx, 0, r)
		wantCode(t, err, fault.Invalid, "invalid")
	}
	if got, err := s.Gate.Release(ctx, 0, auction.Release{Lot: uuid.New(), Nth: []int{1}}); err != nil || got {
		t.Errorf("release of no lot: %v %v", got, err)
	}
}

func testSweep(t *testing.T, s *Subject) {
	l := LotOf(0, func(l *auction.Lot) { l.ClosesUS, l.PerBuyer, l.Stock = T0+10, 3, 2000 })
	other := LotOf(0)
	s.Open(t, 0, l, other)
	before := len(s.Keys(t))
	var bids []auction.Bid
	for range 600 {
		bids = append(bids, BidOn(l, func(b *auction.Bid) { b.Quantity = 2 }))
	}
	for _, a := range must(s.Gate.Decide(ctx, 0, bids)) {
		wantVerdict(t, a, auction.Admitted)
	}
	wantCode(t, s.Gate.Sweep(ctx, 0, []uuid.UUID{l.ID}), fault.Conflict, "lot_open")
	s.SetClock(t, T0+10)
	if _, err := s.Gate.Close(ctx, 0, l.ID); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := s.Gate.Sweep(ctx, 0, []uuid.UUID{l.ID, uuid.New()}); err != nil {
			t.Fatal(err)
		}
	}
	// The journal has come, the lot and its stock have gone.
	if after := s.Keys(t); len(after) != before+1-2 {
		t.Errorf("%d keys, before the bids %d: %v", len(after), before, after)
	}
	wantVerdict(t, s.one(t, 0, bids[0]), auction.NotFound)
	wantVerdict(t, s.one(t, 0, BidOn(other)), auction.Admitted)
	if v, err := s.Gate.Vouched(ctx, 0); err != nil || v.LoadedLot != 1 || v.Seq != 602 {
		t.Errorf("vouched: %+v %v", v, err)
	}
}

// A walk over a shard gives the lots that it holds, and no swept one.
func testHeld(t *testing.T, s *Subject) {
	held := func() (all []uuid.UUID) {
		t.Helper()
		for from := uint64(0); ; {
			some, next, err := s.Gate.Held(ctx, 0, from, 50)
			if err != nil {
				t.Fatal(err)
			}
			if all, from = append(all, some...), next; from == 0 {
				slices.SortFunc(all, func(x, y uuid.UUID) int { return slices.Compare(x[:], y[:]) })
				return slices.Compact(all)
			}
		}
	}
	if got := held(); len(got) != 0 {
		t.Errorf("of an empty shard: %v", got)
	}
	var lots []auction.Lot
	var want []uuid.UUID
	for range 300 { // more than lie in one piece in Redis
		l := LotOf(0, func(l *auction.Lot) { l.ClosesUS = T0 + 10 })
		lots, want = append(lots, l), append(want, l.ID)
	}
	s.Open(t, 0, lots...)
	s.SetClock(t, T0+10)
	slices.SortFunc(want, func(x, y uuid.UUID) int { return slices.Compare(x[:], y[:]) })
	if diff := cmp.Diff(want, held()); diff != "" {
		t.Errorf("held (-want +got):\n%s", diff)
	}
	if err := s.Gate.Sweep(ctx, 0, want[:200]); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want[200:], held()); diff != "" {
		t.Errorf("held after the sweep (-want +got):\n%s", diff)
	}
}

// What must be there and is not is a loss: nothing is decided, and it is said.
func testLost(t *testing.T, s *Subject) {
	noStock, noLot := LotOf(0, func(l *auction.Lot) { l.PerBuyer = 2 }), LotOf(0)
	s.Open(t, 0, noStock, noLot)
	b := BidOn(noStock)
	wantVerdict(t, s.one(t, 0, b), auction.Admitted)
	keys := s.Gate.Keys()
	s.Client.Del(ctx, keys.Stock(0, noStock.ID, noStock.Code), keys.Lot(0, noLot.ID))
	for _, l := range []auction.Lot{noStock, noLot} {
		if a := s.one(t, 0, BidOn(l)); a.Verdict != auction.Paused || !a.Lost || a.RetryAfter == 0 {
			t.Errorf("bid: %+v", a)
		}
	}
	// A wrong code stays a wrong code, and who was admitted has the receipt.
	wantVerdict(t, s.one(t, 0, BidOn(noStock, func(b *auction.Bid) { b.Code = codeB })), auction.BadCode)
	wantVerdict(t, s.one(t, 0, b), auction.Admitted)
	s.SetClock(t, noStock.ClosesUS)
	for _, l := range []auction.Lot{noStock, noLot} {
		_, err := s.Gate.Close(ctx, 0, l.ID)
		wantCode(t, err, fault.Unavailable, "keys_lost")
		_, err = s.Gate.Release(ctx, 0, auction.Release{Lot: l.ID, Buyer: b.Buyer, Bid: b.ID, Order: b.Order, Nth: []int{1}})
		wantCode(t, err, fault.Unavailable, "keys_lost")
	}
	if stats, err := s.Gate.Stats(ctx, 0); err != nil || stats.Length != 1 {
		t.Errorf("journal: %+v %v", stats, err)
	}
	if got, err := s.Gate.Holds(ctx, 0, noStock.ID); err != nil || got.Left != -1 || len(got.Admitted) != 1 {
		t.Errorf("holds: %+v %v", got, err)
	}
}

func testNoShard(t *testing.T, s *Subject) {
	id := uuid.New()
	for _, shard := range []int{-1, Shards} {
		_, decide := s.Gate.Decide(ctx, shard, []auction.Bid{{}})
		_, receipt := s.Gate.Receipt(ctx, shard, id, id, id)
		_, preheat := s.Gate.Preheat(ctx, shard, nil)
		_, close := s.Gate.Close(ctx, shard, id)
		_, release := s.Gate.Release(ctx, shard, auction.Release{})
		_, read := s.Gate.Read(ctx, shard, auction.Cursor{}, 1)
		_, stats := s.Gate.Stats(ctx, shard)
		_, vouched := s.Gate.Vouched(ctx, shard)
		_, holds := s.Gate.Holds(ctx, shard, id)
		_, lock := s.Gate.LockLot(ctx, shard, id, time.Second)
		_, begin := s.Gate.BeginLoad(ctx, shard)
		_, load := s.Gate.Load(ctx, "a token", auction.ShardState{Shard: shard}, nil)
		for i, err := range []error{decide, receipt, preheat, close, release, read, stats, vouched, holds, lock, begin, load,
			s.Gate.Loading(ctx, shard, "a token"), s.Gate.Sweep(ctx, shard, []uuid.UUID{id}),
			s.Gate.Vouch(ctx, shard, 1), s.Gate.Disown(ctx, shard), s.Gate.Trim(ctx, shard, auction.Cursor{})} {
			if fault.CodeOf(err) != "no_such_shard" {
				t.Errorf("shard %d, call %d: %v", shard, i, err)
			}
		}
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
