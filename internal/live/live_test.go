package live

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"
	"github.com/segmentio/kafka-go"
)

// spy is a test that records how it was ended, and ends its goroutine as the real one does.
type spy struct {
	testing.TB
	skipped, failed string
}

func (s *spy) Helper() {}
func (s *spy) Fatalf(format string, args ...any) {
	s.failed = fmt.Sprintf(format, args...)
	runtime.Goexit()
}
func (s *spy) Skipf(format string, args ...any) {
	s.skipped = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func watch(t *testing.T, f func(testing.TB)) *spy {
	s := &spy{TB: t}
	done := make(chan struct{})
	go func() { defer close(done); f(s) }()
	<-done
	return s
}

func TestAddressesComeFromTheEnvironment(t *testing.T) {
	one := map[string]func(testing.TB) string{
		EnvMySQL: MySQL, EnvMySQL2: MySQL2, EnvRedis: Redis, EnvRedis2: Redis2, EnvShelf: Shelf, EnvKafka: Kafka,
		EnvKafkaGroups: KafkaGroups,
	}
	for name, get := range one {
		t.Setenv(name, "a value of "+name)
		if got := get(t); got != "a value of "+name {
			t.Errorf("%s: got %q", name, got)
		}
	}
	many := map[string]func(testing.TB) []string{EnvRedisCluster: RedisCluster, EnvKafkaCluster: KafkaCluster}
	for name, get := range many {
		t.Setenv(name, "a:1, b:2,,c:3")
		if diff := cmp.Diff([]string{"a:1", "b:2", "c:3"}, get(t)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestAbsentServer(t *testing.T) {
	for _, c := range []struct {
		mode        string
		skip, fails bool
	}{{"", true, false}, {"yes", true, false}, {"require", false, true}} {
		t.Run("mode="+c.mode, func(t *testing.T) {
			t.Setenv(EnvMySQL, "")
			t.Setenv(EnvMode, c.mode)
			s := watch(t, func(tb testing.TB) { MySQL(tb) })
			if (s.skipped != "") != c.skip || (s.failed != "") != c.fails {
				t.Fatalf("skipped %q, failed %q", s.skipped, s.failed)
			}
			if said := s.skipped + s.failed; !strings.Contains(said, EnvMySQL) {
				t.Errorf("%q does not name the variable", said)
			}
		})
	}
}

func TestEventually(t *testing.T) {
	calls := 0
	Eventually(t, 5*time.Second, "the third call", func() (bool, error) {
		calls++
		if calls == 2 {
			return true, errors.New("an error is never a success")
		}
		return calls == 3, nil
	})
	if calls != 3 {
		t.Errorf("asked %d times, want 3", calls)
	}
	s := watch(t, func(tb testing.TB) {
		Eventually(tb, time.Nanosecond, "the moon", func() (bool, error) { return false, errors.New("clouds") })
	})
	if !strings.Contains(s.failed, "the moon") || !strings.Contains(s.failed, "clouds") {
		t.Errorf("failed with %q, want what was waited for and the last error", s.failed)
	}
}

func TestRedisKeepsItsDataThroughKill9(t *testing.T) {
	p := StartRedis(t, "--appendfsync", "always")
	c := redis.NewClient(&redis.Options{Addr: p.Addr})
	defer c.Close()
	ctx := context.Background()
	if err := c.Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	if got := c.ConfigGet(ctx, "appendfsync").Val()["appendfsync"]; got != "always" {
		t.Errorf("appendfsync %q: the test's own arguments must win", got)
	}
	addr, pid := p.Addr, p.Pid()
	p.Kill9()
	if err := redisAnswers(addr); err == nil {
		t.Fatal("it answers after Kill9")
	}
	p.Kill9() // a second time does nothing
	p.Restart()
	if p.Addr != addr || p.Pid() == pid {
		t.Errorf("after Restart: address %s pid %d, before %s %d", p.Addr, p.Pid(), addr, pid)
	}
	if got, err := c.Get(ctx, "k").Result(); got != "v" || err != nil {
		t.Errorf("after Restart: %q, %v", got, err)
	}
	if files, _ := filepath.Glob(filepath.Join(p.Dir, "appendonlydir", "*")); len(files) == 0 {
		t.Error("no append-only file in Dir: nothing there for a test to turn back")
	}
}

func TestPauseFreezes(t *testing.T) {
	p := StartRedis(t)
	c := redis.NewClient(&redis.Options{Addr: p.Addr, ReadTimeout: 50 * time.Millisecond, MaxRetries: -1})
	defer c.Close()
	ctx := context.Background()
	p.Pause()
	if err := c.Ping(ctx).Err(); err == nil {
		t.Error("a paused server answered")
	}
	p.Resume()
	Eventually(t, 10*time.Second, "an answer after Resume", func() (bool, error) { return true, c.Ping(ctx).Err() })
}

func TestStartFailsWithTheServersWords(t *testing.T) {
	s := watch(t, func(tb testing.TB) { StartRedis(tb, "--no-such-option", "1") })
	if !strings.Contains(s.failed, "no-such-option") {
		t.Errorf("failed with %q, want the server's own log", s.failed)
	}
}

func TestMySQLKeepsWhatItCommitted(t *testing.T) {
	p := StartMySQL(t)
	db, err := sql.Open("mysql", p.DSN())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, q := range []string{"CREATE DATABASE d", "CREATE TABLE d.t (n INT PRIMARY KEY)", "INSERT INTO d.t VALUES (7)"} {
		if _, err := db.Exec(q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	p.Kill9()
	p.Restart()
	var n int
	Eventually(t, 10*time.Second, "the row", func() (bool, error) { return true, db.QueryRow("SELECT n FROM d.t").Scan(&n) })
	if n != 7 {
		t.Errorf("n = %d", n)
	}
}

func TestKafkaKeepsWhatItAcknowledged(t *testing.T) {
	p := StartKafka(t)
	client := &kafka.Client{Addr: kafka.TCP(p.Addr), Timeout: 10 * time.Second}
	made, err := client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: "t", NumPartitions: 1, ReplicationFactor: 1}}})
	if err != nil || made.Errors["t"] != nil {
		t.Fatal(err, made)
	}
	Eventually(t, 10*time.Second, "the topic's leader", func() (bool, error) {
		sent, err := client.Produce(t.Context(), &kafka.ProduceRequest{Topic: "t", RequiredAcks: kafka.RequireAll,
			Records: kafka.NewRecordReader(kafka.Record{Value: kafka.NewBytes([]byte("v"))})})
		if err != nil {
			return false, err
		}
		return sent.Error == nil, sent.Error
	})
	p.Kill9()
	if err := kafkaAnswers(p.Addr); err == nil {
		t.Fatal("it answers after Kill9")
	}
	p.Restart()
	Eventually(t, 10*time.Second, "the record", func() (bool, error) {
		ends, err := client.ListOffsets(t.Context(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{"t": {kafka.LastOffsetOf(0)}}})
		if err != nil {
			return false, err
		}
		return ends.Topics["t"][0].LastOffset > 0, ends.Topics["t"][0].Error
	})
}

func TestRedisURL(t *testing.T) {
	for addrs, want := range map[string]string{
		"a:1": "redis://a:1/0", "a:1,b:2": "redis://a:1/0?addr=b:2", "a:1, b:2,c:3": "redis://a:1/0?addr=b:2&addr=c:3", "": "redis://",
	} {
		if got := RedisURL(addrs); got != want {
			t.Errorf("%q is spelled %q, want %q", addrs, got, want)
		}
	}
}

func TestBrokers(t *testing.T) {
	t.Setenv(EnvKafka, "a:1")
	t.Setenv(EnvKafkaCluster, "")
	if addrs, copies, inSync := Brokers(t); len(addrs) != 1 || addrs[0] != "a:1" || copies != 1 || inSync != 1 {
		t.Error(addrs, copies, inSync)
	}
	t.Setenv(EnvKafkaCluster, "a:1,b:2,c:3")
	if addrs, copies, inSync := Brokers(t); len(addrs) != 3 || copies != 3 || inSync != 2 {
		t.Error(addrs, copies, inSync)
	}
}

// A cluster of a test's own: all slots are served, one node may be away alone, and data and membership outlive kill -9.
func TestAClusterOfOnesOwn(t *testing.T) {
	t.Setenv(EnvRedis, "a:1,b:2,c:3")
	m := StartGate(t, "--appendfsync", "always")
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: list(m.Addr()), MaxRedirects: 1})
	defer c.Close()
	ctx, keys := context.Background(), []string{"b", "c", "a"} // of the first, second and third third of the slots
	for _, key := range keys {
		if err := c.Set(ctx, key, key, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	m.Nodes[0].Kill9()
	for n, key := range keys {
		if err := c.Get(ctx, key).Err(); (err == nil) != (n > 0) {
			t.Errorf("%s with the first master away: %v", key, err)
		}
	}
	m.Kill9()
	m.Restart()
	for _, key := range keys {
		if got, err := c.Get(ctx, key).Result(); got != key {
			t.Errorf("%s after all were away: %q, %v", key, got, err)
		}
	}
	m.Kill9()
	m.Forget()
	m.Restart()
	if n, err := c.DBSize(ctx).Result(); n != 0 || err != nil {
		t.Errorf("%d keys are left of what was forgotten: %v", n, err)
	}
}

func TestAGateOfOnesOwnIsOneServerElsewhere(t *testing.T) {
	t.Setenv(EnvRedis, "a:1")
	if m := StartGate(t); len(m.Nodes) != 1 || m.Addr() != m.Nodes[0].Addr {
		t.Errorf("%d servers at %s", len(m.Nodes), m.Addr())
	}
}
