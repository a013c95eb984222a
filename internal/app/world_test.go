package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/goods"
	"rostrum/internal/config"
	"rostrum/internal/crowd"
	"rostrum/internal/live"
	standinkafka "rostrum/internal/standin/kafka"
	standinredis "rostrum/internal/standin/redis"
	standinsql "rostrum/internal/standin/sql"
	"rostrum/orders"
	"rostrum/store/storetest"
)

// servers are what an installation stands on in a test: stand-ins, or real ones.
type servers struct {
	db      *sql.DB // the stand-in's
	lineage string
	set     func(c *config.Config)
}

// standins gives the three stand-ins.
func standins(t *testing.T) servers {
	k, err := standinkafka.Start(standinkafka.Options{})
	must(t, err)
	t.Cleanup(k.Close)
	r, err := standinredis.Start("127.0.0.1:0")
	must(t, err)
	t.Cleanup(r.Close)
	db, err := standinsql.Open(t.TempDir() + "/rostrum.sqlite")
	must(t, err)
	t.Cleanup(func() { db.Close() })
	return servers{db: db, lineage: r.Lineage(), set: func(c *config.Config) {
		c.Kafka.Brokers = []string{k.Addr()}
		c.Redis.GateURL = config.Secret("redis://" + r.Addr() + "/0")
	}}
}

// real gives the servers of the environment: a database of the test's own, and shared Redis and Kafka under prefixes. Of
// redis there may be several by comma: a cluster.
func real(t *testing.T, mysql, redis string, durability auction.Durability) servers {
	dsn := storetest.Database(t, mysql)
	prefix := "t" + uuid.NewString()[:8] + "-"
	brokers, copies, inSync := live.Brokers(t)
	return servers{set: func(c *config.Config) {
		c.MySQL.DSN = config.Secret(dsn)
		c.Redis.GateURL = config.Secret(live.RedisURL(redis))
		c.Redis.Durability = string(durability)
		c.Kafka.Brokers, c.Kafka.Replication, c.Kafka.MinInsync = brokers, copies, inSync
		c.Kafka.TopicPrefix = prefix
	}}
}

// worlds are the installations that the whole road is shown on: stand-ins always, and both pairs of real engines.
func worlds() map[string]func(t *testing.T) servers {
	return map[string]func(t *testing.T) servers{
		"standins": standins,
		"MariaDB and Redis": func(t *testing.T) servers {
			return real(t, live.MySQL(t), live.Redis(t), auction.DurableEverySec)
		},
		"MySQL and Valkey": func(t *testing.T) servers {
			return real(t, live.MySQL2(t), live.Redis2(t), auction.DurableEverySec)
		},
	}
}

// installation is a running platform, with a sale to bid in.
type installation struct {
	t       *testing.T
	on      servers
	prefix  string // of Redis keys
	app     *App
	session auction.Session
	lots    []auction.Lot
	crowd   *crowd.Crowd
	recurs  auction.Recurrence          // of a sale; "": once
	terms   func(n int, l *auction.Lot) // changes the drafts of a sale; nil: nothing
}

// install makes an installation of a few shards with an area and a seller's items, all roles in this process.
func install(t *testing.T, on servers, change ...func(c *config.Config, p *Parts)) *installation {
	i := &installation{t: t, on: on, prefix: "t" + uuid.NewString()[:8]}
	i.start(change...)
	t.Cleanup(func() { i.stop() })
	i.crowd = crowd.New(func() string { return "http://" + i.app.Addr().String() }, crowd.Options{Connections: 32, Asks: 12})
	t.Cleanup(i.crowd.Close)
	i.area()
	return i
}

func (i *installation) area() {
	i.t.Helper()
	must(i.t, i.app.Store.PutArea(i.t.Context(), goods.Area{Code: "north", Name: "North"}))
}

