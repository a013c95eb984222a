package cachetest

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/internal/live"
)

func testJournal(t *testing.T, s *Subject) {
	l := LotOf(1, func(l *auction.Lot) { l.Stock = 100 })
	s.Open(t, 1, l)
	if stats, err := s.Gate.Stats(ctx, 1); err != nil || stats != (auction.JournalStats{}) {
		t.Errorf("empty journal: %+v %v", stats, err)
	}
	for i := range 10 {
		s.SetClock(t, T0+int64(i))
		wantVerdict(t, s.one(t, 1, BidOn(l)), auction.Admitted)
	}
	all := must(s.Gate.Read(ctx, 1, auction.Cursor{}, 1000))
	if len(all) != 10 {
		t.Fatalf("%d records", len(all))
	}
	for i, r := range all {
		if r.At() != (auction.Cursor{Epoch: 1, Seq: int64(i + 1)}) || r.Deployment != s.Deployment || r.Shard != 1 || r.Check() != nil {
			t.Errorf("record %d: %+v %v", i, r, r.Check())
		}
	}
	for _, c := range []struct {
		after      auction.Cursor
		most, from int
		to         int
	}{{auction.Cursor{}, 3, 0, 3}, {all[2].At(), 3, 3, 6}, {all[8].At(), 5, 9, 10}, {all[9].At(), 5, 10, 10}, {auction.Cursor{Epoch: 2}, 5, 10, 10}, {all[2].At(), 0, 0, 0}} {
		got, err := s.Gate.Read(ctx, 1, c.after, c.most)
		if err != nil || !slices.EqualFunc(all[c.from:c.to], got, func(x, y auction.Record) bool { return cmp.Equal(x, y) }) {
			t.Errorf("read %d after %+v: %d records, %v", c.most, c.after, len(got), err)
		}
	}
	for _, upTo := range []int{4, 2, 4} { // trimming less than before brings nothing back
		if err := s.Gate.Trim(ctx, 1, all[upTo-1].At()); err != nil {
			t.Fatal(err)
		}
	}
	want := auction.JournalStats{Length: 6, First: all[4].At(), Last: all[9].At(), OldestUS: T0 + 4}
	if stats, err := s.Gate.Stats(ctx, 1); err != nil || stats != want {
		t.Errorf("trimmed journal: %+v %v, want %+v", stats, err, want)
	}
	// What Kafka has does not wait, though the ledger's position has not passed it yet.
	for _, c := range []struct {
		acked  int
		oldest int64
	}{{3, T0 + 4}, {7, T0 + 7}, {10, 0}} {
		if err := s.Gate.Mark(ctx, 1, all[c.acked-1].At()); err != nil {
			t.Fatal(err)
		}
		want.Acked, want.OldestUS = all[c.acked-1].At(), c.oldest
		if stats, err := s.Gate.Stats(ctx, 1); err != nil || stats != want {
			t.Errorf("%d carried: %+v %v, want %+v", c.acked, stats, err, want)
		}
	}
	if err := s.Gate.Trim(ctx, 1, all[9].At()); err != nil {
		t.Fatal(err)
	}
	// An empty journal goes on where it was.
	if a := s.one(t, 1, BidOn(l)); a.Receipt.Seq != 11 {
		t.Errorf("after trimming all: %+v", a)
	}
}

