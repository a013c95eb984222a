package pipelinetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"rostrum/auction"
	"rostrum/pipeline"
)

// twoRelays: each believes that the shards are its own, as happens when one stands still for longer than its lease.
func twoRelays(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	want := b.decide(2000)
	for range 2 {
		o := b.relayOptions()
		o.BatchRecords = 100
		b.run(pipeline.NewRelay(b.kafka, b.journal, b.ledger, newLeases(), o).Run)
	}
	b.await("all sent twice", func() (bool, error) { return b.counts.get(pipeline.CountRelayed) >= 2*2*2002, nil })
	b.consumer()
	b.exactly(want)
	b.settled()
	if n := b.counts.get(pipeline.CountDuplicates); n < 2*2000 {
		t.Errorf("%d duplicates skipped", n)
	}
}

func relaysHandOver(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	stop := b.relay()
	b.consumer()
	b.exactly(b.decide(100))
	b.relay()
	stop()
	b.exactly(b.decide(100))
	b.settled()
}

func noLeaseNoWork(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	if ok, err := b.leases.Hold(b.ctx(), pipeline.LeaseRelay(1), "recovery", time.Hour); !ok || err != nil {
		t.Fatal(ok, err)
	}
	want := b.decide(10)
	b.relay()
	b.consumer()
	b.exactly(map[int][]auction.Record{0: want[0]})
	// Of several brokers the one that is asked may not have learnt yet that it leads.
	b.await("partition 1 to be empty: nobody sends without a lease", func() (bool, error) {
		end, err := b.kafka.PartitionEnd(b.ctx(), 1)
		return end == 0, err
	})
	if err := b.leases.Leave(b.ctx(), pipeline.LeaseRelay(1), "recovery"); err != nil {
		t.Fatal(err)
	}
	b.exactly(want)
}

func journalPoison(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	want := b.decide(100)
	bad := want[0][40].At()
	b.journal.Poison(0, bad)
	relay := pipeline.NewRelay(b.kafka, b.journal, b.ledger, b.leases, b.relayOptions())
	b.run(relay.Run)
	b.consumer()
	b.exactly(map[int][]auction.Record{1: want[1]})
	b.await("shard 0 stopped", func() (bool, error) {
		s := relay.States()
		return strings.Contains(s[0].Stopped, "poison") && s[0].Held && s[0].Acked == want[0][39].At() && s[1].Stopped == "", nil
	})
	if _, err := relay.Drain(b.ctx(), 0); err == nil || !strings.Contains(err.Error(), "poison") {
		t.Errorf("drain over poison: %v", err)
	}
	b.exactly(map[int][]auction.Record{0: want[0][:40]})
	b.journal.Poison(0, auction.Cursor{})
	b.exactly(want)
	b.await("shard 0 goes on", func() (bool, error) { return relay.States()[0].Stopped == "", nil })
}

// drain is what recovery does with a journal that survived.
func drain(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	want := b.decide(2500)
	relay := pipeline.NewRelay(b.kafka, b.journal, b.ledger, b.leases, b.relayOptions())
	for shard, records := range want {
		end, err := relay.Drain(b.ctx(), shard)
		if err != nil || end != int64(len(records)) {
			t.Fatalf("shard %d drained to %d of %d: %v", shard, end, len(records), err)
		}
	}
	b.consumer()
	b.exactly(want)
	b.await("positions at the ends", func() (bool, error) {
		p, err := b.ledger.Position(b.ctx(), 0)
		return p.NextOffset == 2502, err
	})
	// Nothing has trimmed the journal: it is all sent again, and all of it is skipped.
	if end, err := relay.Drain(b.ctx(), 0); err != nil || end != 2*2502 {
		t.Errorf("drained again to %d: %v", end, err)
	}
	b.await("skipped", func() (bool, error) {
		p, err := b.ledger.Position(b.ctx(), 0)
		return p.NextOffset == 2*2502, err
	})
	b.exactly(want)
}

func aliveShards(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 3).apply().open()
	o := b.relayOptions()
	o.Vouched = func(_ context.Context, shard int) (bool, error) { return shard != 1, nil }
	before := time.Now().UnixMicro()
	b.relayWith(o)
	b.await("vouched shards are alive, the other is not", func() (bool, error) {
		p, err := b.ledger.Positions(b.ctx())
		return err == nil && len(p) == 3 && p[0].AliveUS >= before && p[1].AliveUS == 0 && p[2].AliveUS >= before, err
	})
}

// produceUnknown: the broker wrote the batch and the answer was lost. It is sent again, and skipped.
func produceUnknown(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	timedOut := b.failProduce(pipeline.TopicJournal, requestTimedOut, 6)
	want := b.decide(300)
	b.relay()
	b.consumer()
	b.exactly(want)
	b.settled()
	if b.counts.get(pipeline.CountDuplicates) == 0 || timedOut() == 0 {
		t.Errorf("%d duplicates after %d lost answers", b.counts.get(pipeline.CountDuplicates), timedOut())
	}
}

func brokersRefuse(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	produces := b.failProduce(pipeline.TopicJournal, notLeader, 10)
	fetches := b.failFetch(pipeline.TopicJournal, notLeader, 10)
	want := b.decide(300)
	b.relay()
	b.consumer()
	b.exactly(want)
	b.settled()
	if produces() == 0 || fetches() == 0 {
		t.Errorf("%d produces and %d fetches refused", produces(), fetches())
	}
}
