package pipelinetest

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/pipeline"
)

func consumersShare(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 4).apply().open()
	b.relay()
	first := pipeline.NewConsumer(b.kafka, b.ledger, b.consumerOptions())
	second := pipeline.NewConsumer(b.connect(), b.ledger, b.consumerOptions())
	runConsumer := func(c *pipeline.Consumer) func() {
		return b.run(func(ctx context.Context) {
			if err := c.Run(ctx); err != nil {
				t.Error(err)
			}
		})
	}
	stop := runConsumer(first)
	b.exactly(b.decide(200))
	runConsumer(second)
	b.await("two shards each", func() (bool, error) { return len(first.Assigned()) == 2 && len(second.Assigned()) == 2, nil })
	b.exactly(b.decide(200))
	stop()
	if left := first.Assigned(); len(left) != 0 {
		t.Errorf("stopped, and still assigned %v", left)
	}
	b.exactly(b.decide(200))
	b.settled()
}

// consumerEndsInMidBatch: the transaction has committed, and whoever asked for it never hears of it.
func consumerEndsInMidBatch(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var applies atomic.Int32
	b.ledger.After = func(string, int) error {
		if n := applies.Add(1); n == 2 {
			cancel()
		} else if n > 4 {
			return nil
		}
		return fault.New(fault.Unknown, "unavailable", "the connection was lost after the commit")
	}
	o := b.consumerOptions()
	o.BatchRows = 100
	want := b.decide(500)
	b.relay()
	ended := make(chan error, 1)
	go func() { ended <- pipeline.NewConsumer(b.kafka, b.ledger, o).Run(ctx) }()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	b.consumerWith(o)
	b.exactly(want)
	b.settled()
}

func groupResetToEarliest(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	b.relaySendingOnce()
	stop := b.consumer()
	b.exactly(b.decide(100))
	b.settled()
	stop()
	b.resetGroup(func(int) int64 { return 0 })
	want := b.decide(50)
	read := b.counts.get(pipeline.CountDuplicates)
	b.consumer()
	b.exactly(want)
	b.settled()
	if again := b.counts.get(pipeline.CountDuplicates) - read; again != 0 {
		t.Errorf("%d records read again: the group's offset was believed", again)
	}
}

func groupResetToLatest(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	b.relay()
	stop := b.consumer()
	b.exactly(b.decide(100))
	stop()
	want := b.decide(50)
	b.await("relayed", func() (bool, error) { return b.counts.get(pipeline.CountRelayed) >= 2*152, nil })
	b.resetGroup(func(shard int) int64 {
		end, err := b.kafka.PartitionEnd(b.ctx(), shard)
		if err != nil {
			t.Fatal(err)
		}
		return end
	})
	b.consumer()
	b.exactly(want)
	b.settled()
}

// ledgerAway: the consumer waits and its group does not fall apart over it.
func ledgerAway(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2)
	var away atomic.Bool
	b.ledger.Before = func(string, int) error {
		if away.Load() {
			return fault.New(fault.Unavailable, "unavailable", "away")
		}
		return nil
	}
	b.apply().open()
	b.relay()
	c := pipeline.NewConsumer(b.kafka, b.ledger, b.consumerOptions())
	b.run(func(ctx context.Context) {
		if err := c.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	b.exactly(b.decide(100))
	away.Store(true)
	want := b.decide(100)
	b.await("relayed while the ledger is away", func() (bool, error) { return b.counts.get(pipeline.CountRelayed) >= 2*202, nil })
	if len(c.Assigned()) != 2 {
		t.Errorf("assigned %v while the ledger is away", c.Assigned())
	}
	away.Store(false)
	b.exactly(want)
	b.settled()
}

// ledgerForgets: MySQL failed over to a copy without the newest commits. Kafka still has them, and the offset to read them
// from went back with the data. Nothing new comes that would show it.
func ledgerForgets(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 1).apply().open()
	b.relay()
	o := b.consumerOptions()
	o.LookEvery = 50 * time.Millisecond
	b.consumerWith(o)
	want := b.decide(100)
	b.exactly(want)
	b.settled()
	b.ledger.Forget(0, 60, 60)
	b.exactly(want)
	b.settled()
	b.ledger.Forget(0, 60, 60)
	b.exactly(map[int][]auction.Record{0: b.more(0, 5)})
	b.settled()
}

// ledgerCannotTakeIt: an error that does not pass must end in a halt, of this shard alone, and not in a loop.
func ledgerCannotTakeIt(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2)
	var broken atomic.Bool
	b.ledger.Before = func(method string, shard int) error {
		if broken.Load() && method == "Apply" && shard == 0 {
			return errors.New("column too short")
		}
		return nil
	}
	b.apply().open()
	broken.Store(true)
	want := b.decide(100)
	b.relay()
	b.consumer()
	b.exactly(map[int][]auction.Record{1: want[1]})
	b.halted(0, "apply")
	broken.Store(false)
	b.resume(0)
	b.exactly(want)
	b.settled()
}

