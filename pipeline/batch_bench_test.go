package pipeline

import (
	"bytes"
	"testing"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"rostrum/auction"
)

func benchRecords(n int) []auction.Record {
	records := make([]auction.Record, n)
	for i := range records {
		records[i] = auction.Record{Deployment: id(1), Shard: 3, Epoch: 2, Seq: int64(1000 + i), Kind: auction.KindBid, Lot: id(2), Version: int64(77 + i),
			TimeUS: 1_795_380_000_000_102 + int64(i), Bid: uuid.New(), Buyer: uuid.New(), Order: uuid.New(), Quantity: 1, Nth: []int{1}, PriceMinor: 1990,
			Currency: "EUR", Seen: 1990, Trace: uuid.NewString()[:24]}
	}
	return records
}

func BenchmarkBatch(b *testing.B) {
	records := benchRecords(1000)
	messages := make([]Message, len(records))
	for i, r := range records {
		messages[i], _ = Envelope(r)
	}
	per := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(records)), "ns/record")
	}
	b.Run("pack", func(b *testing.B) {
		b.ReportAllocs()
		c := carrier{maxBytes: 10_000_000}
		for b.Loop() {
			_, _, _ = c.pack(records)
		}
		per(b)
	})
	var scratch bytes.Buffer
	for name, c := range map[string]kafka.Compression{"none": 0, "snappy": kafka.Snappy, "lz4": kafka.Lz4, "zstd": kafka.Zstd} {
		b.Run("ours/"+name, func(b *testing.B) {
			var size int
			for b.Loop() {
				out, _ := encodeBatch(&scratch, messages, codecs[name], 1)
				size = len(out)
			}
			per(b)
			b.ReportMetric(float64(size)/float64(len(records)), "bytes/record")
		})
		b.Run("library/"+name, func(b *testing.B) {
			list := make([]kafka.Record, len(messages))
			for b.Loop() {
				for i, m := range messages {
					list[i] = kafka.Record{Value: protocol.NewBytes(m.Value), Key: protocol.NewBytes([]byte(m.Key))}
					for _, h := range m.Headers {
						list[i].Headers = append(list[i].Headers, kafka.Header{Key: h.Key, Value: []byte(h.Value)})
					}
				}
				set := protocol.RecordSet{Version: 2, Attributes: protocol.Attributes(c), Records: kafka.NewRecordReader(list...)}
				var out bytes.Buffer
				if _, err := set.WriteTo(&out); err != nil {
					b.Fatal(err)
				}
			}
			per(b)
		})
	}
}
