package pipeline

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/segmentio/kafka-go"

	"rostrum/internal/fault"
)

// Change is one difference between topics.yaml and the brokers.
type Change struct {
	Topic string `json:"topic"` // its name on the brokers
	What  string `json:"what"`  // create, or the setting that differs
	From  string `json:"from"`  // empty: not there
	To    string `json:"to"`
	// Manual: Apply does not make this one. Replicas are moved by Kafka's own tools.
	Manual bool `json:"manual,omitempty"`
}

// Diff says what Apply would do; none: nothing. fault Conflict `shards_differ` where a topic has another number of
// partitions than the deployment has shards: nothing can mend that, so nothing is said about the rest.
func (k *Kafka) Diff(ctx context.Context) ([]Change, error) {
	found, err := k.layout(ctx)
	if err != nil {
		return nil, err
	}
	set, err := k.described(ctx, found)
	if err != nil {
		return nil, err
	}
	var changes []Change
	for _, t := range Topics() {
		name := k.topic(t.Name)
		partitions, ok := found[name]
		if !ok {
			changes = append(changes, Change{Topic: name, What: "create", To: fmt.Sprintf("%d partitions, replication %d",
				k.o.Shards, k.o.Replication)})
			continue
		}
		if len(partitions) != k.o.Shards {
			return nil, k.shardsDiffer(t, len(partitions))
		}
		if has := len(partitions[0].Replicas); has != k.o.Replication {
			changes = append(changes, Change{name, "replication", strconv.Itoa(has), strconv.Itoa(k.o.Replication), true})
		}
		for _, s := range t.settings(k.o.MinInSync) {
			if has := set[name][s.key]; has != s.value {
				changes = append(changes, Change{Topic: name, What: s.key, From: has, To: s.value})
			}
		}
	}
	return changes, nil
}

// described gives the settings of topics that exist.
func (k *Kafka) described(ctx context.Context, found map[string][]kafka.Partition) (map[string]map[string]string, error) {
	var resources []kafka.DescribeConfigRequestResource
	for name := range found {
		resources = append(resources, kafka.DescribeConfigRequestResource{ResourceType: kafka.ResourceTypeTopic, ResourceName: name})
	}
	set := map[string]map[string]string{}
	if len(resources) == 0 {
		return set, nil
	}
	answer, err := k.client.DescribeConfigs(ctx, &kafka.DescribeConfigsRequest{Resources: resources})
	if err != nil {
		return nil, unavailable("settings of topics", err)
	}
	for _, r := range answer.Resources {
		if r.Error != nil {
			return nil, unavailable("settings of "+r.ResourceName, r.Error)
		}
		set[r.ResourceName] = map[string]string{}
		for _, e := range r.ConfigEntries {
			set[r.ResourceName][e.ConfigName] = e.ConfigValue
		}
	}
	return set, nil
}

// Apply makes the brokers' topics as topics.yaml says, and gives what it changed (and, Manual, what it could not). When it comes
// back without an error, all of them are Ready. Again does nothing; two at once do no harm. Errors as Diff.
func (k *Kafka) Apply(ctx context.Context) ([]Change, error) {
	changes, err := k.Diff(ctx)
	if err != nil {
		return nil, err
	}
	if err := k.create(ctx, changes); err != nil {
		return nil, err
	}
	if err := k.shown(ctx); err != nil {
		return nil, err
	}
	return changes, k.alter(ctx, changes)
}

// shown waits until the brokers show the topics: they tell of new ones a moment after they have made them, and who starts then
// would be told that there are none.
func (k *Kafka) shown(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, showWithin)
	defer cancel()
	for wait := (backoff{first: 20 * time.Millisecond, last: 500 * time.Millisecond}); ; pause(ctx, wait.grow()) {
		err := k.Ready(ctx)
		if err == nil || fault.CodeOf(err) == "shards_differ" || ctx.Err() != nil {
			return err
		}
	}
}

// showWithin is for how long Apply waits for topics that were made to be shown, with a leader for each partition.
const showWithin = 30 * time.Second

func (k *Kafka) create(ctx context.Context, changes []Change) error {
	missing := map[string]bool{}
	for _, c := range changes {
		missing[c.Topic] = missing[c.Topic] || c.What == "create"
	}
	var topics []kafka.TopicConfig
	for _, t := range Topics() {
		if !missing[k.topic(t.Name)] {
			continue
		}
		c := kafka.TopicConfig{Topic: k.topic(t.Name), NumPartitions: k.o.Shards, ReplicationFactor: k.o.Replication}
		for _, s := range t.settings(k.o.MinInSync) {
			c.ConfigEntries = append(c.ConfigEntries, kafka.ConfigEntry{ConfigName: s.key, ConfigValue: s.value})
		}
		topics = append(topics, c)
	}
	if len(topics) == 0 {
		return nil
	}
	answer, err := k.client.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: topics})
	if err != nil {
		return unavailable("create topics", err)
	}
	for name, err := range answer.Errors {
		if err != nil && !errors.Is(err, kafka.TopicAlreadyExists) {
			return unavailable("create topic "+name, err)
		}
	}
	return nil
}

func (k *Kafka) alter(ctx context.Context, changes []Change) error {
	var resources []kafka.IncrementalAlterConfigsRequestResource
	for _, c := range changes {
		if c.What == "create" || c.Manual {
			continue
		}
		resources = append(resources, kafka.IncrementalAlterConfigsRequestResource{
			ResourceType: kafka.ResourceTypeTopic, ResourceName: c.Topic,
			Configs: []kafka.IncrementalAlterConfigsRequestConfig{{Name: c.What, Value: c.To, ConfigOperation: kafka.ConfigOperationSet}},
		})
	}
	for _, r := range resources {
		// One a request: brokers refuse a request that names a topic twice.
		answer, err := k.client.IncrementalAlterConfigs(ctx, &kafka.IncrementalAlterConfigsRequest{
			Resources: []kafka.IncrementalAlterConfigsRequestResource{r}})
		if err != nil {
			return unavailable("change topic "+r.ResourceName, err)
		}
		for _, a := range answer.Resources {
			if a.Error != nil {
				return unavailable("change topic "+r.ResourceName, a.Error)
			}
		}
	}
	return nil
}