// start starts a process of the installation: the first time it makes the topics, later it finds what is there.
func (i *installation) start(change ...func(c *config.Config, p *Parts)) {
	i.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(i.t, err)
	c := config.Development()
	i.on.set(&c)
	c.Sale.Shards = 4
	c.Redis.Timeout, c.HTTP.BidTimeout, c.HTTP.RequestTimeout = 5*time.Second, 5*time.Second, 10*time.Second
	c.Relay.Lease, c.Limits.BidsPerSecondUser = time.Second, 0
	c.Log.Level = os.Getenv("ROSTRUM_TEST_LOG")
	if c.Log.Level == "" {
		c.Log.Level = "error"
	}
	p := Parts{DB: i.on.db, Lineage: i.on.lineage, Listener: listener, RedisPrefix: i.prefix, KeeperPoll: 50 * time.Millisecond}
	for _, f := range change {
		f(&c, &p)
	}
	i.app, err = New(c, p)
	must(i.t, err)
	ctx, cancel := context.WithTimeout(i.t.Context(), time.Minute)
	defer cancel()
	must(i.t, i.app.OpenStore(ctx))
	must(i.t, i.app.OpenRedis(ctx))
	must(i.t, i.app.OpenKafka(ctx))
	i.app.makeTopics(i.t)
	must(i.t, i.app.Start(ctx))
	if p.RelayOff {
		return
	}
	must(i.t, i.app.AwaitShards(ctx, time.Minute))
}

// makeTopics makes what topics there are not. A broker that stands still for a moment is asked again.
func (a *App) makeTopics(t *testing.T) {
	t.Helper()
	live.Eventually(t, time.Minute, "the topics", func() (bool, error) {
		_, err := a.Kafka.Apply(t.Context())
		return true, err
	})
}

// stop ends the process in order; a second call does nothing.
func (i *installation) stop() {
	i.t.Helper()
	if i.app == nil {
		return
	}
	if err := i.app.Stop(context.WithoutCancel(i.t.Context())); err != nil {
		i.t.Error(err)
	}
	i.app = nil
}

// openSale publishes a session of flash lots with the given stocks, preheats it, and waits until it is live.
func (i *installation) openSale(length time.Duration, perBuyer int, stocks ...int64) {
	i.t.Helper()
	i.planSale(1500*time.Millisecond+time.Duration(len(stocks))*50*time.Millisecond, length, perBuyer, stocks...) // time to be preheated in
	i.preheat()
	live.Eventually(i.t, 10*time.Second, "the sale to open", func() (bool, error) {
		return time.Now().UnixMicro() > i.session.StartsUS, nil
	})
}

// planSale publishes a session of flash lots with the given stocks, which starts a while after that.
func (i *installation) planSale(startsIn, length time.Duration, perBuyer int, stocks ...int64) {
	i.t.Helper()
	ctx, now := i.t.Context(), time.Now()
	seller := newID()
	later := now.Add(time.Hour)
	s := auction.Session{ID: newID(), Area: "north", Name: "Sale", Currency: "EUR", Zone: "UTC", StartsUS: later.UnixMicro(),
		EndsUS: later.Add(length).UnixMicro(), Recurrence: cmp.Or(i.recurs, auction.Once), State: auction.SessionDraft, Creator: seller, CreatedUS: now.UnixMicro(), Rev: 1}
	must(i.t, i.app.Store.CreateSession(ctx, s))
	items := map[uuid.UUID]goods.Item{}
	i.lots = nil
	for n, stock := range stocks {
		item := goods.Item{ID: newID(), Number: fmt.Sprint(n, s.ID), Owner: seller, Creator: seller, Name: "Thing", PriceMinor: 500, Currency: "EUR",
			Area: "north", Auctionable: true, State: goods.Tradable, CreatedUS: now.UnixMicro(), Rev: 1}
		must(i.t, i.app.Store.CreateItem(ctx, item))
		l := auction.Lot{ID: newID(), Session: s.ID, Item: item.ID, Seller: seller, Area: "north", Title: "Thing", Format: auction.Flash,
			PriceMinor: 500, Currency: "EUR", Stock: stock, PerBuyer: perBuyer, State: auction.LotDraft, Rev: 1}
		l.Shard = auction.ShardOf(l.ID, uuid.Nil, i.app.Deployment.Shards)
		if i.terms != nil {
			i.terms(n, &l)
		}
		must(i.t, i.app.Store.AddLot(ctx, l))
		items[item.ID], i.lots = item, append(i.lots, l)
	}
	s, err := i.app.Store.Session(ctx, s.ID)
	must(i.t, err)
	starts := time.Now().Add(startsIn) // however long the drafts took
	s.StartsUS, s.EndsUS = starts.UnixMicro(), starts.Add(length).UnixMicro()
	s, err = i.app.Store.ChangeSession(ctx, s)
	must(i.t, err)
	early := now.Add(-time.Hour) // whoever plans so preheats by himself, at once
	s, open, wrong, err := auction.Publish(s, i.lots, items, i.app.Deployment.Shards, early.UnixMicro(), rand.Reader)
	if err != nil || len(wrong) > 0 {
		i.t.Fatal(wrong, err)
	}
	must(i.t, i.app.Store.Publish(ctx, s, open))
	i.session, i.lots = s, open
}

