package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"os"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/cache"
	"rostrum/cache/gate"
	"rostrum/cache/shelf"
	"rostrum/internal/config"
	"rostrum/internal/fault"
	"rostrum/internal/observe"
	"rostrum/pipeline"
	"rostrum/store"
)

// Parts are what a start brings with it instead of what it would make from its configuration. The zero value is a
// production start; the demo and tests bring stand-ins.
type Parts struct {
	DB          *sql.DB       // in place of MySQL; the schema is there
	Lineage     string        // Lua, for a Redis that cannot be asked who it is; see gate.Options
	Log         *slog.Logger  // nil: by configuration, to standard error
	RelayOff    bool          // carries nothing to Kafka: the demo shows that the counts notice
	Listener    net.Listener  // in place of http.listen
	KeeperPoll  time.Duration // between looks at the shards' vouches; 0: 500 ms
	RedisPrefix string        // of every key; "": the product's
	Version     string
}

// App is an installation's parts, joined. Open connects them; Start runs the roles.
type App struct {
	Config     config.Config
	Log        *slog.Logger
	Metrics    *observe.Metrics
	Deployment auction.Deployment
	Store      *store.Store
	Gate       *gate.Gate
	Shelf      *shelf.Shelf
	Kafka      *pipeline.Kafka
	Accounts   *accounts.Service

	parts      Parts
	gateFacts  func(ctx context.Context) (cache.Facts, error)
	onGate     cache.Client
	onShelf    cache.Client // the same, where they share one server
	owner      string       // of this process' leases
	closers    []func() error
	sequence   sequence
	died       chan error
	address    net.Addr
	opsAddress net.Addr
	losses     *losses
	consumer   *pipeline.Consumer
	relay      *pipeline.Relay
	recover    func(ctx context.Context, shard int) (bool, error)
}

// New makes an app that is connected to nothing yet: commands connect only what they need.
func New(c config.Config, p Parts) (*App, error) {
	a := &App{Config: c, parts: p, Log: p.Log, owner: owner(), died: make(chan error, 16)}
	if a.Log == nil {
		log, err := observe.NewLogger(os.Stderr, c.Log.Level, c.Log.Format)
		if err != nil {
			return nil, err
		}
		a.Log = log
	}
	a.sequence.log = a.Log
	a.Metrics = observe.NewMetrics(p.Version, time.Now)
	a.losses = &losses{disown: func(ctx context.Context, shard int) error { return a.Gate.Disown(ctx, shard) }, alarm: a.Metrics.Alarm,
		now: time.Now, log: a.Log, last: map[int]time.Time{}}
	return a, nil
}

func owner() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d/%s", host, os.Getpid(), uuid.NewString()[:8])
}

// Open connects everything, waiting for what is not there yet, and checks that all parts belong to one deployment. What
// waiting cannot mend is an error at once.
func (a *App) Open(ctx context.Context) error {
	for _, open := range []func(context.Context) error{a.OpenStore, a.genesisHolds, a.OpenRedis, a.promiseHolds, a.OpenKafka} {
		if err := open(ctx); err != nil {
			return err
		}
	}
	return await(ctx, a.Log, "Kafka", a.Config.Start.WaitForDependencies, a.Kafka.Ready)
}

// Close closes the connections.
func (a *App) Close() {
	for n := len(a.closers) - 1; n >= 0; n-- {
		if err := a.closers[n](); err != nil {
			a.Log.Warn("closing", "error", err)
		}
	}
	a.closers = nil
}

// Database opens MySQL without asking for its schema: migrations need no more.
func (a *App) Database() (*sql.DB, error) {
	if a.parts.DB != nil {
		return a.parts.DB, nil
	}
	database, err := store.OpenDB(a.storeOptions())
	if err == nil {
		a.closers = append(a.closers, database.Close)
	}
	return database, err
}

