package app

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/config"
	"rostrum/internal/fault"
	"rostrum/internal/live"
)

// MySQL goes away in mid-sale: bids are decided all the same, and what they won is written when it is back.
func TestMySQLAwayInMidSale(t *testing.T) {
	mysql := live.StartMySQL(t)
	i := install(t, real(t, mysql.DSN(), live.Redis(t), auction.DurableEverySec))
	i.openSale(5*time.Minute, 1, 40)
	members := i.members(50)
	i.crowd.Rush(t.Context(), i.session.ID, members[:10])
	mysql.Kill9()
	i.crowd.Rush(t.Context(), i.session.ID, members[10:30])
	if n := i.crowd.Admitted.Load(); n < 30 {
		t.Errorf("%d admitted of 30 bids with MySQL away, told %v", n, i.crowd.Told())
	}
	mysql.Restart()
	i.crowd.Rush(t.Context(), i.session.ID, members[30:])
	if sold := i.counted(); sold != 40 {
		t.Errorf("%d orders of 40 units, told %v", sold, i.crowd.Told())
	}
}

// Kafka goes away in mid-sale: bids are admitted until the journal is as long as it may get, then they are told to wait; when
// Kafka is back what was admitted is carried, and the sale goes on.
func TestKafkaAwayInMidSale(t *testing.T) {
	const most = 40
	kafka := live.StartKafka(t)
	on := real(t, live.MySQL(t), live.Redis(t), auction.DurableEverySec)
	set := on.set
	on.set = func(c *config.Config) {
		set(c)
		c.Kafka.Brokers, c.Kafka.Replication, c.Kafka.MinInsync = []string{kafka.Addr}, 1, 1
	}
	i := install(t, on, func(c *config.Config, _ *Parts) { c.Relay.JournalMaxRecords = most })
	i.openSale(5*time.Minute, 1, 60)
	members := i.members(131)
	i.crowd.Rush(t.Context(), i.session.ID, members[:10])
	i.settle()
	i.trimmed() // or it would be later, and make room
	kafka.Kill9()
	i.crowd.Rush(t.Context(), i.session.ID, members[10:20])
	if n := i.crowd.Admitted.Load(); n < 20 { // some click twice
		t.Errorf("%d admitted of 20 bids, ten of them with Kafka away, told %v", n, i.crowd.Told())
	}
	done := make(chan struct{})
	go func() { defer close(done); i.crowd.Rush(t.Context(), i.session.ID, members[20:70]) }()
	live.Eventually(t, 30*time.Second, "the journal to be full", func() (bool, error) {
		stats, err := i.app.Gate.Stats(t.Context(), i.lots[0].Shard)
		return stats.Length >= most, err
	})
	if got := i.wish(members[130], i.lots[0]); got != string(auction.Paused) {
		t.Errorf("with a full journal a bid was told %q", got)
	}
	kafka.Restart()
	<-done
	i.settle()
	i.crowd.Rush(t.Context(), i.session.ID, members[70:])
	if sold := i.counted(); sold != 60 {
		t.Errorf("%d orders of 60 units, told %v", sold, i.crowd.Told())
	}
}

// trimmed waits until the sale's journal is empty: what MySQL has is trimmed some time after that.
func (i *installation) trimmed() {
	i.t.Helper()
	live.Eventually(i.t, time.Minute, "the journal to be trimmed", func() (bool, error) {
		stats, err := i.app.Gate.Stats(i.t.Context(), i.lots[0].Shard)
		return stats.Length == 0, err
	})
}

// Redis stands still, then dies, in mid-sale: an answer that did not come is no refusal, and asking again tells the truth.
func TestRedisStandsStillInMidSale(t *testing.T) {
	redis := live.StartGate(t, "--appendfsync", "always")
	on := real(t, live.MySQL(t), redis.Addr(), auction.DurableAlways)
	i := install(t, on)
	i.openSale(5*time.Minute, 1, 40)
	members := i.members(60)
	i.crowd.Rush(t.Context(), i.session.ID, members[:10])
	done := make(chan struct{})
	go func() { defer close(done); i.crowd.Rush(t.Context(), i.session.ID, members[10:]) }()
	live.Eventually(t, 30*time.Second, "bids under way", func() (bool, error) { return i.crowd.Admitted.Load() > 15, nil })
	redis.Pause()
	live.Eventually(t, 30*time.Second, "the standstill to be felt", func() (bool, error) { return i.app.Paused(t.Context()) != nil, nil })
	redis.Kill9()
	redis.Restart()
	<-done
	i.crowd.Rush(t.Context(), i.session.ID, members) // who gave up while it was recovered comes again
	if sold := i.counted(); sold != 40 {
		t.Errorf("%d orders of 40 units, told %v", sold, i.crowd.Told())
	}
}

