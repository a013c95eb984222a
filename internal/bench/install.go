package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/cache"
	"rostrum/goods"
	"rostrum/internal/app"
	"rostrum/internal/config"
	"rostrum/orders"
	"rostrum/pipeline"
)

// How long parts of an installation may take.
const (
	startTimeout  = time.Minute
	settleTimeout = time.Minute
	removeTimeout = 30 * time.Second
	settlePoll    = 50 * time.Millisecond
	stopTimeout   = 10 * time.Second
)

// installation is the production code on servers, under names of its own: database, topics, groups and keys.
type installation struct {
	servers  Servers
	name     string // of the database; with "-" in place of "_" the prefix of topics and keys
	database Database
	config   config.Config
	log      *slog.Logger
	app      *app.App
	sale     sale
}

// install makes an installation and leaves it connected, with no role running. Even with an error it is to be removed.
func install(ctx context.Context, s Servers, redis string, durability auction.Durability, log *slog.Logger) (*installation, error) {
	i := &installation{servers: s, log: log, name: "rostrum_bench_" + strings.ReplaceAll(uuid.NewString(), "-", "")[:12]}
	var err error
	if i.database, err = s.NewDatabase(ctx, i.name); err != nil {
		return i, err
	}
	i.configure(redis, durability)
	if err := i.migrate(ctx); err != nil {
		return i, err
	}
	if err := i.open(ctx); err != nil {
		return i, err
	}
	return i, i.app.Store.PutArea(ctx, goods.Area{Code: area, Name: "North"})
}

// configure is the production's configuration but for names, addresses and the limits that keep one client from asking
// much: this is one client that asks much. Time-outs are longer, for a machine that is busy: a bid that is dropped is no
// figure.
func (i *installation) configure(redis string, durability auction.Durability) {
	c := config.Development()
	c.MySQL.DSN = config.Secret(i.database.DSN)
	c.Redis.GateURL, c.Redis.Durability = config.Secret("redis://"+redis+"/0"), string(durability)
	if i.servers.Shelf != "" {
		c.Redis.ShelfURL = config.Secret("redis://" + i.servers.Shelf + "/0")
	}
	c.Kafka.Brokers, c.Kafka.TopicPrefix = []string{i.servers.Kafka}, i.prefix()+"."
	c.HTTP.Listen, c.Limits.BidsPerSecondUser = "127.0.0.1:0", 0
	c.Redis.Timeout, c.HTTP.BidTimeout, c.HTTP.ShutdownTimeout = 5*time.Second, 5*time.Second, stopTimeout
	c.Log.Level = "error"
	i.config = c
}

func (i *installation) prefix() string { return strings.ReplaceAll(i.name, "_", "-") }

// build makes the app anew: one that was stopped is not started again.
func (i *installation) build() (err error) {
	i.app, err = app.New(i.config, app.Parts{DB: i.database.DB, Lineage: i.servers.Lineage, Log: i.log, RedisPrefix: i.prefix(),
		KeeperPoll: 50 * time.Millisecond, Version: "bench"})
	return err
}

func (i *installation) migrate(ctx context.Context) error {
	if i.database.DB != nil {
		return nil // a stand-in comes with its schema
	}
	if err := i.build(); err != nil {
		return err
	}
	defer i.app.Close()
	return i.app.MigrateUp(ctx, nil)
}

func (i *installation) open(ctx context.Context) error {
	if err := i.build(); err != nil {
		return err
	}
	for _, part := range []func(context.Context) error{i.app.OpenStore, i.app.OpenRedis, i.app.OpenKafka} {
		if err := part(ctx); err != nil {
			return err
		}
	}
	return makeTopics(ctx, i.app.Kafka)
}

// start runs all roles and waits until every shard decides.
func (i *installation) start(ctx context.Context) error {
	if err := i.app.Start(ctx); err != nil {
		return err
	}
	return i.app.AwaitShards(ctx, startTimeout)
}

// reopen stops the roles and connects again: what the shards were vouched for stands.
func (i *installation) reopen(ctx context.Context) error {
	if err := i.app.Stop(ctx); err != nil {
		return err
	}
	return i.open(ctx)
}

// settle waits until MySQL has what was decided, and the public topics what MySQL has. It gives when the former was so:
// an order is durable then, though the publisher may still tell of it.
func (i *installation) settle(ctx context.Context) (durable time.Time, err error) {
	err = await(ctx, settleTimeout, "the road to clear", func() bool {
		lag, journal := i.app.Remaining(ctx)
		return lag == 0 && journal == 0
	})
	if err != nil {
		return durable, err
	}
	durable = time.Now()
	return durable, await(ctx, settleTimeout, "the public topics", func() bool { return i.published(ctx) })
}

func (i *installation) published(ctx context.Context) bool {
	positions, err := i.app.Store.Positions(ctx)
	for _, p := range positions {
		for _, topic := range []string{pipeline.TopicBids, pipeline.TopicOrders} {
			seq, askErr := i.app.Store.Published(ctx, topic, p.Shard)
			if askErr != nil || seq < p.Seq {
				return false
			}
		}
	}
	return err == nil
}

// count gives the table of invariants over the sale; admitted is what clients were told.
func (i *installation) count(ctx context.Context, admitted []orders.Admission) ([]orders.Invariant, error) {
	var clients []orders.Side
	if admitted != nil {
		clients = append(clients, orders.Side{Name: "the clients' log", Admissions: admitted, Partial: true})
	}
	return i.app.Reconcile(ctx, []uuid.UUID{i.sale.session.ID}, clients...)
}

// remove stops what runs and removes what was made, each whether or not the one before could be.
func (i *installation) remove(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
	defer cancel()
	var failed []error
	if i.app != nil {
		failed = append(failed, i.app.Stop(ctx))
	}
	if len(i.config.Kafka.Brokers) > 0 {
		failed = append(failed, removeTopics(ctx, i.servers.Kafka, i.config.Kafka.TopicPrefix, i.config.Consumer.Group), i.removeKeys(ctx))
	}
	if i.database.Drop != nil {
		failed = append(failed, i.database.Drop(ctx))
	}
	return errors.Join(failed...)
}

// removeKeys unlinks every key under the prefix, on both Redis.
func (i *installation) removeKeys(ctx context.Context) error {
	var failed []error
	for _, url := range []config.Secret{i.config.Redis.GateURL, i.config.Redis.ShelfURL} {
		if url != "" {
			failed = append(failed, unlink(ctx, url.Reveal(), i.prefix()+":*"))
		}
	}
	return errors.Join(failed...)
}

func unlink(ctx context.Context, url, pattern string) error {
	client, err := cache.Connect(cache.Connection{URL: url, PoolSize: 2, Timeout: removeTimeout})
	if err != nil {
		return err
	}
	defer client.Close()
	for cursor := uint64(0); ; {
		var keys []string
		if keys, cursor, err = client.Scan(ctx, cursor, pattern, 1000).Result(); err != nil {
			return fmt.Errorf("redis: %w", err)
		}
		if len(keys) > 0 {
			if err := client.Unlink(ctx, keys...).Err(); err != nil {
				return fmt.Errorf("redis: %w", err)
			}
		}
		if cursor == 0 {
			return nil
		}
	}
}

// await asks until it is so, or ctx or the limit ends it.
func await(ctx context.Context, limit time.Duration, what string, so func() bool) error {
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for !so() {
		select {
		case <-limited.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("waited %s for %s", limit, what)
		case <-time.After(settlePoll):
		}
	}
	return nil
}
