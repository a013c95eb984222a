package pipelinetest

import (
	"context"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"rostrum/internal/live"
)

// Commit fills the partitions of a topic with that many messages that are no records, and commits offsets for a group; it
// stays the group's only member until leave is called, for Kafka's tool lists a partition in which nothing is committed
// only where it has an owner.
func Commit(t testing.TB, addr, topic, group string, filled []int, offsets map[int]int64) (leave func()) {
	t.Helper()
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(addr), Timeout: 10 * time.Second, Transport: transport}
	for partition, n := range filled {
		fill(t, client, topic, partition, n)
	}
	member, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{ID: group, Brokers: []string{addr}, Topics: []string{topic}})
	if err != nil {
		t.Fatal(err)
	}
	leave = func() { _ = member.Close() }
	live.Eventually(t, time.Minute, "the group's member to have all partitions and its commits", func() (bool, error) {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		generation, err := member.Next(ctx)
		if err != nil || len(generation.Assignments[topic]) != len(filled) {
			return false, err
		}
		return true, generation.CommitOffsets(map[string]map[int]int64{topic: offsets})
	})
	return leave
}

func fill(t testing.TB, client *kafka.Client, topic string, partition, n int) {
	t.Helper()
	live.Eventually(t, 30*time.Second, "messages written", func() (bool, error) {
		records := make([]kafka.Record, n)
		for i := range records {
			records[i].Value = protocol.NewBytes([]byte("x"))
		}
		answer, err := client.Produce(context.Background(), &kafka.ProduceRequest{Topic: topic, Partition: partition,
			RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...)})
		if err == nil {
			err = answer.Error
		}
		return err == nil, err
	})
}
