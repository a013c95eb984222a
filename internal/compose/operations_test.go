package compose

import (
	"context"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"rostrum/internal/config"
)

type rules struct {
	Groups []struct {
		Rules []struct {
			Alert, Expr string
			Annotations struct{ Runbook string }
		}
	}
}

func alarms(t *testing.T) rules {
	t.Helper()
	var r rules
	if err := yaml.Unmarshal([]byte(text(t, root+"/deploy/prometheus/rostrum.rules.yml")), &r); err != nil {
		t.Fatal(err)
	}
	if len(r.Groups) == 0 || len(r.Groups[0].Rules) == 0 {
		t.Fatal("no alarms")
	}
	return r
}

// TestEveryAlarmHasItsPage: the link goes to a heading of the runbook, by the anchors that forges make of headings.
func TestEveryAlarmHasItsPage(t *testing.T) {
	var anchors []string
	for _, h := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(text(t, root+"/deploy/runbook.md"), -1) {
		plain := regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(h[1]), "")
		anchors = append(anchors, "deploy/runbook.md#"+strings.ReplaceAll(plain, " ", "-"))
	}
	for _, rule := range alarms(t).Groups[0].Rules {
		if !slices.Contains(anchors, rule.Annotations.Runbook) {
			t.Errorf("%s: no part %s of the runbook", rule.Alert, rule.Annotations.Runbook)
		}
	}
}

// TestAlarmsAskForMetricsThatThereAre: an alarm on a metric with another name never rings.
func TestAlarmsAskForMetricsThatThereAre(t *testing.T) {
	there := literals(t, "internal/observe")
	names := regexp.MustCompile(`\b(?:rostrum|kafka)_[a-z_]+`)
	for _, rule := range alarms(t).Groups[0].Rules {
		for _, name := range names.FindAllString(rule.Expr, -1) {
			if !there[name] {
				t.Errorf("%s: internal/observe has no metric %s", rule.Alert, name)
			}
		}
	}
}

// TestPagesNameKeysThatThereAre: `section.key` in what operators read, and ROSTRUM_ variables in the units.
func TestPagesNameKeysThatThereAre(t *testing.T) {
	keys, variables, sections := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, k := range config.Keys() {
		keys[k.Name], variables[k.Env], variables[k.FileEnv] = true, true, true
		section, _, _ := strings.Cut(k.Name, ".")
		sections[section] = true
	}
	seen := 0
	for _, page := range []string{"deploy/runbook.md", "SECURITY.md"} {
		for _, m := range regexp.MustCompile("`([a-z]+)\\.([a-z_]+)`").FindAllStringSubmatch(text(t, filepath.Join(root, page)), -1) {
			if seen++; sections[m[1]] && !keys[m[1]+"."+m[2]] {
				t.Errorf("%s: there is no key %s.%s", page, m[1], m[2])
			}
		}
	}
	units, err := filepath.Glob(root + "/deploy/systemd/*.service")
	if err != nil || len(units) == 0 {
		t.Fatalf("units: %v, %v", units, err)
	}
	for _, unit := range units {
		for _, v := range regexp.MustCompile(`ROSTRUM_[A-Z_]+`).FindAllString(text(t, unit), -1) {
			if seen++; !variables[v] {
				t.Errorf("%s: there is no %s", unit, v)
			}
		}
	}
	if seen == 0 {
		t.Error("no key was found on any page: this test looks for nothing")
	}
}

// TestPagesNameCommandsThatThereAre: what a person types at three in the morning, with as many words as the command takes.
func TestPagesNameCommandsThatThereAre(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	binary := built(ctx, t)
	var commands [][]string
	for _, page := range []string{"deploy/runbook.md", "README.md"} {
		for _, m := range regexp.MustCompile("`(?:docker compose exec api /)?rostrum ([^`]+)`").FindAllStringSubmatch(text(t, filepath.Join(root, page)), -1) {
			commands = append(commands, strings.Fields(m[1]))
		}
	}
	units, err := filepath.Glob(root + "/deploy/systemd/*.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, unit := range units {
		for _, m := range regexp.MustCompile(`(?m)^ExecStart=/usr/bin/rostrum (.+)$`).FindAllStringSubmatch(text(t, unit), -1) {
			commands = append(commands, strings.Fields(m[1]))
		}
	}
	if len(commands) < 5 {
		t.Fatalf("found only %v", commands)
	}
	for _, command := range commands {
		if wrong := mistyped(ctx, binary, command); wrong != "" {
			t.Errorf("%v: %s", command, wrong)
		}
	}
	for _, wrong := range []string{"shard rewind SHARD", "shard accept-gap SHARD SEQ EXTRA", "shard accept-gap SHARD --sure", "lag SHARD"} {
		if mistyped(ctx, binary, strings.Fields(wrong)) == "" {
			t.Errorf("%s has too few words, or too many, and passed", wrong)
		}
	}
}

// mistyped says what the binary has against a command as a page spells it, or nothing. Words in capitals stand for values.
func mistyped(ctx context.Context, binary string, typed []string) string {
	var command, values []string
	flags := false
	for _, word := range typed {
		value := strings.ToUpper(word) == word
		flags = flags || strings.HasPrefix(word, "-")
		switch {
		case !value:
			command = append(command, word)
		case flags: // else the flag would take --help for its value
			command = append(command, "1")
		default:
			values = append(values, word)
		}
	}
	return refused(ctx, binary, command, values...)
}

// built makes the production binary, in a folder of the test.
func built(ctx context.Context, t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "rostrum")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/rostrum")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build ./cmd/rostrum: %v\n%s", err, out)
	}
	return binary
}
