package pipeline

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	produceapi "github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"
)

// readBatch reads a batch as the library does, which also checks its sum.
func readBatch(t *testing.T, batch []byte) []Message {
	t.Helper()
	var set protocol.RecordSet
	if _, err := set.ReadFrom(bytes.NewReader(batch)); err != nil {
		t.Fatal(err)
	}
	var messages []Message
	for {
		r, err := set.Records.ReadRecord()
		if errors.Is(err, io.EOF) {
			return messages
		}
		if err != nil || r.Offset != int64(len(messages)) || r.Time.UnixMilli() != 1_770_000_000_123 {
			t.Fatalf("record %d: %+v, %v", len(messages), r, err)
		}
		var m Message
		value, err := protocol.ReadAll(r.Value)
		m.Value = value
		if r.Key != nil && err == nil {
			var key []byte
			key, err = protocol.ReadAll(r.Key)
			m.Key = string(key)
		}
		for _, h := range r.Headers {
			m.Headers = append(m.Headers, Header{h.Key, string(h.Value)})
		}
		if err != nil {
			t.Fatal(err)
		}
		messages = append(messages, m)
	}
}

func TestBatchesAreReadByTheLibrary(t *testing.T) {
	var all []Message
	for _, m := range sampleMessages(t) {
		all = append(all, m)
	}
	for n := range 300 { // over the limits of the shorter varints, and of a compressor's block
		all = append(all, Message{Value: []byte(strings.Repeat("x", n*7)), Headers: []Header{{"n", fmt.Sprint(n)}}})
	}
	var scratch bytes.Buffer
	for name, c := range codecs {
		for _, messages := range [][]Message{all[:1], all[:2], all} {
			batch, err := encodeBatch(&scratch, messages, c, 1_770_000_000_123)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			kept := bytes.Clone(batch)
			if _, err := encodeBatch(&scratch, all[3:], c, 1); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(kept, batch) {
				t.Errorf("%s: a batch changed when the next one was made", name)
			}
			want := make([]Message, len(messages))
			for i, m := range messages {
				if want[i] = m; len(m.Value) == 0 {
					want[i].Value = nil // the library reads no bytes as none
				}
			}
			got := readBatch(t, batch)
			for i := range got {
				if len(got[i].Value) == 0 {
					got[i].Value = nil
				}
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s, %d messages (-want +got):\n%s", name, len(messages), d)
			}
		}
	}
}

func spreadOver(parts ...partKey) *spread {
	r := &spread{errs: map[partKey]error{}}
	for _, p := range parts {
		r.parts, r.errs[p] = append(r.parts, &encoded{ticket: ticket{partKey: p}, batch: []byte("batch")}), errNoAnswer
	}
	return r
}

func answer(errs map[partKey]kafka.Error) *produceapi.Response {
	var a produceapi.Response
	for p, e := range errs {
		a.Topics = append(a.Topics, produceapi.ResponseTopic{Topic: p.topic,
			Partitions: []produceapi.ResponsePartition{{Partition: p.partition, ErrorCode: int16(e)}}})
	}
	return &a
}

