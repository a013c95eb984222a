package config

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// minSecretBytes is what HMAC-SHA256 needs for its full strength.
const minSecretBytes = 32

// checks are the forms a text can have, by the name in the tag. Each gives what is wrong and the remedy, both empty for
// nothing; neither ever has the value in it, for it may be a secret.
var checks = map[string]func(text string) (detail, remedy string){
	"listen":       checkListen,
	"host_port":    checkHostPort,
	"network":      checkNetwork,
	"dsn":          checkDSN,
	"redis_url":    checkRedisURL,
	"topic_prefix": checkTopicPrefix,
	"token_key":    checkTokenKey,
}

func checkListen(text string) (detail, remedy string) {
	if _, port, err := net.SplitHostPort(text); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil && n <= 65535 {
			return "", ""
		}
	}
	return "is not an address to listen on", "write host:port, such as 127.0.0.1:8080, or :8080 for every address"
}

func checkHostPort(text string) (detail, remedy string) {
	if host, port, err := net.SplitHostPort(text); err == nil && host != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err == nil && n > 0 {
			return "", ""
		}
	}
	return "is not the address of a server", "write host:port, such as kafka-1.example:9092"
}

func checkNetwork(text string) (detail, remedy string) {
	if _, err := netip.ParseAddr(text); err == nil {
		return "", ""
	}
	if _, err := netip.ParsePrefix(text); err == nil {
		return "", ""
	}
	return "is neither an address nor a network", "write 10.0.0.7 or 10.0.0.0/8"
}

func checkDSN(text string) (detail, remedy string) {
	if parts := dsnForm.FindStringSubmatch(text); parts != nil && !strings.HasSuffix(parts[4], "/") && parts[1] != "" {
		return "", ""
	}
	return "is not a data source name", "write user:password@tcp(host:3306)/database"
}

func checkRedisURL(text string) (detail, remedy string) {
	u, err := url.Parse(text)
	if err == nil && (u.Scheme == "redis" || u.Scheme == "rediss") && u.Host != "" {
		return "", ""
	}
	return "is not the URL of a Redis", "write redis://user:password@host:6379/0, or rediss:// for TLS"
}

