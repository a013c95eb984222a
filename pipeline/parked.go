package pipeline

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
)

// Parked is the value of a message of rostrum.parked.v1: a message of the journal topic that is no record. The ledger has
// it too and is what counts; this one tells the story to whoever watches topics.
type Parked struct {
	Deployment uuid.UUID `json:"deployment"`
	Shard      int       `json:"shard"`
	Offset     int64     `json:"offset"`
	AtUS       int64     `json:"at_us"` // when it was parked
	Reason     string    `json:"reason"`
	Bytes      []byte    `json:"bytes"` // of its value, base64
}

// maxParkedBytes bounds what is repeated of a message that may be anything.
const maxParkedBytes = 64 << 10

// tellParkedFor is for how long a shard waits with the story of what was parked: as long as a leader takes to move.
const tellParkedFor = 3 * time.Second

// tellParked writes what was parked of a batch to the topic. The ledger has committed, so this is tried for a moment only: a
// failure is logged and leaves a hole in the story, not in the count.
func (w *worker) tellParked(ctx context.Context, batch []auction.Delivery) {
	var messages []Message
	for _, d := range batch {
		if d.Err != nil {
			w.alarm("a message is no record and was parked", d.Err)
			messages = append(messages, w.c.kafka.parked(w.shard, d, w.c.o.Clock().UnixMicro()))
		}
	}
	wait, since := backoff{first: 50 * time.Millisecond, last: 500 * time.Millisecond}, w.c.o.Clock()
	err := w.c.kafka.produce(ctx, TopicParked, w.shard, messages)
	for err != nil && passing(err) && ctx.Err() == nil && w.c.o.Clock().Sub(since) < tellParkedFor {
		pause(ctx, wait.grow())
		err = w.c.kafka.produce(ctx, TopicParked, w.shard, messages)
	}
	if err != nil {
		w.c.o.Log.Error("parked messages not told to the topic", "shard", w.shard, "messages", len(messages), "err", err)
	}
}

func (k *Kafka) parked(shard int, d auction.Delivery, nowUS int64) Message {
	p := Parked{Deployment: k.o.Deployment, Shard: shard, Offset: d.Offset, AtUS: nowUS, Reason: d.Err.Error(),
		Bytes: d.Raw[:min(len(d.Raw), maxParkedBytes)]}
	value, err := json.Marshal(p)
	if err != nil {
		panic(err) // plain values only
	}
	return Message{Value: value, Headers: []Header{{"schema", SchemaVersion}}}
}
