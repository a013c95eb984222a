package pipelinetest

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"rostrum/auction"
	"rostrum/pipeline"
)

// What a test does to the brokers by its own hand, past the pipeline.

func newDeployment() uuid.UUID { return uuid.New() }

func (b *bed) connectAs(o pipeline.Options) *pipeline.Kafka {
	b.t.Helper()
	k, err := pipeline.Connect(o)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(k.Close)
	return k
}

func (b *bed) setTopic(topic, key, value string) {
	b.t.Helper()
	answer, err := b.client.IncrementalAlterConfigs(b.ctx(), &kafka.IncrementalAlterConfigsRequest{
		Resources: []kafka.IncrementalAlterConfigsRequestResource{{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: b.topic(topic),
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: key, Value: value}},
		}}})
	if err != nil || answer.Resources[0].Error != nil {
		b.t.Fatal(err, answer)
	}
	b.await(topic+" has "+key, func() (bool, error) {
		changes, err := b.kafka.Diff(b.ctx())
		return len(changes) > 0, err
	})
}

// send writes records to a partition as a relay would that knows nothing.
func (b *bed) send(partition int, records ...auction.Record) {
	b.t.Helper()
	values := make([][]byte, len(records))
	for i, r := range records {
		value, err := r.JSON()
		if err != nil {
			b.t.Fatal(err)
		}
		values[i] = value
	}
	b.sendRaw(partition, values...)
}

func (b *bed) sendRaw(partition int, values ...[]byte) {
	b.t.Helper()
	// A topic that was made a moment ago may have no leader yet; nothing is written then.
	b.await("messages sent", func() (bool, error) {
		records := make([]kafka.Record, len(values))
		for i, v := range values {
			records[i] = kafka.Record{Value: protocol.NewBytes(v)}
		}
		answer, err := b.client.Produce(b.ctx(), &kafka.ProduceRequest{Topic: b.topic(pipeline.TopicJournal), Partition: partition,
			RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...)})
		if err == nil {
			err = answer.Error
		}
		return err == nil, err
	})
}

// read gives the first n messages of a partition, waiting for them.
func (b *bed) read(topic string, partition, n int) []pipeline.Message {
	b.t.Helper()
	var messages []pipeline.Message
	b.await("messages of "+topic, func() (bool, error) {
		var err error
		messages, err = b.readOnce(b.ctx(), topic, partition)
		return len(messages) >= n, err
	})
	if len(messages) != n {
		b.t.Fatalf("%s/%d has %d messages, want %d", topic, partition, len(messages), n)
	}
	return messages
}

func (b *bed) readOnce(ctx context.Context, topic string, partition int) ([]pipeline.Message, error) {
	answer, err := b.client.Fetch(ctx, &kafka.FetchRequest{Topic: b.topic(topic), Partition: partition, MinBytes: 1, MaxBytes: 8 << 20})
	if err == nil {
		err = answer.Error
	}
	if err != nil {
		return nil, err
	}
	var messages []pipeline.Message
	for {
		r, err := answer.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return messages, nil
		}
		if err != nil {
			return nil, err
		}
		key, err := protocol.ReadAll(r.Key)
		if err != nil {
			return nil, err
		}
		value, err := protocol.ReadAll(r.Value)
		if err != nil {
			return nil, err
		}
		m := pipeline.Message{Key: string(key), Value: value}
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, pipeline.Header{Key: h.Key, Value: string(h.Value)})
		}
		messages = append(messages, m)
	}
}

// resetGroup sets the offsets of the group, which must be empty, as an operator's tool does.
func (b *bed) resetGroup(to func(shard int) int64) {
	b.t.Helper()
	topic := b.topic(pipeline.TopicJournal)
	var commits []kafka.OffsetCommit
	for shard := range b.options.Shards {
		commits = append(commits, kafka.OffsetCommit{Partition: shard, Offset: to(shard)})
	}
	b.await("the group's offsets are set", func() (bool, error) {
		answer, err := b.client.OffsetCommit(b.ctx(), &kafka.OffsetCommitRequest{GroupID: b.topic(pipeline.GroupOrders),
			GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{topic: commits}})
		if err != nil {
			return false, err
		}
		for _, p := range answer.Topics[topic] {
			err = errors.Join(err, p.Error)
		}
		return err == nil, err
	})
}

func (b *bed) halted(shard int, reason string) {
	b.t.Helper()
	b.await("shard halted: "+reason, func() (bool, error) {
		p, err := b.ledger.Position(b.ctx(), shard)
		return strings.Contains(p.Halted, reason), err
	})
}

func (b *bed) resume(shard int) {
	b.t.Helper()
	if err := b.ledger.Resume(b.ctx(), shard); err != nil {
		b.t.Fatal(err)
	}
}
