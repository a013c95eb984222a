package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	_ "github.com/ncruces/go-sqlite3/driver"
	"github.com/segmentio/kafka-go"

	"rostrum/cache"
	"rostrum/internal/live"
	standinkafka "rostrum/internal/standin/kafka"
	standinredis "rostrum/internal/standin/redis"
	standinsql "rostrum/internal/standin/sql"
)

// tiny is a run as short as can be on stand-ins.
func tiny() Options {
	return Options{Rounds: 1, Round: 50 * time.Millisecond, Clients: 4, Rows: 100, Members: 200, Lead: 400 * time.Millisecond, Limit: time.Minute}
}

// made notes the names of the databases that a run makes: all its other names begin with the same.
type made struct {
	mu    sync.Mutex
	names []string
	left  map[string]bool
}

func (m *made) of(make func(context.Context, string) (Database, error)) func(context.Context, string) (Database, error) {
	m.left = map[string]bool{}
	return func(ctx context.Context, name string) (Database, error) {
		d, err := make(ctx, name)
		if err != nil {
			return d, err
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		m.names, m.left[name] = append(m.names, name), true
		drop := d.Drop
		d.Drop = func(ctx context.Context) error {
			m.mu.Lock()
			defer m.mu.Unlock()
			delete(m.left, name)
			return drop(ctx)
		}
		return d, nil
	}
}

func standins(t *testing.T) (Servers, *made) {
	k, err := standinkafka.Start(standinkafka.Options{})
	must(t, err)
	t.Cleanup(k.Close)
	gate, err := standinredis.Start("127.0.0.1:0")
	must(t, err)
	t.Cleanup(gate.Close)
	always, err := standinredis.Start("127.0.0.1:0")
	must(t, err)
	t.Cleanup(always.Close)
	m, dir := &made{}, t.TempDir()
	return Servers{Redis: gate.Addr(), Always: always.Addr(), Kafka: k.Addr(), Lineage: gate.Lineage(),
		NewDatabase: m.of(func(_ context.Context, name string) (Database, error) {
			db, err := standinsql.Open(filepath.Join(dir, name))
			return Database{DB: db, Drop: func(context.Context) error {
				_ = db.Close() // it holds statements that are prepared on it; the folder goes with the test
				return nil
			}}, err
		})}, m
}

func realServers(t *testing.T) (Servers, *made) {
	set := map[string]string{EnvMySQL: live.MySQL(t), EnvRedis: live.Redis(t), EnvKafka: live.Kafka(t)}
	s, err := FromEnvironment(func(name string) string { return set[name] })
	must(t, err)
	live.Program(t, "redis-server")
	address, end, err := StartAlways(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, end()) })
	s.Always = address
	m := &made{}
	s.NewDatabase = m.of(s.NewDatabase)
	return s, m
}

// nothingLeft fails where a run has left something under its names.
func nothingLeft(t *testing.T, s Servers, m *made) {
	t.Helper()
	if len(m.left) > 0 {
		t.Errorf("databases left: %v", m.left)
	}
	client := bareClient(s.Kafka)
	defer closeIdle(client)
	for _, name := range m.names {
		prefix := strings.ReplaceAll(name, "_", "-")
		live.Eventually(t, 10*time.Second, "topics to go", func() (bool, error) {
			there, err := client.Metadata(t.Context(), &kafka.MetadataRequest{})
			if err != nil {
				return false, err
			}
			for _, topic := range there.Topics {
				if strings.HasPrefix(topic.Name, prefix) {
					return false, fmt.Errorf("topic %s is there", topic.Name)
				}
			}
			return true, nil
		})
		redis, err := cache.Connect(cache.Connection{URL: "redis://" + s.Redis + "/0", PoolSize: 1, Timeout: time.Second})
		must(t, err)
		keys, err := redis.Keys(t.Context(), prefix+"*").Result()
		if err != nil || len(keys) > 0 {
			t.Errorf("%d keys left: %v", len(keys), err)
		}
		redis.Close()
	}
}

func TestARunTakesEveryFigureAndLeavesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		servers func(*testing.T) (Servers, *made)
		lead    time.Duration
		without map[string]bool
	}{
		"standins": {standins, tiny().Lead, map[string]bool{"insert_bare": true}},
		"real":     {realServers, 2 * time.Second, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, m := c.servers(t)
			o := tiny()
			o.Lead = c.lead
			report, err := Run(t.Context(), s, o)
			must(t, err)
			for _, r := range report.Rows {
				if missing := r.N == 0; missing != c.without[r.Name] {
					t.Errorf("%s has %d rounds", r.Name, r.N)
				}
				if r.N > 0 && r.Of != "" && !c.without[r.Of] && (r.RatioN != r.N || r.Ratio <= 0) {
					t.Errorf("%s has the ratio %s", r.Name, r.ratio())
				}
			}
			for _, wrong := range report.Wrong() {
				t.Errorf("%s: %s: %d, %s", wrong.On, wrong.Name, wrong.Wrong, wrong.Detail)
			}
			if checked := checked(report, "admitted by the clients' log, not in MySQL's orders"); checked < 2 {
				t.Errorf("%d receipts were looked for in MySQL", checked)
			}
			nothingLeft(t, s, m)
		})
	}
}

