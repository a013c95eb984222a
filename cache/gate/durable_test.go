package gate_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"rostrum/auction"
	"rostrum/cache/cachetest"
	"rostrum/cache/gate"
	"rostrum/internal/fault"
	"rostrum/internal/live"
)

// marked gives subjects whose receipts promise Kafka, with an open lot on shard 0 and a fresh mark.
func marked(t *testing.T, open func(t *testing.T) *cachetest.Subject) (*cachetest.Subject, auction.Lot) {
	s := open(t)
	s.Options.Durability = auction.DurableKafka
	s.Reopen(t)
	l := cachetest.LotOf(0, func(l *auction.Lot) { l.Stock = 100 })
	s.Open(t, 0, l)
	return s, l
}

func mark(t *testing.T, s *cachetest.Subject, seq int64) {
	t.Helper()
	if err := s.Gate.Mark(ctx, 0, auction.Cursor{Epoch: 1, Seq: seq}); err != nil {
		t.Fatal(err)
	}
}

// An admission, first or repeated, is answered when the shard's mark has passed it, and not before.
func TestAnAnswerWaitsForKafka(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			s, l := marked(t, open)
			v, err := s.Gate.Vouched(ctx, 0)
			if err != nil {
				t.Fatal(err)
			}
			mark(t, s, v.Seq)
			first, second := cachetest.BidOn(l), cachetest.BidOn(l)
			answers := make(chan auction.Answer, 2)
			var all sync.WaitGroup
			for _, b := range []auction.Bid{first, second} {
				all.Go(func() { answers <- decide(t, s, b)[0] })
			}
			live.Eventually(t, 10*time.Second, "both are in the journal", func() (bool, error) {
				stats, err := s.Gate.Stats(ctx, 0)
				return stats.Length == 2, err
			})
			if len(answers) != 0 {
				t.Errorf("answered before Kafka has it: %+v", <-answers)
			}
			if a := repeated(t, s, first); fault.ClassOf(a.Err) != fault.Unknown {
				t.Errorf("asked again: %+v", a)
			}
			short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
			defer cancel()
			if _, err := s.Gate.Receipt(short, 0, l.ID, first.Buyer, first.ID); fault.ClassOf(err) != fault.Unknown {
				t.Errorf("its receipt: %v", err)
			}
			mark(t, s, v.Seq+1)
			one := <-answers
			if one.Err != nil || one.Receipt.Seq != v.Seq+1 || one.Receipt.Durability != auction.DurableKafka || len(answers) != 0 {
				t.Errorf("the first of the journal: %+v, %d others", one, len(answers))
			}
			mark(t, s, v.Seq+2)
			if other := <-answers; other.Receipt.Seq != v.Seq+2 {
				t.Errorf("the second: %+v", other)
			}
			all.Wait()
			if a := decide(t, s, first)[0]; a.Verdict != auction.Admitted || !a.Repeat {
				t.Errorf("asked again, afterwards: %+v", a)
			}
		})
	}
}

// repeated asks again, for a moment only, and again where the moment was over before anything was sent.
func repeated(t *testing.T, s *cachetest.Subject, b auction.Bid) (a auction.Answer) {
	t.Helper()
	live.Eventually(t, 10*time.Second, "a bid to be sent", func() (bool, error) {
		short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
		defer cancel()
		answers, err := s.Gate.Decide(short, 0, []auction.Bid{b})
		if err != nil {
			return false, err
		}
		a = answers[0]
		return fault.ClassOf(a.Err) != fault.Unavailable, nil
	})
	return a
}

// Without a fresh mark nothing is taken: nobody would answer for it.
func TestAStaleMarkPauses(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			s, l := marked(t, open)
			want(t, decide(t, s, cachetest.BidOn(l))[0], auction.Paused)
			v, err := s.Gate.Vouched(ctx, 0)
			if err != nil {
				t.Fatal(err)
			}
			mark(t, s, v.Seq)
			s.SetClock(t, cachetest.T0+2_000_001)
			want(t, decide(t, s, cachetest.BidOn(l))[0], auction.Paused)
			if stats, err := s.Gate.Stats(ctx, 0); err != nil || stats.Length != 0 {
				t.Errorf("taken all the same: %+v %v", stats, err)
			}
			// Another epoch's relay, and one that is ahead of the journal, write nothing.
			for _, c := range []auction.Cursor{{Epoch: 2, Seq: v.Seq}, {Epoch: 0, Seq: v.Seq}, {Epoch: 1, Seq: v.Seq + 1}} {
				if err := s.Gate.Mark(ctx, 0, c); fault.CodeOf(err) != "not_vouched" {
					t.Errorf("mark %v: %v", c, err)
				}
			}
			want(t, decide(t, s, cachetest.BidOn(l))[0], auction.Paused)
		})
	}
}

// A mark that is told again while records wait behind it is no younger: Kafka does not answer.
func TestAMarkThatStandsStillGrowsOld(t *testing.T) {
	s, l := marked(t, engines["standin"])
	v, err := s.Gate.Vouched(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	mark(t, s, v.Seq)
	s.SetClock(t, cachetest.T0+1_900_000)
	mark(t, s, v.Seq) // nothing waits: it is fresh
	s.SetClock(t, cachetest.T0+3_800_000)
	if a := repeated(t, s, cachetest.BidOn(l)); fault.ClassOf(a.Err) != fault.Unknown {
		t.Errorf("by a fresh mark: %+v", a)
	}
	live.Eventually(t, 10*time.Second, "it is in the journal", func() (bool, error) {
		stats, err := s.Gate.Stats(ctx, 0)
		return stats.Length == 1, err
	})
	mark(t, s, v.Seq) // one waits
	s.SetClock(t, cachetest.T0+3_900_001)
	want(t, decide(t, s, cachetest.BidOn(l))[0], auction.Paused)
	mark(t, s, v.Seq+1)
	if a := repeated(t, s, cachetest.BidOn(l)); fault.ClassOf(a.Err) != fault.Unknown {
		t.Errorf("when Kafka answers again: %+v", a)
	}
}

// A relay that comes late does not take back what was acknowledged.
func TestAMarkNeverMovesBack(t *testing.T) {
	s, l := marked(t, engines["standin"])
	var other *gate.Gate
	s.Options.Durability = auction.DurableNone
	s.Reopen(t)
	other = s.Gate // it does not wait
	for range 3 {
		want(t, decide(t, s, cachetest.BidOn(l))[0], auction.Admitted)
	}
	v, err := other.Vouched(ctx, 0)
	if err != nil {
		t.Fatal(err)
	}
	mark(t, s, v.Seq)
	mark(t, s, v.Seq-2)
	if acked := s.Client.HGet(ctx, other.Keys().Head(0), "acked").Val(); acked != (auction.Record{Epoch: 1, Seq: v.Seq}).ID() {
		t.Errorf("the mark is %s, want seq %d", acked, v.Seq)
	}
}
