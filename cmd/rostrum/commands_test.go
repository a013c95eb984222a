package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"rostrum/accounts"
	"rostrum/internal/config"
	"rostrum/internal/fault"
)

func uintText(shard int, n int64) string { return fmt.Sprintf("%d %d", shard, n) }

var aSession = uuid.MustParse("0197b1f0-0000-7000-8000-000000000001")

// goodFake answers that all is well.
func goodFake() *fake {
	return &fake{
		migrations: []migration{{1, "first.sql", true}},
		preheated:  []preheated{{aSession, 10, 10, 0, 0, 10}},
		road: road{At: time.Unix(1000, 0).UTC(), Topic: "rostrum.journal.v1", Group: "rostrum.orders", Lag: 2, Shards: []shardRoad{
			{Shard: 0, State: "vouched", Epoch: 2, End: 12, Committed: 10, Lag: 2, Seq: 40, Next: 11, Journal: 3, OldestMS: 1500}}},
		findings:   []finding{{Part: "mysql", OK: true, Says: "9.7.0"}},
		invariants: []invariant{{Name: "no lot is oversold", Checked: 7}},
		parked:     []parked{{Shard: 3, Offset: 77, Seq: 12, Reason: "lot_not_in_shard"}},
	}
}

func TestWhatEachCommandSays(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line  string
		asked string
		out   []string
	}{
		{"serve", "serve api,relay,worker,closer", nil},
		{"serve --roles relay,worker", "serve relay,worker", nil},
		{"migrate up", "up", []string{"first.sql", "yes"}},
		{"migrate down --sure", "down", []string{"first.sql"}},
		{"migrate status", "", []string{"VERSION", "first.sql", "yes"}},
		{"topics apply", "apply", []string{"as they should be"}},
		{"topics diff", "diff", []string{"as they should be"}},
		{"preheat", "preheat " + uuid.Nil.String(), []string{"WRITTEN", aSession.String()}},
		{"preheat " + aSession.String(), "preheat " + aSession.String(), []string{"10"}},
		{"lag", "", []string{"topic rostrum.journal.v1", "lag 2", "journal 3", "vouched", "1.5s"}},
		{"shard status", "", []string{"vouched"}},
		{"shard rewind 3 77", "rewind 3 77", []string{"vouched"}},
		{"shard accept-gap 3 78 --sure", "accept 3 78", []string{"vouched"}},
		{"shard parked", "", []string{"OFFSET", "lot_not_in_shard"}},
		{"shard redrive 3 77", "redrive 3 77", []string{"lot_not_in_shard"}},
		{"doctor", "", []string{"mysql", "9.7.0"}},
		{"area put north North", "area north", []string{"CODE", "north", "North"}},
		{"area list", "", []string{"CODE"}},
		{"reconcile", "reconcile", []string{"no lot is oversold"}},
		{"config check", "", []string{"can be used (production", "warning: kafka.tls"}},
		{"config print", "", []string{`dsn: "u:(secret)@tcp(db:3306)/r"`, "# ROSTRUM_MYSQL_DSN"}},
		{"config reference", "", []string{"| `http.listen` |"}},
		{"version", "", []string{"rostrum ", "go1."}},
		{"completion bash", "", []string{"bash completion"}},
		{"", "", []string{"runs flash sales and auctions", "Exit status"}},
		{"topics", "", []string{"apply", "diff"}},
	} {
		f := goodFake()
		got := run(t, f, strings.Fields(c.line)...)
		if got.status != exitGood || strings.Join(f.asked, ";") != c.asked {
			t.Errorf("%q: status %d, asked %q, %s", c.line, got.status, f.asked, got.err)
		}
		for _, part := range c.out {
			if !strings.Contains(got.out, part) {
				t.Errorf("%q does not say %q:\n%s", c.line, part, got.out)
			}
		}
	}
}

// Every command that answers does so in one JSON document with --output json, and puts nothing else on standard output.
func TestEveryCommandSpeaksJSON(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"migrate up", "migrate down --sure", "migrate status", "topics apply", "topics diff", "preheat", "lag", "shard status",
		"shard rewind 0 1", "shard accept-gap 0 1 --sure", "shard parked", "shard redrive 0 1", "doctor", "reconcile", "area list", "area put north North", "config check", "config print", "config reference",
		"version", "user add ana --area north", "user token --area north --count 3",
	} {
		for name, f := range map[string]*fake{"full": goodFake(), "empty": {}} {
			got := run(t, f, append(strings.Fields(line), "--output", "json")...)
			decoder := json.NewDecoder(strings.NewReader(got.out))
			var v any
			if err := decoder.Decode(&v); err != nil || v == nil || decoder.More() {
				t.Errorf("%s, %s: %v, %v\n%s%s", line, name, err, v, got.out, got.err)
			}
		}
	}
}

func TestFoundWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line string
		set  func(*fake)
		says string
	}{
		{"migrate status", func(f *fake) { f.migrations[0].Applied = false }, "rostrum migrate up"},
		{"topics diff", func(f *fake) { f.changes = []topicChange{{Topic: "j", What: "create"}} }, "rostrum topics apply"},
		{"topics apply", func(f *fake) { f.changes = []topicChange{{Topic: "j", What: "replication", Manual: true}} }, "Kafka's own tools"},
		{"preheat", func(f *fake) { f.preheated[0].Verified = 8 }, "2 lots were not found"},
		{"lag", func(f *fake) { f.road.Shards[0].State = stateHalted }, "1 shards are halted"},
		{"shard status", func(f *fake) { f.road.Shards[0].State = stateUnreadable }, "cannot be read"},
		{"doctor", func(f *fake) {
			f.findings = append(f.findings, finding{Part: "kafka", Says: "away", Remedy: "start it"})
		}, "1 of 2"},
		{"reconcile", func(f *fake) { f.invariants[0].Wrong = 1 }, "1 of 1 do not hold"},
	} {
		f := goodFake()
		c.set(f)
		if got := run(t, f, strings.Fields(c.line)...); got.status != exitWrong || !strings.Contains(got.err, c.says) || got.out == "" {
			t.Errorf("%s: status %d, %q, %q", c.line, got.status, got.out, got.err)
		}
	}
	f := goodFake()
	f.changes = []topicChange{{Topic: "j", What: "create"}}
	if got := run(t, f, "topics", "apply"); got.status != exitGood {
		t.Errorf("what was mended is wrong: %d %s", got.status, got.err)
	}
	f = goodFake()
	f.migrations[0].Applied = false
	if got := run(t, f, "migrate", "down", "--sure"); got.status != exitGood {
		t.Errorf("what was taken back is wrong: %d %s", got.status, got.err)
	}
}

// What is not known is no number, and what Kafka's own tool prints as a dash is one here.
func TestLagOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(s *shardRoad)
		want   string
	}{
		"whole":     {func(*shardRoad) {}, "0 vouched 2 12 10 2 40 11 3 1.5s"},
		"no commit": {func(s *shardRoad) { s.Committed, s.Lag = -1, -1 }, "0 vouched 2 12 - - 40 11 3 1.5s"},
		"gate":      {func(s *shardRoad) { s.Unread = []string{"gate"} }, "0 vouched ? 12 10 2 40 11 ? ?"},
		"kafka":     {func(s *shardRoad) { s.Unread, s.Committed, s.Lag = []string{"kafka"}, -1, -1 }, "0 vouched 2 ? ? ? 40 11 3 1.5s"},
		"mysql":     {func(s *shardRoad) { s.Unread = []string{"mysql"} }, "0 vouched 2 12 10 2 ? ? 3 1.5s"},
	} {
		f := goodFake()
		c.change(&f.road.Shards[0])
		got := run(t, f, "lag")
		lines := strings.Split(strings.TrimSpace(got.out), "\n")
		if last := strings.Join(strings.Fields(lines[len(lines)-1]), " "); last != c.want {
			t.Errorf("%s: %q, want %q", name, last, c.want)
		}
	}
}

func TestCommandLinesThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"sell", "config chek", "topics aply", "--nothing", "serve now", "serve --roles gate", "preheat nothing", "preheat a b",
		"area put north", "area list x", "lag --every 1ms", "lag extra", "migrate down", "shard rewind 1", "shard rewind x 1", "shard rewind 1 x", "shard rewind -- -1 1",
		"shard rewind 1 -- -5", "shard redrive 1", "shard redrive x 1", "shard parked 1", "shard accept-gap 1 2", "user add", "user add ana", "user add ana --area n --roles king", "user token",
		"user add ana --area n --password-file /nowhere/at/all", "version --output xml", "lag --config /nowhere/at/all", "lag --set nothing=1",
		"lag --set mysql.dsn=x", "doctor --wait -1s",
	} {
		f := goodFake()
		got := run(t, f, strings.Fields(line)...)
		if got.status != exitUsage || got.err == "" || len(f.asked) > 0 {
			t.Errorf("%q: status %d, asked %v, %q", line, got.status, f.asked, got.err)
		}
	}
}

