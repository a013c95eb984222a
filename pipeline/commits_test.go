package pipeline

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"testing"
	"testing/synctest"
	"time"
)

// TestCommitsTellWhatMoved: all shards in one request, each offset once, and again what was not heard.
func TestCommitsTellWhatMoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var heard []map[int]int64
		var away error
		c := newCommits(time.Second, slog.New(slog.DiscardHandler), func(offsets map[int]int64) error {
			heard = append(heard, offsets)
			return away
		})
		ctx, cancel := context.WithCancel(t.Context())
		go c.run(ctx)
		for _, step := range []struct {
			moved map[int]int64
			away  error
			want  map[int]int64
		}{
			{map[int]int64{0: 5, 3: 7}, nil, map[int]int64{0: 5, 3: 7}},
			{map[int]int64{0: 5}, nil, nil},
			{map[int]int64{3: 8}, errors.New("away"), map[int]int64{3: 8}},
			{map[int]int64{0: 6}, nil, map[int]int64{0: 6, 3: 8}},
			{map[int]int64{3: 2}, nil, map[int]int64{3: 2}}, // a database that forgot
		} {
			heard, away = nil, step.away
			for shard, offset := range step.moved {
				c.reached(shard, offset)
			}
			pause(ctx, time.Second)
			synctest.Wait()
			if step.want == nil && len(heard) != 0 || step.want != nil && (len(heard) != 1 || !maps.Equal(heard[0], step.want)) {
				t.Errorf("after %v: told %v, want %v", step.moved, heard, step.want)
			}
		}
		cancel()
	})
}
