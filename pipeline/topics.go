package pipeline

import (
	"bytes"
	_ "embed"
	"fmt"
	"strconv"
	"time"

	"gopkg.in/yaml.v3"
)

// The topics, without prefix.
const (
	TopicJournal = "rostrum.journal.v1"
	TopicBids    = "rostrum.bids.v1"
	TopicOrders  = "rostrum.orders.v1"
	TopicParked  = "rostrum.parked.v1"
)

// GroupOrders is the consumer group that carries the journal into MySQL, without prefix.
const GroupOrders = "rostrum.orders"

// Topic is one entry of topics.yaml.
type Topic struct {
	Name           string   `yaml:"name"`
	Says           string   `yaml:"says"`
	Key            string   `yaml:"key"`
	Partition      string   `yaml:"partition"`
	Headers        []string `yaml:"headers"`
	RetentionHours int      `yaml:"retention_hours"`
	Cleanup        string   `yaml:"cleanup"`
	Writers        []string `yaml:"writers"` // roles
	Readers        []string `yaml:"readers"` // roles
	ACL            string   `yaml:"acl"`
}

//go:embed topics.yaml
var topicsYAML []byte

// Topics gives the topics of topics.yaml, in its order.
func Topics() []Topic {
	topics, err := parseTopics(topicsYAML)
	if err != nil {
		panic(err) // the file is part of the program: a test reads it
	}
	return topics
}

func parseTopics(b []byte) ([]Topic, error) {
	var file struct {
		Topics []Topic `yaml:"topics"`
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil {
		return nil, fmt.Errorf("topics.yaml: %w", err)
	}
	for _, t := range file.Topics {
		if t.Name == "" || t.RetentionHours < 1 || t.Cleanup == "" {
			return nil, fmt.Errorf("topics.yaml: topic %q needs name, retention_hours and cleanup", t.Name)
		}
	}
	return file.Topics, nil
}

// setting is one configuration of a topic on the brokers.
type setting struct{ key, value string }

// settings gives what is set on the brokers for a topic. What is not here is the brokers' own.
func (t Topic) settings(minInSync int) []setting {
	retention := time.Duration(t.RetentionHours) * time.Hour
	return []setting{
		{"cleanup.policy", t.Cleanup},
		{"retention.ms", strconv.FormatInt(retention.Milliseconds(), 10)},
		{"retention.bytes", "-1"},
		{"min.insync.replicas", strconv.Itoa(minInSync)},
	}
}