// preheat preheats the session; the closer may be at it already.
func (i *installation) preheat() {
	i.t.Helper()
	live.Eventually(i.t, time.Minute, "preheating", func() (bool, error) {
		r, err := i.app.Preheat(i.t.Context(), i.session.ID, nil)
		return err == nil && r.Verified == len(i.lots), err
	})
}

// members gives n bidders with tokens.
func (i *installation) members(n int) []crowd.Member {
	i.t.Helper()
	minted, err := i.app.Accounts.MintTokens(i.t.Context(), uuid.Nil, accounts.MintRequest{Area: "north", Count: n})
	must(i.t, err)
	members := make([]crowd.Member, n)
	for k, m := range minted {
		members[k] = crowd.Member{User: m.User, Token: m.Token}
	}
	return members
}

// settle waits until everything that was decided is in MySQL and the journals are trimmed.
func (i *installation) settle() {
	i.t.Helper()
	live.Eventually(i.t, time.Minute, "the road to clear", func() (bool, error) {
		lag, journal := i.app.Remaining(i.t.Context())
		if lag != 0 || journal != 0 {
			return false, fmt.Errorf("lag %d, journal %d", lag, journal)
		}
		return true, nil
	})
}

// counted settles and wants every invariant to hold; it gives the number of orders.
func (i *installation) counted() int {
	i.t.Helper()
	i.reconciled(func() ([]orders.Invariant, error) {
		return i.app.Reconcile(i.t.Context(), []uuid.UUID{i.session.ID}, i.crowd.Side())
	})
	sold := 0
	for p := (orders.Page{Limit: 100}); ; {
		list, err := i.app.Store.ListOrders(i.t.Context(), orders.Filter{Session: i.session.ID}, p)
		must(i.t, err)
		sold += len(list)
		if len(list) < p.Limit {
			return sold
		}
		p.After = list[len(list)-1].ID
	}
}

// reconciled settles and wants every invariant of a table to hold. A relay that starts may send once more what is there, and
// the closer may decide something, just when the road has cleared: then it has to clear again.
func (i *installation) reconciled(count func() ([]orders.Invariant, error)) {
	i.t.Helper()
	var table []orders.Invariant
	live.Eventually(i.t, time.Minute, "the road to be clear while it is counted", func() (_ bool, err error) {
		i.settle()
		table, err = count()
		return !slices.ContainsFunc(table, underWay), err
	})
	for _, line := range table {
		if !line.OK() {
			i.t.Errorf("%s: %d of %d wrong: %s", line.Name, line.Wrong, line.Checked, line.Detail)
		}
	}
}

func underWay(l orders.Invariant) bool {
	return !l.OK() && (strings.Contains(l.Name, "(lag)") || l.Name == "journal not yet applied")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
