package store_test

import (
	"sync"
	"testing"
	"time"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/internal/live"
	"rostrum/store"
	"rostrum/store/storetest"
)

// TestServerKilledUnderLoad ends the server as a power cut would while four shards are applied to. Who applies only reads
// the position and goes on: nothing is lost and nothing is there twice.
func TestServerKilledUnderLoad(t *testing.T) {
	server := live.StartMySQL(t)
	dsn := storetest.Database(t, server.DSN())
	o := storetest.Options(dsn)
	o.Timeout = 2 * time.Second
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const shards, bids, batch = 4, 600, 5
	terms := make([]storetest.Terms, 32)
	for i := range terms {
		terms[i] = storetest.Terms{Stock: bids, PerBuyer: 1}
	}
	sale := storetest.NewSale(t, s, shards, terms...)
	topics := make([][]auction.Delivery, shards)
	for i := range shards * bids {
		l := sale.Lots[i%len(sale.Lots)]
		topics[l.Shard] = append(topics[l.Shard], sale.Deliver(sale.Bid(l, sale.ID(), 1))...)
	}
	halfway := make(chan struct{}, shards)
	var wg sync.WaitGroup
	for shard, topic := range topics {
		wg.Go(func() { consume(t, s, shard, topic, batch, halfway) })
	}
	<-halfway
	server.Kill9()
	server.Restart()
	wg.Wait()
	counts, err := s.Counts(t.Context())
	if err != nil || counts.Bids != shards*bids || counts.Units != shards*bids || counts.Void() != 0 || len(counts.Broken) != 0 {
		t.Errorf("counts %+v, %v", counts, err)
	}
}

// consume applies a topic from where the position says, again after each error, until all of it is there.
func consume(t *testing.T, s *store.Store, shard int, topic []auction.Delivery, batch int, halfway chan<- struct{}) {
	deadline := time.Now().Add(5 * time.Minute)
	retry := time.NewTicker(10 * time.Millisecond) // no hot loop beside a server that starts
	defer retry.Stop()
	told := false
	for at := -1; at < len(topic); {
		if time.Now().After(deadline) {
			t.Errorf("shard %d: at %d of %d after five minutes", shard, at, len(topic))
			return
		}
		if at < 0 { // after an error nothing is known but what the position says
			p, err := s.Position(t.Context(), shard)
			if err != nil {
				<-retry.C
				continue
			}
			at = int(p.NextOffset - topic[0].Offset)
			continue
		}
		if at >= len(topic)/2 && !told {
			halfway <- struct{}{}
			told = true
		}
		end := min(at+batch, len(topic))
		_, err := s.Apply(t.Context(), shard, topic[at:end])
		switch {
		case err == nil:
			at = end
		case fault.CodeOf(err) == "unavailable":
			at = -1
		default:
			t.Errorf("shard %d: %v", shard, err)
			return
		}
	}
}
