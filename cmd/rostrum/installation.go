package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/goods"
	"rostrum/internal/app"
	"rostrum/internal/config"
	"rostrum/internal/fault"
)

// installation is the platform itself: internal/app, of which it connects what is asked for.
type installation struct {
	app *app.App
}

func openPlatform(c config.Config, log *slog.Logger) (platform, error) {
	a, err := app.New(c, app.Parts{Log: log, Version: readBuild().Version})
	if err != nil {
		return nil, err
	}
	return &installation{a}, nil
}

func (i *installation) Close() { i.app.Close() }

// Serve runs until it is told to stop or a role ends by itself; in both cases what runs is stopped in order.
func (i *installation) Serve(ctx context.Context) error {
	if err := i.app.Open(ctx); err != nil {
		return err
	}
	if err := i.app.Start(ctx); err != nil {
		return err
	}
	var died error
	select {
	case <-ctx.Done():
		i.app.Log.Info("told to stop")
	case died = <-i.app.Died():
	}
	// ctx is over: stopping has its own limit, http.shutdown_timeout.
	if err := i.app.Stop(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	return died
}

func (i *installation) MigrateUp(ctx context.Context, progress func(done, total int)) error {
	return i.app.MigrateUp(ctx, func(done, total int, _ string) { progress(done, total) })
}

func (i *installation) MigrateDown(ctx context.Context) error { return i.app.MigrateDown(ctx) }

func (i *installation) Migrations(ctx context.Context) ([]migration, error) {
	list, err := i.app.Migrations(ctx)
	migrations := make([]migration, len(list))
	for n, m := range list {
		migrations[n] = migration(m)
	}
	return migrations, err
}

func (i *installation) Topics(ctx context.Context, apply bool) ([]topicChange, error) {
	if err := inOrder(ctx, i.app.OpenStore, i.app.OpenKafka); err != nil {
		return nil, err
	}
	do := i.app.Kafka.Diff
	if apply {
		do = i.app.Kafka.Apply
	}
	list, err := do(ctx)
	changes := make([]topicChange, len(list))
	for n, change := range list {
		changes[n] = topicChange(change)
	}
	return changes, err
}

func (i *installation) Preheat(ctx context.Context, session uuid.UUID, progress func(done, total int)) ([]preheated, error) {
	if err := inOrder(ctx, i.app.OpenStore, i.app.OpenRedis); err != nil {
		return nil, err
	}
	reports := []preheated{}
	if session != uuid.Nil {
		r, err := i.app.Preheat(ctx, session, progress)
		return append(reports, preheated{r.Session, r.Lots, r.Written, r.Open, r.Closed, r.Verified}), err
	}
	list, err := i.app.PreheatDue(ctx, time.Now().UnixMicro(), progress)
	for _, r := range list {
		reports = append(reports, preheated{r.Session, r.Lots, r.Written, r.Open, r.Closed, r.Verified})
	}
	return reports, err
}

func (i *installation) Road(ctx context.Context) (road, error) {
	if i.app.Kafka == nil { // once: a watching command asks again and again
		if err := i.app.OpenToLook(ctx); err != nil {
			return road{}, err
		}
	}
	s, err := i.app.Road(ctx)
	r := road{At: time.UnixMicro(s.AtUS).UTC(), Topic: s.Topic, Group: s.Group, Lag: s.Lag, Shards: make([]shardRoad, len(s.Shards))}
	for n, of := range s.Shards {
		r.Shards[n] = shardRoad{
			Shard: of.Shard, State: of.State(), Epoch: of.Vouch.Epoch, End: of.End, Committed: of.Committed, Lag: of.Lag,
			Seq: of.Position.Seq, Next: of.Position.NextOffset, Journal: of.Journal.Length, Unread: of.Unread.Parts(), Trouble: of.Trouble(),
		}
		if of.Journal.OldestUS > 0 {
			r.Shards[n].OldestMS = max(0, (s.AtUS-of.Journal.OldestUS)/1000)
		}
	}
	return r, err
}

// openRoad connects everything, once.
func (i *installation) openRoad(ctx context.Context) error {
	if i.app.Kafka != nil {
		return nil
	}
	return inOrder(ctx, i.app.OpenStore, i.app.OpenRedis, i.app.OpenKafka)
}

func (i *installation) Doctor(ctx context.Context) []finding {
	list := i.app.Doctor(ctx)
	findings := make([]finding, len(list))
	for n, f := range list {
		findings[n] = finding(f)
	}
	return findings
}

func (i *installation) Accounts(ctx context.Context) (*accounts.Service, error) {
	if err := i.app.OpenStore(ctx); err != nil {
		return nil, err
	}
	return i.app.Accounts, nil
}

// PutArea writes the audit log first: an entry without an area is better than the other.
func (i *installation) PutArea(ctx context.Context, area goods.Area) error {
	if invalid := fault.Invalids(goods.CheckArea(area)); invalid != nil {
		return invalid
	}
	if err := i.app.OpenStore(ctx); err != nil {
		return err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	err = i.app.Store.Audit(ctx, accounts.AuditEntry{
		ID: id, AtUS: time.Now().UnixMicro(), Action: string(accounts.AreasPut), Subject: area.Code, Detail: area.Name,
	})
	if err != nil {
		return err
	}
	return i.app.Store.PutArea(ctx, area)
}

func (i *installation) Areas(ctx context.Context) ([]goods.Area, error) {
	if i.app.Store == nil {
		if err := i.app.OpenStore(ctx); err != nil {
			return nil, err
		}
	}
	return i.app.Store.Areas(ctx)
}

func (i *installation) Reconcile(ctx context.Context, progress func(done, total int)) ([]invariant, error) {
	if err := i.openRoad(ctx); err != nil {
		return nil, err
	}
	list, err := i.app.ReconcileAll(ctx, progress)
	invariants := make([]invariant, len(list))
	for n, line := range list {
		invariants[n] = invariant(line)
	}
	return invariants, err
}

func (i *installation) Rewind(ctx context.Context, shard int, offset int64) error {
	if err := i.openShard(ctx, shard); err != nil {
		return err
	}
	return i.app.Store.Rewind(ctx, shard, offset)
}

func (i *installation) AcceptGap(ctx context.Context, shard int, seq int64) error {
	if err := i.openShard(ctx, shard); err != nil {
		return err
	}
	return i.app.Store.AcceptGap(ctx, shard, seq)
}

func (i *installation) Parked(ctx context.Context, most int) ([]parked, error) {
	if err := i.openRoad(ctx); err != nil {
		return nil, err
	}
	rows, err := i.app.Store.Parked(ctx, most)
	list := make([]parked, len(rows))
	for n, p := range rows {
		list[n] = parked{p.Shard, p.Offset, p.Seq, time.UnixMicro(p.ParkedUS).UTC(), p.Lot, p.Buyer, p.Quantity, p.Reason}
	}
	return list, err
}

func (i *installation) Redrive(ctx context.Context, shard int, offset int64) error {
	if err := i.openShard(ctx, shard); err != nil {
		return err
	}
	return i.app.Store.Redrive(ctx, shard, offset)
}

// openShard refuses a shard that the deployment does not have: the store would make it a position.
func (i *installation) openShard(ctx context.Context, shard int) error {
	if err := i.openRoad(ctx); err != nil {
		return err
	}
	if last := i.app.Deployment.Shards - 1; shard > last {
		return fault.Wrong("shard", fmt.Sprintf("is %d", shard), fmt.Sprintf("write 0 to %d", last))
	}
	return nil
}

func inOrder(ctx context.Context, steps ...func(context.Context) error) error {
	for _, step := range steps {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return nil
}