// away are the servers of a start by the names it waits for them by. Each takes one out of the configuration, puts an
// address in its place, and gives its own.
var away = map[string]func(c *config.Config, at string) (server string){
	"MySQL": func(c *config.Config, at string) string {
		dsn := cmp.Or(c.MySQL.DSN.Reveal(), "root@tcp(none)/rostrum") // stand-ins name none
		server := dsn[strings.Index(dsn, "(")+1 : strings.Index(dsn, ")")]
		c.MySQL.DSN = config.Secret(strings.Replace(dsn, server, at, 1))
		return server
	},
	"Redis (gate)": func(c *config.Config, at string) string {
		server, others := hostOf(c.Redis.GateURL)
		c.Redis.GateURL, c.Redis.GateCluster = config.Secret(live.RedisURL(at)), others
		return server
	},
	"Redis (shelf)": func(c *config.Config, at string) string {
		server, _ := hostOf(c.Redis.GateURL)
		c.Redis.ShelfURL = config.Secret(live.RedisURL(at))
		return server
	},
	"Kafka": func(c *config.Config, at string) string {
		server := c.Kafka.Brokers[0]
		c.Kafka.Brokers = []string{at}
		return server
	},
}

// hostOf gives the first address of a Redis, and whether there are others.
func hostOf(spelled config.Secret) (addr string, others bool) {
	addr, rest, _ := strings.Cut(strings.TrimPrefix(spelled.Reveal(), "redis://"), "/")
	return addr, strings.Contains(rest, "addr=")
}

// silent gives an address that takes connections and says nothing, as a server that stands still does.
func silent(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0") // the system takes them: nobody need accept
	must(t, err)
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// A server that is not there at the start, or does not answer, is waited for, with a line that says for which, up to a limit.
func TestStartWaitsForItsServersUpToALimit(t *testing.T) {
	const limit, slack, own = time.Second, 15 * time.Second, time.Minute // own: of a question, so that it isn't what ends the wait
	for what, put := range away {
		for how, address := range map[string]func(t testing.TB) string{"away": live.FreeAddr, "silent": silent} {
			t.Run(what+" "+how, func(t *testing.T) {
				on, said := standins(t), &bytes.Buffer{}
				cfg := config.Development()
				on.set(&cfg)
				cfg.Sale.Shards, cfg.Start.WaitForDependencies = 4, limit
				cfg.MySQL.Timeout, cfg.Kafka.RequestTimeout, cfg.Redis.Timeout = own, own, own/2
				put(&cfg, address(t))
				parts := Parts{DB: on.db, Lineage: on.lineage, Log: slog.New(slog.NewTextHandler(said, nil))}
				if what == "MySQL" {
					parts.DB = nil
				}
				a, err := New(cfg, parts)
				must(t, err)
				defer a.Close()
				began := time.Now()
				err = a.Open(t.Context())
				if took := time.Since(began); took > limit+slack {
					t.Errorf("the start ends after %s, its limit is %s", took, limit)
				}
				if err == nil || !strings.HasPrefix(err.Error(), what+" did not come within 1s: ") {
					t.Errorf("the start ends with %v", err)
				}
				if class := fault.ClassOf(err); class != fault.Unavailable && class != fault.Unknown { // no mistake of ours
					t.Errorf("the start ends with class %d: %v", class, err)
				}
				if want := `msg="waiting for ` + what + `"`; !strings.Contains(said.String(), want) {
					t.Errorf("it does not say %s:\n%s", want, said)
				}
			})
		}
	}
}

// starter is a log that starts a server as soon as somebody says that he waits for it.
type starter struct {
	what  string
	start func()
	once  sync.Once
}

func (s *starter) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte(s.what)) {
		s.once.Do(s.start)
	}
	return len(line), nil
}

// door lets clients through to a server, from now on: before, there was nobody at that address.
func door(t *testing.T, at, server string) error {
	l, err := net.Listen("tcp", at)
	if err != nil {
		return err
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for client, err := l.Accept(); err == nil; client, err = l.Accept() {
			go through(client, server)
		}
	}()
	return nil
}

