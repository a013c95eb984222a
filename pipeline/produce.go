package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	produceapi "github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"
)

// part is what a request brings to one partition.
type part struct {
	topic     string // without prefix
	partition int
	messages  []Message
}

// produce writes messages to one partition in one request and waits for all in-sync replicas. Any error, a time-out
// above all, means "unknown": some or all of it may be in the partition, or come to be later.
func (k *Kafka) produce(ctx context.Context, topic string, partition int, messages []Message) error {
	return k.produceParts(ctx, []part{{topic, partition, messages}})[0]
}

// produceParts writes to several partitions, each once in parts, in one request to each of their leaders. It gives one
// error a part, of produce's meaning: a part may have failed while others have not.
func (k *Kafka) produceParts(ctx context.Context, parts []part) []error {
	errs, encs := make([]error, len(parts)), make([]*encoded, len(parts))
	for i, p := range parts {
		if encs[i], errs[i] = k.encode(p); errs[i] != nil {
			return slices.Repeat(errs[i:i+1], len(parts))
		}
	}
	return k.sendParts(ctx, encs)
}

// encode makes the bytes of a part. They are made anew each time: after an error the library may still be reading them.
func (k *Kafka) encode(p part) (*encoded, error) {
	scratch, _ := k.scratch.Get().(*bytes.Buffer)
	if scratch == nil {
		scratch = &bytes.Buffer{}
	}
	defer k.scratch.Put(scratch)
	batch, err := encodeBatch(scratch, p.messages, k.codec, k.o.Clock().UnixMilli())
	if err != nil {
		return nil, unavailable(fmt.Sprintf("encode %d for %s/%d", len(p.messages), p.topic, p.partition), err)
	}
	return &encoded{ticket: ticketTo(k.topic(p.topic), p.partition), messages: len(p.messages), batch: batch}, nil
}

// sendPart is produce for what is encoded already; it is under way until end at most.
func (k *Kafka) sendPart(ctx context.Context, part *encoded, end time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	return k.sendParts(ctx, []*encoded{part})[0]
}

// sendParts is produceParts for what is encoded already.
func (k *Kafka) sendParts(ctx context.Context, parts []*encoded) []error {
	ctx, cancel := context.WithTimeout(ctx, k.o.RequestTimeout)
	defer cancel()
	end, _ := ctx.Deadline()
	r := &spread{timeout: int32(max(time.Until(end).Milliseconds(), 1)), parts: parts, errs: make(map[partKey]error, len(parts))}
	for _, p := range parts {
		r.errs[p.partKey] = errNoAnswer
	}
	_, err := k.transport.RoundTrip(ctx, k.client.Addr, r)
	errs := make([]error, len(parts))
	for i, p := range parts {
		failed := err
		if failed == nil {
			failed = r.errs[p.partKey]
		}
		if failed != nil {
			errs[i] = unavailable(fmt.Sprintf("produce %d to %s/%d", p.messages, p.topic, p.partition), failed)
		}
	}
	return errs
}

func ticketTo(topic string, partition int) ticket {
	return ticket{partKey: partKey{topic, int32(partition)}}
}

type partKey struct {
	topic     string // as on the brokers
	partition int32
}

// encoded is the bytes of a part.
type encoded struct {
	ticket
	messages int
	batch    []byte
}

var errNoAnswer = errors.New("the answer does not have this partition")

// spread is a produce request for partitions of any leaders: the library splits it by leader, by what it knows of the
// cluster at this moment, and merges the answers. Each of its parts ends with an error of its own, nil where it was
// acknowledged.
type spread struct {
	timeout int32 // ms, at the broker
	parts   []*encoded
	errs    map[partKey]error
}

var _ protocol.Splitter = (*spread)(nil)

// ApiKey is the library's.
func (r *spread) ApiKey() protocol.ApiKey { return protocol.Produce }

// Split is protocol.Splitter's.
func (r *spread) Split(cluster protocol.Cluster) ([]protocol.Message, protocol.Merger, error) {
	byLeader, order := map[int32]*rawproduce.Request{}, []protocol.Message(nil)
	for _, p := range r.parts {
		at, ok := cluster.Topics[p.topic].Partitions[p.partition]
		if _, there := cluster.Brokers[at.Leader]; !ok || !there {
			r.errs[p.partKey] = kafka.LeaderNotAvailable
			continue
		}
		p.leader = at.Leader
		request := byLeader[at.Leader]
		if request == nil {
			request = &rawproduce.Request{Acks: int16(kafka.RequireAll), Timeout: r.timeout}
			byLeader[at.Leader], order = request, append(order, request)
		}
		add(request, p)
	}
	return order, r, nil
}

func add(request *rawproduce.Request, p *encoded) {
	set := rawproduce.RequestPartition{Partition: p.partition, RecordSet: protocol.RawRecordSet{Reader: bytes.NewReader(p.batch)}}
	for i := range request.Topics {
		if t := &request.Topics[i]; t.Topic == p.topic {
			t.Partitions = append(t.Partitions, set)
			return
		}
	}
	request.Topics = append(request.Topics, rawproduce.RequestTopic{Topic: p.topic, Partitions: []rawproduce.RequestPartition{set}})
}

// Merge is protocol.Merger's: one result a request, an error or an answer.
func (r *spread) Merge(requests []protocol.Message, results []any) (protocol.Message, error) {
	for i, result := range results {
		switch v := result.(type) {
		case *produceapi.Response:
			r.answered(v)
		case error:
			r.failed(requests[i], v)
		default:
			r.failed(requests[i], fmt.Errorf("an answer of type %T", result))
		}
	}
	return &produceapi.Response{}, nil
}

func (r *spread) answered(answer *produceapi.Response) {
	for _, t := range answer.Topics {
		for _, p := range t.Partitions {
			key, err := partKey{t.Topic, p.Partition}, error(nil)
			switch {
			case p.ErrorCode != 0:
				err = kafka.Error(p.ErrorCode)
			case len(p.RecordErrors) > 0:
				err = fmt.Errorf("%d records refused", len(p.RecordErrors))
			}
			r.errs[key] = err
		}
	}
}

func (r *spread) failed(request protocol.Message, err error) {
	for _, t := range request.(*rawproduce.Request).Topics {
		for _, p := range t.Partitions {
			r.errs[partKey{t.Topic, p.Partition}] = err
		}
	}
}
