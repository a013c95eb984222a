package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/store"
)

// Loads are the shapes that are measured: bids in a transaction, and transactions at once, each in a shard of its own.
var Loads = []struct{ Batch, Writers int }{{1, 8}, {100, 4}, {500, 4}, {1000, 4}}

// BenchApply measures Apply: bids that become a record, an order, a unit and their share of a lot and a position, in
// rows/s of bids. Beside it BenchBare measures what the server takes at all; only the two of one run can be compared.
func BenchApply(b *testing.B, open func(t testing.TB) *store.Store) {
	for _, load := range Loads {
		b.Run(fmt.Sprintf("batch=%d/writers=%d", load.Batch, load.Writers), func(b *testing.B) {
			s := open(b)
			sale := NewSale(b, s, load.Writers)
			shards := make([][]auction.Delivery, load.Writers)
			for shard := range shards {
				shards[shard] = benchBids(b, sale, shard, load.Batch*(b.N/load.Writers+1))
			}
			b.ResetTimer()
			parallel(b, load.Writers, func(shard, i int) error {
				_, err := s.Apply(b.Context(), shard, shards[shard][i*load.Batch:(i+1)*load.Batch])
				return err
			})
			b.ReportMetric(float64(b.N*load.Batch)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// benchBids makes bids of one lot in a shard, each of another buyer.
func benchBids(b *testing.B, sale *Sale, shard, n int) []auction.Delivery {
	b.Helper()
	sale.Lots = nil
	sale.publish([]Terms{{Stock: int64(n), PerBuyer: 1}}, func(uuid.UUID) int { return shard })
	l := sale.Lots[0]
	sale.Books[shard].Add(l)
	records := make([]auction.Record, n)
	for i := range records {
		records[i] = sale.Bid(l, uuid.New(), 1)
	}
	return sale.Deliver(records...)
}

// parallel runs b.N steps, spread over writers.
func parallel(b *testing.B, writers int, step func(writer, i int) error) {
	b.Helper()
	var wg sync.WaitGroup
	failed := make(chan error, writers)
	for w := range writers {
		wg.Go(func() {
			for i := 0; i*writers+w < b.N; i++ {
				if err := step(w, i); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		b.Fatal(err)
	}
}

const bareTable = `CREATE TABLE IF NOT EXISTS bare (shard INT NOT NULL, id BINARY(16) NOT NULL, lot_id BINARY(16) NOT NULL,
	buyer_id BINARY(16) NOT NULL, quantity BIGINT NOT NULL, price BIGINT NOT NULL, at_us BIGINT NOT NULL, PRIMARY KEY (shard, id))`

// BenchBare measures bare batched inserts of narrow rows on the same server: one statement of many rows, one update of a
// position and one of a stock in a transaction, with nothing read, checked or kept beside.
func BenchBare(b *testing.B, open func(t testing.TB) *store.Store) {
	for _, load := range Loads {
		b.Run(fmt.Sprintf("batch=%d/writers=%d", load.Batch, load.Writers), func(b *testing.B) {
			s := open(b)
			NewSale(b, s, load.Writers)
			must(b, exec(s.DB(), bareTable))
			defer func() { must(b, exec(s.DB(), "DROP TABLE bare")) }()
			text := "INSERT INTO bare VALUES " + strings.Repeat("(?, ?, ?, ?, ?, ?, ?), ", load.Batch-1) + "(?, ?, ?, ?, ?, ?, ?)"
			b.ResetTimer()
			parallel(b, load.Writers, func(shard, i int) error { return bare(b.Context(), s.DB(), text, shard, i, load.Batch) })
			b.ReportMetric(float64(b.N*load.Batch)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

func bare(ctx context.Context, database *sql.DB, text string, shard, i, batch int) error {
	args, lot := make([]any, 0, 7*batch), ID(1)
	for range batch {
		id, buyer := uuid.New(), uuid.New()
		args = append(args, shard, id[:], lot[:], buyer[:], 1, 900, Opens)
	}
	t, err := database.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer t.Rollback()
	for _, st := range []struct {
		text string
		args []any
	}{
		{text, args},
		{"UPDATE lots SET sold = sold + ? WHERE shard = ? AND id = ?", []any{batch, shard, lot[:]}},
		{"UPDATE journal_positions SET seq = ? WHERE shard = ?", []any{i, shard}},
	} {
		if _, err := t.ExecContext(ctx, st.text, st.args...); err != nil {
			return err
		}
	}
	return t.Commit()
}
