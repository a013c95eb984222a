package pipeline

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"
	"github.com/segmentio/kafka-go/compress/snappy"
)

// What follows is Kafka's record batch, format version 2, as every broker since 0.11 takes it. The library encodes the
// same, but for one partition a request, and not with the fast form of snappy, which costs less than half of its default.

// sizePrefix stands before a batch in a request, batchHeader before its records.
const (
	sizePrefix  = 4
	batchHeader = 61
	recordsAt   = sizePrefix + batchHeader
)

// noProducer is −1 in 8, 2 and 4 bytes: no producer's id, epoch and sequence.
var noProducer = bytes.Repeat([]byte{0xff}, 14)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encodeBatch makes the record batch of messages, at least one, all of one time, with its size before it.
// scratch is where the records are written before they are compressed.
func encodeBatch(scratch *bytes.Buffer, messages []Message, c codec, nowMS int64) ([]byte, error) {
	scratch.Reset()
	scratch.Grow(recordsAt + sizeOf(messages))
	records := scratch.AvailableBuffer()[:recordsAt]
	for i, m := range messages {
		records = appendRecord(records, int64(i), m)
	}
	var out []byte
	if c.new == nil {
		out = bytes.Clone(records)
		clear(out[:recordsAt])
	} else {
		packed := bytes.NewBuffer(make([]byte, recordsAt, recordsAt+len(records)/2))
		w := c.new.NewWriter(packed)
		if _, err := w.Write(records[recordsAt:]); err != nil {
			return nil, fmt.Errorf("compress: %w", err)
		}
		if err := w.Close(); err != nil {
			return nil, fmt.Errorf("compress: %w", err)
		}
		out = packed.Bytes()
	}
	binary.BigEndian.PutUint32(out, uint32(len(out)-sizePrefix))
	fillHeader(out[sizePrefix:], len(messages), c.attribute, nowMS)
	return out, nil
}

// codec is a compression: its number in a batch, and the library's form of it; none: nothing is compressed.
type codec struct {
	attribute uint16
	new       compress.Codec
}

// codecs are the compressions by their names; gzip is left out, it costs most and gives least.
var codecs = map[string]codec{
	"none":   {},
	"snappy": {uint16(kafka.Snappy), &snappy.Codec{Compression: snappy.FasterCompression}},
	"lz4":    {uint16(kafka.Lz4), kafka.Lz4.Codec()},
	"zstd":   {uint16(kafka.Zstd), kafka.Zstd.Codec()},
}

// fillHeader writes the first 61 bytes of a batch. The base offset stays 0: the broker sets it.
func fillHeader(b []byte, n int, compression uint16, nowMS int64) {
	be := binary.BigEndian
	be.PutUint32(b[8:], uint32(len(b)-12))
	be.PutUint32(b[12:], 0xffffffff) // the leader's epoch: unknown
	b[16] = 2
	be.PutUint16(b[21:], compression)
	be.PutUint32(b[23:], uint32(n-1))
	be.PutUint64(b[27:], uint64(nowMS))
	be.PutUint64(b[35:], uint64(nowMS))
	copy(b[43:], noProducer)
	be.PutUint32(b[57:], uint32(n))
	be.PutUint32(b[17:], crc32.Checksum(b[21:], castagnoli))
}

// sizeOf is an upper bound of what messages take.
func sizeOf(messages []Message) int {
	n := 0
	for _, m := range messages {
		n += 40 + len(m.Key) + len(m.Value)
		for _, h := range m.Headers {
			n += 10 + len(h.Key) + len(h.Value)
		}
	}
	return n
}

func appendRecord(b []byte, delta int64, m Message) []byte {
	length := 1 + 1 + varintLen(delta) + keyLen(m.Key) + varintLen(int64(len(m.Value))) + len(m.Value) + varintLen(int64(len(m.Headers)))
	for _, h := range m.Headers {
		length += varintLen(int64(len(h.Key))) + len(h.Key) + varintLen(int64(len(h.Value))) + len(h.Value)
	}
	b = binary.AppendVarint(b, int64(length))
	b = append(b, 0, 0) // attributes; time after the batch's
	b = binary.AppendVarint(b, delta)
	if m.Key == "" {
		b = binary.AppendVarint(b, -1)
	} else {
		b = append(binary.AppendVarint(b, int64(len(m.Key))), m.Key...)
	}
	b = append(binary.AppendVarint(b, int64(len(m.Value))), m.Value...)
	b = binary.AppendVarint(b, int64(len(m.Headers)))
	for _, h := range m.Headers {
		b = append(binary.AppendVarint(b, int64(len(h.Key))), h.Key...)
		b = append(binary.AppendVarint(b, int64(len(h.Value))), h.Value...)
	}
	return b
}

// keyLen is the length of a key with its own; none has the length −1.
func keyLen(key string) int {
	if key == "" {
		return 1
	}
	return varintLen(int64(len(key))) + len(key)
}

// varintLen is the length of a zigzag varint.
func varintLen(v int64) int {
	n := 1
	for u := uint64(v<<1) ^ uint64(v>>63); u >= 0x80; u >>= 7 {
		n++
	}
	return n
}
