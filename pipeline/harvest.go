package pipeline

import (
	"context"
	"errors"
	"fmt"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"
)

// asked is what a fetch asks of one partition, and what it found there.
type asked struct {
	ticket
	offset   int64
	maxBytes int64 // about
	found    []fetched
	more     bool // the partition has something after that
	err      error
}

// fetchParts reads several partitions, each once in parts, in one request to each of their leaders, and waits for nothing
// to come: what is there is given. It gives one error a part, as fetch does.
func (k *Kafka) fetchParts(ctx context.Context, parts []*asked) []error {
	ctx, cancel := context.WithTimeout(ctx, k.o.RequestTimeout)
	defer cancel()
	for _, p := range parts {
		p.err = errNoAnswer
	}
	_, err := k.transport.RoundTrip(ctx, k.client.Addr, harvest(parts))
	errs := make([]error, len(parts))
	for i, p := range parts {
		failed := err
		if failed == nil {
			failed = p.err
		}
		switch {
		case errors.Is(failed, kafka.OffsetOutOfRange):
			errs[i] = errOutOfRange
		case failed != nil:
			errs[i] = unavailable(fmt.Sprintf("fetch %s/%d from %d", p.topic, p.partition, p.offset), failed)
		}
	}
	return errs
}

// maxHarvest bounds what one fetch brings, about. Partitions for which there is no room are asked again, before others.
const maxHarvest = 8 << 20

// harvest is a fetch of partitions of any leaders, as spread is a produce.
type harvest []*asked

var _ protocol.Splitter = harvest(nil)

// ApiKey is the library's.
func (h harvest) ApiKey() protocol.ApiKey { return protocol.Fetch }

// Split is protocol.Splitter's.
func (h harvest) Split(cluster protocol.Cluster) ([]protocol.Message, protocol.Merger, error) {
	byLeader, order := map[int32]*fetchapi.Request{}, []protocol.Message(nil)
	for _, p := range h {
		at, ok := cluster.Topics[p.topic].Partitions[p.partition]
		if _, there := cluster.Brokers[at.Leader]; !ok || !there {
			p.err = kafka.LeaderNotAvailable
			continue
		}
		p.leader = at.Leader
		request := byLeader[at.Leader]
		if request == nil {
			request = &fetchapi.Request{ReplicaID: -1, MinBytes: 1, MaxBytes: maxHarvest, SessionID: -1, SessionEpoch: -1,
				Topics: []fetchapi.RequestTopic{{Topic: p.topic}}}
			byLeader[at.Leader], order = request, append(order, request)
		}
		request.Topics[0].Partitions = append(request.Topics[0].Partitions, fetchapi.RequestPartition{Partition: p.partition,
			CurrentLeaderEpoch: -1, FetchOffset: p.offset, LogStartOffset: -1, PartitionMaxBytes: int32(p.maxBytes)})
	}
	return order, h, nil
}

// Merge is protocol.Merger's: one result a request, an error or an answer.
func (h harvest) Merge(requests []protocol.Message, results []any) (protocol.Message, error) {
	byPartition := make(map[partKey]*asked, len(h))
	for _, p := range h {
		byPartition[p.partKey] = p
	}
	for i, result := range results {
		switch v := result.(type) {
		case *fetchapi.Response:
			for _, t := range v.Topics {
				for n := range t.Partitions {
					if p := byPartition[partKey{t.Topic, t.Partitions[n].Partition}]; p != nil {
						p.take(&t.Partitions[n])
					}
				}
			}
		case error:
			for _, asked := range requests[i].(*fetchapi.Request).Topics[0].Partitions {
				byPartition[partKey{requests[i].(*fetchapi.Request).Topics[0].Topic, asked.Partition}].err = v
			}
		}
	}
	return &fetchapi.Response{}, nil
}

// take reads a partition's part of an answer.
func (p *asked) take(answer *fetchapi.ResponsePartition) {
	p.err = nil
	if answer.ErrorCode != 0 {
		p.err = kafka.Error(answer.ErrorCode)
		return
	}
	next := p.offset
	if answer.RecordSet.Records != nil {
		if p.found, p.err = opened(answer.RecordSet.Records, p.offset); p.err != nil {
			return
		}
	}
	if n := len(p.found); n > 0 {
		next = p.found[n-1].offset + 1
	}
	p.more = next < answer.HighWatermark
}
