package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// fetched is what one fetch found.
type fetched struct {
	offset  int64
	value   []byte
	headers []Header
}

// errOutOfRange: the partition does not have the offset asked for, on either side.
var errOutOfRange = errors.New("offset out of range")

// fetch reads a partition from offset on, about maxBytes, waiting up to maxWait for the first of it. None: nothing came.
func (k *Kafka) fetch(ctx context.Context, topic string, partition int, offset, maxBytes int64, maxWait time.Duration) ([]fetched, error) {
	answer, err := k.client.Fetch(ctx, &kafka.FetchRequest{Topic: k.topic(topic), Partition: partition, Offset: offset,
		MinBytes: 1, MaxBytes: maxBytes, MaxWait: maxWait})
	if err == nil {
		err = answer.Error
	}
	if errors.Is(err, kafka.OffsetOutOfRange) {
		return nil, errOutOfRange
	}
	if err != nil {
		return nil, unavailable(fmt.Sprintf("fetch %s/%d from %d", topic, partition, offset), err)
	}
	out, err := opened(answer.Records, offset)
	if err != nil {
		return nil, unavailable(fmt.Sprintf("fetch %s/%d from %d", topic, partition, offset), err)
	}
	return out, nil
}

// opened takes the records from offset on out of the library's buffers: a broker answers with whole batches, and the first
// may begin before what was asked for.
func opened(records kafka.RecordReader, offset int64) ([]fetched, error) {
	var out []fetched
	for {
		r, err := records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		f, err := copied(r)
		if err != nil {
			return nil, fmt.Errorf("at %d: %w", r.Offset, err)
		}
		if f.offset >= offset {
			out = append(out, f)
		}
	}
}

// copied takes a record out of the library's buffers, which are used again.
func copied(r *kafka.Record) (fetched, error) {
	f := fetched{offset: r.Offset}
	var err error
	if r.Value != nil {
		f.value, err = protocol.ReadAll(r.Value)
		r.Value.Close()
	}
	if r.Key != nil {
		r.Key.Close()
	}
	for _, h := range r.Headers {
		f.headers = append(f.headers, Header{h.Key, string(h.Value)})
	}
	return f, err
}

// ends gives the first offset a partition still has, and the one after its last.
func (k *Kafka) ends(ctx context.Context, topic string, partitions ...int) (map[int]kafka.PartitionOffsets, error) {
	var ask []kafka.OffsetRequest
	for _, p := range partitions {
		ask = append(ask, kafka.FirstOffsetOf(p), kafka.LastOffsetOf(p))
	}
	answer, err := k.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{k.topic(topic): ask}})
	if err != nil {
		return nil, unavailable("offsets of "+topic, err)
	}
	out := map[int]kafka.PartitionOffsets{}
	for _, p := range answer.Topics[k.topic(topic)] {
		if p.Error != nil {
			return nil, unavailable(fmt.Sprintf("offsets of %s/%d", topic, p.Partition), p.Error)
		}
		out[p.Partition] = p
	}
	for _, p := range partitions {
		if _, ok := out[p]; !ok {
			return nil, unavailable(fmt.Sprintf("offsets of %s/%d: no answer", topic, p), nil)
		}
	}
	return out, nil
}

// PartitionEnd gives the offset after the last message of the shard's journal partition.
func (k *Kafka) PartitionEnd(ctx context.Context, shard int) (int64, error) {
	ends, err := k.ends(ctx, TopicJournal, shard)
	return ends[shard].LastOffset, err
}
