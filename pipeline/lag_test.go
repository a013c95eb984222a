package pipeline_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"rostrum/internal/live"
	"rostrum/pipeline"
)

// TestLagIsWhatKafkasToolPrints compares with ConsumerGroupCommand, which knows nothing of us.
func TestLagIsWhatKafkasToolPrints(t *testing.T) {
	addr, tool := live.Kafka(t), live.KafkaGroups(t)
	o := pipeline.Options{Brokers: []string{addr}, Deployment: uuid.New(), Shards: 3, TopicPrefix: "lag" + uuid.NewString() + "."}
	k, err := pipeline.Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := k.Apply(ctx); err != nil {
		t.Fatal(err)
	}
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	client := &kafka.Client{Addr: kafka.TCP(addr), Timeout: 10 * time.Second, Transport: transport}
	topic, group := o.TopicPrefix+pipeline.TopicJournal, o.TopicPrefix+pipeline.GroupOrders
	defer client.DeleteTopics(context.Background(), &kafka.DeleteTopicsRequest{Topics: []string{topic,
		o.TopicPrefix + pipeline.TopicBids, o.TopicPrefix + pipeline.TopicOrders, o.TopicPrefix + pipeline.TopicParked}})

	// 10, 20 and 30 messages, of which 4, 20 and none are committed.
	var commits []kafka.OffsetCommit
	for partition, committed := range []int64{4, 20, 0} {
		fill(t, client, topic, partition, 10*(partition+1))
		commits = append(commits, kafka.OffsetCommit{Partition: partition, Offset: committed})
	}
	live.Eventually(t, 30*time.Second, "offsets committed", func() (bool, error) {
		_, err := client.OffsetCommit(ctx, &kafka.OffsetCommitRequest{GroupID: group, GenerationID: -1,
			Topics: map[string][]kafka.OffsetCommit{topic: commits}})
		if err != nil {
			return false, err
		}
		lag, err := k.Lag(ctx, pipeline.GroupOrders)
		return err == nil && lag[0].Committed == 4 && lag[1].Committed == 20, err
	})

	ours, err := k.Lag(ctx, pipeline.GroupOrders)
	if err != nil {
		t.Fatal(err)
	}
	for i := range ours {
		ours[i].First = 0 // the tool does not print it
	}
	if diff := cmp.Diff(printed(t, tool, addr, group), ours); diff != "" || ours[0].Lag != 6 || ours[2].Lag != 30 {
		t.Errorf("lag (-Kafka's tool +ours):\n%s", diff)
	}
}

func fill(t *testing.T, client *kafka.Client, topic string, partition, n int) {
	t.Helper()
	live.Eventually(t, 30*time.Second, "messages written", func() (bool, error) {
		records := make([]kafka.Record, n)
		for i := range records {
			records[i].Value = protocol.NewBytes([]byte("x"))
		}
		answer, err := client.Produce(context.Background(), &kafka.ProduceRequest{Topic: topic, Partition: partition,
			RequiredAcks: kafka.RequireAll, Records: kafka.NewRecordReader(records...)})
		if err == nil {
			err = answer.Error
		}
		return err == nil, err
	})
}

// printed runs Kafka's own tool and reads its table: GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG …
func printed(t *testing.T, tool, addr, group string) []pipeline.PartitionLag {
	t.Helper()
	out, err := exec.Command("sh", "-c", tool+` "$@"`, "sh", "--bootstrap-server", addr, "--describe", "--group", group).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var rows []pipeline.PartitionLag
	lines := bufio.NewScanner(bytes.NewReader(out))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) < 6 || f[0] != group {
			continue
		}
		numbers := make([]int64, 4)
		for i := range numbers {
			if numbers[i], err = strconv.ParseInt(f[2+i], 10, 64); err != nil {
				t.Fatal(fmt.Errorf("%w in %q", err, lines.Text()))
			}
		}
		rows = append(rows, pipeline.PartitionLag{Topic: f[1], Partition: int(numbers[0]), Committed: numbers[1], End: numbers[2], Lag: numbers[3]})
	}
	// The tool orders rows as it likes.
	for i := range rows {
		for rows[i].Partition != i && rows[i].Partition < len(rows) {
			j := rows[i].Partition
			rows[i], rows[j] = rows[j], rows[i]
		}
	}
	return rows
}
