package config_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rostrum/internal/config"
)

const samples = "../../deploy/config/"

// goodKey is drawn once, for tests only.
const goodKey = "2027-03:q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="

// secrets is an environment that makes every needed key set.
func secrets() []string {
	return []string{
		"ROSTRUM_MYSQL_DSN=rostrum:tr0ub4dor@tcp(db:3306)/rostrum?tls=true", "ROSTRUM_REDIS_GATE_URL=rediss://:tr0ub4dor@gate:6379/0",
		"ROSTRUM_KAFKA_SASL_PASSWORD=tr0ub4dor", "ROSTRUM_AUTH_KEYS=" + goodKey,
	}
}

// files makes a ReadFile of names and texts.
func files(texts map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		if text, found := texts[name]; found {
			return []byte(text), nil
		}
		return nil, fmt.Errorf("open %s: %w", name, os.ErrNotExist)
	}
}

// load reads one file's text with an environment and flags, with no need for anything to be set.
func load(text string, environ, set []string) (config.Config, error) {
	return config.Load(config.Options{
		File: "r.yaml", Environ: environ, Set: set, Need: []string{},
		ReadFile: files(map[string]string{"r.yaml": text, "/run/key": goodKey + "\n", "/run/two": goodKey + "\nold" + goodKey[7:] + "\n"}),
	})
}

func TestSamplesLoad(t *testing.T) {
	t.Parallel()
	found, err := filepath.Glob(samples + "*.yaml")
	if err != nil || len(found) != 3 {
		t.Fatalf("samples: %v, %v", found, err)
	}
	for _, name := range found {
		var environ []string
		if filepath.Base(name) != "development.yaml" {
			environ = secrets()
		}
		c, err := config.Load(config.Options{File: name, Environ: environ})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if warnings := c.Warnings(); len(warnings) > 0 {
			t.Errorf("%s is no example to follow: %v", name, warnings)
		}
	}
}

func TestDevelopmentIsItsSample(t *testing.T) {
	t.Parallel()
	sample, err := config.Load(config.Options{File: samples + "development.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	plain := func(c config.Config) string {
		return fmt.Sprint(c.Mode, c.Roles, c.MySQL.DSN.Reveal(), c.Redis.GateURL.Reveal(), c.Auth.Keys[0].Reveal(), withoutSource(c.Values()))
	}
	if diff := cmp.Diff(plain(config.Development()), plain(sample)); diff != "" {
		t.Error(diff)
	}
}

func withoutSource(values []config.Value) []string {
	var lines []string
	for _, v := range values {
		lines = append(lines, v.Key+"="+v.Value)
	}
	return lines
}

func TestReferenceIsFresh(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(samples + "REFERENCE.md")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(page), config.Reference()); diff != "" {
		t.Errorf("deploy/config/REFERENCE.md is old: run go generate ./internal/config\n%s", diff)
	}
}

func TestEveryKeyIsDescribed(t *testing.T) {
	t.Parallel()
	keys := config.Keys()
	if len(keys) < 50 {
		t.Fatalf("only %d keys", len(keys))
	}
	page, names, variables := config.Reference(), map[string]bool{}, map[string]bool{}
	for _, key := range keys {
		if key.Doc == "" || !strings.HasSuffix(key.Doc, ".") {
			t.Errorf("%s: its doc is no sentence: %q", key.Name, key.Doc)
		}
		if key.Type == "whole number" && (key.Unit == "" || key.Min == "" || key.Max == "" || key.Default == "") {
			t.Errorf("%s: a number needs unit, bounds and default", key.Name)
		}
		if key.Type == "duration" && (key.Min == "" || key.Max == "" || key.Default == "") {
			t.Errorf("%s: a duration needs bounds and default", key.Name)
		}
		if names[key.Name] || variables[key.Env] || variables[key.FileEnv] {
			t.Errorf("%s or %s is there twice", key.Name, key.Env)
		}
		names[key.Name], variables[key.Env] = true, true
		if key.Secret {
			variables[key.FileEnv] = true
		}
		if !strings.Contains(page, "| `"+key.Name+"` | `"+key.Env+"` |") {
			t.Errorf("%s is not in the reference", key.Name)
		}
	}
}

