package bench

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"rostrum/auction"
	"rostrum/pipeline"
)

// kafkaTimeout is that of one request to a broker.
const kafkaTimeout = 10 * time.Second

// rawTopic is topics like the installation's that nobody reads, and the bare client to write to them.
type rawTopic struct {
	broker, prefix string
	client         *kafka.Client
}

// newRawTopic makes the topics. Even with an error it is to be removed.
func newRawTopic(ctx context.Context, broker, prefix string, shards int) (*rawTopic, error) {
	t := &rawTopic{broker: broker, prefix: prefix, client: bareClient(broker)}
	k, err := pipeline.Connect(pipeline.Options{Brokers: []string{broker}, Deployment: uuid.New(), Shards: shards, TopicPrefix: prefix})
	if err != nil {
		return t, err
	}
	defer k.Close()
	if _, err := k.Apply(ctx); err != nil {
		return t, err
	}
	return t, t.warm(ctx, shards)
}

// warm writes a message to each partition. A broker that has just been made a partition's leader may not know of it yet;
// and a figure should not pay for connecting.
func (t *rawTopic) warm(ctx context.Context, shards int) error {
	for shard := range shards {
		var last error
		err := await(ctx, startTimeout, "a partition's leader", func() bool {
			last = t.produce(ctx, shard, []kafka.Record{{Value: protocol.NewBytes([]byte("warm"))}}, 1)
			return last == nil
		})
		if err != nil {
			return errors.Join(err, last)
		}
	}
	return nil
}

func bareClient(broker string) *kafka.Client {
	return &kafka.Client{Addr: kafka.TCP(broker), Timeout: kafkaTimeout, Transport: &kafka.Transport{}}
}

// bare makes the messages of records beforehand: key and value, as the relay sends them but for its headers.
func bare(deliveries []auction.Delivery) []kafka.Record {
	messages := make([]kafka.Record, len(deliveries))
	for n, d := range deliveries {
		messages[n] = kafka.Record{Key: protocol.NewBytes([]byte(d.Record.Lot.String())), Value: protocol.NewBytes(d.Raw)}
	}
	return messages
}

// produce writes messages to a partition, in requests of as many as the relay sends, one after the other, each
// acknowledged by all replicas.
func (t *rawTopic) produce(ctx context.Context, partition int, messages []kafka.Record, batch int) error {
	for len(messages) > 0 {
		n := min(batch, len(messages))
		answer, err := t.client.Produce(ctx, &kafka.ProduceRequest{Topic: t.prefix + pipeline.TopicJournal, Partition: partition,
			RequiredAcks: kafka.RequireAll, Compression: kafka.Snappy, Records: kafka.NewRecordReader(messages[:n]...)})
		if err == nil {
			err = answer.Error
		}
		if err != nil {
			return fmt.Errorf("raw produce: %w", err)
		}
		messages = messages[n:]
	}
	return nil
}

func (t *rawTopic) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	closeIdle(t.client)
	return removeTopics(ctx, t.broker, t.prefix, "")
}

func closeIdle(c *kafka.Client) {
	if t, ok := c.Transport.(*kafka.Transport); ok {
		t.CloseIdleConnections()
	}
}

// removeTopics deletes every topic under the prefix, and the group of that name; "": no group.
func removeTopics(ctx context.Context, broker, prefix, group string) error {
	client := bareClient(broker)
	defer closeIdle(client)
	there, err := client.Metadata(ctx, &kafka.MetadataRequest{})
	if err != nil {
		return fmt.Errorf("topics: %w", err)
	}
	var ours []string
	for _, topic := range there.Topics {
		if strings.HasPrefix(topic.Name, prefix) {
			ours = append(ours, topic.Name)
		}
	}
	var failed []error
	if len(ours) > 0 {
		answer, err := client.DeleteTopics(ctx, &kafka.DeleteTopicsRequest{Topics: ours})
		failed = append(failed, err)
		for topic, err := range errorsOf(answer) {
			failed = append(failed, ignored(fmt.Errorf("topic %s: %w", topic, err), err, kafka.UnknownTopicOrPartition))
		}
	}
	if group != "" {
		answer, err := client.DeleteGroups(ctx, &kafka.DeleteGroupsRequest{GroupIDs: []string{prefix + group}})
		failed = append(failed, err)
		if err == nil {
			err = answer.Errors[prefix+group]
			failed = append(failed, ignored(err, err, kafka.GroupIdNotFound))
		}
	}
	return errors.Join(failed...)
}

func errorsOf(answer *kafka.DeleteTopicsResponse) map[string]error {
	failed := map[string]error{}
	if answer != nil {
		for topic, err := range answer.Errors {
			if err != nil {
				failed[topic] = err
			}
		}
	}
	return failed
}

// ignored gives said, unless the cause is that what is to be removed is not there.
func ignored(said, cause error, gone kafka.Error) error {
	if cause == nil || errors.Is(cause, gone) {
		return nil
	}
	return said
}
