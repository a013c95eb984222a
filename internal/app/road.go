package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/internal/observe"
	"rostrum/pipeline"
	"rostrum/web"
	"rostrum/web/edge"
)

// road shows the way from the gate to MySQL, to the API, the metrics and the commands alike.
type road struct{ a *App }

// partLimit is the time that each part of the road has to answer: less than a scrape or a request waits for all of it.
const partLimit = 1500 * time.Millisecond

// State reads every part of the road, side by side: an operator looks just when something is away, and what hangs must
// not hide the rest. A part that does not answer in time is named in its shards' Unread; there is no other error.
func (r road) State(ctx context.Context) (edge.PipelineState, error) {
	a := r.a
	s := edge.PipelineState{AtUS: time.Now().UnixMicro(), Deployment: a.Deployment, Group: a.Config.Kafka.TopicPrefix + a.Config.Consumer.Group,
		Topic: a.Config.Kafka.TopicPrefix + pipeline.TopicJournal, Shards: make([]edge.ShardState, a.Deployment.Shards)}
	ctx, cancel := context.WithTimeout(ctx, partLimit)
	defer cancel()
	var parts sync.WaitGroup // each writes fields of its own
	for shard := range s.Shards {
		of := &s.Shards[shard]
		*of = edge.ShardState{Shard: shard, Committed: -1, Lag: -1}
		parts.Go(func() { of.Unread.Gate = said(r.readGate(ctx, of)) })
	}
	parts.Go(func() {
		why := said(r.readKafka(ctx, &s))
		for shard := range s.Shards {
			s.Shards[shard].Unread.Kafka = why
		}
	})
	parts.Go(func() {
		why := said(r.readMySQL(ctx, &s))
		for shard := range s.Shards {
			s.Shards[shard].Unread.MySQL = why
		}
	})
	parts.Wait()
	return s, nil
}

func said(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (r road) readGate(ctx context.Context, of *edge.ShardState) error {
	vouch, err := r.a.Gate.Vouched(ctx, of.Shard)
	if err != nil {
		return err
	}
	of.Vouch = vouch
	of.Journal, err = r.a.Gate.Stats(ctx, of.Shard)
	return err
}

func (r road) readKafka(ctx context.Context, s *edge.PipelineState) error {
	lag, err := r.a.Kafka.Lag(ctx, r.a.Config.Consumer.Group)
	for _, p := range lag {
		of := &s.Shards[p.Partition]
		of.End, of.Committed, of.Lag = p.End, p.Committed, p.Lag
	}
	s.Lag = pipeline.SumLag(lag)
	return err
}

func (r road) readMySQL(ctx context.Context, s *edge.PipelineState) error {
	positions, err := r.a.Store.Positions(ctx)
	if err != nil {
		return err
	}
	for _, p := range positions {
		if p.Shard < len(s.Shards) {
			s.Shards[p.Shard].Position = p
		}
	}
	s.Parked, s.Orphans, err = r.a.Store.Aside(ctx)
	return err
}

// road gives the same to a scrape.
func (a *App) road(ctx context.Context) observe.Road {
	s, _ := road{a}.State(ctx) // what could not be read is said by part
	out := observe.Road{Group: s.Group, Topic: s.Topic, Lag: s.Lag}
	for _, of := range s.Shards {
		shard := observe.Shard{Shard: of.Shard,
			Kafka: of.Unread.Kafka == "", End: of.End, Committed: of.Committed, Lag: of.Lag,
			Journal: of.Unread.Gate == "", Length: of.Journal.Length, Vouched: of.Vouch.Valid,
			Ledger: of.Unread.MySQL == "", Seq: of.Position.Seq, NextOffset: of.Position.NextOffset, Halted: of.Position.Halted != ""}
		if of.Journal.OldestUS > 0 {
			shard.Oldest = max(0, time.Duration(s.AtUS-of.Journal.OldestUS)*time.Microsecond)
		}
		out.Shards = append(out.Shards, shard)
	}
	return out
}

// checks are what /readyz asks. Only the gate makes a node unready: without MySQL, Kafka or the shelf bids are still
// decided, and a paused shard is paused on every node, so that taking them out would help nobody. What is away is said all
// the same to whoever asks for all.
type checks struct{ a *App }

func (c checks) Check(ctx context.Context, all bool) []web.Check {
	asked := []question{{"gate", true, func() error { _, err := c.a.Gate.Identity(ctx, auction.Deployment{}); return err }}}
	if all {
		asked = append(asked,
			question{"shards", false, func() error { return c.a.Paused(ctx) }},
			question{"mysql", false, func() error { return c.a.Store.Ping(ctx) }},
			question{"kafka", false, func() error { return c.a.Kafka.Ready(ctx) }},
			question{"shelf", false, func() error { return c.a.onShelf.Ping(ctx).Err() }})
	}
	found := make([]web.Check, len(asked))
	var answers sync.WaitGroup
	for n, q := range asked {
		answers.Go(func() { found[n] = q.ask() })
	}
	answers.Wait()
	return found
}

type question struct {
	name   string
	needed bool
	put    func() error
}

func (q question) ask() web.Check {
	began := time.Now()
	err := q.put()
	check := web.Check{Name: q.name, OK: err == nil || !q.needed, Took: time.Since(began)}
	if err != nil {
		check.Detail = err.Error()
	}
	return check
}

// Paused says which shards nobody vouched for: bids on their lots are answered `paused`. nil: all decide.
func (a *App) Paused(ctx context.Context) error {
	var paused []int
	for shard := range a.Deployment.Shards {
		v, err := a.Gate.Vouched(ctx, shard)
		if err != nil {
			return err
		}
		if !v.Valid {
			paused = append(paused, shard)
		}
	}
	if len(paused) > 0 {
		return fault.New(fault.Unavailable, "shards_paused", fmt.Sprintf("shards %v are paused: nobody vouched for their Redis yet", paused))
	}
	return nil
}

// AwaitShards waits until every shard decides, or for at most limit.
func (a *App) AwaitShards(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for {
		err := a.Paused(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (%w)", err, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// Remaining gives the messages of the journal topic that MySQL has not applied, and the records of the journals that are
// not applied either; -1 for what cannot be read.
func (a *App) Remaining(ctx context.Context) (lag, journal int64) {
	for shard := range a.Deployment.Shards {
		p, err := a.Store.Position(ctx, shard)
		end, endErr := a.Kafka.PartitionEnd(ctx, shard)
		stats, statsErr := a.Gate.Stats(ctx, shard)
		if err != nil || endErr != nil || statsErr != nil {
			return -1, -1
		}
		lag += max(0, end-p.NextOffset)
		if stats.Length > 0 {
			journal += max(0, stats.Last.Seq-p.Seq)
		}
	}
	return lag, journal
}
