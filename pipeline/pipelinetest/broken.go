package pipelinetest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"rostrum/internal/fault"
	"rostrum/pipeline"
)

var (
	requestTimedOut = kerr.RequestTimedOut // the stand-in does the work and answers this
	notLeader       = kerr.NotLeaderForPartition
)

// failProduce makes the next n produces to a topic fail, and gives how many did so far.
func (b *bed) failProduce(topic string, err *kerr.Error, n int) func() int {
	return b.fail(kmsg.Produce, topic, err, n)
}

func (b *bed) failFetch(topic string, err *kerr.Error, n int) func() int {
	return b.fail(kmsg.Fetch, topic, err, n)
}

// failGroup makes the next request of the group's membership fail: a heartbeat as a rule, and the group is formed anew.
func (b *bed) failGroup(err *kerr.Error) {
	h := b.brokers.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat, kmsg.JoinGroup, kmsg.SyncGroup, kmsg.OffsetCommit},
		Group: b.topic(pipeline.GroupOrders), Err: err})
	b.t.Cleanup(h.Remove)
}

func (b *bed) fail(key kmsg.Key, topic string, err *kerr.Error, n int) func() int {
	h := b.brokers.Cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Topic: b.topic(topic), Err: err, Count: n})
	b.t.Cleanup(h.Remove)
	return h.Hits
}

// lose makes the journal topic anew: every partition has lost all that it had.
func (b *bed) lose() {
	b.t.Helper()
	name := b.topic(pipeline.TopicJournal)
	if err := b.brokers.Cluster.DeleteTopic(name); err != nil {
		b.t.Fatal(err)
	}
	if err := b.brokers.Cluster.CreateTopic(name, int32(b.options.Shards), nil); err != nil {
		b.t.Fatal(err)
	}
}

func lostTail(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	b.relay()
	b.consumer()
	b.exactly(b.decide(100))
	b.settled()
	b.lose()
	b.exactly(b.decide(50))
	b.settled()
}

// lostUnread: what was acknowledged and lost was not applied yet, and nothing comes after it that would show a gap. The
// relay notices that the position stands still.
func lostUnread(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	o := b.relayOptions()
	o.Lease = time.Minute // a relay that takes a shard up again sends from the position anyhow
	b.relayWith(o)
	stop := b.consumer()
	b.exactly(b.decide(100))
	stop()
	want := b.decide(50)
	b.await("acknowledged", func() (bool, error) { return b.counts.get(pipeline.CountRelayed) >= 2*152, nil })
	b.lose()
	b.consumer()
	b.exactly(want)
	b.settled()
	if b.counts.get(pipeline.CountResends) == 0 {
		t.Error("mended, and nothing was sent again")
	}
}

func retentionTakes(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 1).apply().open()
	b.relay()
	stop := b.consumer()
	b.exactly(b.decide(100))
	stop()
	want := b.decide(50)
	b.await("acknowledged", func() (bool, error) { return b.counts.get(pipeline.CountRelayed) >= 152, nil })
	if err := brokers.Cluster.DeleteRecords(b.topic(pipeline.TopicJournal), 0, 120); err != nil {
		t.Fatal(err)
	}
	b.consumer()
	b.exactly(want)
	b.settled()
}

// chaos lets everything fail at random for a while: the ledger, relays and consumers that come and go, and on the stand-in
// the brokers too. The seed is in the log.
func chaos(t *testing.T, brokers Brokers) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	b := newBed(t, brokers, 4)
	var calm atomic.Bool
	b.apply().open()
	b.ledger.Before, b.ledger.After = upset(&calm, seed, 9), upset(&calm, seed+1, 7)
	b.relay()
	b.consumer()
	for round := range 12 {
		if brokers.Cluster != nil {
			b.failProduce(pipeline.TopicJournal, []*kerr.Error{requestTimedOut, notLeader}[random.IntN(2)], 1+random.IntN(4))
			b.failFetch(pipeline.TopicJournal, notLeader, 1+random.IntN(4))
			b.failGroup([]*kerr.Error{kerr.NotCoordinator, kerr.RebalanceInProgress, kerr.UnknownMemberID}[random.IntN(3)])
		}
		relay := b.run(pipeline.NewRelay(b.kafka, b.journal, b.ledger, newLeases(), b.relayOptions()).Run)
		consumer := func() {}
		if round%4 == 1 {
			consumer = b.consumer()
		}
		b.decide(20 + random.IntN(100))
		b.await("some of it relayed", func() (bool, error) { return b.counts.get(pipeline.CountRelayed) > round*100, nil })
		relay()
		consumer()
	}
	calm.Store(true)
	b.exactly(b.decide(10))
	b.settled()
}

// upset gives a ledger's hook that fails one call in `of`, until it is calm.
func upset(calm *atomic.Bool, seed uint64, of int) func(string, int) error {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 2))
	return func(method string, shard int) error {
		mu.Lock()
		defer mu.Unlock()
		if calm.Load() || random.IntN(of) != 0 {
			return nil
		}
		return fault.New(fault.Unknown, "unavailable", fmt.Sprintf("%s of shard %d", method, shard))
	}
}

// Restart shows that the road stands still while the brokers are away and goes on when they are back. again ends them and
// starts them with the same data; it is called in mid-flow.
func Restart(t *testing.T, brokers Brokers, again func()) {
	b := newBed(t, brokers, 2).apply().open()
	b.relay()
	b.consumer()
	b.exactly(b.decide(200))
	b.decide(3000)
	b.await("in mid-flow", func() (bool, error) { return b.counts.get(pipeline.CountRelayed) > 2*202, nil })
	again()
	b.exactly(b.decide(100))
	b.settled()
}

// LeadersMove shows that partitions may change brokers under way. move makes them.
func LeadersMove(t *testing.T, brokers Brokers, move func()) {
	b := newBed(t, brokers, 4).apply().open()
	b.relay()
	b.consumer()
	for range 5 {
		want := b.decide(200)
		move()
		b.exactly(want)
	}
	b.settled()
}