func testFullJournal(t *testing.T, s *Subject) {
	s.Options.JournalMax = 3
	s.Reopen(t)
	l, missing := LotOf(0, func(l *auction.Lot) { l.Stock = 10 }), BidOn(LotOf(0))
	s.Open(t, 0, l)
	var bids []auction.Bid
	for range 3 {
		bids = append(bids, BidOn(l))
		wantVerdict(t, s.one(t, 0, bids[len(bids)-1]), auction.Admitted)
	}
	if a := s.one(t, 0, BidOn(l)); a.Verdict != auction.Paused || a.Lost || a.RetryAfter == 0 {
		t.Errorf("full: %+v", a)
	}
	if a := s.one(t, 0, bids[0]); a.Verdict != auction.Admitted || !a.Repeat {
		t.Errorf("a repeat while it is full: %+v", a)
	}
	wantVerdict(t, s.one(t, 0, missing), auction.NotFound)
	if err := s.Gate.Trim(ctx, 0, auction.Cursor{Epoch: 1, Seq: 1}); err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, s.one(t, 0, BidOn(l)), auction.Admitted)
	// A group is admitted up to the bound, and no further.
	if err := s.Gate.Trim(ctx, 0, auction.Cursor{Epoch: 1, Seq: 3}); err != nil {
		t.Fatal(err)
	}
	group := must(s.Gate.Decide(ctx, 0, []auction.Bid{BidOn(l), BidOn(l), BidOn(l), bids[0]}))
	for n, want := range []auction.Verdict{auction.Admitted, auction.Admitted, auction.Paused, auction.Admitted} {
		wantVerdict(t, group[n], want)
	}
	if stats := must(s.Gate.Stats(ctx, 0)); stats.Length != 3 {
		t.Errorf("a journal of %d records, 3 are the most", stats.Length)
	}
}

func testDamagedJournal(t *testing.T, s *Subject) {
	s.Open(t, 0)
	for id, fields := range map[string][]any{"1-1": {"k", "bid"}, "1-2": {"what", "is this"}, "1-3": {"k", "cut", "t", "soon"}} {
		journal := s.Gate.Keys().Journal(0)
		s.Client.Del(ctx, journal)
		if err := s.Client.Do(ctx, append([]any{"XADD", journal, id}, fields...)...).Err(); err != nil {
			t.Fatal(err)
		}
		_, err := s.Gate.Read(ctx, 0, auction.Cursor{}, 10)
		wantCode(t, err, fault.Internal, "journal_damaged")
	}
}

// Load replaces everything that is the shard's, and nothing else.
func testLoad(t *testing.T, s *Subject) {
	l := LotOf(0, func(l *auction.Lot) { l.Stock, l.PerBuyer = 10, 2 })
	book := s.Open(t, 0, l, LotOf(0))
	s.Open(t, 1, LotOf(1))
	b := BidOn(l)
	wantVerdict(t, s.one(t, 0, b), auction.Admitted)
	if _, err := s.Gate.Hold(ctx, "relay:0", "me", time.Minute); err != nil {
		t.Fatal(err)
	}
	stray := s.Gate.Keys().Unit(0, l.Session, l.ID, uuid.New(), 1)
	s.Client.Set(ctx, stray, "what no set names", 0)
	shardOne := s.Gate.Keys().Lots(1)

	// MySQL knows another bid, and does not know b.
	known := BidOn(l, func(b *auction.Bid) { b.Quantity = 2 })
	_, record := book.Decide(known, T0)
	book.Epoch, book.Seq = 2, 40
	cut := auction.Record{Deployment: s.Deployment, Epoch: 2, Seq: 40, Kind: auction.KindCut, TimeUS: T0}
	s.Load(t, book, cut)
	if n := s.Client.Exists(ctx, stray).Val(); n != 0 {
		t.Error("a key of the shard that no set names is still there")
	}
	if n := s.Client.Exists(ctx, shardOne).Val(); n != 1 {
		t.Error("another shard's key is gone")
	}
	if ok, err := s.Gate.Hold(ctx, "relay:0", "other", time.Minute); ok || err != nil {
		t.Errorf("the lease is gone: %v %v", ok, err)
	}
	if got := must(s.Gate.Read(ctx, 0, auction.Cursor{}, 10)); len(got) != 1 || !cmp.Equal(got[0], cut) {
		t.Errorf("journal: %+v", got)
	}
	if a := s.one(t, 0, known); !a.Repeat || a.Receipt.Seq != record.Seq || a.Receipt.Epoch != 1 {
		t.Errorf("a loaded admission: %+v", a)
	}
	if a := s.one(t, 0, b); a.Repeat || a.Receipt.Seq != 41 || a.Receipt.Epoch != 2 || a.Left != 7 {
		t.Errorf("a forgotten admission, bid again: %+v", a)
	}
}

