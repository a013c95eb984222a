package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/internal/live"
)

// realWorld is an environment whose database, Redis and topics are this test's alone.
func realWorld(t *testing.T) []string {
	t.Helper()
	dsn, gate := emptyDatabase(t), live.StartGate(t)
	brokers, copies, inSync := live.Brokers(t)
	return []string{
		"ROSTRUM_MODE=development", "ROSTRUM_REDIS_DURABILITY=none", "ROSTRUM_HTTP_LISTEN=127.0.0.1:0", "ROSTRUM_HTTP_OPS_LISTEN=",
		"ROSTRUM_MYSQL_DSN=" + dsn, "ROSTRUM_REDIS_GATE_URL=" + live.RedisURL(gate.Addr()),
		"ROSTRUM_KAFKA_BROKERS=" + strings.Join(brokers, ","), fmt.Sprint("ROSTRUM_KAFKA_REPLICATION=", copies), fmt.Sprint("ROSTRUM_KAFKA_MIN_INSYNC=", inSync),
		"ROSTRUM_KAFKA_TOPIC_PREFIX=t" + uuid.NewString()[:8] + "-", "ROSTRUM_SALE_SHARDS=2", "ROSTRUM_LOG_FORMAT=text", "ROSTRUM_START_WAIT_FOR_DEPENDENCIES=20s",
		"ROSTRUM_REDIS_TIMEOUT=5s", "ROSTRUM_HTTP_BID_TIMEOUT=5s", "ROSTRUM_AUTH_KEYS=2027-03:q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
	}
}

// emptyDatabase makes one without any table, and drops it afterwards.
func emptyDatabase(t *testing.T) (dsn string) {
	t.Helper()
	server := live.MySQL(t)
	name := "rostrum_cmd_" + uuid.NewString()[:8]
	admin, err := sql.Open("mysql", server)
	if err != nil {
		t.Fatal(err)
	}
	do := func(statement string) {
		if _, err := admin.Exec(statement + " `" + name + "`"); err != nil {
			t.Error(err)
		}
	}
	do("CREATE DATABASE")
	t.Cleanup(func() {
		do("DROP DATABASE")
		if err := admin.Close(); err != nil {
			t.Error(err)
		}
	})
	return server + name
}

// step is a command line with the status it must end with and something it must say.
type step struct {
	line   string
	status int
	says   string
}

func runSteps(t *testing.T, environ []string, steps []step) {
	t.Helper()
	for _, s := range steps {
		got := realRun(t.Context(), environ, s.line)
		if got.status != s.status || !strings.Contains(got.out+got.err, s.says) {
			t.Fatalf("rostrum %s: status %d, want %d and %q\n%s%s", s.line, got.status, s.status, s.says, got.out, got.err)
		}
	}
}

func realRun(ctx context.Context, environ []string, line string) outcome {
	var out, errs syncBuffer
	w := world{args: strings.Fields(line), environ: environ, in: strings.NewReader(""), out: &out, err: &errs, open: openPlatform}
	status := w.run(ctx)
	return outcome{status, out.String(), errs.String()}
}

// An operator sets a new installation up with nothing but this command, runs it, looks at it, and stops it.
func TestLiveInstallation(t *testing.T) {
	environ := realWorld(t)
	runSteps(t, environ, []step{
		{"doctor", exitWrong, "rostrum migrate up"},
		{"migrate status", exitWrong, "no"},
		{"lag", exitRefused, "rostrum migrate up"},
		{"migrate up", exitGood, "yes"},
		{"migrate up", exitGood, "yes"},
		{"topics diff", exitWrong, "create"},
		{"topics apply", exitGood, "rostrum.journal.v1"},
		{"topics diff", exitGood, "as they should be"},
		{"user add ana --area north", exitRefused, "no such area"},
		{"area put north Northshore", exitGood, "Northshore"},
		{"user add ana --area north --roles admin", exitGood, "password: "},
		{"user add ana --area north", exitRefused, "login_taken"},
		{"shard rewind 9 0", exitRefused, "write 0 to 1"},
		{"shard accept-gap 0 1 --sure", exitRefused, "no_gap"},
		{"shard parked", exitGood, "REASON"},
		{"shard redrive 0 5", exitRefused, "not_parked"},
		{"preheat", exitGood, "no session is due"},
		{"preheat " + uuid.NewString(), exitRefused, "not_found"},
		{"doctor", exitWrong, "shards_paused"},
	})

	var minted []accounts.MintedToken
	if err := json.Unmarshal([]byte(realRun(t.Context(), environ, "user token --area north --count 5 --output json").out), &minted); err != nil || len(minted) != 5 {
		t.Fatalf("%v, %v", minted, err)
	}

	ctx, stop := context.WithCancel(t.Context())
	served := make(chan outcome, 1)
	go func() { served <- realRun(ctx, environ, "serve") }()
	live.Eventually(t, 60*time.Second, "every shard to decide", func() (bool, error) {
		got := realRun(t.Context(), environ, "lag --output json")
		var r road
		err := json.Unmarshal([]byte(got.out), &r)
		ready := len(r.Shards) == 2
		for _, s := range r.Shards {
			ready = ready && s.State == "vouched" && s.Lag == 0 && s.Committed == s.End && s.Next == s.End
		}
		return ready && err == nil, err
	})
	runSteps(t, environ, []step{
		{"doctor", exitGood, "all decide"},
		{"shard rewind 1 0", exitGood, "vouched"},
	})
	live.Eventually(t, 20*time.Second, "everything to be read again, and the counts to hold", func() (bool, error) {
		got := realRun(t.Context(), environ, "reconcile")
		return got.status == exitGood && strings.Contains(got.out, "units sold over stock"), nil
	})
	stop()
	if got := <-served; got.status != exitGood || !strings.Contains(got.err, "told to stop") {
		t.Errorf("serve ended with %d: %s", got.status, got.err)
	}
}

// What is away is said with a status of its own, and within the time that was given.
func TestLiveServersAway(t *testing.T) {
	environ := append(realWorld(t), "ROSTRUM_START_WAIT_FOR_DEPENDENCIES=3s")
	runSteps(t, environ[:len(environ)-1], []step{{"migrate up", exitGood, "yes"}, {"topics apply", exitGood, ""}})
	for variable, want := range map[string]step{
		"ROSTRUM_MYSQL_DSN=root@tcp(127.0.0.1:1)/x":      {"lag", exitWrong, "mysql: "}, // who looks is shown the rest
		"ROSTRUM_REDIS_GATE_URL=redis://127.0.0.1:1":     {"preheat", exitAway, "Redis"},
		"ROSTRUM_KAFKA_BROKERS=127.0.0.1:1":              {"topics diff", exitAway, "kafka"},
		"ROSTRUM_MYSQL_DSN=root@tcp(127.0.0.1:1)/absent": {"migrate up", exitAway, "MySQL"},
	} {
		var changed []string
		for _, entry := range environ {
			if name, _, _ := strings.Cut(entry, "="); !strings.HasPrefix(variable, name+"=") && entry != "ROSTRUM_START_WAIT_FOR_DEPENDENCIES=20s" {
				changed = append(changed, entry)
			}
		}
		runSteps(t, append(changed, variable), []step{want})
	}
}
