package pipeline

import (
	"fmt"

	"github.com/google/uuid"

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
	var p packer
	if err := p.add(&r); err != nil {
		return Message{}, err
	}
	return p.messages[0], nil
}

// packer makes the messages of a batch in memory that the next batch uses again: they are its own until reset.
type packer struct {
	messages []Message
	values   []byte
	headers  []Header
	keys     map[uuid.UUID]string // of the lots met lately
}

// maxKeys bounds what a packer remembers.
const maxKeys = 1024

func (p *packer) reset() {
	p.messages, p.values, p.headers = p.messages[:0], p.values[:0], p.headers[:0]
}

// add makes the next message. What grows moves; the messages before keep what they point to.
func (p *packer) add(r *auction.Record) error {
	from := len(p.values)
	values, err := r.AppendJSON(p.values)
	if err != nil {
		return err
	}
	p.values = values
	at := len(p.headers)
	p.headers = append(p.headers, Header{"kind", string(r.Kind)}, Header{"schema", SchemaVersion})
	if r.Trace != "" {
		p.headers = append(p.headers, Header{"trace", r.Trace})
	}
	m := Message{Value: values[from:len(values):len(values)], Headers: p.headers[at:len(p.headers):len(p.headers)]}
	if r.OfLot() {
		m.Key = p.key(r.Lot)
	}
	p.messages = append(p.messages, m)
	return nil
}

func (p *packer) key(lot uuid.UUID) string {
	key, ok := p.keys[lot]
	if !ok {
		if p.keys == nil || len(p.keys) == maxKeys {
			p.keys = map[uuid.UUID]string{}
		}
		key = lot.String()
		p.keys[lot] = key
	}
	return key
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