func testLoadRefuses(t *testing.T, s *Subject) {
	book := s.Open(t, 0, LotOf(0))
	_, err := s.Gate.BeginLoad(ctx, 0)
	wantCode(t, err, fault.Conflict, "vouched")
	if err := s.Gate.Disown(ctx, 0); err != nil {
		t.Fatal(err)
	}
	_, err = s.Gate.Load(ctx, "nobody's token", book.State(), nil)
	wantCode(t, err, fault.Conflict, "load_interrupted")
	cut := auction.Record{Deployment: s.Deployment, Epoch: 1, Seq: 5, Kind: auction.KindCut, TimeUS: T0}
	foreign, early, behind := book.State(), book.State(), book.State()
	foreign.Deployment, early.Epoch, behind.Seq = uuid.New(), 0, 4
	for name, c := range map[string]struct {
		state   auction.ShardState
		records []auction.Record
	}{"foreign": {foreign, nil}, "epoch 0": {early, nil}, "records beyond the state": {behind, []auction.Record{cut}}} {
		if _, err := BeginAndLoad(s.Gate, c.state, c.records); fault.CodeOf(err) != "load_refused" {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Nothing of this has changed what is there.
	if v, err := s.Gate.Vouched(ctx, 0); err != nil || v.LoadedLot != 1 || v.Valid || v.Epoch != 1 {
		t.Errorf("vouched: %+v %v", v, err)
	}
}

// Of loads at once one is through, and the shard holds what it loaded.
func testLoadInterrupted(t *testing.T, s *Subject) {
	book := auction.NewBook(s.Deployment, 0)
	book.Epoch = 1
	for range 300 {
		book.Add(LotOf(0))
	}
	var all sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		all.Go(func() { _, errs[i] = BeginAndLoad(s.Gate, book.State(), nil) })
	}
	all.Wait()
	through := 0
	for _, err := range errs {
		if err == nil {
			through++
		} else if fault.CodeOf(err) != "load_interrupted" {
			t.Errorf("load: %v", err)
		}
	}
	if through == 0 {
		t.Error("none is through")
	}
	s.Load(t, book)
}

// A loader stands still, another loads the shard, vouches for it, and it sells; then the first goes on with what it was about
// to do, and must not touch what it finds.
func testLoadOvertaken(t *testing.T, s *Subject) {
	for _, at := range []string{"unlink", "sadd"} { // removing what was there, and writing what is to be
		l := LotOf(0, func(l *auction.Lot) { l.Stock = 2 })
		book := s.Open(t, 0, l)
		if err := s.Gate.Disown(ctx, 0); err != nil {
			t.Fatal(err)
		}
		p := &pause{at: at, reached: make(chan struct{}), over: make(chan struct{})}
		slow, ended := s.slowed(t, p), make(chan error, 1)
		go func() { _, err := BeginAndLoad(slow, book.State(), nil); ended <- err }()
		select {
		case <-p.reached:
		case err := <-ended:
			t.Fatalf("%s was never sent: %v", at, err)
		}
		book.Epoch = 2
		s.Load(t, book)
		first := BidOn(l)
		wantVerdict(t, s.one(t, 0, first), auction.Admitted)
		close(p.over)
		wantCode(t, <-ended, fault.Conflict, "load_interrupted")
		if a := s.one(t, 0, first); a.Verdict != auction.Admitted || !a.Repeat {
			t.Errorf("%s: the admission is gone: %+v", at, a)
		}
		wantVerdict(t, s.one(t, 0, BidOn(l)), auction.Admitted)
		wantVerdict(t, s.one(t, 0, BidOn(l)), auction.SoldOut)
	}
}

// The digest is of what is there, not of what was meant.
func testDigest(t *testing.T, s *Subject) {
	l := LotOf(0, func(l *auction.Lot) { l.PerBuyer = 3 })
	book := s.Open(t, 0, l, LotOf(0))
	book.Decide(BidOn(l, func(b *auction.Bid) { b.Quantity = 3 }), T0)
	s.Load(t, book)
	s.Open(t, 1)
	// A second lot of the same id makes the state and the gate differ.
	state := book.State()
	state.Lots = append(state.Lots, state.Lots[0])
	if err := s.Gate.Disown(ctx, 0); err != nil {
		t.Fatal(err)
	}
	got, err := BeginAndLoad(s.Gate, state, nil)
	if err != nil || got == state.Digest() || got.Lots != 2 {
		t.Errorf("digest %+v of a state that counts %+v (%v)", got, state.Digest(), err)
	}
}

func testVouch(t *testing.T, s *Subject) {
	if v, err := s.Gate.Vouched(ctx, 0); err != nil || v.Valid || v.Epoch != 0 || v.Seq != 0 || v.RunID == "" || v.ReplID == "" {
		t.Errorf("before anything: %+v %v", v, err)
	}
	wantCode(t, s.Gate.Vouch(ctx, 0, 1), fault.Conflict, "not_loaded")
	l := LotOf(0)
	s.Open(t, 0, l)
	wantVerdict(t, s.one(t, 0, BidOn(l)), auction.Admitted)
	v, err := s.Gate.Vouched(ctx, 0)
	if err != nil || !v.Valid || v.Epoch != 1 || v.Seq != 1 || v.LoadedLot != 1 {
		t.Errorf("vouched: %+v %v", v, err)
	}
	wantCode(t, s.Gate.Vouch(ctx, 0, 2), fault.Conflict, "not_loaded")
	wantVerdict(t, s.one(t, 0, BidOn(l)), auction.Admitted)
	if err := s.Gate.Disown(ctx, 0); err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, s.one(t, 0, BidOn(l)), auction.Paused)
	if v, err := s.Gate.Vouched(ctx, 0); err != nil || v.Valid || v.Epoch != 1 || v.Seq != 2 {
		t.Errorf("disowned: %+v %v", v, err)
	}
	if err := s.Gate.Vouch(ctx, 0, 1); err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, s.one(t, 0, BidOn(l)), auction.Admitted)
	// A vouch for another epoch than the one that is loaded is none, however it came about; nor is one for another form.
	head, mine := s.Gate.Keys().Head(0), s.Client.HGet(ctx, s.Gate.Keys().Head(0), "vouched").Val()
	form, _, _ := strings.Cut(mine, ":")
	for _, other := range []string{form + ":2", "1", "1:1"} {
		s.Client.HSet(ctx, head, "vouched", other)
		wantVerdict(t, s.one(t, 0, BidOn(l)), auction.Paused)
	}
	s.Client.HSet(ctx, head, "vouched", mine)
	wantVerdict(t, s.one(t, 0, BidOn(l)), auction.Admitted)
	wantVerdict(t, s.one(t, 1, BidOn(l)), auction.Paused) // no other shard was vouched for
}

