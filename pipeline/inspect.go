package pipeline

import (
	"context"
	"fmt"
	"slices"

	"github.com/segmentio/kafka-go"
)

// Facts are what the brokers say of themselves and of our topics.
type Facts struct {
	Brokers int
	Release string   // the least release of Kafka that understands what all of them do, e.g. "3.9": the protocol tells no other
	Closed  []string // partitions that take nothing: no leader, or fewer copies in sync than their topic's min.insync.replicas
	Thin    []string // partitions that take what is sent, with fewer copies in sync than they have
}

// Inspect asks the brokers about themselves; it changes nothing. fault Unavailable `kafka_unavailable`.
func (k *Kafka) Inspect(ctx context.Context) (Facts, error) {
	var f Facts
	cluster, err := k.client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{}})
	if err != nil {
		return f, unavailable("metadata", err)
	}
	f.Brokers = len(cluster.Brokers)
	versions, err := k.client.ApiVersions(ctx, &kafka.ApiVersionsRequest{})
	if err != nil {
		return f, unavailable("versions", err)
	}
	for _, v := range versions.ApiKeys {
		if v.ApiKey == fetchKey {
			f.Release = release(v.MinVersion, v.MaxVersion)
		}
	}
	found, err := k.layout(ctx)
	if err != nil {
		return f, err
	}
	set, err := k.described(ctx, found)
	for name, partitions := range found {
		for _, p := range partitions {
			f.count(fmt.Sprintf("%s/%d", name, p.ID), p, number(set[name]["min.insync.replicas"]))
		}
	}
	slices.Sort(f.Closed)
	slices.Sort(f.Thin)
	return f, err
}

func (f *Facts) count(name string, p kafka.Partition, minInSync int) {
	switch {
	case p.Error != nil || p.Leader.Host == "" || len(p.Isr) < minInSync:
		f.Closed = append(f.Closed, name)
	case len(p.Isr) < len(p.Replicas):
		f.Thin = append(f.Thin, name)
	}
}

func number(text string) (n int) {
	_, _ = fmt.Sscanf(text, "%d", &n) // what is no number asks for nothing
	return n
}

// fetchKey is the API key of Fetch, which has had a version of its own in nearly every release.
const fetchKey = 1

// release gives the release that brought the newest version of Fetch a broker understands.
func release(least, most int) string {
	brought := []struct {
		version int
		release string
	}{{18, "4.1"}, {17, "3.9"}, {16, "3.7"}, {15, "3.5"}, {13, "3.1"}, {12, "2.7"}, {11, "2.3"}}
	for _, b := range brought {
		switch {
		case most < b.version:
		case b.version < 18 && least >= 4: // 4.0 brought none, and took the oldest away
			return "4.0"
		default:
			return b.release
		}
	}
	return "0.11"
}
