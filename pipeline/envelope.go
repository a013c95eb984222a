package pipeline

import (
	"fmt"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"rostrum/auction"
)

// SchemaVersion is the version of the record's JSON that this program writes, in the header `schema`.
const SchemaVersion = "1"

// Header is one header of a message.
type Header struct{ Key, Value string }

// Message is one message of a topic, as plain values.
type Message struct {
	Key     string // empty: none
	Headers []Header
	Value   []byte
}

// Envelope gives the message of a record: value the record's JSON, key the lot, so that a reader by key finds a lot's
// story, and headers that can be read without opening the value. An error: the record is not one.
func Envelope(r auction.Record) (Message, error) {
	value, err := r.JSON()
	if err != nil {
		return Message{}, err
	}
	m := Message{Value: value, Headers: []Header{{"kind", string(r.Kind)}, {"schema", SchemaVersion}}}
	if r.OfLot() {
		m.Key = r.Lot.String()
	}
	if r.Trace != "" {
		m.Headers = append(m.Headers, Header{"trace", r.Trace})
	}
	return m, nil
}

// open turns what was read at an offset of shard's partition into a delivery. Whatever is wrong with it is in Err: the
// value decides, headers are for people and tools.
func (k *Kafka) open(shard int, offset int64, value []byte) auction.Delivery {
	d := auction.Delivery{Raw: value, Offset: offset}
	r, err := auction.ParseRecord(value)
	switch {
	case err != nil:
		d.Err = err
	case r.Deployment != k.o.Deployment:
		d.Err = fmt.Errorf("record %s is of deployment %s, not of ours", r.ID(), r.Deployment)
	case r.Shard != shard:
		d.Err = fmt.Errorf("record %s is of shard %d, found in partition %d", r.ID(), r.Shard, shard)
	default:
		d.Record = r
	}
	return d
}

// toRecord gives the message in the library's form; the broker sets the time.
func (m Message) toRecord() kafka.Record {
	r := kafka.Record{Value: protocol.NewBytes(m.Value)}
	if m.Key != "" {
		r.Key = protocol.NewBytes([]byte(m.Key))
	}
	for _, h := range m.Headers {
		r.Headers = append(r.Headers, kafka.Header{Key: h.Key, Value: []byte(h.Value)})
	}
	return r
}
