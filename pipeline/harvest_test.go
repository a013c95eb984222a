package pipeline

import (
	"errors"
	"testing"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"
)

// TestEachPartitionIsHarvestedByItself: one request a leader, and what one partition or leader refuses says nothing of the
// others.
func TestEachPartitionIsHarvestedByItself(t *testing.T) {
	away := errors.New("connection refused")
	of := func(partition int, offset int64) *asked {
		return &asked{ticket: ticketTo("a", partition), offset: offset, maxBytes: 1000, err: errNoAnswer}
	}
	fine, ahead, refused, lost, gone, unanswered := of(0, 7), of(1, 3), of(2, 9), of(3, 0), of(9, 0), of(4, 0)
	cluster := protocol.Cluster{Brokers: map[int32]protocol.Broker{1: {ID: 1}, 2: {ID: 2}}, Topics: map[string]protocol.Topic{
		"a": {Partitions: map[int32]protocol.Partition{0: {Leader: 1}, 1: {Leader: 1}, 2: {Leader: 1}, 3: {Leader: 2}, 4: {Leader: 1}, 5: {Leader: 7}}}}}
	h := harvest{fine, ahead, refused, lost, gone, unanswered}
	requests, merger, err := h.Split(cluster)
	if err != nil || len(requests) != 2 || fine.leader != 1 || lost.leader != 2 {
		t.Fatalf("%d requests, leaders %d and %d: %v", len(requests), fine.leader, lost.leader, err)
	}
	if first := requests[0].(*fetchapi.Request); len(first.Topics[0].Partitions) != 4 || first.Topics[0].Partitions[0].FetchOffset != 7 || first.MaxWaitTime != 0 {
		t.Errorf("%+v", first)
	}
	page := func(partition int32, high int64, code kafka.Error, offsets ...int64) fetchapi.ResponsePartition {
		var records []protocol.Record
		for _, offset := range offsets {
			records = append(records, protocol.Record{Offset: offset, Value: protocol.NewBytes([]byte("x"))})
		}
		p := fetchapi.ResponsePartition{Partition: partition, HighWatermark: high, ErrorCode: int16(code)}
		if len(records) > 0 {
			p.RecordSet = protocol.RecordSet{Records: protocol.NewRecordReader(records...)}
		}
		return p
	}
	_, err = merger.Merge(requests, []any{&fetchapi.Response{Topics: []fetchapi.ResponseTopic{{Topic: "a", Partitions: []fetchapi.ResponsePartition{
		page(0, 9, 0, 5, 6, 7, 8), page(1, 9, 0), page(2, 5, kafka.OffsetOutOfRange)}}}}, away})
	if err != nil {
		t.Fatal(err)
	}
	if len(fine.found) != 2 || fine.found[0].offset != 7 || fine.more || fine.err != nil {
		t.Errorf("a batch that begins before: %+v", fine)
	}
	if len(ahead.found) != 0 || !ahead.more || ahead.err != nil {
		t.Errorf("no room for its records: %+v", ahead)
	}
	for p, want := range map[*asked]error{refused: kafka.OffsetOutOfRange, lost: away, gone: kafka.LeaderNotAvailable, unanswered: errNoAnswer} {
		if !errors.Is(p.err, want) {
			t.Errorf("partition %d: %v, want %v", p.partition, p.err, want)
		}
	}
}
