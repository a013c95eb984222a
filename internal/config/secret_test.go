package config_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rostrum/internal/config"
)

func TestWhereItGoesIsShown(t *testing.T) {
	t.Parallel()
	c, err := load("", []string{
		"ROSTRUM_MYSQL_DSN=rostrum:p@ss:w/rd@tcp(db-1.example:3306)/rostrum?tls=true&x=hush",
		"ROSTRUM_REDIS_GATE_URL=rediss://user:p%40ss@gate:6379/0?addr=gate-2:6379",
		"ROSTRUM_REDIS_SHELF_URL=redis://shelf:6379", "ROSTRUM_AUTH_KEYS=" + goodKey,
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	printed := c.Print()
	for _, want := range []string{
		`dsn: "rostrum:(secret)@tcp(db-1.example:3306)/rostrum?…"`, `gate_url: "rediss://(secret)@gate:6379/0?…"`,
		`shelf_url: "redis://shelf:6379"`, `keys: [(secret)]`, "# ROSTRUM_MYSQL_DSN\n", "sasl_password: \"\"\n",
	} {
		if !strings.Contains(printed, want) {
			t.Errorf("%s is not in\n%s", want, printed)
		}
	}
	if c.MySQL.DSN.Reveal() != "rostrum:p@ss:w/rd@tcp(db-1.example:3306)/rostrum?tls=true&x=hush" {
		t.Error("the secret itself was changed")
	}
}

// everyWay prints c in every way that somebody may come to print it.
func everyWay(c config.Config) string {
	var out strings.Builder
	fmt.Fprintf(&out, "%v %+v %#v %s %v %+v %#v\n", c, c, c, c, c.MySQL, c.Auth, c.Redis)
	asJSON, _ := json.Marshal(c)
	values, _ := json.Marshal(c.Values())
	out.Write(asJSON)
	out.Write(values)
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("start", "config", c, "dsn", c.MySQL.DSN, "keys", c.Auth.Keys, "mysql", c.MySQL)
	slog.New(slog.NewTextHandler(&log, nil)).Info("start", "config", &c, "key", c.Kafka.SASLPassword, "redis", c.Redis)
	out.Write(log.Bytes())
	out.WriteString(strings.Join(c.Warnings(), "\n"))
	return out.String()
}

// Whatever a secret is made of, and whether the configuration can be used or not, nothing that is printed shows it.
func TestNoSecretIsEverShown(t *testing.T) {
	t.Parallel()
	printedWhole := 0
	rapid.Check(t, func(t *rapid.T) {
		usable := rapid.Bool().Draw(t, "usable") // whether to draw only what loads
		// Long enough not to be found by chance, of all that breaks parsers.
		secret := "S3cr" + rapid.StringMatching("[a-zA-Z0-9@:/?#%&=()'\"\\[\\]{}`! ~.-]{0,24}").Draw(t, "secret") + "T3rc"
		token := base64.StdEncoding.EncodeToString([]byte(secret + "and more, so that it is long enough"))
		if !usable && rapid.Bool().Draw(t, "not base64") {
			token = secret
		}
		shape := func(name string, shapes ...string) string {
			if usable {
				return strings.ReplaceAll(shapes[0], "SECRET", secret)
			}
			return strings.ReplaceAll(rapid.SampledFrom(shapes).Draw(t, name), "SECRET", secret)
		}
		environ := []string{
			"ROSTRUM_MYSQL_DSN=" + shape("dsn", "u:SECRET@tcp(h:1)/d", "u:SECRET@tcp(h:1)", "SECRET", "u:SECRET/d", "u:x@tcp(h:1)/d?p=SECRET", "SECRET@/d"),
			"ROSTRUM_REDIS_GATE_URL=" + shape("gate", "redis://h:1/0?password="+url.QueryEscape(secret), "redis://u:SECRET@h:1/0", "redis://SECRET@h:1", "redis:SECRET", "u:SECRET@h", "redis://h:1/0?password=SECRET"),
			"ROSTRUM_REDIS_SHELF_URL=" + shape("shelf", "", "rediss://:SECRET@h", "rediss//:SECRET@h"),
			"ROSTRUM_KAFKA_SASL_PASSWORD=" + secret,
			"ROSTRUM_AUTH_KEYS=" + shape("key", "a:", "") + token,
		}
		set := rapid.SampledFrom([][]string{nil, {"auth.keys=" + token}, {"mode=development"}}).Draw(t, "set")
		if usable {
			set = []string{"kafka.sasl_mechanism=PLAIN", "kafka.sasl_user=u"}
		}
		file := shape("file", "", "kafka: {sasl_password: SECRET\n", "auth:\n  keys: {a: SECRET}\n", "SECRET\n", "mysql:\n  dsn: [SECRET\n",
			"consumer:\n  group: http://u:SECRET@h\n", "consumer:\n  group: http://u:SECRET # @h\n", "kafka:\n  sasl_password: |\n   SECRET\n")
		c, err := load(file, environ, set)
		printed := fmt.Sprintf("%v %+v", err, err)
		if problems, _ := json.Marshal(err); err != nil {
			printed += string(problems)
		} else {
			printed = everyWay(c)
			printedWhole++
		}
		// Parts of it would be as bad: the beginning tells, wherever it was cut.
		for _, part := range []string{"S3cr", "T3rc", token} {
			if strings.Contains(printed, part) {
				t.Fatalf("%q is shown in\n%s", part, printed)
			}
		}
	})
	if printedWhole == 0 {
		t.Error("no configuration could be used, so none was printed")
	}
}

func TestDevelopmentSecretPrintsHidden(t *testing.T) {
	t.Parallel()
	if printed := everyWay(config.Development()); strings.Contains(printed, "cm9zdHJ1") {
		t.Error(printed)
	}
}
