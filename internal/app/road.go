package app

import (
	"context"
	"fmt"
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

// State reads every part of the road. A part that does not answer is said in its shard's Trouble: an operator looks
// just when something is away.
func (r road) State(ctx context.Context) (edge.PipelineState, error) {
	a := r.a
	s := edge.PipelineState{AtUS: time.Now().UnixMicro(), Deployment: a.Deployment, Group: a.Config.Kafka.TopicPrefix + a.Config.Consumer.Group,
		Topic: a.Config.Kafka.TopicPrefix + pipeline.TopicJournal}
	lag, lagErr := a.Kafka.Lag(ctx, a.Config.Consumer.Group)
	positions, posErr := a.Store.Positions(ctx)
	byShard := map[int]auction.Position{}
	for _, p := range positions {
		byShard[p.Shard] = p
	}
	for shard := range a.Deployment.Shards {
		of := edge.ShardState{Shard: shard, Position: byShard[shard], Committed: -1}
		if lagErr == nil {
			of.End, of.Committed, of.Lag = lag[shard].End, lag[shard].Committed, lag[shard].Lag
		}
		var vouchErr, journalErr error
		of.Vouch, vouchErr = a.Gate.Vouched(ctx, shard)
		of.Journal, journalErr = a.Gate.Stats(ctx, shard)
		of.Trouble = firstTrouble(lagErr, posErr, vouchErr, journalErr)
		s.Shards = append(s.Shards, of)
	}
	if parked, orphans, err := a.Store.Aside(ctx); err == nil {
		s.Parked, s.Orphans = parked, orphans
	}
	return s, nil
}

func firstTrouble(errs ...error) string {
	for _, err := range errs {
		if err != nil {
			return err.Error()
		}
	}
	return ""
}

// road gives the same to a scrape.
func (a *App) road(ctx context.Context) (observe.Road, error) {
	s, err := road{a}.State(ctx)
	out := observe.Road{Group: s.Group, Topic: s.Topic}
	for _, of := range s.Shards {
		fine := of.Trouble == ""
		shard := observe.Shard{Shard: of.Shard, Kafka: fine, End: of.End, Committed: of.Committed, Journal: fine, Length: of.Journal.Length,
			Vouched: of.Vouch.Valid, Ledger: fine, Seq: of.Position.Seq, NextOffset: of.Position.NextOffset, Halted: of.Position.Halted != ""}
		if of.Journal.OldestUS > 0 {
			shard.Oldest = time.Duration(s.AtUS-of.Journal.OldestUS) * time.Microsecond
		}
		out.Shards = append(out.Shards, shard)
	}
	return out, err
}

// checks are what /readyz asks. Only the gate makes a node unready: without MySQL or Kafka bids are still decided, and a
// paused shard is paused on every node, so that taking them out would help nobody. What is away is said all the same.
type checks struct{ a *App }

func (c checks) Check(ctx context.Context) []web.Check {
	return []web.Check{
		ask("gate", true, func() error { _, err := c.a.Gate.Identity(ctx, auction.Deployment{}); return err }),
		ask("shards", false, func() error { return c.a.Paused(ctx) }),
		ask("mysql", false, func() error { return c.a.Store.Ping(ctx) }),
	}
}

func ask(name string, needed bool, question func() error) web.Check {
	began := time.Now()
	err := question()
	check := web.Check{Name: name, OK: err == nil || !needed, Took: time.Since(began)}
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