func checked(r Report, line string) (n int) {
	for _, c := range r.Invariants {
		if c.Name == line {
			n += c.Checked
		}
	}
	return n
}

// Wherever a run is interrupted, it ends with what it has, and removes what it has made.
func TestAnInterruptedRunCleansUp(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"Relay and consumer: round 1", "Bids over HTTP: installations"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			s, m := standins(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o := tiny()
			o.Say = func(format string, args ...any) {
				if strings.HasPrefix(fmt.Sprintf(format, args...), at) {
					cancel()
				}
			}
			report, err := Run(ctx, s, o)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			relayed := 0
			for _, r := range report.Rows {
				if r.Name == "relay" {
					relayed = r.N
				}
			}
			if late := strings.HasPrefix(at, "Bids"); late != (relayed == 1) {
				t.Errorf("%d rounds of relay", relayed)
			}
			nothingLeft(t, s, m)
		})
	}
}

func TestARunThatTakesTooLongSaysSo(t *testing.T) {
	t.Parallel()
	s, m := standins(t)
	o := tiny()
	o.Limit = 500 * time.Millisecond // the first sale's lead alone, and a start before it
	_, err := Run(t.Context(), s, o)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "limit of 500ms") {
		t.Errorf("error %v", err)
	}
	nothingLeft(t, s, m)
}

func TestARunWithoutServersFails(t *testing.T) {
	none, err := freeAddress()
	must(t, err)
	failed := errors.New("no database")
	s := Servers{Redis: none, Kafka: none, NewDatabase: func(context.Context, string) (Database, error) { return Database{}, failed }}
	if _, err := Run(t.Context(), s, tiny()); !errors.Is(err, failed) {
		t.Errorf("error %v", err)
	}
	o := tiny()
	o.Clients = 0
	if _, err := Run(t.Context(), s, o); err == nil || !strings.Contains(err.Error(), "clients") {
		t.Errorf("error %v", err)
	}
}

func TestRowsAreCopiedWhole(t *testing.T) {
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(t.TempDir(), "rows"))
	must(t, err)
	defer db.Close()
	run := func(text string, args ...any) {
		t.Helper()
		_, err := db.Exec(text, args...)
		must(t, err)
	}
	for _, table := range []string{"a", "b"} {
		run("CREATE TABLE " + table + " (n INTEGER PRIMARY KEY, body BLOB, word TEXT)")
		run("CREATE TABLE " + bareName(table) + " (n INTEGER PRIMARY KEY, body BLOB, word TEXT)")
	}
	for n := range 7 {
		run("INSERT INTO a VALUES (?, ?, ?)", n, []byte{0, byte(n), '\''}, "tea 茶")
	}
	run("INSERT INTO b VALUES (1, NULL, '')")
	var all []rows
	for _, table := range []string{"a", "b"} {
		r, err := read(t.Context(), db, "SELECT * FROM "+table+" WHERE n < ? ORDER BY n", 7)
		must(t, err)
		r.table = bareName(table)
		all = append(all, r)
	}
	must(t, insertBare(t.Context(), db, all, 3)) // three batches of the longer, one of the shorter
	for n, table := range []string{"a", "b"} {
		r, err := read(t.Context(), db, "SELECT * FROM "+bareName(table)+" ORDER BY n")
		must(t, err)
		if diff := cmp.Diff(all[n].values, r.values); diff != "" || r.len() != all[n].len() {
			t.Errorf("%s (-want +got):\n%s", table, diff)
		}
	}
	if err := insertBare(t.Context(), db, all, 3); err == nil {
		t.Error("the same rows were taken twice")
	}
	if got := (rows{table: "x", columns: 2}).statement(3); got != "INSERT INTO x VALUES (?,?),(?,?),(?,?)" {
		t.Error(got)
	}
}

func TestARedisThatSyncsAlways(t *testing.T) {
	live.Program(t, "redis-server")
	t.Setenv("TMPDIR", t.TempDir())
	address, end, err := StartAlways(t.Context())
	must(t, err)
	client, err := cache.Connect(cache.Connection{URL: "redis://" + address + "/0", PoolSize: 1, Timeout: time.Second})
	must(t, err)
	defer client.Close()
	if f, err := cache.Inspect(t.Context(), client); err != nil || f.AppendOnly != "yes" || f.AppendFsync != "always" || f.MaxMemoryPolicy != "noeviction" {
		t.Errorf("%+v, %v", f, err)
	}
	must(t, end())
	if c, err := net.DialTimeout("tcp", address, time.Second); err == nil {
		c.Close()
		t.Error("it lives on")
	}
	if left, err := os.ReadDir(os.Getenv("TMPDIR")); len(left) > 0 || err != nil {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
