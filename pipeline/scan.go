package pipeline

import (
	"context"
	"time"

	"rostrum/auction"
)

// The size of one fetch of a scan, and how long it may wait.
const (
	scanBytes = 1 << 20
	scanWait  = 250 * time.Millisecond
)

// Scan reads a shard's journal partition from its first message to the end it had when the scan began, and gives each to
// do. It comes back with the first offset the partition still has: above 0, retention has taken what was before.
func (k *Kafka) Scan(ctx context.Context, shard int, do func(auction.Delivery)) (first int64, err error) {
	ends, err := k.ends(ctx, TopicJournal, shard)
	if err != nil {
		return 0, err
	}
	first, end := ends[shard].FirstOffset, ends[shard].LastOffset
	for at := first; at < end; {
		page, err := k.fetch(ctx, TopicJournal, shard, at, scanBytes, scanWait)
		if err != nil {
			return first, err
		}
		for _, m := range page {
			if m.offset < end {
				do(k.open(shard, m.offset, m.value))
			}
			at = m.offset + 1
		}
		if len(page) == 0 && ctx.Err() != nil {
			return first, unavailable("scan of the journal", ctx.Err())
		}
	}
	return first, nil
}