var topicName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,100}$`)

func checkTopicPrefix(text string) (detail, remedy string) {
	if topicName.MatchString(text) {
		return "", ""
	}
	return "cannot be part of a name in Kafka", "write up to 100 of a-z A-Z 0-9 . _ -"
}

var tokenKeyName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

func checkTokenKey(text string) (detail, remedy string) {
	name, encoded, _ := strings.Cut(text, ":")
	secret, err := base64.StdEncoding.DecodeString(encoded)
	switch {
	case err != nil || !tokenKeyName.MatchString(name):
		return "is not name:base64", `write what this prints: echo "$(date +%Y-%m):$(openssl rand -base64 32)"`
	case len(secret) < minSecretBytes:
		return fmt.Sprintf("is a secret of %d bytes", len(secret)), fmt.Sprintf("take at least %d random bytes: openssl rand -base64 32", minSecretBytes)
	}
	return "", ""
}

// crossCheck says what is wrong between keys that are each right by themselves.
func (c Config) crossCheck() Problems {
	var problems Problems
	say := func(ok bool, key, detail, remedy string) {
		if !ok {
			problems = append(problems, Problem{Key: key, Value: c.value(key), Source: c.Source(key), Detail: detail, Remedy: remedy})
		}
	}
	say(c.HTTP.BidTimeout < c.HTTP.WriteTimeout, "http.bid_timeout", "is not below http.write_timeout", "leave time to write the answer")
	say(c.HTTP.RequestTimeout < c.HTTP.WriteTimeout, "http.request_timeout", "is not below http.write_timeout", "leave time to write the answer")
	say(c.Kafka.MinInsync <= c.Kafka.Replication, "kafka.min_insync", "is more than kafka.replication", "no record could ever be acknowledged: lower it")
	say(c.Kafka.SASLMechanism == "" || c.Kafka.SASLUser != "" && c.Kafka.SASLPassword != "", "kafka.sasl_mechanism", "has no name or password to log in with", "set kafka.sasl_user and kafka.sasl_password")
	say(c.Kafka.SASLMechanism != "" || c.Kafka.SASLUser == "" && c.Kafka.SASLPassword == "", "kafka.sasl_mechanism", "is empty and a name or password is set", "write PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512")
	say(3*c.Consumer.Heartbeat <= c.Consumer.SessionTimeout, "consumer.heartbeat", "is more than a third of consumer.session_timeout", "two lost heartbeats must not be taken for death")
	say(2*c.Relay.Linger < c.Relay.Lease, "relay.linger", "is not below half of relay.lease", "a lease must not end while a batch waits")
	say(c.Auth.AccessTTL < c.Auth.RefreshTTL, "auth.access_ttl", "is not below auth.refresh_ttl", "a log-in outlives its access tokens")
	say(len(c.Auth.Keys) == distinctNames(c.Auth.Keys), "auth.keys", "has a name twice", "give every key its own name")
	say(len(c.Roles) == len(slices.Compact(slices.Sorted(slices.Values(c.Roles)))), "roles", "has a role twice", "name each once")
	if c.Mode == ModeProduction {
		c.productionCheck(say)
	}
	return problems
}

func distinctNames(keys []Secret) int {
	names := map[string]bool{}
	for _, key := range keys {
		name, _, _ := strings.Cut(string(key), ":")
		names[name] = true
	}
	return len(names)
}

// guessable are passwords that stand in samples and manuals.
var guessable = []string{"development", "rostrum", "password", "secret", "root", "admin", "changeme", "guest"}

func (c Config) productionCheck(say func(ok bool, key, detail, remedy string)) {
	const remedy = "make one for this installation, or set mode: development"
	say(c.Redis.Durability != "none", "redis.durability", "promises nothing, which production does not", "write everysec, always or kafka")
	say(c.Redis.Durability != "kafka" || c.Kafka.Replication >= 2 && c.Kafka.MinInsync >= 2, "redis.durability",
		"kafka promises what one broker alone does not keep", "set kafka.replication and kafka.min_insync to 2 or more, or write always")
	for _, key := range c.Auth.Keys {
		_, encoded, _ := strings.Cut(string(key), ":")
		secret, _ := base64.StdEncoding.DecodeString(encoded)
		say(string(secret) != developmentSecret && distinctBytes(secret) >= 8, "auth.keys", "is a development secret", remedy)
	}
	say(c.MySQL.DSN == "" || dsnPassword(c.MySQL.DSN) != "" || dsnNetwork(c.MySQL.DSN) == "unix", "mysql.dsn", "has no password, and whoever reaches the port is in",
		"give the user one and write user:password@tcp(host:3306)/database; only unix(/path/of/socket) may go without")
	passwords := map[string]string{
		"mysql.dsn":           dsnPassword(c.MySQL.DSN),
		"redis.gate_url":      urlPassword(c.Redis.GateURL),
		"redis.shelf_url":     urlPassword(c.Redis.ShelfURL),
		"kafka.sasl_password": string(c.Kafka.SASLPassword),
	}
	for _, key := range []string{"mysql.dsn", "redis.gate_url", "redis.shelf_url", "kafka.sasl_password"} {
		say(!slices.Contains(guessable, strings.ToLower(passwords[key])), key, "has a password that stands in manuals", remedy)
	}
}

// distinctBytes tells a secret that was typed or is all zeros from one that was drawn: 32 drawn bytes have about 30.
func distinctBytes(secret []byte) int {
	return len(slices.Compact(slices.Sorted(slices.Values(secret))))
}

func dsnPassword(dsn Secret) string {
	if parts := dsnForm.FindStringSubmatch(string(dsn)); parts != nil {
		return parts[3]
	}
	return ""
}

// dsnNetwork gives tcp or unix.
func dsnNetwork(dsn Secret) string {
	if parts := dsnForm.FindStringSubmatch(string(dsn)); parts != nil {
		network, _, _ := strings.Cut(parts[4], "(")
		return network
	}
	return ""
}

func urlPassword(s Secret) string {
	u, err := url.Parse(string(s))
	if err != nil || u.User == nil {
		return ""
	}
	password, _ := u.User.Password()
	return password
}

// Warnings says what a production installation should not be like, though it may: one sentence each. None for a
// development one.
func (c Config) Warnings() []string {
	if c.Mode != ModeProduction {
		return nil
	}
	var warnings []string
	say := func(ok bool, sentence string) {
		if !ok {
			warnings = append(warnings, sentence)
		}
	}
	say(c.HTTP.CookieSecure, "http.cookie_secure is off: log-ins of the pages travel unencrypted")
	say(c.HTTP.OpsListen != "" || !slices.Contains(c.Roles, RoleAPI), "http.ops_listen is empty: /metrics is open to whoever reaches the API")
	say(c.Kafka.TLS || len(c.Kafka.Brokers) == 0, "kafka.tls is off: records travel unencrypted")
	say(strings.Contains(string(c.MySQL.DSN), "tls=") || c.MySQL.DSN == "", "mysql.dsn has no tls=: orders travel unencrypted")
	say(!strings.HasPrefix(string(c.Redis.GateURL), "redis://"), "redis.gate_url is not rediss://: bids travel unencrypted")
	say(c.Kafka.Replication > 1, "kafka.replication is 1: a broker's disk is the only copy of what is on the road")
	say(c.Kafka.MinInsync > 1 || c.Kafka.Replication < 3, "kafka.min_insync is 1: one broker's word is enough for a record")
	return warnings
}
