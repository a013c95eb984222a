package bench

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/internal/app"
)

// memory is what a Redis says of itself; 0 for what it does not tell.
type memory struct {
	used     int64 // bytes, without what its clients and its file are buffered in
	most     int64 // maxmemory
	received int64 // bytes, since it started
}

func memoryOf(ctx context.Context, address string) (memory, error) {
	client, err := cache.Connect(cache.Connection{URL: "redis://" + address + "/0", PoolSize: 1, Timeout: removeTimeout})
	if err != nil {
		return memory{}, err
	}
	defer client.Close()
	if err := client.Ping(ctx).Err(); err != nil {
		return memory{}, fmt.Errorf("redis: %w", err)
	}
	says := factsIn(client.Info(ctx, "memory").Val() + client.Info(ctx, "stats").Val())
	m := memory{used: says["used_memory"] - says["mem_clients_normal"] - says["mem_aof_buffer"], most: says["maxmemory"], received: says["total_net_input_bytes"]}
	return m, nil
}

// factsIn reads the numbers of an INFO.
func factsIn(info string) map[string]int64 {
	facts := map[string]int64{}
	for line := range strings.SplitSeq(info, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			facts[name] = n
		}
	}
	return facts
}

// heap gives the bytes that are in use in this process.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first one found unreachable may hold more
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// node starts another node of an installation, has it asked for each lot, and gives the heap that it holds.
func (i *installation) node(ctx context.Context, lots []auction.Lot) (bytes int64, err error) {
	before := heap()
	a, err := i.start(ctx, front)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, i.stop(ctx, a)) }()
	if err := meet(ctx, a, lots); err != nil {
		return 0, err
	}
	return heap() - before, nil
}

// meet has a node asked for each lot, and one buyer bid on each: it knows them then.
func meet(ctx context.Context, node *app.App, lots []auction.Lot) error {
	if err := ask(ctx, node, lots); err != nil {
		return err
	}
	lots = byShard(lots)
	return decided(ctx, node.Gate, slices.Repeat([]uuid.UUID{uuid.New()}, len(lots)), func(n int) auction.Lot { return lots[n] })
}

// ask has a node asked for each lot: what it remembers of them is then new, and is not refreshed for a while.
func ask(ctx context.Context, node *app.App, lots []auction.Lot) error {
	const askers = 16
	failed := make([]error, askers)
	var all sync.WaitGroup
	for k := range askers {
		all.Go(func() {
			for n := k; n < len(lots) && failed[k] == nil; n += askers {
				_, failed[k] = node.Shelf.Card(ctx, lots[n].ID)
			}
		})
	}
	all.Wait()
	return errors.Join(failed...)
}

// byShard gives the lots in order of their shards.
func byShard(lots []auction.Lot) []auction.Lot {
	lots = slices.Clone(lots)
	slices.SortStableFunc(lots, func(a, b auction.Lot) int { return a.Shard - b.Shard })
	return lots
}

// takeNode takes what a node holds that knows the big sale's lots, beside one that knows the small installation's few.
func (s *scale) takeNode(ctx context.Context) error {
	s.o.say("A node that knows %d lots", len(s.great.lots))
	none, err := s.small.node(ctx, nil)
	if err != nil {
		return err
	}
	all, err := s.big.node(ctx, s.great.lots)
	if err != nil {
		return err
	}
	s.f.note(0, "node_bytes_1e5_lots", float64(all-none))
	return nil
}
