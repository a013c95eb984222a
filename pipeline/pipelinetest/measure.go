package pipelinetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"rostrum/auction"
	"rostrum/auction/auctiontest"
	"rostrum/pipeline"
)

// Rates are records a second, of the same records on the same brokers in one run: only their ratios mean anything.
type Rates struct {
	Raw      float64 // the bare client: messages made beforehand, requests of 1,000, acks=all, one partition after another
	Relay    float64 // journal in memory → topic: reading, encoding, requests of up to 1,000, all shards at once
	Consumer float64 // topic → ledger in memory: fetching, parsing, sifting, offsets; from its first batch on
}

// Measure takes the rates with n records over some shards. It makes topics of its own and removes them.
func Measure(tb testing.TB, brokers Brokers, shards, n int) Rates {
	tb.Helper()
	m := newMeasurement(tb, brokers, shards, n)
	defer m.remove()
	return Rates{Raw: m.rate(m.raw), Relay: m.rate(m.relay), Consumer: m.consume()}
}

type measurement struct {
	tb      testing.TB
	options pipeline.Options
	kafka   *pipeline.Kafka
	client  *kafka.Client
	journal *auctiontest.Journal
	ledger  *auctiontest.Ledger
	records []auction.Record
}

func newMeasurement(tb testing.TB, brokers Brokers, shards, n int) *measurement {
	tb.Helper()
	m := &measurement{tb: tb, journal: &auctiontest.Journal{}}
	m.options = pipeline.Options{Brokers: brokers.Addrs, Deployment: uuid.New(), Shards: shards,
		TopicPrefix: "m" + strings.ReplaceAll(uuid.NewString(), "-", "") + "."}
	k, err := pipeline.Connect(m.options)
	if err == nil {
		_, err = k.Apply(context.Background())
	}
	if err != nil {
		tb.Fatal(err)
	}
	m.kafka = k
	m.client = &kafka.Client{Addr: kafka.TCP(brokers.Addrs...), Timeout: 10 * time.Second, Transport: &kafka.Transport{}}
	m.ledger = auctiontest.NewLedger(auction.Deployment{ID: m.options.Deployment, Shards: shards})
	b := bed{options: m.options}
	for shard := range shards {
		records := b.bids(shard, auction.Cursor{Epoch: 1}, n/shards)
		genesis := auction.Record{Deployment: m.options.Deployment, Shard: shard, Epoch: 1, Seq: 1, Kind: auction.KindGenesis,
			TimeUS: startUS, Shards: shards}
		m.records = append(append(m.records, genesis), records[1:]...)
	}
	return m
}

func (m *measurement) rate(do func()) float64 {
	began := time.Now()
	do()
	return float64(len(m.records)) / time.Since(began).Seconds()
}

func (m *measurement) relay() {
	m.journal.Append(m.records...)
	relay := pipeline.NewRelay(m.kafka, m.journal, m.ledger, newLeases(), pipeline.RelayOptions{})
	errs := make(chan error)
	for shard := range m.options.Shards {
		go func() { _, err := relay.Drain(context.Background(), shard); errs <- err }()
	}
	for range m.options.Shards {
		if err := <-errs; err != nil {
			m.tb.Fatal(err)
		}
	}
}

// consume gives the rate from the first batch on: joining the group is not what is measured.
func (m *measurement) consume() float64 {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	applied := make(chan int, 1024)
	count := func(what string, n int) {
		if what == pipeline.CountApplied {
			applied <- n
		}
	}
	done := make(chan error, 1)
	go func() {
		done <- pipeline.NewConsumer(m.kafka, m.ledger, pipeline.ConsumerOptions{Linger: 20 * time.Millisecond, Count: count}).Run(ctx)
	}()
	next := func() int {
		select {
		case n := <-applied:
			return n
		case <-ctx.Done():
			m.tb.Fatal("records were not applied in time")
			return 0
		}
	}
	left := len(m.records) - next()
	began, measured := time.Now(), left
	for left > 0 {
		left -= next()
	}
	took := time.Since(began)
	cancel()
	if err := <-done; err != nil {
		m.tb.Fatal(err)
	}
	return float64(measured) / took.Seconds()
}

// raw writes the same values to a topic that nobody reads.
func (m *measurement) raw() {
	const batch = 1000
	topic := m.options.TopicPrefix + pipeline.TopicBids
	for shard := range m.options.Shards {
		var records []kafka.Record
		for _, r := range m.records {
			if r.Shard == shard {
				records = append(records, rawRecord(m.tb, r))
			}
		}
		for len(records) > 0 {
			n := min(batch, len(records))
			answer, err := m.client.Produce(context.Background(), &kafka.ProduceRequest{Topic: topic, Partition: shard,
				RequiredAcks: kafka.RequireAll, Compression: kafka.Snappy, Records: kafka.NewRecordReader(records[:n]...)})
			if err == nil {
				err = answer.Error
			}
			if err != nil {
				m.tb.Fatal(err)
			}
			records = records[n:]
		}
	}
}

func rawRecord(tb testing.TB, r auction.Record) kafka.Record {
	e, err := pipeline.Envelope(r)
	if err != nil {
		tb.Fatal(err)
	}
	return kafka.Record{Key: protocol.NewBytes([]byte(e.Key)), Value: protocol.NewBytes(e.Value)}
}

func (m *measurement) remove() {
	var names []string
	for _, t := range pipeline.Topics() {
		names = append(names, m.options.TopicPrefix+t.Name)
	}
	if _, err := m.client.DeleteTopics(context.Background(), &kafka.DeleteTopicsRequest{Topics: names}); err != nil {
		m.tb.Logf("topics left behind: %v", err)
	}
	m.client.Transport.(*kafka.Transport).CloseIdleConnections()
	m.kafka.Close()
}

// String gives the rates as one line.
func (r Rates) String() string {
	return fmt.Sprintf("raw produce %.0f/s · relay %.0f/s (%.2f of it) · consumer %.0f/s (%.2f)", r.Raw, r.Relay, r.Relay/r.Raw,
		r.Consumer, r.Consumer/r.Raw)
}
