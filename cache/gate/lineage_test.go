package gate_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/cache/cachetest"
	"rostrum/internal/fault"
	"rostrum/internal/live"
)

var ctx = context.Background()

// own gives a subject on a server that this test may kill.
func own(t *testing.T, args ...string) (*live.Process, *cachetest.Subject) {
	t.Helper()
	server := live.StartRedis(t, args...)
	return server, cachetest.New(t, cachetest.Client(t, server.Addr), "")
}

func decide(t *testing.T, s *cachetest.Subject, bids ...auction.Bid) []auction.Answer {
	t.Helper()
	answers, err := s.Gate.Decide(ctx, 0, bids)
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

func want(t *testing.T, a auction.Answer, verdict auction.Verdict) {
	t.Helper()
	if a.Verdict != verdict || a.Err != nil {
		t.Fatalf("answered %q (%v), want %q: %+v", a.Verdict, a.Err, verdict, a)
	}
}

// wantPaused: nobody has vouched for this Redis, so nothing is decided by it, whatever it holds.
func wantPaused(t *testing.T, s *cachetest.Subject, l auction.Lot, admitted auction.Bid) {
	t.Helper()
	before := s.Keys(t)
	for _, b := range []auction.Bid{cachetest.BidOn(l), admitted} {
		if a := decide(t, s, b)[0]; a.Verdict != auction.Paused || a.Err != nil || a.RetryAfter == 0 {
			t.Errorf("answered %+v, want paused", a)
		}
	}
	_, closing := s.Gate.Close(ctx, 0, l.ID)
	_, releasing := s.Gate.Release(ctx, 0, auction.Release{Lot: l.ID, Buyer: admitted.Buyer, Bid: admitted.ID, Order: admitted.Order, Nth: []int{1}})
	_, preheating := s.Gate.Preheat(ctx, 0, []auction.Lot{cachetest.LotOf(0)})
	_, withdrawing := s.Gate.Withdraw(ctx, 0, l.ID, "operator")
	for _, err := range []error{closing, releasing, preheating, withdrawing} {
		if fault.CodeOf(err) != "not_vouched" {
			t.Errorf("error %v, want not_vouched", err)
		}
	}
	if v, err := s.Gate.Vouched(ctx, 0); err != nil || v.Valid {
		t.Errorf("vouched: %+v %v", v, err)
	}
	after := s.Keys(t)
	slices.Sort(before)
	slices.Sort(after)
	if !slices.Equal(before, after) {
		t.Errorf("keys changed:\n%v\n%v", before, after)
	}
}

// recovered: loaded and vouched for again, the shard goes on, and knows what was admitted.
func recovered(t *testing.T, s *cachetest.Subject, book *auction.Book, l auction.Lot, admitted auction.Bid) {
	t.Helper()
	book.Epoch, book.Seq = book.Epoch+1, book.Seq+1
	s.SetClock(t, cachetest.T0+1)
	s.Load(t, book)
	if a := decide(t, s, admitted)[0]; a.Verdict != auction.Admitted || !a.Repeat {
		t.Errorf("the same again after recovery: %+v", a)
	}
	want(t, decide(t, s, cachetest.BidOn(l))[0], auction.Admitted)
}

func bidOnBoth(t *testing.T, s *cachetest.Subject, book *auction.Book, l auction.Lot) auction.Bid {
	t.Helper()
	b := cachetest.BidOn(l)
	want(t, decide(t, s, b)[0], auction.Admitted)
	book.Decide(b, cachetest.T0)
	return b
}

func TestKilledRedisDecidesNothing(t *testing.T) {
	server, s := own(t, "--appendfsync", "always")
	l := cachetest.LotOf(0)
	book := s.Open(t, 0, l)
	b := bidOnBoth(t, s, book, l)
	server.Kill9()
	if a := decide(t, s, b)[0]; fault.ClassOf(a.Err) != fault.Unavailable && fault.ClassOf(a.Err) != fault.Unknown || a.Verdict != "" {
		t.Errorf("while it is down: %+v", a)
	}
	server.Restart()
	// The journal survived, for the relay to carry on; but nobody knows whether all of it did.
	if records, err := s.Gate.Read(ctx, 0, auction.Cursor{}, 10); err != nil || len(records) != 1 || records[0].Bid != b.ID {
		t.Errorf("the journal: %+v %v", records, err)
	}
	wantPaused(t, s, l, b)
	recovered(t, s, book, l, b)
}

// A data folder that was turned back holds a vouch, and less than was promised.
func TestRolledBackRedisDecidesNothing(t *testing.T) {
	server, s := own(t, "--appendfsync", "always")
	l := cachetest.LotOf(0)
	book := s.Open(t, 0, l)
	old := filepath.Join(t.TempDir(), "old")
	aof := filepath.Join(server.Dir, "appendonlydir")
	if err := os.CopyFS(old, os.DirFS(aof)); err != nil {
		t.Fatal(err)
	}
	b := bidOnBoth(t, s, book, l)
	server.Kill9()
	if err := os.RemoveAll(aof); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(aof, os.DirFS(old)); err != nil {
		t.Fatal(err)
	}
	server.Restart()
	if v, err := s.Gate.Vouched(ctx, 0); err != nil || v.Seq != 0 || v.Epoch != 1 || v.LoadedLot != 1 {
		t.Errorf("the old data is not there: %+v %v", v, err)
	}
	wantPaused(t, s, l, b)
	recovered(t, s, book, l, b)
}

func TestEmptiedRedisDecidesNothing(t *testing.T) {
	server, s := own(t)
	l := cachetest.LotOf(0)
	book := s.Open(t, 0, l)
	b := bidOnBoth(t, s, book, l)
	server.Kill9()
	if err := os.RemoveAll(filepath.Join(server.Dir, "appendonlydir")); err != nil {
		t.Fatal(err)
	}
	server.Restart()
	s.SetClock(t, cachetest.T0)
	wantPaused(t, s, l, b)
	recovered(t, s, book, l, b)
}

// Failed over to a replica and back again, no process restarted: run id and vouch match, and only the replication id tells.
func TestFailoverAndBackDecidesNothing(t *testing.T) {
	a, s := own(t)
	b := live.StartRedis(t)
	l := cachetest.LotOf(0)
	book := s.Open(t, 0, l)
	first := bidOnBoth(t, s, book, l)
	ac, bc := cachetest.Client(t, a.Addr).(*redis.Client), cachetest.Client(t, b.Addr).(*redis.Client)
	before, err := s.Gate.Vouched(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	follow := func(replica *redis.Client, of *live.Process, master *redis.Client) {
		t.Helper()
		host, port := split(t, of.Addr)
		if err := replica.ReplicaOf(ctx, host, port).Err(); err != nil {
			t.Fatal(err)
		}
		live.Eventually(t, time.Minute, "the replica is in step", func() (bool, error) {
			return master.Wait(ctx, 1, 100*time.Millisecond).Val() == 1, nil
		})
	}
	follow(bc, a, ac)
	bc.ReplicaOf(ctx, "NO", "ONE")
	onB := *s
	onB.Client = bc
	onB.Reopen(t)
	wantPaused(t, &onB, l, first)

	follow(ac, b, bc)
	ac.ReplicaOf(ctx, "NO", "ONE")
	after, err := s.Gate.Vouched(ctx, 0)
	if err != nil || after.RunID != before.RunID || after.ReplID == before.ReplID {
		t.Errorf("before %+v, after %+v, %v: want the same process with another history", before, after, err)
	}
	wantPaused(t, s, l, first)
	recovered(t, s, book, l, first)
}

func split(t *testing.T, addr string) (host, port string) {
	t.Helper()
	for i := len(addr) - 1; i >= 0; i-- {
		if addr[i] == ':' {
			return addr[:i], addr[i+1:]
		}
	}
	t.Fatalf("address %q", addr)
	return "", ""
}
