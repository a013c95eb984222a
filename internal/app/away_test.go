package app

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"rostrum/auction"
	"rostrum/internal/config"
	"rostrum/internal/fault"
	"rostrum/internal/live"
	standinredis "rostrum/internal/standin/redis"
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
	if sold := i.counted(); sold != 40 {
		t.Errorf("%d orders of 40 units, told %v", sold, i.crowd.Told())
	}
}

// A server that is not there at the start is waited for, with a line that says for which, up to a limit.
func TestStartWaitsForItsServersUpToALimit(t *testing.T) {
	nobody := freeAddr(t)
	for name, c := range map[string]struct {
		away func(c *config.Config)
		what string
	}{
		"MySQL": {func(c *config.Config) { c.MySQL.DSN = config.Secret("root@tcp(" + nobody + ")/rostrum") }, "MySQL"},
		"Redis": {func(c *config.Config) { c.Redis.GateURL = config.Secret("redis://" + nobody + "/0") }, "Redis (gate)"},
		"shelf": {func(c *config.Config) { c.Redis.ShelfURL = config.Secret("redis://" + nobody + "/0") }, "Redis (shelf)"},
		"Kafka": {func(c *config.Config) { c.Kafka.Brokers = []string{nobody} }, "Kafka's topics (rostrum topics apply makes them)"},
	} {
		t.Run(name, func(t *testing.T) {
			on, said := standins(t), &bytes.Buffer{}
			cfg := config.Development()
			on.set(&cfg)
			cfg.Sale.Shards, cfg.Start.WaitForDependencies = 4, time.Second
			c.away(&cfg)
			parts := Parts{DB: on.db, Lineage: on.lineage, Log: slog.New(slog.NewTextHandler(said, nil))}
			if name == "MySQL" {
				parts.DB = nil
			}
			a, err := New(cfg, parts)
			must(t, err)
			defer a.Close()
			if err := a.Open(t.Context()); err == nil || !strings.Contains(err.Error(), c.what+" did not come within 1s") {
				t.Errorf("the start ends with %v", err)
			}
			if want := `msg="waiting for ` + c.what + `"`; !strings.Contains(said.String(), want) {
				t.Errorf("it does not say %s:\n%s", want, said)
			}
		})
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

// A server that comes while it is waited for is taken, and the start succeeds.
func TestAServerThatComesLate(t *testing.T) {
	for _, role := range []string{"gate", "shelf"} {
		t.Run(role, func(t *testing.T) {
			on, late := standins(t), freeAddr(t)
			cfg := config.Development()
			on.set(&cfg)
			cfg.Sale.Shards, cfg.Start.WaitForDependencies = 4, 30*time.Second
			url := &cfg.Redis.GateURL
			if role == "shelf" {
				url = &cfg.Redis.ShelfURL
			}
			*url = config.Secret("redis://" + late + "/0")
			came := make(chan error, 1)
			log := &starter{what: "waiting for Redis (" + role + ")", start: func() {
				r, err := standinredis.Start(late)
				if err == nil {
					t.Cleanup(r.Close)
				}
				came <- err
			}}
			a, err := New(cfg, Parts{DB: on.db, Lineage: on.lineage, Log: slog.New(slog.NewTextHandler(log, nil))})
			must(t, err)
			defer a.Close()
			must(t, a.OpenStore(t.Context()))
			must(t, a.OpenRedis(t.Context()))
			select {
			case err := <-came:
				must(t, err)
			default:
				t.Error("the start waited for nobody")
			}
		})
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