func (a *App) storeOptions() store.Options {
	c := a.Config
	return store.Options{DSN: c.MySQL.DSN.Reveal(), MaxConns: c.MySQL.MaxConns, ConnMaxLifetime: c.MySQL.ConnMaxLifetime,
		Timeout: c.MySQL.Timeout, PaymentWindow: c.Sale.PaymentWindow}
}

// connectStore makes the store; it asks nothing.
func (a *App) connectStore() error {
	database, err := a.Database()
	if err == nil {
		a.Store = store.New(database, a.storeOptions())
	}
	return err
}

// OpenStore connects MySQL, checks its schema, and learns (or, the first time, makes) the deployment.
func (a *App) OpenStore(ctx context.Context) error {
	if err := a.connectStore(); err != nil {
		return err
	}
	claim := auction.Deployment{ID: newID(), Shards: a.Config.Sale.Shards}
	err := await(ctx, a.Log, "MySQL", a.Config.Start.WaitForDependencies, func(ctx context.Context) (err error) {
		if err := a.Store.CheckSchema(ctx); err != nil {
			return err
		}
		// Who it belongs to already is asked first; only a new database is claimed.
		a.Deployment, err = a.Store.Deployment(ctx, auction.Deployment{})
		if err == nil && a.Deployment.ID == uuid.Nil {
			a.Deployment, err = a.Store.Deployment(ctx, claim)
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := a.asConfigured(a.Deployment); err != nil {
		return err
	}
	return a.openAccounts()
}

// asConfigured refuses another number of shards than the database was made with.
func (a *App) asConfigured(d auction.Deployment) error {
	if d.Shards == a.Config.Sale.Shards {
		return nil
	}
	return fault.New(fault.Conflict, "deployment_differs", fmt.Sprintf("sale.shards is %d, but the database was made with %d: set it to that; shards are fixed for a deployment's life",
		a.Config.Sale.Shards, d.Shards))
}

// genesisHolds refuses journals that were begun with another number of shards than the database's row says by now: bids
// would go to other shards than those before them.
func (a *App) genesisHolds(ctx context.Context) error {
	for shard := range a.Deployment.Shards {
		first, err := a.Store.Records(ctx, shard, 0, 1)
		if err != nil {
			return err
		}
		if len(first) > 0 && first[0].Kind == auction.KindGenesis && first[0].Shards != a.Deployment.Shards {
			return fault.New(fault.Conflict, "deployment_differs", fmt.Sprintf("the journal of shard %d was begun with %d shards, and the table deployment says %d: put the row back",
				shard, first[0].Shards, a.Deployment.Shards))
		}
	}
	return nil
}

// same refuses a gate of another deployment than the database's.
func same(gate, database auction.Deployment) error {
	if gate == database {
		return nil
	}
	return fault.New(fault.Conflict, "deployment_differs", fmt.Sprintf("this Redis belongs to deployment %s with %d shards, the database to %s with %d: check redis.gate_url and mysql.dsn",
		gate.ID, gate.Shards, database.ID, database.Shards))
}

func (a *App) openAccounts() error {
	var named []accounts.Key
	for _, spelled := range a.Config.Auth.Keys {
		key, err := accounts.ParseKey(spelled.Reveal())
		if err != nil {
			return err
		}
		named = append(named, key)
	}
	keys, err := accounts.NewKeys(named...)
	if err != nil {
		return err
	}
	a.Accounts = &accounts.Service{Users: a.Store, Audit: a.Store, Keys: keys, Clock: time.Now, Random: rand.Reader,
		Hasher:    accounts.NewHasher(a.Config.Auth.PasswordConcurrency, 64),
		AccessTTL: a.Config.Auth.AccessTTL, RefreshTTL: a.Config.Auth.RefreshTTL, KnownArea: a.knownArea}
	return nil
}

func (a *App) knownArea(ctx context.Context, code string) (bool, error) {
	areas, err := a.Store.Areas(ctx)
	for _, area := range areas {
		if area.Code == code {
			return true, nil
		}
	}
	return false, err
}

// connectRedis makes the clients of gate and shelf, and the gate; it asks nothing.
func (a *App) connectRedis() (err error) {
	c := a.Config.Redis
	if a.onGate, err = a.client(cache.Connection{URL: c.GateURL.Reveal(), Cluster: c.GateCluster}); err != nil {
		return err
	}
	a.gateFacts = func(ctx context.Context) (cache.Facts, error) { return cache.Inspect(ctx, a.onGate) }
	a.onShelf = a.onGate
	if c.ShelfURL != "" {
		if a.onShelf, err = a.client(cache.Connection{URL: c.ShelfURL.Reveal()}); err != nil {
			return err
		}
	}
	return a.makeGate()
}

func (a *App) client(c cache.Connection) (cache.Client, error) {
	c.PoolSize, c.Timeout = a.Config.Redis.PoolSize, a.Config.Redis.Timeout
	client, err := cache.Connect(c)
	if err == nil {
		a.closers = append(a.closers, client.Close)
	}
	return client, err
}

func (a *App) makeGate() (err error) {
	c := a.Config.Redis
	a.Gate, err = gate.New(a.onGate, gate.Options{Prefix: a.parts.RedisPrefix, Shards: a.Deployment.Shards, Deployment: a.Deployment.ID,
		Durability: auction.Durability(c.Durability), Lineage: a.parts.Lineage, Timeout: c.Timeout, JournalMax: int64(a.Config.Relay.JournalMaxRecords)})
	return err
}

// OpenRedis connects gate and shelf and checks that the gate's Redis is this deployment's. OpenStore comes first.
func (a *App) OpenRedis(ctx context.Context) error {
	if err := a.connectRedis(); err != nil {
		return err
	}
	var found auction.Deployment
	err := await(ctx, a.Log, "Redis (gate)", a.Config.Start.WaitForDependencies, func(ctx context.Context) (err error) {
		found, err = a.Gate.Identity(ctx, a.Deployment)
		return err
	})
	if err == nil {
		err = same(found, a.Deployment)
	}
	if err != nil {
		return err
	}
	if a.onShelf != a.onGate {
		if err := a.awaitShelf(ctx); err != nil {
			return err
		}
	}
	if a.Shelf, err = shelf.New(a.onShelf, a.Store, a.shelfOptions()); err != nil {
		return err
	}
	a.closers = append(a.closers, func() error { a.Shelf.Close(); return nil })
	return a.Metrics.Gauge("rostrum_bloom_false_positive_ratio",
		"Share of ids that never were which this node's filter of lots lets pass, as measured since it was made; 1 without one.", a.Shelf.FalsePositives)
}

// awaitShelf waits for a Redis that is the shelf alone: without it no session can be preheated.
func (a *App) awaitShelf(ctx context.Context) error {
	return await(ctx, a.Log, "Redis (shelf)", a.Config.Start.WaitForDependencies, func(ctx context.Context) error {
		_, err := cache.Inspect(ctx, a.onShelf)
		if err != nil {
			err = fault.Wrap(fault.Unavailable, "shelf_unavailable", "the shelf does not answer", err)
		}
		return err
	})
}

// OpenKafka makes the connection to Kafka; it asks nothing yet. OpenStore comes first.
func (a *App) OpenKafka(context.Context) error {
	c := a.Config.Kafka
	o := pipeline.Options{Brokers: c.Brokers, Deployment: a.Deployment.ID, Shards: a.Deployment.Shards, TopicPrefix: c.TopicPrefix,
		Replication: c.Replication, MinInSync: c.MinInsync, SASLMechanism: c.SASLMechanism, SASLUser: c.SASLUser,
		SASLPassword: c.SASLPassword.Reveal(), RequestTimeout: c.RequestTimeout}
	if c.TLS {
		o.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	k, err := pipeline.Connect(o)
	if err != nil {
		return err
	}
	a.Kafka = k
	a.closers = append(a.closers, func() error { k.Close(); return nil })
	return nil
}
