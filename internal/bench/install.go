package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/goods"
	"rostrum/internal/app"
	"rostrum/internal/config"
	"rostrum/orders"
	"rostrum/pipeline"
)

// How long parts of an installation may take.
const (
	startTimeout  = time.Minute
	settleTimeout = 4 * time.Minute // a round's bids may be some hundred thousand
	removeTimeout = time.Minute
	settlePoll    = 50 * time.Millisecond
	stopTimeout   = 10 * time.Second
)

// Roles that a run starts together.
var (
	front = []string{config.RoleAPI}
	carry = []string{config.RoleRelay, config.RoleWorker}
	back  = []string{config.RoleRelay, config.RoleWorker, config.RoleCloser} // everything but the door
)

// installation is the production code on servers, under names of its own: database, topics, groups and keys.
type installation struct {
	servers  Servers
	name     string // of the database; with "-" in place of "_" the prefix of topics and keys
	database Database
	config   config.Config
	log      *slog.Logger
	app      *app.App   // connected, with no role
	running  []*app.App // with roles
	told     []orders.Admission
	sessions []uuid.UUID
}

// install makes an installation whose shards all decide, and leaves no role running. Even with an error it is to be removed.
func install(ctx context.Context, s Servers, redis, shelf string, durability auction.Durability, log *slog.Logger) (*installation, error) {
	i := &installation{servers: s, log: log, name: "rostrum_bench_" + strings.ReplaceAll(uuid.NewString(), "-", "")[:12]}
	var err error
	if i.database, err = s.NewDatabase(ctx, i.name); err != nil {
		return i, err
	}
	i.configure(redis, shelf, durability)
	if i.database.DB == nil { // a stand-in comes with its schema
		if err := i.migrate(ctx); err != nil {
			return i, err
		}
	}
	if i.app, err = i.open(ctx, nil); err != nil {
		return i, err
	}
	if _, err := i.app.Kafka.Apply(ctx); err != nil {
		return i, err
	}
	if err := i.app.Store.PutArea(ctx, goods.Area{Code: area, Name: "North"}); err != nil {
		return i, err
	}
	return i, i.carry(ctx)
}

// configure is the production's configuration but for names, addresses, and limits that are set high: this is one client
// at one address that asks for everybody. Time-outs are longer, for a machine that is busy: a bid that is dropped is no
// figure.
func (i *installation) configure(redis, shelf string, durability auction.Durability) {
	c := config.Development()
	c.MySQL.DSN = config.Secret(i.database.DSN)
	c.Redis.GateURL, c.Redis.Durability = config.Secret("redis://"+redis+"/0"), string(durability)
	if shelf != "" {
		c.Redis.ShelfURL = config.Secret("redis://" + shelf + "/0")
	}
	c.Kafka.Brokers, c.Kafka.TopicPrefix = []string{i.servers.Kafka}, i.prefix()+"."
	c.HTTP.Listen, c.Limits.BidsPerSecondUser, c.Limits.BidsPerSecondAddress = "127.0.0.1:0", highLimit, highLimit
	c.HTTP.TrustedProxies = []string{"127.0.0.1"} // the client says from whom each request is, as a proxy does
	c.Redis.Timeout, c.HTTP.BidTimeout, c.HTTP.ShutdownTimeout = patience, patience, stopTimeout
	c.MySQL.Timeout = 2 * time.Minute      // half a million orders are counted at the end
	c.Relay.JournalMaxRecords = 10_000_000 // a round's bids wait in the journals until it is over
	c.Log.Level = "error"
	i.config = c
}

// patience is what a bid may take: longer than any that is decided.
const patience = 20 * time.Second

// highLimit is a limit that is on and that a run does not meet, requests a second.
const highLimit = 100_000

func (i *installation) prefix() string { return strings.ReplaceAll(i.name, "_", "-") }

// open connects an app that is to run roles; none of them runs yet.
func (i *installation) open(ctx context.Context, roles []string) (*app.App, error) {
	a, err := i.build(roles)
	if err != nil {
		return nil, err
	}
	for _, part := range []func(context.Context) error{a.OpenStore, a.OpenRedis, a.OpenKafka} {
		if err := part(ctx); err != nil {
			a.Close()
			return nil, err
		}
	}
	return a, nil
}

func (i *installation) build(roles []string) (*app.App, error) {
	c := i.config
	c.Roles = roles
	return app.New(c, app.Parts{DB: i.database.DB, Lineage: i.servers.Lineage, Log: i.log, RedisPrefix: i.prefix(),
		Version: "bench"})
}

func (i *installation) migrate(ctx context.Context) error {
	a, err := i.build(nil)
	if err != nil {
		return err
	}
	defer a.Close()
	return a.MigrateUp(ctx, nil)
}