// The bounds themselves are good values and one step beyond them is not.
func TestEveryBoundHolds(t *testing.T) {
	t.Parallel()
	for _, key := range config.Keys() {
		if key.Min == "" {
			continue
		}
		below, above := "-1", key.Max+"0"
		if key.Type == "duration" {
			least, _ := time.ParseDuration(key.Min)
			most, _ := time.ParseDuration(key.Max)
			below, above = (least - 1).String(), (most + 1).String()
		}
		for value, inside := range map[string]bool{key.Min: true, key.Max: true, key.Default: true, below: false, above: false} {
			_, err := load("", nil, []string{key.Name + "=" + value})
			if outOfBounds(err, key.Name) == inside {
				t.Errorf("%s = %s: %v", key.Name, value, err)
			}
		}
	}
}

func outOfBounds(err error, key string) bool {
	var problems config.Problems
	return errors.As(err, &problems) && slices.ContainsFunc(problems, func(p config.Problem) bool {
		return p.Key == key && p.Detail == "is out of bounds" && p.Value != "" && p.Remedy != ""
	})
}

func TestPrecedence(t *testing.T) {
	t.Parallel()
	const file = "http:\n  listen: :1001\nlog: {level: warn}\nsale:\n  shards: 4\n"
	for _, c := range []struct {
		name, file   string
		environ, set []string
		want, source string
	}{
		{"default", "", nil, nil, "127.0.0.1:8080", "default"},
		{"file", file, nil, nil, ":1001", "r.yaml"},
		{"environment over file", file, []string{"ROSTRUM_HTTP_LISTEN=:1002"}, nil, ":1002", "ROSTRUM_HTTP_LISTEN"},
		{"flag over environment", file, []string{"ROSTRUM_HTTP_LISTEN=:1002"}, []string{"http.listen=:1003"}, ":1003", "--set"},
		{"the last flag", file, nil, []string{"http.listen=:1003", "http.listen=:1004"}, ":1004", "--set"},
		{"an empty section", "http:\n", nil, nil, "127.0.0.1:8080", "default"},
		{"a key without a value", "http:\n  listen:\n", nil, nil, "127.0.0.1:8080", "default"},
		{"other people's variables", "", []string{"HTTP_LISTEN=:9", "ROSTRUMX=1", "ROSTRUM_TEST_X=1", "ROSTRUM_LIVE=require", "ROSTRUM_CONFIG=x"}, nil, "127.0.0.1:8080", "default"},
	} {
		got, err := load(c.file, c.environ, c.set)
		if err != nil || got.HTTP.Listen != c.want || got.Source("http.listen") != c.source {
			t.Errorf("%s: %q from %s, %v", c.name, got.HTTP.Listen, got.Source("http.listen"), err)
		}
	}
	got, err := load(file, nil, nil)
	if err != nil || got.Sale.Shards != 4 || got.Log.Level != "warn" || got.HTTP.ReadTimeout != 5*time.Second {
		t.Errorf("%+v, %v", got.Sale, err)
	}
}

func TestListsAndSecretFiles(t *testing.T) {
	t.Parallel()
	got, err := load("roles: [api, relay]\n", []string{"ROSTRUM_KAFKA_BROKERS=a:1, b:2,", "ROSTRUM_AUTH_KEYS_FILE=/run/two"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"api", "relay"}, {"a:1", "b:2"}}, [][]string{got.Roles, got.Kafka.Brokers}); diff != "" {
		t.Error(diff)
	}
	if len(got.Auth.Keys) != 2 || got.Auth.Keys[0].Reveal() != goodKey {
		t.Errorf("keys from a file: %d", len(got.Auth.Keys))
	}
}

func TestEverythingWrongIsSaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file   string
		environ, set []string
		want         []string // a part of each problem's line, in order
	}{
		{"unknown key in the file", "http:\n  listn: :1\n", nil, nil, []string{"http.listn (r.yaml): there is no such key; did you mean http.listen?"}},
		{"unknown section", "htp:\n  listen: :1\n", nil, nil, []string{"did you mean http.listen?"}},
		{"a key of nothing like ours", "zzzzzzzzzzzzzz: 1\n", nil, nil, []string{"rostrum config reference"}},
		{"unknown variable", "", []string{"ROSTRUM_HTTP_LISTN=:1"}, nil, []string{"ROSTRUM_HTTP_LISTN: there is no such key; did you mean ROSTRUM_HTTP_LISTEN?"}},
		{"a file's name for what is no secret", "", []string{"ROSTRUM_LOG_LEVEL_FILE=/x"}, nil, []string{"did you mean ROSTRUM_LOG_LEVEL?"}},
		{"a section with a value", "http: 5\n", nil, nil, []string{"there is no such key"}},
		{"not YAML", "http: [\n", nil, nil, []string{"write it as YAML"}},
		{"a key twice", "mode: development\nmode: production\n", nil, nil, []string{"already defined"}},
		{"unknown flag", "", nil, []string{"log.levl=info"}, []string{"log.levl (--set): there is no such key; did you mean log.level?"}},
		{"a flag without value", "", nil, []string{"log.level"}, []string{"write --set section.key=value"}},
		{"a secret as a flag", "", nil, []string{"auth.keys=" + goodKey}, []string{"auth.keys (--set): a secret on the command line"}},
		{"secret and its file", "", []string{"ROSTRUM_AUTH_KEYS=" + goodKey, "ROSTRUM_AUTH_KEYS_FILE=/run/key"}, nil, []string{"is set by ROSTRUM_AUTH_KEYS too"}},
		{"no such file", "", []string{"ROSTRUM_AUTH_KEYS_FILE=/run/none"}, nil, []string{"the file cannot be read"}},
		{"a number without unit", "http: {read_timeout: 5}\n", nil, nil, []string{"http.read_timeout = 5 (r.yaml): is not a duration with its unit; write a duration from 100ms to 5m, such as 5s"}},
		{"half a connection", "mysql: {max_conns: 2.5}\n", nil, nil, []string{"mysql.max_conns = 2.5 (r.yaml): is not a whole number"}},
		{"a list for one value", "log: {level: [info]}\n", nil, nil, []string{"log.level (r.yaml): is not one value"}},
		{"a map in a list", "kafka: {brokers: [{a: b}]}\n", nil, nil, []string{"kafka.brokers (r.yaml): is not a list of values"}},
		{"unknown mode", "mode: prod\n", nil, nil, []string{"mode = prod (r.yaml): is not one of the values there are; write production, development"}},
		{"unknown role", "roles: [api, gate]\n", nil, nil, []string{"roles = gate"}},
		{"no truth", "kafka: {tls: maybe}\n", nil, nil, []string{"neither true nor false"}},
		{"forms", "http: {listen: x, trusted_proxies: [10.0.0.0/99]}\nkafka: {brokers: [':1'], topic_prefix: a/b}\n", nil, nil,
			[]string{"http.listen = x", "http.trusted_proxies = 10.0.0.0/99", "kafka.brokers = :1", "kafka.topic_prefix = a/b"}},
		{"forms of secrets", "", []string{"ROSTRUM_MYSQL_DSN=here", "ROSTRUM_REDIS_GATE_URL=http://x", "ROSTRUM_AUTH_KEYS=a:Zm9v"}, nil,
			[]string{"mysql.dsn = (secret)", "redis.gate_url = http://x", "auth.keys = (secret) (ROSTRUM_AUTH_KEYS): is a secret of 3 bytes"}},
		{"many at once", "mode: x\nhttp: {a: 1}\n", []string{"ROSTRUM_NO=1"}, []string{"sale.shards=0"},
			[]string{"http.a", "ROSTRUM_NO", "mode = x", "sale.shards = 0 (--set): is out of bounds; write a whole number of shards from 1 to 512"}},
	} {
		_, err := load(c.file, c.environ, c.set)
		var problems config.Problems
		if !errors.As(err, &problems) || len(problems) != len(c.want) {
			t.Errorf("%s: %v, want %d problems", c.name, err, len(c.want))
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(problems[i].String(), want) {
				t.Errorf("%s: %q, want %q", c.name, problems[i], want)
			}
		}
	}
}

func TestBetweenKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ file, key string }{
		{"http: {bid_timeout: 10s}\n", "http.bid_timeout"},
		{"http: {write_timeout: 1s}\n", "http.request_timeout"},
		{"kafka: {min_insync: 2}\n", "kafka.min_insync"},
		{"kafka: {sasl_mechanism: PLAIN}\n", "kafka.sasl_mechanism"},
		{"kafka: {sasl_user: x}\n", "kafka.sasl_mechanism"},
		{"consumer: {heartbeat: 3s}\n", "consumer.heartbeat"},
		{"relay: {lease: 500ms, linger: 250ms}\n", "relay.linger"},
		{"auth: {access_ttl: 2h, refresh_ttl: 1h}\n", "auth.access_ttl"},
		{"auth: {keys: ['" + goodKey + "', '" + goodKey + "']}\n", "auth.keys"},
		{"roles: [api, api]\n", "roles"},
	} {
		_, err := load(c.file, nil, nil)
		var problems config.Problems
		if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Key != c.key || problems[0].Remedy == "" {
			t.Errorf("%s: %v", c.file, err)
		}
	}
}