func TestExitStatusOfFaults(t *testing.T) {
	t.Parallel()
	for class, want := range map[fault.Class]int{
		fault.Internal: exitInternal, fault.Invalid: exitRefused, fault.Unauthenticated: exitRefused, fault.Forbidden: exitRefused,
		fault.NotFound: exitRefused, fault.Conflict: exitRefused, fault.Stale: exitRefused,
		fault.TooMany: exitAway, fault.Unavailable: exitAway, fault.Unknown: exitAway,
	} {
		for _, line := range []string{
			"serve", "migrate up", "migrate down --sure", "migrate status", "topics diff", "preheat", "lag", "reconcile",
			"area put north North", "area list",
			"shard rewind 0 1", "shard accept-gap 0 1 --sure", "shard parked", "shard redrive 0 1", "user add ana --area north", "user token --area north",
		} {
			f := goodFake()
			f.err = fault.Wrap(class, "the_code", "the detail", errors.New("the cause"))
			got := run(t, f, strings.Fields(line)...)
			if got.status != want || !strings.Contains(got.err, "the detail") || f.closed != 1 {
				t.Errorf("%s with class %d: status %d, want %d; %q; closed %d times", line, class, got.status, want, got.err, f.closed)
			}
		}
	}
}

func TestErrorsAsJSON(t *testing.T) {
	t.Parallel()
	f := goodFake()
	f.err = fault.Wrong("count", "is 0", "send 1")
	for name, c := range map[string]struct {
		got  outcome
		want problem
	}{
		"fault": {run(t, f, "lag", "--output", "json"), problem{Code: "invalid", Detail: f.err.Error(), Fields: fault.As(f.err).Fields}},
		"usage": {run(t, f, "lag", "x", "--output", "json"), problem{Code: "usage", Detail: `unknown command "x" for "rostrum lag"`}},
		"configuration": {run(t, f, "lag", "--output", "json", "--set", "log.level=loud"), problem{
			Code: "configuration", Detail: "the configuration cannot be used", Problems: []config.Problem{{
				Key: "log.level", Value: "loud", Source: "--set", Detail: "is not one of the values there are", Remedy: "write debug, info, warn, error"}}}},
	} {
		var read problem
		if err := json.Unmarshal([]byte(c.got.err), &read); err != nil {
			t.Errorf("%s: %v in %q", name, err, c.got.err)
		}
		if diff := cmp.Diff(c.want, read); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	f := goodFake()
	f.serve = func(ctx context.Context) error {
		cancel()
		return nil
	}
	if got := runWorld(ctx, f, world{args: []string{"serve"}, environ: goodEnviron}); got.status != exitGood {
		t.Errorf("a serve that was told to stop and did: %d %s", got.status, got.err)
	}
	f.err = ctx.Err()
	if got := runWorld(ctx, f, world{args: []string{"migrate", "up"}, environ: goodEnviron}); got.status != exitInterrupted {
		t.Errorf("a migration that was interrupted: %d %s", got.status, got.err)
	}
}

// A watching operator sees on through what is away for a while.
func TestWatch(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	f, looks := goodFake(), 0
	f.looks = func() error {
		looks++
		switch looks {
		case 2:
			return fault.New(fault.Unavailable, "kafka_away", "Kafka is away")
		case 4:
			cancel()
		}
		return nil
	}
	got := runWorld(ctx, f, world{args: []string{"lag", "--watch", "--every", "200ms", "--output", "json"}, environ: goodEnviron})
	if got.status != exitGood || strings.Count(got.out, "\n") != 2 || !strings.Contains(got.err, "kafka_away") || f.closed != 1 {
		t.Errorf("status %d after %d looks\n%s%s", got.status, looks, got.out, got.err)
	}
}

func TestProgressOnlyWhereSomebodyLooks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		args     []string
		terminal bool
		drawn    bool
	}{
		{"terminal", []string{"preheat"}, true, true},
		{"file", []string{"preheat"}, false, false},
		{"quiet", []string{"preheat", "--quiet"}, true, false},
		{"json", []string{"preheat", "--output", "json"}, true, false},
	} {
		got := runWorld(t.Context(), goodFake(), world{args: c.args, environ: goodEnviron, errTerminal: c.terminal})
		if drawn := strings.Contains(got.err, "lots"); drawn != c.drawn || got.status != exitGood {
			t.Errorf("%s: %q", c.name, got.err)
		}
	}
}

func TestNeeds(t *testing.T) {
	t.Parallel()
	for line, missing := range map[string]string{
		"migrate status": "mysql.dsn", "topics diff": "mysql.dsn auth.keys kafka.brokers", "user token --area n": "mysql.dsn auth.keys",
		"lag": "mysql.dsn redis.gate_url kafka.brokers auth.keys", "serve": "mysql.dsn redis.gate_url kafka.brokers auth.keys",
		"config print": "",
	} {
		got := runWorld(t.Context(), goodFake(), world{args: strings.Fields(line)})
		for _, key := range []string{"mysql.dsn", "redis.gate_url", "kafka.brokers", "auth.keys"} {
			if said := strings.Contains(got.err, key+" (default): is not set"); said != slices.Contains(strings.Fields(missing), key) {
				t.Errorf("%s about %s: %s", line, key, got.err)
			}
		}
	}
}

