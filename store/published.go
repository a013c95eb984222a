package store

import (
	"context"
	"maps"
	"slices"

	"rostrum/store/db"
)

// RaisePublished raises what Published gives of several shards, for each of the topics, in one transaction. What is higher
// already stays, and is counted in further.
func (s *Store) RaisePublished(ctx context.Context, topics []string, seqs map[int]int64) (further int, err error) {
	// In one order of the rows: two publishers that meet wait for each other once, and never in a circle.
	shards := slices.Sorted(maps.Keys(seqs))
	err = s.write(ctx, "raise published", func(ctx context.Context, t tx) error {
		further = 0
		if s.literal {
			if all, err := t.raiseAll(ctx, topics, shards, seqs); err != nil || all {
				return err
			}
		}
		for _, topic := range topics {
			for _, shard := range shards {
				ok, err := t.raisePublished(ctx, topic, shard, seqs[shard])
				if err != nil {
					return err
				}
				if !ok {
					further++
				}
			}
		}
		return nil
	})
	return further, err
}

// raiseAll raises by one statement, and says whether that was all: a row may be missing, or higher already.
func (t tx) raiseAll(ctx context.Context, topics []string, shards []int, seqs map[int]int64) (bool, error) {
	if len(shards) == 0 || len(topics) == 0 {
		return true, nil
	}
	result, err := t.conn.ExecContext(ctx, string(appendRaise(nil, topics, shards, seqs)))
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected()
	return rows == int64(len(topics)*len(shards)), err
}

// raisePublished gives false where the row is higher already.
func (t tx) raisePublished(ctx context.Context, topic string, shard int, seq int64) (bool, error) {
	// Raised first: the row is missing once in a shard's life.
	rows, err := t.RaisePublished(ctx, db.RaisePublishedParams{Seq: seq, Topic: topic, Shard: shard})
	if err != nil || rows > 0 {
		return true, err
	}
	err = t.InsertPublished(ctx, db.InsertPublishedParams{Topic: topic, Shard: shard, Seq: seq})
	if _, there := duplicate(err); there {
		return false, nil
	}
	return true, err
}
