package auctiontest

import (
	"context"
	"fmt"
	"sync"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Journal is auction.Journal in memory. The zero value is empty and ready.
type Journal struct {
	mu     sync.Mutex
	shards map[int][]auction.Record
	poison map[int]auction.Cursor
}

var _ auction.Journal = (*Journal)(nil)

// Append adds records at the ends of their shards' journals, as the gate does.
func (j *Journal) Append(records ...auction.Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.shards == nil {
		j.shards = map[int][]auction.Record{}
	}
	for _, r := range records {
		j.shards[r.Shard] = append(j.shards[r.Shard], r)
	}
}

// Poison makes the entry at a place unreadable: a read that would reach it fails with `journal_damaged`. The zero Cursor
// takes the poison out again.
func (j *Journal) Poison(shard int, at auction.Cursor) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.poison == nil {
		j.poison = map[int]auction.Cursor{}
	}
	j.poison[shard] = at
}

// Read is auction.Journal's.
func (j *Journal) Read(ctx context.Context, shard int, after auction.Cursor, max int) ([]auction.Record, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, fault.Wrap(fault.Unavailable, "journal_unavailable", "", err)
	}
	var out []auction.Record
	for _, r := range j.shards[shard] {
		if !after.Before(r.At()) {
			continue
		}
		if len(out) == max {
			break
		}
		if bad := j.poison[shard]; bad.Seq != 0 && bad == r.At() {
			return nil, fault.New(fault.Internal, "journal_damaged", fmt.Sprintf("entry %s of shard %d", r.ID(), shard))
		}
		out = append(out, r)
	}
	return out, nil
}

// Trim is auction.Journal's.
func (j *Journal) Trim(_ context.Context, shard int, upTo auction.Cursor) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	n := 0
	for n < len(j.shards[shard]) && !upTo.Before(j.shards[shard][n].At()) {
		n++
	}
	if n > 0 {
		j.shards[shard] = append([]auction.Record(nil), j.shards[shard][n:]...)
	}
	return nil
}

// Stats is auction.Journal's.
func (j *Journal) Stats(_ context.Context, shard int) (auction.JournalStats, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := j.shards[shard]
	if len(all) == 0 {
		return auction.JournalStats{}, nil
	}
	return auction.JournalStats{Length: int64(len(all)), First: all[0].At(), Last: all[len(all)-1].At(),
		OldestUS: all[0].TimeUS}, nil // nobody tells it what is carried
}