// start runs roles and waits until every shard decides.
func (i *installation) start(ctx context.Context, roles []string) (*app.App, error) {
	a, err := i.open(ctx, roles)
	if err != nil {
		return nil, err
	}
	i.running = append(i.running, a)
	if err := a.Start(ctx); err != nil {
		return nil, err
	}
	return a, i.app.AwaitShards(ctx, startTimeout)
}

func (i *installation) stop(ctx context.Context, a *app.App) error {
	n := slices.Index(i.running, a)
	if n < 0 {
		return nil
	}
	i.running = slices.Delete(i.running, n, n+1)
	return within(2*stopTimeout, "an installation to stop", func() error { return a.Stop(context.WithoutCancel(ctx)) })
}

// within waits for what ends by itself, but not for ever: what was made is removed all the same.
func within(limit time.Duration, what string, do func() error) error {
	done := make(chan error, 1)
	go func() { done <- do() }()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return fmt.Errorf("waited %s for %s", limit, what)
	}
}

// carry runs what carries and writes until MySQL has all that was decided and the public topics all that MySQL has.
func (i *installation) carry(ctx context.Context) error {
	a, err := i.start(ctx, carry)
	if err == nil {
		err = i.settle(ctx)
	}
	if a == nil {
		return err
	}
	return errors.Join(err, i.stop(ctx, a))
}

// settle waits until the road is clear to its end. While much is under way it asks MySQL one short question at a time:
// what is timed is not to pay for being watched.
func (i *installation) settle(ctx context.Context) error {
	decided, err := i.decided(ctx)
	if err != nil {
		return err
	}
	if err := await(ctx, settleTimeout, "what was decided to be written", func() bool { return i.applied(ctx, decided) }); err != nil {
		return err
	}
	err = await(ctx, settleTimeout, "the road to clear", func() bool {
		lag, journal := i.app.Remaining(ctx)
		return lag == 0 && journal == 0
	})
	if err != nil {
		return err
	}
	return await(ctx, settleTimeout, "the public topics", func() bool { return i.published(ctx) })
}

// decided gives the last seq in each shard's journal; none of one that is empty, because it was trimmed.
func (i *installation) decided(ctx context.Context) (map[int]int64, error) {
	last := map[int]int64{}
	for shard := range i.app.Deployment.Shards {
		s, err := i.app.Gate.Stats(ctx, shard)
		if err != nil {
			return nil, err
		}
		last[shard] = s.Last.Seq
	}
	return last, nil
}

// behind gives how many decided records are not in MySQL.
func (i *installation) behind(ctx context.Context) (records int64, err error) {
	decided, err := i.decided(ctx)
	if err != nil {
		return 0, err
	}
	positions, err := i.app.Store.Positions(ctx)
	for _, p := range positions {
		records += max(decided[p.Shard]-p.Seq, 0)
	}
	return records, err
}

// lookEvery is how often it is looked how far the road is behind: one look alone is off by a third.
const lookEvery = 250 * time.Millisecond

// lookBehind looks how far the road is behind, from a while after now until looked is called, which takes a last look and
// gives the mean, or the error of what went on meanwhile.
func (i *installation) lookBehind(ctx context.Context, after time.Duration) (looked func(meanwhile error) (float64, error)) {
	var sum, looks int64
	look := func() error {
		records, err := i.behind(ctx)
		sum, looks = sum+records, looks+1
		return err
	}
	end, failed := make(chan struct{}), make(chan error, 1)
	go func() { failed <- every(end, after, lookEvery, look) }()
	return func(meanwhile error) (float64, error) {
		close(end)
		if err := cmp.Or(meanwhile, <-failed); err != nil {
			return 0, err
		}
		err := look()
		return float64(sum) / float64(looks), err
	}
}

// every does something after a while, and again and again, until the end or an error.
func every(end <-chan struct{}, after, again time.Duration, do func() error) error {
	timer := time.NewTimer(after)
	defer timer.Stop()
	for {
		select {
		case <-end:
			return nil
		case <-timer.C:
		}
		if err := do(); err != nil {
			return err
		}
		timer.Reset(again)
	}
}

func (i *installation) applied(ctx context.Context, decided map[int]int64) bool {
	positions, err := i.app.Store.Positions(ctx)
	for _, p := range positions {
		if p.Seq < decided[p.Shard] {
			return false
		}
	}
	return err == nil
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

// count gives the table of invariants over all its sales; what clients were told is one side of it.
func (i *installation) count(ctx context.Context) ([]orders.Invariant, error) {
	var clients []orders.Side
	if len(i.told) > 0 {
		clients = append(clients, orders.Side{Name: "the clients' log", Admissions: i.told, Partial: true})
	}
	return i.app.Reconcile(ctx, i.sessions, clients...)
}

// keep puts receipts into the clients' log.
func (i *installation) keep(o outcome, of *members) error {
	told, err := o.admissions(of)
	i.told = append(i.told, told...)
	return err
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