// TestEachPartHasItsOwnError: one request a leader, and what one partition or leader refuses says nothing of the others.
func TestEachPartHasItsOwnError(t *testing.T) {
	a0, a1, a2, b0, gone := partKey{"a", 0}, partKey{"a", 1}, partKey{"a", 2}, partKey{"b", 0}, partKey{"a", 9}
	cluster := protocol.Cluster{Brokers: map[int32]protocol.Broker{1: {ID: 1}, 2: {ID: 2}}, Topics: map[string]protocol.Topic{
		"a": {Partitions: map[int32]protocol.Partition{0: {Leader: 1}, 1: {Leader: 2}, 2: {Leader: 7}}},
		"b": {Partitions: map[int32]protocol.Partition{0: {Leader: 1}}},
	}}
	r := spreadOver(a0, a1, a2, b0, gone)
	requests, merger, err := r.Split(cluster)
	if err != nil || len(requests) != 2 {
		t.Fatalf("%d requests, %v", len(requests), err)
	}
	for _, q := range requests {
		if q.(*rawproduce.Request).Acks != int16(kafka.RequireAll) {
			t.Errorf("%+v does not wait for all replicas", q)
		}
	}
	cut := errors.New("connection lost")
	if _, err := merger.Merge(requests, []any{answer(map[partKey]kafka.Error{a0: 0, b0: kafka.NotEnoughReplicas}), cut}); err != nil {
		t.Fatal(err)
	}
	for p, want := range map[partKey]error{a0: nil, b0: kafka.NotEnoughReplicas, a1: cut, a2: kafka.LeaderNotAvailable, gone: kafka.LeaderNotAvailable} {
		if got := r.errs[p]; !errors.Is(got, want) {
			t.Errorf("%v: %v, want %v", p, got, want)
		}
	}

	r = spreadOver(a0, b0)
	requests, merger, _ = r.Split(cluster)
	if _, err := merger.Merge(requests, []any{answer(map[partKey]kafka.Error{a0: 0})}); err != nil || r.errs[a0] != nil || !errors.Is(r.errs[b0], errNoAnswer) {
		t.Errorf("an answer that leaves a partition out: %v, %v", r.errs, err)
	}
	if _, err := merger.Merge(requests, []any{"nonsense"}); err != nil || r.errs[a0] == nil {
		t.Errorf("nonsense is taken for an acknowledgement: %v, %v", r.errs, err)
	}
}

// TestGatheredGoesOutInOrder: what does not fit waits for the next request, and a partition that failed gets no more.
func TestGatheredGoesOutInOrder(t *testing.T) {
	message := func(n int) event { return event{"t", Message{Value: fmt.Appendf(nil, "%04d", n)}} }
	one := sizeOf([]Message{message(0).Message})
	var g gathered
	for n := range 10 {
		g.add(n%2, 0, message(n)) // shards 0 and 1
	}
	g.add(2, 1, message(100))
	for shard := range 3 {
		g.upTo(shard, 50)
	}
	var sizes []int
	for parts := g.next(4 * one); len(parts) > 0; parts = g.next(4 * one) {
		for _, p := range parts {
			sizes = append(sizes, len(p.messages))
			if p.partition == 0 && string(p.messages[0].Value) == "0004" {
				g.fail(p)
			}
		}
	}
	if want := []int{4, 1, 4}; !cmp.Equal(sizes, want) {
		t.Errorf("messages a part %v, want %v: nothing goes to a partition after a failure", sizes, want)
	}
	if want := map[int]int64{2: 50}; !cmp.Equal(g.seqs, want) {
		t.Errorf("told of shards %v, want %v", g.seqs, want)
	}
	g = gathered{}
	g.add(0, 0, message(1))
	if parts := g.next(1); len(parts) != 1 || len(parts[0].messages) != 1 {
		t.Errorf("one that is too large alone is kept back: %v", parts)
	}
}

func TestCompressionIsNamed(t *testing.T) {
	for name, good := range map[string]bool{"": true, "none": true, "snappy": true, "lz4": true, "zstd": true, "gzip": false, "best": false} {
		k, err := Connect(Options{Brokers: []string{"127.0.0.1:1"}, Shards: 1, Deployment: id(1), Compression: name})
		if (err == nil) != good {
			t.Errorf("compression %q: %v", name, err)
		}
		if err == nil {
			k.Close()
		}
	}
	k, err := Connect(Options{Brokers: []string{"127.0.0.1:1"}, Shards: 1, Deployment: id(1)})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for i, err := range k.produceParts(ctx, []part{{TopicBids, 0, []Message{{}}}, {TopicOrders, 0, []Message{{}}}}) {
		if err == nil {
			t.Errorf("part %d was acknowledged by nobody", i)
		}
	}
}