func TestConfigurationFromFileAndVariable(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "r.yaml")
	if err := os.WriteFile(file, []byte("sale: {shards: 7}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, w := range map[string]world{
		"flag":     {args: []string{"lag", "--config", file}, environ: goodEnviron},
		"variable": {args: []string{"lag"}, environ: append(slices.Clone(goodEnviron), "ROSTRUM_CONFIG="+file)},
	} {
		f := goodFake()
		if got := runWorld(t.Context(), f, w); got.status != exitGood || f.settings.Sale.Shards != 7 {
			t.Errorf("%s: %d shards, %s", name, f.settings.Sale.Shards, got.err)
		}
	}
	f := goodFake()
	if run(t, f, "doctor", "--wait", "1s"); f.settings.Start.WaitForDependencies != time.Second {
		t.Errorf("the doctor waits %s", f.settings.Start.WaitForDependencies)
	}
}

func TestUserAdd(t *testing.T) {
	t.Parallel()
	f := goodFake()
	got := run(t, f, "user", "add", "Ana@x", "--area", "north", "--roles", "seller,operator", "--name", "Ana")
	_, password, found := strings.Cut(got.out, "password: ")
	user, err := f.users.UserByLogin(t.Context(), "ana@x")
	if got.status != exitGood || err != nil || user.Name != "Ana" || user.Roles != accounts.Seller|accounts.Operator || !found {
		t.Fatalf("%+v, %v, %+v", got, err, user)
	}
	if match, _, err := accounts.NewHasher(1, 0).Check(t.Context(), strings.TrimSpace(password), user.PasswordHash); !match {
		t.Errorf("the password %q that was printed is not the user's: %v", password, err)
	}
	if entries := f.users.Entries(); len(entries) != 1 || entries[0].Subject != "ana@x" {
		t.Errorf("audit log: %+v", entries)
	}
	if got := run(t, f, "user", "add", "ana@x", "--area", "north"); got.status != exitRefused || !strings.Contains(got.err, "taken") {
		t.Errorf("the same login: %+v", got)
	}
}

func TestPasswordFromOutside(t *testing.T) {
	t.Parallel()
	const password = "from the first line"
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password+"\r\nnot this\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, w := range map[string]world{
		"file":  {args: []string{"--password-file", file}},
		"input": {args: []string{"--password-file", "-"}, in: strings.NewReader(password)},
	} {
		f := goodFake()
		w.environ, w.args = goodEnviron, append([]string{"user", "add", "ana", "--area", "north"}, w.args...)
		got := runWorld(t.Context(), f, w)
		user, _ := f.users.UserByLogin(t.Context(), "ana")
		match, _, err := accounts.NewHasher(1, 0).Check(t.Context(), password, user.PasswordHash)
		if !match || strings.Contains(got.out+got.err, "password") {
			t.Errorf("%s: %v, %+v", name, err, got)
		}
	}
}

func TestUserToken(t *testing.T) {
	t.Parallel()
	f := goodFake()
	text := run(t, f, "user", "token", "--area", "north", "--count", "3", "--ttl", "2h")
	lines := strings.Fields(text.out)
	var asJSON []accounts.MintedToken
	err := json.Unmarshal([]byte(run(t, f, "user", "token", "--area", "north", "--count", "3", "--output", "json").out), &asJSON)
	if text.status != exitGood || len(lines) != 3 || err != nil || len(asJSON) != 3 {
		t.Fatalf("%+v\n%v, %v", text, err, asJSON)
	}
	service, _ := f.Accounts(t.Context())
	for i, token := range lines {
		claims, err := accounts.Verify(service.Keys, token, time.Now())
		if err != nil || claims.User != asJSON[i].User || claims.ExpiresAt.Sub(claims.IssuedAt) != 2*time.Hour {
			t.Errorf("token %d: %+v, %v", i, claims, err)
		}
	}
	if got := run(t, f, "user", "token", "--area", "north", "--count", "0"); got.status != exitRefused || !strings.Contains(got.err, "count: send 1 to 100000") {
		t.Errorf("no tokens: %+v", got)
	}
}

// A command nobody can read about is a command nobody uses.
func TestEveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	c := &cli{}
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		if cmd.Short == "" || cmd.RunE == nil {
			t.Errorf("%s: short %q", cmd.CommandPath(), cmd.Short)
		}
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(c.root())
}
