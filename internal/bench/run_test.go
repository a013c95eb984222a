package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	_ "github.com/ncruces/go-sqlite3/driver"
	"github.com/segmentio/kafka-go"

	"rostrum/cache"
	"rostrum/internal/fault"
	"rostrum/internal/live"
	standinkafka "rostrum/internal/standin/kafka"
	standinredis "rostrum/internal/standin/redis"
	standinsql "rostrum/internal/standin/sql"
)

// tiny is a run as short as can be on stand-ins: beside a whole suite, one of them may take 50 ms for its first answers.
func tiny() Options {
	return Options{Rounds: 1, Round: 250 * time.Millisecond, Members: 500, Crowd: 64, Spread: 16, Rows: 100, Bids: 100, Lots: 100, Users: 1000,
		Lead: 3 * time.Second, BigLead: 4 * time.Second, Limit: 10 * time.Minute}
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
	m, dir := &made{}, t.TempDir()
	return Servers{Redis: gate.Addr(), Kafka: k.Addr(), Lineage: gate.Lineage(),
		StartRedis: func(context.Context, string) (string, func() error, error) {
			own, err := standinredis.Start("127.0.0.1:0")
			if err != nil {
				return "", nil, err
			}
			return own.Addr(), func() error { own.Close(); return nil }, nil
		},
		NewDatabase: m.of(func(_ context.Context, name string) (Database, error) {
			db, err := standinsql.Open(filepath.Join(dir, name))
			return Database{DB: db, Drop: func(context.Context) error {
				_ = db.Close() // it holds statements that are prepared on it; the folder goes with the test
				return nil
			}}, err
		})}, m
}

func realServers(t *testing.T) (Servers, *made) {
	redis := live.Redis(t)
	if strings.Contains(redis, ",") { // a cluster: figures are of one Redis
		redis = live.StartRedis(t).Addr
	}
	set := map[string]string{EnvMySQL: live.MySQL(t), EnvRedis: redis, EnvKafka: live.Kafka(t)}
	s, err := FromEnvironment(func(name string) string { return set[name] })
	must(t, err)
	live.Program(t, "redis-server")
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
		redis, err := cache.Connect(cache.Connection{URL: "redis://" + s.Redis + "/0", PoolSize: 1, Timeout: 10 * time.Second})
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
		without map[string]bool // a stand-in takes no bare statements and says nothing of its memory
	}{
		"standins": {standins, map[string]bool{"insert_bare": true, "redis_bytes_lot": true, "redis_bytes_bid": true}},
		"real":     {realServers, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, m := c.servers(t)
			report, err := Run(t.Context(), s, tiny())
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
			if checked := checked(report, "admitted by the clients' log, not in MySQL's orders"); checked < 1000 {
				t.Errorf("%d receipts were looked for in MySQL", checked)
			}
			if len(report.Left) > 0 {
				t.Errorf("left out: %v", report.Left)
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
	for at, has := range map[string]string{"Relay and consumer: round 1": "", "Bids over HTTP": "relay", "Listing": "goodput_twice_peak"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			s, m := standins(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			o := tiny()
			o.Say = func(format string, args ...any) {
				if strings.Contains(fmt.Sprintf(format, args...), " s  "+at) {
					cancel()
				}
			}
			report, err := Run(ctx, s, o)
			if !errors.Is(err, context.Canceled) {
				t.Errorf("error %v", err)
			}
			taken := map[string]int{}
			for _, r := range report.Rows {
				taken[r.Name] = r.N
			}
			if has != "" && taken[has] != 1 || taken["page_20"] > 0 {
				t.Errorf("taken: %v", taken)
			}
			nothingLeft(t, s, m)
		})
	}
}

func TestARunThatTakesTooLongSaysSo(t *testing.T) {
	t.Parallel()
	s, m := standins(t)
	o := tiny()
	o.Round, o.Limit = 10*time.Millisecond, 500*time.Millisecond // the first sale's lead alone, and a start before it
	report, err := Run(t.Context(), s, o)
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "limit of 500ms") {
		t.Errorf("error %v", err)
	}
	if n := len(report.Left); n == 0 || !strings.Contains(report.Left[n-1], "the run ended early") || report.Taken() {
		t.Errorf("left out: %v", report.Left)
	}
	nothingLeft(t, s, m)
}

func TestARunWithoutServersSaysWhichAreMissing(t *testing.T) {
	none, err := freeAddress()
	must(t, err)
	s := Servers{Redis: none, Shelf: said(t, "-NOAUTH Authentication required.\r\n"), Kafka: none, MySQL: none,
		NewDatabase: func(context.Context, string) (Database, error) {
			t.Error("a database was made")
			return Database{}, nil
		}}
	_, err = Run(t.Context(), s, tiny())
	if err == nil || fault.CodeOf(err) != "bench_unreachable" {
		t.Fatalf("error %v", err)
	}
	for _, want := range []string{EnvRedis + ": nothing of use at " + none, EnvShelf, "NOAUTH", EnvKafka + ": nothing of use at " + none, EnvMySQL + ": nothing of use at " + none} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	o := tiny()
	o.Rounds = 0
	if _, err := Run(t.Context(), s, o); err == nil || !strings.Contains(err.Error(), "rounds") {
		t.Errorf("error %v", err)
	}
}