func TestProductionRefuses(t *testing.T) {
	t.Parallel()
	development := config.DevelopmentKey().Reveal()
	renamed := "2027-02" + development[strings.Index(development, ":"):]
	zeros := "z:" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	for _, c := range []struct{ file, key string }{
		{"redis: {durability: none}\n", "redis.durability"},
		{"auth: {keys: ['" + development + "']}\n", "auth.keys"},
		{"auth: {keys: ['" + goodKey + "', '" + renamed + "']}\n", "auth.keys"},
		{"auth: {keys: ['" + zeros + "']}\n", "auth.keys"},
		{"mysql: {dsn: 'rostrum:Rostrum@tcp(db:3306)/rostrum'}\n", "mysql.dsn"},
		{"mysql: {dsn: '" + config.Development().MySQL.DSN.Reveal() + "'}\n", "mysql.dsn"},
		{"mysql: {dsn: 'rostrum:@tcp(db:3306)/rostrum?tls=true'}\n", "mysql.dsn"},
		{"redis: {gate_url: 'redis://:changeme@gate:6379/0'}\n", "redis.gate_url"},
		{"redis: {shelf_url: 'redis://u:password@gate:6379/0'}\n", "redis.shelf_url"},
		{"kafka: {sasl_mechanism: PLAIN, sasl_user: u, sasl_password: secret}\n", "kafka.sasl_password"},
	} {
		_, err := load(c.file, nil, nil)
		var problems config.Problems
		if !errors.As(err, &problems) || len(problems) != 1 || problems[0].Key != c.key {
			t.Errorf("%s in production: %v", c.file, err)
		}
		if _, err := load("mode: development\n"+c.file, nil, nil); err != nil {
			t.Errorf("%s in development: %v", c.file, err)
		}
	}
}

// The socket's own rights guard it: its user needs no password.
func TestProductionTakesASocketWithoutPassword(t *testing.T) {
	t.Parallel()
	if _, err := load("mysql: {dsn: 'rostrum@unix(/run/mysqld/mysqld.sock)/rostrum'}\n", nil, nil); err != nil {
		t.Error(err)
	}
	_, err := load("mysql: {dsn: 'rostrum@tcp(db:3306)/rostrum'}\n", nil, nil)
	if err == nil || !strings.Contains(err.Error(), "mysql.dsn") || !strings.Contains(err.Error(), "unix(/path/of/socket)") {
		t.Errorf("without a password over TCP: %v", err)
	}
}

func TestNeed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		need []string
		want []string
	}{
		{nil, []string{"mysql.dsn", "redis.gate_url", "kafka.brokers", "auth.keys"}},
		{[]string{"mysql"}, []string{"mysql.dsn"}},
		{[]string{"kafka", "auth"}, []string{"kafka.brokers", "auth.keys"}},
	} {
		_, err := config.Load(config.Options{Need: c.need})
		var problems config.Problems
		errors.As(err, &problems)
		var got []string
		for _, p := range problems {
			got = append(got, p.Key)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("need %v: %s", c.need, diff)
		}
	}
	if _, err := load("roles: []\n", nil, nil); err == nil || !strings.Contains(err.Error(), "roles (r.yaml): is not set; set ROSTRUM_ROLES") {
		t.Errorf("a process without a role: %v", err)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	c, err := load("http: {cookie_secure: false}\nkafka: {brokers: ['a:1']}\n",
		[]string{"ROSTRUM_MYSQL_DSN=u:tr0ub4dor@tcp(db)/r", "ROSTRUM_REDIS_GATE_URL=redis://g:6379"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := strings.Join(c.Warnings(), "\n")
	for _, key := range []string{"http.cookie_secure", "http.ops_listen", "kafka.tls", "mysql.dsn", "redis.gate_url", "kafka.replication"} {
		if !strings.Contains(got, key) {
			t.Errorf("no warning about %s in\n%s", key, got)
		}
	}
	if warnings := config.Development().Warnings(); warnings != nil {
		t.Errorf("development is warned: %v", warnings)
	}
}