func testIdentity(t *testing.T, s *Subject) {
	mine, theirs := auction.Deployment{ID: uuid.New(), Shards: 16}, auction.Deployment{ID: uuid.New(), Shards: 8}
	for i, c := range []struct{ claim, want auction.Deployment }{{auction.Deployment{}, auction.Deployment{}}, {mine, mine}, {theirs, mine}, {auction.Deployment{}, mine}} {
		if got, err := s.Gate.Identity(ctx, c.claim); err != nil || got != c.want {
			t.Errorf("step %d: %+v %v, want %+v", i, got, err, c.want)
		}
	}
}

func testHoldsNothing(t *testing.T, s *Subject) {
	_, err := s.Gate.Holds(ctx, 0, uuid.New())
	wantCode(t, err, fault.NotFound, "lot_not_loaded")
	if got, err := s.Gate.Read(ctx, 0, auction.Cursor{}, 10); err != nil || len(got) != 0 {
		t.Errorf("read: %v %v", got, err)
	}
	if err := s.Gate.Trim(ctx, 0, auction.Cursor{Epoch: 1, Seq: 1}); err != nil {
		t.Errorf("trim: %v", err)
	}
	if err := s.Gate.Disown(ctx, 0); err != nil {
		t.Errorf("disown: %v", err)
	}
}

