package pipeline

import "slices"

// gathered is events of several shards on their way to public topics, by partition, and how far each shard will have been
// told when they are there. The zero value is empty.
type gathered struct {
	events int
	bundle []bundle
	at     map[place]int // in bundle
	seqs   map[int]int64 // by shard; without those of which something failed
}

type place struct {
	topic     string
	partition int
}

// bundle is the messages for one partition, in order.
type bundle struct {
	place
	messages []Message
	shards   []int // whose they are
}

func (g *gathered) add(shard, partition int, e event) {
	if g.at == nil {
		g.at = map[place]int{}
	}
	to := place{e.topic, partition}
	i, ok := g.at[to]
	if !ok {
		i = len(g.bundle)
		g.at[to], g.bundle = i, append(g.bundle, bundle{place: to})
	}
	b := &g.bundle[i]
	b.messages = append(b.messages, e.Message)
	if n := len(b.shards); n == 0 || b.shards[n-1] != shard {
		b.shards = append(b.shards, shard)
	}
	g.events++
}

// upTo notes how far a shard will have been told.
func (g *gathered) upTo(shard int, seq int64) {
	if g.seqs == nil {
		g.seqs = map[int]int64{}
	}
	g.seqs[shard] = seq
}

// next takes out what goes into the next request: of each partition the first messages, at most maxBytes but at least one.
// None: nothing is left.
func (g *gathered) next(maxBytes int) []part {
	var parts []part
	for i := range g.bundle {
		b := &g.bundle[i]
		n := fitting(b.messages, maxBytes)
		if n > 0 {
			parts = append(parts, part{b.topic, b.partition, b.messages[:n]})
		}
		b.messages = b.messages[n:]
	}
	return parts
}

// fitting gives how many of the messages go into one batch of maxBytes, uncompressed; at least one where there is one.
func fitting(messages []Message, maxBytes int) int {
	for i, bytes := 0, 0; i < len(messages); i++ {
		if bytes += sizeOf(messages[i : i+1]); bytes > maxBytes && i > 0 {
			return i
		}
	}
	return len(messages)
}

// fail takes out what is left for a partition, and the shards that had something for it.
func (g *gathered) fail(p part) {
	b := &g.bundle[g.at[place{p.topic, p.partition}]]
	b.messages = nil
	for _, shard := range slices.Compact(b.shards) {
		delete(g.seqs, shard)
	}
}
