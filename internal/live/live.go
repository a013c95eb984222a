// Package live gives tests the real servers they run on, and nothing but that.
//
// The servers are somebody else's to start: deploy/local starts a set and prints the variables, "make live" does both and
// runs every package. A test asks for the address it needs; where it is not there the test is skipped with the variable's
// name, or, with ROSTRUM_LIVE=require as CI sets it, fails: a suite that silently did not run has shown nothing.
//
// Shared servers are shared by packages that run at the same time, so each test takes a database, a key prefix and a topic
// prefix of its own. A test that kills its server, fills it or turns it back starts one of its own: StartRedis, StartMySQL,
// StartKafka, StartGate.
//
// "make live-cluster" runs the same suites on a Redis Cluster of three masters and three Kafka brokers: Redis then gives
// three addresses, StartGate three servers and Brokers three copies. A test that takes them as they come runs on both.
package live

import (
	"os"
	"strings"
	"testing"
	"time"
)

// The variables that deploy/local/env prints.
const (
	EnvMode         = "ROSTRUM_LIVE"               // "require" turns each skip into a failure
	EnvMySQL        = "ROSTRUM_TEST_MYSQL"         // DSN up to the database's name: root@tcp(127.0.0.1:23306)/
	EnvMySQL2       = "ROSTRUM_TEST_MYSQL2"        // the same, of another engine (MySQL beside MariaDB)
	EnvRedis        = "ROSTRUM_TEST_REDIS"         // host:port of the gate, durable; of a cluster each master's, by comma
	EnvRedis2       = "ROSTRUM_TEST_REDIS2"        // the same, of another engine (Valkey beside Redis)
	EnvShelf        = "ROSTRUM_TEST_SHELF"         // host:port of the shelf, evicting
	EnvRedisCluster = "ROSTRUM_TEST_REDIS_CLUSTER" // host:port of each master, by comma
	EnvKafka        = "ROSTRUM_TEST_KAFKA"         // host:port of one broker
	EnvKafkaCluster = "ROSTRUM_TEST_KAFKA_CLUSTER" // host:port of each of three brokers, by comma
	EnvKafkaGroups  = "ROSTRUM_TEST_KAFKA_GROUPS"  // command for sh that runs Kafka's own kafka-consumer-groups
	EnvKafkaLibs    = "ROSTRUM_TEST_KAFKA_LIBS"    // folder of Kafka's jars, for StartKafka
	EnvRedisBin     = "ROSTRUM_TEST_REDIS_BIN"     // redis-server for StartRedis; else the one in PATH
	EnvMySQLBin     = "ROSTRUM_TEST_MYSQL_BIN"     // mariadbd for StartMySQL; else the one in PATH
)

// MySQL gives the DSN of a MySQL-protocol server without a database ("root@tcp(host:port)/"); add the database's name and
// parameters. The user may create and drop databases.
func MySQL(t testing.TB) string { t.Helper(); return need(t, EnvMySQL) }

// MySQL2 gives the DSN of a second engine, as MySQL does.
func MySQL2(t testing.TB) string { t.Helper(); return need(t, EnvMySQL2) }

// Redis gives host:port of a Redis that keeps what it acknowledged (appendonly) and never evicts. Of a cluster it gives each
// master's, by comma, as RedisURL takes them.
func Redis(t testing.TB) string { t.Helper(); return need(t, EnvRedis) }

// RedisURL spells an address, or several by comma, as the configuration wants it: one server, or a cluster.
func RedisURL(addrs string) string {
	nodes := list(addrs)
	if len(nodes) == 0 {
		return "redis://"
	}
	spelled := "redis://" + nodes[0] + "/0"
	for n, node := range nodes[1:] {
		spelled += string("?&"[min(n, 1)]) + "addr=" + node
	}
	return spelled
}

// Redis2 gives host:port of a second engine, as Redis does.
func Redis2(t testing.TB) string { t.Helper(); return need(t, EnvRedis2) }

// Shelf gives host:port of a Redis that persists nothing and evicts by allkeys-lru.
func Shelf(t testing.TB) string { t.Helper(); return need(t, EnvShelf) }

// RedisCluster gives host:port of each master of a Redis Cluster, three or more.
func RedisCluster(t testing.TB) []string { t.Helper(); return list(need(t, EnvRedisCluster)) }

// Kafka gives host:port of one broker. It creates no topic by itself.
func Kafka(t testing.TB) string { t.Helper(); return need(t, EnvKafka) }

// KafkaCluster gives host:port of each broker of a cluster in which replication 3 and min.insync 2 work.
func KafkaCluster(t testing.TB) []string { t.Helper(); return list(need(t, EnvKafkaCluster)) }

// Brokers says how an installation is set up on the environment's Kafka: one broker with one copy, or three with three of
// which two must have a record.
func Brokers(t testing.TB) (addrs []string, copies, minInSync int) {
	t.Helper()
	if os.Getenv(EnvKafkaCluster) != "" {
		return KafkaCluster(t), 3, 2
	}
	return []string{Kafka(t)}, 1, 1
}

// KafkaLibs gives the folder of Kafka's jars: java -cp "$folder/*" kafka.Kafka …
func KafkaLibs(t testing.TB) string { t.Helper(); return need(t, EnvKafkaLibs) }

// KafkaGroups gives the command, for sh, that runs Kafka's own kafka-consumer-groups: "$command --describe …".
func KafkaGroups(t testing.TB) string { t.Helper(); return need(t, EnvKafkaGroups) }

func need(t testing.TB, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		absent(t, name+" is not set")
	}
	return value
}

// absent ends a test whose server is not there: a skip, or a failure where skips are not allowed.
func absent(t testing.TB, what string) {
	t.Helper()
	if os.Getenv(EnvMode) == "require" {
		t.Fatalf("%s, and %s=require allows no skip", what, EnvMode)
	}
	t.Skipf("%s: run \"make live\", or deploy/local/up and eval \"$(deploy/local/env)\"", what)
}

func list(text string) []string {
	var out []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

// pollEvery is how often Eventually asks: short beside any time limit, long beside a query.
const pollEvery = 10 * time.Millisecond

// Eventually asks check until it says true, and fails the test after timeout with what was waited for and the last error.
// An error means "not yet, because", so a server that is still starting is no failure. check runs at least once, on the
// test's own goroutine, and should itself be bounded.
func Eventually(t testing.TB, timeout time.Duration, what string, check func() (bool, error)) {
	t.Helper()
	if err := poll(timeout, check); err != nil {
		t.Fatalf("not within %v: %s (last: %v)", timeout, what, err)
	}
}

func poll(timeout time.Duration, check func() (bool, error)) error {
	deadline := time.NewTimer(timeout)
	defer deadline.Stop()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for over := false; ; {
		ok, err := check()
		if ok && err == nil {
			return nil
		}
		if err == nil {
			err = errNotYet
		}
		if over {
			return err
		}
		select {
		case <-deadline.C:
			over = true // and a last look: this process may have stood still till now
		case <-tick.C:
		}
	}
}
