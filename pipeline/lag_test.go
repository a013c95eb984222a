package pipeline_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"

	"rostrum/internal/live"
	"rostrum/pipeline"
	"rostrum/pipeline/pipelinetest"
)

func TestLagOfAPartition(t *testing.T) {
	for _, c := range []struct{ end, committed, want int64 }{
		{10, 4, 6}, {10, 10, 0}, {0, 0, 0},
		{10, -1, -1}, {0, -1, -1}, // nothing committed is not a lag
		{5, 9, -4}, // the partition has lost what was committed
	} {
		if got := pipeline.Lag(c.end, c.committed); got != c.want {
			t.Errorf("end %d, committed %d: %d, want %d", c.end, c.committed, got, c.want)
		}
	}
	all := []pipeline.PartitionLag{{Committed: 4, Lag: 6}, {Committed: -1, Lag: -1}, {Committed: 1, Lag: 2}}
	if got := pipeline.SumLag(all); got != 8 {
		t.Errorf("the sum is %d, want 8: what was never committed is left out", got)
	}
}

// TestLagIsWhatKafkasToolPrints compares with ConsumerGroupCommand, which knows nothing of us.
func TestLagIsWhatKafkasToolPrints(t *testing.T) {
	addr := live.Kafka(t)
	o := pipeline.Options{Brokers: []string{addr}, Deployment: uuid.New(), Shards: 3, TopicPrefix: "lag" + uuid.NewString() + "."}
	k, err := pipeline.Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	if _, err := k.Apply(ctx); err != nil {
		t.Fatal(err)
	}
	topic, group := o.TopicPrefix+pipeline.TopicJournal, o.TopicPrefix+pipeline.GroupOrders
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(addr), Timeout: 10 * time.Second, Transport: transport}
	defer client.DeleteTopics(context.Background(), &kafka.DeleteTopicsRequest{Topics: []string{topic,
		o.TopicPrefix + pipeline.TopicBids, o.TopicPrefix + pipeline.TopicOrders, o.TopicPrefix + pipeline.TopicParked}})

	// 10, 20 and 30 messages, of which 4, 20 and none are committed.
	leave := pipelinetest.Commit(t, addr, topic, group, []int{10, 20, 30}, map[int]int64{0: 4, 1: 20})
	defer leave()
	ours, err := k.Lag(ctx, pipeline.GroupOrders)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[int]live.GroupRow{}
	for _, p := range ours {
		rows[p.Partition] = live.GroupRow{Topic: p.Topic, Partition: strconv.Itoa(p.Partition), Committed: live.Dashed(p.Committed),
			End: live.Dashed(p.End), Lag: live.Dashed(p.Lag)}
	}
	if diff := cmp.Diff(live.Group(t, addr, group, topic), rows); diff != "" || ours[0].Lag != 6 || ours[2].Lag != -1 {
		t.Errorf("lag (-Kafka's tool +ours):\n%s", diff)
	}
}
