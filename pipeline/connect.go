package pipeline

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Options are all that a connection to Kafka needs. The zero value of a duration or number means its default.
type Options struct {
	Brokers     []string // host:port, at least one
	Deployment  uuid.UUID
	Shards      int    // partitions of every topic, 1 … auction.MaxShards
	TopicPrefix string // before every topic and group, so that deployments (and tests) may share brokers
	Replication int    // of topics made by Apply; default 1, production 3
	MinInSync   int    // min.insync.replicas of topics made by Apply; default 1, production 2

	TLS           *tls.Config // nil: plain text
	SASLMechanism string      // "", PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
	SASLUser      string
	SASLPassword  string

	DialTimeout    time.Duration // default 3 s
	RequestTimeout time.Duration // of one request, default 5 s
	ClientID       string        // default "rostrum"
	Compression    string        // of what is written: none, snappy (the default), lz4, zstd
	Clock          func() time.Time
}

// metadataTTL bounds how long a moved leader goes unnoticed: the library refreshes by time only, never on an error.
const metadataTTL = 2 * time.Second

// Kafka is a connection to one cluster: the only way anything here reaches it. It is safe for concurrent use.
type Kafka struct {
	o         Options
	client    *kafka.Client
	transport *kafka.Transport
	dialer    *kafka.Dialer

	codec      codec
	partitions []int     // of every topic
	scratch    sync.Pool // *bytes.Buffer
}

// Connect checks the options and makes the connection's parts; it sends nothing (see Ready). The library has two ways to
// reach a broker, and both get the same TLS and SASL here.
func Connect(o Options) (*Kafka, error) {
	o = o.withDefaults()
	mechanism, err := o.sasl()
	if err == nil {
		err = o.check()
	}
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	dial := &net.Dialer{Timeout: o.DialTimeout, KeepAlive: 15 * time.Second}
	k := &Kafka{o: o, codec: codecs[o.Compression]}
	k.partitions = numbered(o.Shards)
	k.transport = &kafka.Transport{Dial: dial.DialContext, DialTimeout: o.DialTimeout, MetadataTTL: metadataTTL,
		ClientID: o.ClientID, TLS: o.TLS, SASL: mechanism}
	k.dialer = &kafka.Dialer{ClientID: o.ClientID, DialFunc: dial.DialContext, Timeout: o.DialTimeout, TLS: o.TLS,
		SASLMechanism: mechanism}
	k.client = &kafka.Client{Addr: kafka.TCP(o.Brokers...), Timeout: o.RequestTimeout, Transport: k.transport}
	return k, nil
}

func (o Options) withDefaults() Options {
	orDuration(&o.DialTimeout, 3*time.Second)
	orDuration(&o.RequestTimeout, 5*time.Second)
	orInt(&o.Replication, 1)
	orInt(&o.MinInSync, 1)
	if o.ClientID == "" {
		o.ClientID = "rostrum"
	}
	if o.Compression == "" {
		o.Compression = "snappy"
	}
	o.Clock = orClock(o.Clock)
	return o
}

func (o Options) check() error {
	switch {
	case len(o.Brokers) == 0:
		return errors.New("no brokers")
	case o.Shards < 1 || o.Shards > auction.MaxShards:
		return fmt.Errorf("shards %d out of 1 … %d", o.Shards, auction.MaxShards)
	case o.Deployment == uuid.Nil:
		return errors.New("no deployment")
	case !known(o.Compression):
		return fmt.Errorf("compression %q is none of none, snappy, lz4, zstd", o.Compression)
	case o.MinInSync > o.Replication:
		return fmt.Errorf("min.insync %d over replication %d: nothing could be written", o.MinInSync, o.Replication)
	}
	return nil
}

func numbered(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func known(compression string) bool {
	_, ok := codecs[compression]
	return ok
}

func (o Options) sasl() (sasl.Mechanism, error) {
	switch o.SASLMechanism {
	case "":
		return nil, nil
	case "PLAIN":
		return plain.Mechanism{Username: o.SASLUser, Password: o.SASLPassword}, nil
	case "SCRAM-SHA-256":
		return scram.Mechanism(scram.SHA256, o.SASLUser, o.SASLPassword)
	case "SCRAM-SHA-512":
		return scram.Mechanism(scram.SHA512, o.SASLUser, o.SASLPassword)
	}
	return nil, fmt.Errorf("SASL mechanism %q is none of PLAIN, SCRAM-SHA-256, SCRAM-SHA-512", o.SASLMechanism)
}

// Close gives the connections back. Whoever uses k must have ended.
func (k *Kafka) Close() { k.transport.CloseIdleConnections() }

// Shards is the number of partitions of every topic.
func (k *Kafka) Shards() int { return k.o.Shards }

// topic is a topic's name on the brokers.
func (k *Kafka) topic(name string) string { return k.o.TopicPrefix + name }

// Ready is nil when every partition of every topic exists and has a leader; else a fault, Unavailable `kafka_unavailable`
// or Conflict `topics_missing`, that says what is missing, or `shards_differ`.
func (k *Kafka) Ready(ctx context.Context) error {
	found, err := k.layout(ctx)
	if err != nil {
		return err
	}
	for _, t := range Topics() {
		partitions := found[k.topic(t.Name)]
		if len(partitions) == 0 {
			return fault.New(fault.Conflict, "topics_missing", fmt.Sprintf("there is no topic %s: run topics apply", k.topic(t.Name)))
		}
		if len(partitions) != k.o.Shards {
			return k.shardsDiffer(t, len(partitions))
		}
		for _, p := range partitions {
			if p.Error != nil || p.Leader.Host == "" {
				return unavailable(fmt.Sprintf("topic %s, partition %d has no leader", k.topic(t.Name), p.ID), p.Error)
			}
		}
	}
	return nil
}

// shardsDiffer: nothing can mend it, since a bid's partition follows from the number.
func (k *Kafka) shardsDiffer(t Topic, partitions int) error {
	return fault.New(fault.Conflict, "shards_differ", fmt.Sprintf(
		"topic %s has %d partitions and the deployment %d shards: it is another deployment's, so name one of its own by kafka.topic_prefix",
		k.topic(t.Name), partitions, k.o.Shards))
}

// layout gives the partitions of our topics that exist, by the topic's name on the brokers.
func (k *Kafka) layout(ctx context.Context) (map[string][]kafka.Partition, error) {
	var names []string
	for _, t := range Topics() {
		names = append(names, k.topic(t.Name))
	}
	m, err := k.client.Metadata(ctx, &kafka.MetadataRequest{Topics: names})
	if err != nil {
		return nil, unavailable("metadata", err)
	}
	found := map[string][]kafka.Partition{}
	for _, t := range m.Topics {
		if t.Error == nil {
			found[t.Name] = t.Partitions
		} else if !errors.Is(t.Error, kafka.UnknownTopicOrPartition) {
			return nil, unavailable("metadata of "+t.Name, t.Error)
		}
	}
	return found, nil
}

// unavailable is the one class of Kafka's own trouble: nobody but time or an operator can mend it.
func unavailable(what string, err error) error {
	return fault.Wrap(fault.Unavailable, "kafka_unavailable", what, err)
}

func orDuration(d *time.Duration, def time.Duration) {
	if *d == 0 {
		*d = def
	}
}

func orInt(n *int, def int) {
	if *n == 0 {
		*n = def
	}
}
