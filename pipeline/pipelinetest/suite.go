package pipelinetest

import (
	"testing"

	"rostrum/internal/fault"
	"rostrum/pipeline"
)

// Run runs the suite on brokers.
func Run(t *testing.T, brokers Brokers) {
	anywhere := map[string]func(*testing.T, Brokers){
		"topics":                              topics,
		"carries in order":                    carriesInOrder,
		"two relays at once":                  twoRelays,
		"relays hand over":                    relaysHandOver,
		"no lease, no work":                   noLeaseNoWork,
		"poison in the journal":               journalPoison,
		"drain":                               drain,
		"alive shards":                        aliveShards,
		"two consumers share":                 consumersShare,
		"consumer killed":                     consumerKilled,
		"consumer ends in mid batch":          consumerEndsInMidBatch,
		"group reset to earliest":             groupResetToEarliest,
		"group reset to latest":               groupResetToLatest,
		"ledger away":                         ledgerAway,
		"ledger forgets":                      ledgerForgets,
		"ledger cannot take it":               ledgerCannotTakeIt,
		"transactions take turns":             transactionsTakeTurns,
		"records ahead":                       recordsAhead,
		"gap that nobody fills":               gapHalts,
		"fork":                                fork,
		"messages that are no records":        parkedMessages,
		"a cut leaves orphans":                cutLeavesOrphans,
		"public topics":                       publicTopics,
		"public topics, published more often": publishedAgain,
		"public topics, a lot without salt":   noSalt,
		"outbox":                              outbox,
		"publisher drains":                    publisherDrains,
		"lag":                                 lag,
		"chaos":                               chaos,
	}
	onTheStandIn := map[string]func(*testing.T, Brokers){
		"produce of unknown outcome":  produceUnknown,
		"brokers refuse":              brokersRefuse,
		"partition loses its tail":    lostTail,
		"tail lost before it is read": lostUnread,
		"retention takes the unread":  retentionTakes,
	}
	run := func(name string, test func(*testing.T, Brokers)) {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, brokers) })
	}
	for name, test := range anywhere {
		run(name, test)
	}
	if brokers.Cluster != nil {
		for name, test := range onTheStandIn {
			run(name, test)
		}
	}
}

func topics(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 3)
	b.await("topics missed", func() (bool, error) {
		err := b.kafka.Ready(b.ctx())
		if fault.CodeOf(err) == "topics_missing" {
			return true, nil
		}
		return false, err
	})
	made, err := b.kafka.Apply(b.ctx())
	if err != nil || len(made) != len(pipeline.Topics()) {
		t.Fatalf("first apply: %+v, %v", made, err)
	}
	if err := b.kafka.Ready(b.ctx()); err != nil {
		t.Errorf("right behind it: %v", err)
	}
	b.await("nothing differs", func() (bool, error) {
		changes, err := b.kafka.Diff(b.ctx())
		return len(changes) == 0, err
	})
	if again, err := b.kafka.Apply(b.ctx()); err != nil || len(again) != 0 {
		t.Errorf("second apply: %+v, %v", again, err)
	}

	b.setTopic(pipeline.TopicBids, "retention.ms", "1000")
	want := pipeline.Change{Topic: b.topic(pipeline.TopicBids), What: "retention.ms", From: "1000", To: "31536000000"}
	if changed, err := b.kafka.Apply(b.ctx()); err != nil || len(changed) != 1 || changed[0] != want {
		t.Errorf("apply after a change by hand: %+v, %v", changed, err)
	}
	b.await("mended", func() (bool, error) {
		changes, err := b.kafka.Diff(b.ctx())
		return len(changes) == 0, err
	})

	more := b.options
	more.Shards = 4
	other := b.connectAs(more)
	if _, err := other.Apply(b.ctx()); fault.CodeOf(err) != "shards_differ" {
		t.Errorf("apply for another number of shards: %v", err)
	}
	if err := other.Ready(b.ctx()); fault.CodeOf(err) != "shards_differ" {
		t.Errorf("ready for another number of shards: %v", err)
	}
}

func carriesInOrder(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 4).apply().open()
	want := b.decide(500)
	b.relay()
	b.consumer()
	b.exactly(want)
	b.exactly(b.decide(3000))
	b.exactly(b.decide(1))
	b.settled()
	if n := b.counts.get(pipeline.CountApplied); n != 4*3501 {
		t.Errorf("counted %d applied", n)
	}
}

func lag(t *testing.T, brokers Brokers) {
	b := newBed(t, brokers, 2).apply().open()
	b.relaySendingOnce()
	stop := b.consumer()
	b.exactly(b.decide(10))
	b.settled()
	stop()
	b.decide(7)
	b.await("lag of seven a shard", func() (bool, error) {
		lag, err := b.kafka.Lag(b.ctx(), pipeline.GroupOrders)
		return err == nil && len(lag) == 2 && lag[0].Lag == 7 && lag[1].Lag == 7, err
	})
	never, err := b.kafka.Lag(b.ctx(), "nobody")
	if err != nil || len(never) != 2 || never[0].Committed != -1 || never[0].Lag != -1 {
		t.Errorf("lag of a group that never was: %+v, %v", never, err)
	}
}