func TestWithoutARedisServerTheRestIsTaken(t *testing.T) {
	t.Parallel()
	s, m := standins(t)
	s.StartRedis = func(context.Context, string) (string, func() error, error) { return "", nil, exec.ErrNotFound }
	report, err := Run(t.Context(), s, tiny())
	must(t, err)
	taken := map[string]int{}
	for _, r := range report.Rows {
		taken[r.Name] = r.N
	}
	if taken["admit_hot_64"] != 1 || taken["admit_always_256"] != 0 || taken["cost_1_lot"] != 0 || len(report.Left) != 2 {
		t.Errorf("taken: %v; left out: %v", taken, report.Left)
	}
	nothingLeft(t, s, m)
}

// Rounds over HTTP end when the time is needed for what comes after, and the page says so; the first is always taken.
func TestRoundsEndWhenTheTimeIsNeeded(t *testing.T) {
	s, _ := standins(t)
	d := &door{run: &run{Servers: s, o: tiny(), began: time.Now().Add(-time.Hour)}}
	d.o.Rounds = 3
	for round, want := range []bool{false, true} {
		if enough, err := d.enough(t.Context(), round); enough != want || err != nil {
			t.Errorf("round %d: %v, %v", round, enough, err)
		}
	}
	if len(d.report.Left) != 1 || !strings.Contains(d.report.Left[0], "2 further rounds") {
		t.Errorf("left out: %v", d.report.Left)
	}
	d.began = time.Now()
	if enough, err := d.enough(t.Context(), 1); enough || err != nil {
		t.Errorf("in good time: %v, %v", enough, err)
	}
}

// Whoever may not make a database is told so, by the variable and the statement; nothing else is made.
func TestRightsThatAreMissing(t *testing.T) {
	s, m := realServers(t)
	admin, err := sql.Open("mysql", live.MySQL(t))
	must(t, err)
	defer admin.Close()
	name := "bench_" + strings.ReplaceAll(newID().String(), "-", "")[20:]
	_, err = admin.ExecContext(t.Context(), "CREATE USER "+name+"@'%' IDENTIFIED BY 'x'")
	must(t, err)
	defer func() {
		if _, err := admin.ExecContext(context.WithoutCancel(t.Context()), "DROP USER "+name+"@'%'"); err != nil {
			t.Error(err)
		}
	}()
	s.NewDatabase = onMySQL(name + ":x@tcp(" + s.MySQL + ")/")
	_, err = Run(t.Context(), s, tiny())
	if err == nil || !strings.Contains(err.Error(), EnvMySQL+" ("+s.MySQL+"): CREATE DATABASE") || !strings.Contains(err.Error(), "denied") {
		t.Errorf("error %v", err)
	}
	nothingLeft(t, s, m)
}

func TestRowsAreCopiedWhole(t *testing.T) {
	server := live.MySQL(t)
	own, err := onMySQL(server)(t.Context(), "rostrum_bench_"+strings.ReplaceAll(uuid.NewString(), "-", "")[:12])
	must(t, err)
	defer func() { must(t, own.Drop(context.WithoutCancel(t.Context()))) }()
	db, err := sql.Open("mysql", own.DSN)
	must(t, err)
	defer db.Close()
	run := func(text string, args ...any) {
		t.Helper()
		_, err := db.Exec(text, args...)
		must(t, err)
	}
	for _, table := range []string{"a", "b"} {
		run("CREATE TABLE " + table + " (n INTEGER PRIMARY KEY, body BLOB, word TEXT) CHARSET utf8mb4")
		run("CREATE TABLE " + bareName(table) + " (n INTEGER PRIMARY KEY, body BLOB, word TEXT) CHARSET utf8mb4")
	}
	for n := range 7 {
		run("INSERT INTO a VALUES (?, ?, ?)", n, []byte{0, byte(n), '\'', '\\', '\n', '\r', 26, '"', 255}, "tea 茶 'n' \\")
	}
	run("INSERT INTO b VALUES (1, NULL, '')")
	var all []rows
	for _, table := range []string{"a", "b"} {
		r, err := read(t.Context(), db, "SELECT * FROM "+table+" WHERE n < ? ORDER BY n", 7)
		must(t, err)
		r.table = bareName(table)
		all = append(all, r)
	}
	batches := textsOf(all, 3)
	if len(batches) != 3 || len(batches[0]) != 2 || len(batches[2]) != 1 {
		t.Errorf("three batches of the longer, one of the shorter: %q", batches)
	}
	must(t, insertBare(t.Context(), db, batches))
	for n, table := range []string{"a", "b"} {
		r, err := read(t.Context(), db, "SELECT * FROM "+bareName(table)+" ORDER BY n")
		must(t, err)
		if diff := cmp.Diff(all[n].values, r.values); diff != "" || r.len() != all[n].len() {
			t.Errorf("%s (-want +got):\n%s", table, diff)
		}
	}
	if err := insertBare(t.Context(), db, batches); err == nil {
		t.Error("the same rows were taken twice")
	}
	if got := (rows{table: "x", columns: 2, values: []any{nil, int64(-1), "a", []byte("b")}}).insert(0, 2); got != "INSERT INTO x VALUES (NULL,-1),('a',_binary'b')" {
		t.Error(got)
	}
}

func TestARedisThatSyncsAlways(t *testing.T) {
	live.Program(t, "redis-server")
	t.Setenv("TMPDIR", t.TempDir())
	address, end, err := StartRedis(t.Context(), "always")
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
