package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
)

// PartitionLag is how far a consumer group is in one partition.
type PartitionLag struct {
	Topic     string `json:"topic"` // its name on the brokers
	Partition int    `json:"partition"`
	First     int64  `json:"first"`     // the first offset the partition still has
	End       int64  `json:"end"`       // the offset after its last message
	Committed int64  `json:"committed"` // the offset the group reads next; -1: it never committed
	Lag       int64  `json:"lag"`       // see Lag
}

// Lag is the lag of a partition as Kafka's own tools count it: what lies between the committed offset and the end. -1
// where nothing was committed, for which they print a dash. Below zero, too, where a partition has lost what was committed.
func Lag(end, committed int64) int64 {
	if committed < 0 {
		return -1
	}
	return end - committed
}

// SumLag is the lag of all partitions together, without those in which nothing was committed.
func SumLag(all []PartitionLag) (sum int64) {
	for _, p := range all {
		if p.Committed >= 0 {
			sum += p.Lag
		}
	}
	return sum
}

// Lag gives the lag of a group (without prefix) on the journal topic, by partition: what Kafka's own tools print. It is
// asked of the brokers, so it also shows a group that nobody is in.
func (k *Kafka) Lag(ctx context.Context, group string) ([]PartitionLag, error) {
	partitions := make([]int, k.o.Shards)
	for i := range partitions {
		partitions[i] = i
	}
	name := k.topic(TopicJournal)
	// Committed first: a group that moves between the two questions has a lag too large by what came in between, never one
	// below zero.
	answer, err := k.client.OffsetFetch(ctx, &kafka.OffsetFetchRequest{GroupID: k.group(group), Topics: map[string][]int{name: partitions}})
	if err == nil && !errors.Is(answer.Error, kafka.GroupIdNotFound) {
		err = answer.Error // a group that never was has committed nothing
	}
	if err != nil {
		return nil, unavailable("offsets of group "+group, err)
	}
	ends, err := k.ends(ctx, TopicJournal, partitions...)
	if err != nil {
		return nil, err
	}
	committed := map[int]int64{}
	for _, p := range answer.Topics[name] {
		if p.Error != nil {
			return nil, unavailable(fmt.Sprintf("offsets of group %s in %s/%d", group, name, p.Partition), p.Error)
		}
		committed[p.Partition] = p.CommittedOffset
	}
	lag := make([]PartitionLag, len(partitions))
	for i := range partitions {
		at, ok := committed[i]
		if !ok {
			at = -1
		}
		lag[i] = PartitionLag{Topic: name, Partition: i, First: ends[i].FirstOffset, End: ends[i].LastOffset, Committed: at,
			Lag: Lag(ends[i].LastOffset, at)}
	}
	return lag, nil
}