func through(client net.Conn, server string) {
	defer client.Close()
	behind, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	go func() { defer behind.Close(); _, _ = io.Copy(behind, client) }()
	_, _ = io.Copy(client, behind)
}

// topics makes an installation's topics, and with them its deployment.
func (on servers) topics(t *testing.T, cfg config.Config) {
	t.Helper()
	a, err := New(cfg, Parts{DB: on.db, Log: quiet()})
	must(t, err)
	defer a.Close()
	must(t, a.OpenStore(t.Context()))
	must(t, a.OpenKafka(t.Context()))
	a.makeTopics(t)
}

// A server that comes while it is waited for is taken, and the start succeeds.
func TestAServerThatComesLate(t *testing.T) {
	for world, servers := range worlds() {
		for what, put := range away {
			if what == "MySQL" && world == "standins" {
				continue // it is a file in this process
			}
			t.Run(what+" of "+world, func(t *testing.T) {
				on, late, came := servers(t), live.FreeAddr(t), make(chan error, 1)
				cfg := config.Development()
				on.set(&cfg)
				cfg.Sale.Shards, cfg.Start.WaitForDependencies = 4, time.Minute
				on.topics(t, cfg)
				server := put(&cfg, late)
				log := &starter{what: `"waiting for ` + what + `"`, start: func() { came <- door(t, late, server) }}
				a, err := New(cfg, Parts{DB: on.db, Lineage: on.lineage, RedisPrefix: "t" + uuid.NewString()[:8], Log: slog.New(slog.NewTextHandler(log, nil))})
				must(t, err)
				defer a.Close()
				must(t, a.Open(t.Context()))
				select {
				case err := <-came:
					must(t, err)
				default:
					t.Error("the start waited for nobody")
				}
			})
		}
	}
}

// Parts of two installations are never joined.
func TestPartsOfAnotherDeploymentAreRefused(t *testing.T) {
	one, other := standins(t), standins(t)
	open := func(on servers, change func(c *config.Config)) error {
		c := config.Development()
		on.set(&c)
		c.Sale.Shards = 4
		change(&c)
		a, err := New(c, Parts{DB: on.db, Lineage: on.lineage, Log: quiet()})
		must(t, err)
		defer a.Close()
		if err := a.OpenStore(t.Context()); err != nil {
			return err
		}
		return a.OpenRedis(t.Context())
	}
	must(t, open(one, func(*config.Config) {}))
	must(t, open(other, func(*config.Config) {}))
	if err := open(one, func(c *config.Config) { c.Sale.Shards = 8 }); fault.CodeOf(err) != "deployment_differs" {
		t.Errorf("another number of shards: %v", err)
	}
	if err := open(one, other.set); err == nil {
		t.Error("another installation's Redis was taken")
	} else if fault.CodeOf(err) != "deployment_differs" || !strings.Contains(err.Error(), "check redis.gate_url and mysql.dsn") {
		t.Errorf("another installation's Redis: %v", err)
	}
}

// The number of shards stands in each journal's first record, too: the row alone cannot change it.
func TestTheGenesisRecordsHoldTheNumberOfShards(t *testing.T) {
	i := install(t, standins(t))
	must(t, i.app.AwaitShards(t.Context(), time.Minute))
	i.settle()
	must(t, i.app.genesisHolds(t.Context()))
	said := i.app.Deployment.Shards
	i.app.Deployment.Shards = 2 * said
	defer func() { i.app.Deployment.Shards = said }()
	if err := i.app.genesisHolds(t.Context()); fault.CodeOf(err) != "deployment_differs" || !strings.Contains(err.Error(), fmt.Sprintf("shard 0 was begun with %d shards", said)) {
		t.Errorf("twice as many shards as the journals were begun with: %v", err)
	}
}

// What would promise more than the server keeps is refused before anybody bids.
func TestPromisesThatCannotBeKept(t *testing.T) {
	on := real(t, live.MySQL(t), live.Redis(t), auction.DurableAlways) // this Redis syncs every second
	c := config.Development()
	on.set(&c)
	a, err := New(c, Parts{Log: quiet(), RedisPrefix: "t" + newID().String()})
	must(t, err)
	defer a.Close()
	if err := a.Open(t.Context()); fault.CodeOf(err) != "durability" || !strings.Contains(err.Error(), "appendfsync is everysec") {
		t.Errorf("always on a Redis that syncs every second: %v", err)
	}
}