func testLeases(t *testing.T, s *Subject) {
	hold := func(owner string, want bool) {
		t.Helper()
		if got, err := s.Gate.Hold(ctx, "relay:0", owner, 30*time.Second); err != nil || got != want {
			t.Errorf("hold by %s: %v %v, want %v", owner, got, err, want)
		}
	}
	leave := func(owner string) {
		t.Helper()
		if err := s.Gate.Leave(ctx, "relay:0", owner); err != nil {
			t.Errorf("leave: %v", err)
		}
	}
	hold("a", true)
	hold("a", true)
	hold("b", false)
	leave("b")
	hold("b", false)
	leave("a")
	leave("a")
	hold("b", true)
	if ttl := s.Client.PTTL(ctx, s.Gate.Keys().Lease("relay:0")).Val(); ttl <= 0 || ttl > 30*time.Second {
		t.Errorf("it ends in %v", ttl)
	}
	if _, err := s.Gate.Hold(ctx, "short", "a", 50*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	live.Eventually(t, 10*time.Second, "the lease ends", func() (bool, error) { return s.Gate.Hold(ctx, "short", "b", time.Minute) })
	_, err := s.Gate.Hold(ctx, "relay:0", "a", 0)
	wantCode(t, err, fault.Internal, "no_such_lease")
	_, err = s.Gate.Hold(ctx, "relay:0", "", time.Second)
	wantCode(t, err, fault.Internal, "no_such_lease")
}

func testLock(t *testing.T, s *Subject) {
	l, other := LotOf(0, func(l *auction.Lot) { l.ClosesUS = T0 + 10 }), LotOf(0)
	s.Open(t, 0, l, other)
	first := BidOn(l)
	wantVerdict(t, s.one(t, 0, first), auction.Admitted)
	lock, err := s.Gate.LockLot(ctx, 0, l.ID, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if a := s.one(t, 0, BidOn(l)); a.Verdict != auction.Busy || a.RetryAfter == 0 {
		t.Errorf("while it is locked: %+v", a)
	}
	wantVerdict(t, s.one(t, 0, first), auction.Admitted)
	wantVerdict(t, s.one(t, 0, BidOn(other)), auction.Admitted)
	_, err = s.Gate.LockLot(ctx, 0, l.ID, time.Minute)
	wantCode(t, err, fault.Conflict, "locked")
	if err := lock.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
	wantVerdict(t, s.one(t, 0, BidOn(l)), auction.Admitted)
	wantCode(t, lock.Unlock(ctx), fault.Conflict, "lock_lost")
	// The close takes no lock.
	if lock, err = s.Gate.LockLot(ctx, 0, l.ID, time.Minute); err != nil {
		t.Fatal(err)
	}
	s.SetClock(t, T0+10)
	if closed, err := s.Gate.Close(ctx, 0, l.ID); err != nil || !closed {
		t.Errorf("close of a locked lot: %v %v", closed, err)
	}
	if err := lock.Unlock(ctx); err != nil {
		t.Fatal(err)
	}
}

// A lock outlives its time to live while its holder lives. One that stands still for two thirds of that loses it, as it should:
// a machine that did is asked again.
func testLockKept(t *testing.T, s *Subject) {
	const ttl = 900 * time.Millisecond
	kept := func() error {
		lock, err := s.Gate.LockLot(ctx, 0, uuid.New(), ttl)
		if err != nil {
			return err
		}
		select {
		case <-lock.Lost():
			return errors.New("lost while it was renewed")
		case <-time.After(2 * ttl):
			return lock.Unlock(ctx)
		}
	}
	var errs []error
	for len(errs) < 4 {
		err := kept()
		if err == nil {
			return
		}
		errs = append(errs, err)
	}
	t.Errorf("the lock was never kept for %v: %v", 2*ttl, errs)
}

// Who has lost the lock learns it, does not take it from the next holder, and does not take it again by renewing.
func testLockLost(t *testing.T, s *Subject) {
	for _, next := range []string{"somebody else", ""} {
		lot := uuid.New()
		lock, err := s.Gate.LockLot(ctx, 0, lot, 600*time.Millisecond)
		if err != nil {
			t.Fatal(err)
		}
		key := s.Gate.Keys().Lock(0, lot)
		s.Client.Del(ctx, key)
		if next != "" {
			s.Client.Set(ctx, key, next, time.Minute)
		}
		select {
		case <-lock.Lost():
		case <-time.After(10 * time.Second):
			t.Fatal("the loss was not noticed")
		}
		wantCode(t, lock.Unlock(ctx), fault.Conflict, "lock_lost")
		if got := s.Client.Get(ctx, key).Val(); got != next {
			t.Errorf("the next holder's lock is %q, want %q", got, next)
		}
	}
}