// transactionsTakeTurns: as many shards as there may be transactions at once apply together, and never one more. Whoever
// applies waits a moment for one too many to come.
func transactionsTakeTurns(t *testing.T, brokers Brokers) {
	const shards, atOnce, moment = 6, 2, 100 * time.Millisecond
	b := newBed(t, brokers, shards)
	var open, together atomic.Int32
	tooMany := make(chan struct{}, shards*100)
	b.ledger.Before = func(method string, _ int) error {
		if method != "Apply" {
			return nil
		}
		n := open.Add(1)
		defer open.Add(-1)
		together.Store(max(together.Load(), n))
		if n > atOnce {
			tooMany <- struct{}{}
		}
		select {
		case <-tooMany:
			t.Errorf("%d transactions are open", n)
		case <-time.After(moment):
		}
		return nil
	}
	b.apply().open()
	want := b.decide(50)
	b.relay()
	o := b.consumerOptions()
	o.AtOnce = atOnce
	b.consumerWith(o)
	b.exactly(want)
	b.settled()
	if n := together.Load(); n != atOnce {
		t.Errorf("%d shards applied together, want %d", n, atOnce)
	}
}

// recordsAhead: what is missing is noted for the relay, though the ledger does not take the note at first.
func recordsAhead(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 1).apply().open()
	var refused atomic.Bool
	b.ledger.Before = func(method string, _ int) error {
		if method == "NoteGap" && refused.CompareAndSwap(false, true) {
			return fault.New(fault.Unavailable, "unavailable", "away")
		}
		return nil
	}
	want := b.decide(100)
	b.send(0, want[0][50:60]...)
	b.consumer()
	b.await("the gap is noted", func() (bool, error) {
		p, err := b.ledger.Position(b.ctx(), 0)
		return p.GapSeq == 3 && p.GapSinceUS > 0, err
	})
	b.relay()
	b.exactly(want)
	b.settled()
	b.await("and noted no more", func() (bool, error) {
		p, err := b.ledger.Position(b.ctx(), 0)
		return p.GapSeq == 0, err
	})
}

func gapHalts(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 1).apply().open()
	o := b.consumerOptions()
	o.GapHalt = 300 * time.Millisecond
	b.consumerWith(o)
	lost := b.bids(0, auction.Cursor{Epoch: 1, Seq: 2}, 1)
	later := b.bids(0, lost[0].At(), 5)
	b.send(0, later...)
	b.halted(0, "gap: record 3 ")
	b.resume(0)
	b.halted(0, "gap: record 3 ")
	applied := b.ledger.Applied(0) // before the gap is accepted, which lets the shard go on
	if err := b.ledger.AcceptGap(b.ctx(), 0, later[0].Seq); err != nil {
		t.Fatal(err)
	}
	b.resume(0)
	b.exactly(map[int][]auction.Record{0: append(applied, later...)})
}

func fork(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	b.relay()
	b.consumer()
	want := b.decide(20)
	b.exactly(want)
	other := want[0][10]
	other.PriceMinor++
	b.send(0, other)
	b.halted(0, "fork")
	b.exactly(map[int][]auction.Record{0: want[0], 1: b.more(1, 20)})
	b.resume(0)
	b.halted(0, "fork")
	b.await("two forks counted", func() (bool, error) { return b.counts.get(pipeline.CountForks) >= 2, nil })
}

func parkedMessages(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	foreign := b.bids(0, auction.Cursor{Epoch: 1, Seq: 2}, 2)
	foreign[0].Deployment = newDeployment()
	foreign[1].Shard = 1
	b.sendRaw(0, []byte("{no record"), nil, []byte(strings.Repeat("x", 100_000)), []byte(`{"deployment":"x"}`))
	b.send(0, foreign...)
	b.consumer()
	want := b.decide(20)
	b.relay()
	b.exactly(want)
	b.settled()
	const parked = 6
	if got := b.ledger.Parked(0); len(got) != parked {
		t.Fatalf("%d parked: %+v", len(got), got)
	}
	told := b.read(pipeline.TopicParked, 0, parked)
	for i, reason := range []string{"record", "record", "100000 bytes", "UUID", "of deployment", "of shard 1"} {
		if !strings.Contains(string(told[i].Value), reason) {
			t.Errorf("parked message %d does not tell %q: %.300s", i, reason, told[i].Value)
		}
	}
}

func cutLeavesOrphans(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 1).apply().open()
	b.relay()
	b.consumer()
	want := b.decide(20)
	b.exactly(want)
	late := b.bids(0, want[0][len(want[0])-1].At(), 3)
	records, _, err := b.ledger.Cut(b.ctx(), 0, want[0][len(want[0])-1].At(), startUS)
	if err != nil {
		t.Fatal(err)
	}
	b.put(records...)
	b.send(0, late...)
	b.exactly(map[int][]auction.Record{0: b.more(0, 20)})
	b.await("what the old epoch sent late is kept aside", func() (bool, error) { return len(b.ledger.Orphans(0)) == 3, nil })
	b.settled()
}
