// Package deploy tests the scripts beside it that CI stands on: one that hides a failure, or leaves a server behind, would
// make every other test worthless.
package deploy

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rostrum/internal/live"
)

// run gives the output of a script and its exit status.
func run(t *testing.T, env []string, script string, args ...string) (string, int) {
	t.Helper()
	live.Program(t, "bash")
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "./"+script, args...)
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil || ctx.Err() != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func TestCheckCountsAndStops(t *testing.T) {
	live.Program(t, "make")
	for _, c := range []struct {
		steps  []string
		status int
		want   []string
		last   string
	}{
		{[]string{"help"}, 0, []string{"help ", " ok"}, "1 passed, 0 failed"},
		{[]string{"help", "no-such-step", "help"}, 1, []string{"no-such-step", "FAILED", "not run after the failure: 1"}, "1 passed, 1 failed"},
	} {
		out, status := run(t, []string{"MAKEFLAGS="}, "check", c.steps...)
		if status != c.status || !strings.HasSuffix(out, "\n"+c.last+"\n") {
			t.Errorf("%v: status %d, ends with %q; want %d and %q", c.steps, status, out[max(0, len(out)-60):], c.status, c.last)
		}
		for _, want := range c.want {
			if !strings.Contains(out, want) {
				t.Errorf("%v: no %q in\n%s", c.steps, want, out)
			}
		}
	}
}

// given names servers that nobody asks: what the environment has is used and not started.
func given(t *testing.T, without ...string) []string {
	t.Helper()
	env := []string{"TMPDIR=" + t.TempDir()}
	for _, name := range []string{live.EnvMySQL, live.EnvMySQL2, live.EnvRedis, live.EnvRedis2, live.EnvRedisCluster, live.EnvShelf,
		live.EnvKafka, live.EnvKafkaCluster, live.EnvKafkaLibs} {
		value := "given"
		if slices.Contains(without, name) {
			value = ""
		}
		env = append(env, name+"="+value)
	}
	return env
}

func TestLiveGivesTheCommandsOwnStatus(t *testing.T) {
	out, status := run(t, given(t), "live", "--quick", "bash", "-c", `echo "$ROSTRUM_LIVE $ROSTRUM_TEST_MYSQL"; exit 7`)
	if status != 7 || out != "require given\n" {
		t.Errorf("status %d, %q; want 7, and skips forbidden", status, out)
	}
}

func TestLiveEndsWhatItStarted(t *testing.T) {
	live.Program(t, "redis-server")
	for _, status := range []string{"0", "1"} {
		env := given(t, live.EnvRedis, live.EnvShelf)
		out, got := run(t, env, "live", "--quick", "bash", "-c", `echo "gate=$ROSTRUM_TEST_REDIS="; exit `+status)
		at := regexp.MustCompile(`gate=(127\.0\.0\.1:\d+)=`).FindStringSubmatch(out)
		if at == nil || got == 0 != (status == "0") {
			t.Fatalf("status %d\n%s", got, out)
		}
		if c, err := net.DialTimeout("tcp", at[1], time.Second); err == nil {
			c.Close()
			t.Errorf("the Redis at %s lives on", at[1])
		}
		if left, _ := filepath.Glob(filepath.Join(strings.TrimPrefix(env[0], "TMPDIR="), "*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	}
}

// TestLiveStartsNothingThatIsGiven: on a machine without any server, and with the addresses of containers, make live is its
// command and a line about what no container replaces.
func TestLiveStartsNothingThatIsGiven(t *testing.T) {
	containers, status := run(t, nil, "local/env", "--containers")
	if status != 0 {
		t.Fatal(containers)
	}
	env := []string{"TMPDIR=" + t.TempDir(), "PATH=" + bare(t), "ROSTRUM_CACHE=/dev/null/none", live.EnvKafkaLibs + "="}
	for _, m := range regexp.MustCompile(`(?m)^export (\w+)='(.*)'$`).FindAllStringSubmatch(containers, -1) {
		env = append(env, m[1]+"="+m[2])
	}
	const asked = `echo "$ROSTRUM_TEST_REDIS | $ROSTRUM_TEST_KAFKA | ${ROSTRUM_TEST_KAFKA_CLUSTER:-none}"`
	const masters, brokers = "127.0.0.1:26381,127.0.0.1:26382,127.0.0.1:26383", "127.0.0.1:29094,127.0.0.1:29096,127.0.0.1:29098"
	for option, want := range map[string]string{
		"":          "\n127.0.0.1:26379 | 127.0.0.1:29092 | none\n",
		"--cluster": "\n" + masters + " | 127.0.0.1:29094 | " + brokers + "\n",
	} {
		out, status := run(t, env, "live", append(strings.Fields(option), "bash", "-c", asked)...)
		if status != 0 || !strings.HasSuffix(out, want) || strings.Contains(out, " up ") {
			t.Errorf("live %s: status %d\n%s", option, status, out)
		}
		// A mariadbd may lie in /usr/sbin, where the scripts look too.
		if n := strings.Count(out, "no redis-server in PATH. \"apt-get install redis-server\", or "+live.EnvRedisBin); n != 1 {
			t.Errorf("live %s: %d lines about redis-server:\n%s", option, n, out)
		}
		if n := strings.Count(out, live.EnvKafkaLibs+" is not set"); n != 1 {
			t.Errorf("live %s: %d lines about Kafka's jars:\n%s", option, n, out)
		}
	}
	own := append(env, live.EnvRedisBin+"=given", live.EnvMySQLBin+"=given", live.EnvKafkaLibs+"=given")
	if out, _ := run(t, own, "live", "bash", "-c", "echo nothing else"); out != "nothing else\n" {
		t.Errorf("with programs given, live says %q", out)
	}
}

// TestLiveSaysWhatIsMissing: each server that cannot be started, with where it is had from and the variable that names another.
func TestLiveSaysWhatIsMissing(t *testing.T) {
	for without, want := range map[string][]string{
		live.EnvRedis:        {"redis-server is missing", "apt-get install redis-server"},
		live.EnvRedis2:       {"no valkey-server of it in PATH", live.EnvRedis2 + "=host:port"},
		live.EnvMySQL2:       {"no mysqld of it in PATH", live.EnvMySQL2 + "='root@tcp(host:port)/'"},
		live.EnvRedisCluster: {"redis-server is missing"},
		live.EnvKafka:        {"java is missing"},
	} {
		env := append(given(t, without), "ROSTRUM_CACHE="+t.TempDir(), "PATH="+bare(t))
		out, status := run(t, env, "live", "bash", "-c", "echo it ran")
		for _, want := range append(want, "docker compose -f deploy/local/docker-compose.yml up") {
			if status == 0 || strings.Contains(out, "it ran") || !strings.Contains(out, want) {
				t.Errorf("without %s: status %d, no %q in\n%s", without, status, want, out)
			}
		}
	}
}

// bare is a PATH that has what the scripts need and no server; nor apt-get, which would install one.
func bare(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	for _, name := range []string{"bash", "env", "dirname", "sed", "mkdir", "ls", "tr", "sort", "paste", "flock", "cat", "id", "mktemp", "rm", "grep", "cut"} {
		if err := os.Symlink(live.Program(t, name), filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

func TestLiveSaysWhichOptionItDoesNotKnow(t *testing.T) {
	out, status := run(t, given(t), "live", "--quick", "--clutser", "true")
	if status != 1 || out != "live: no option --clutser\n" {
		t.Errorf("status %d, %q", status, out)
	}
	if out, status := run(t, given(t), "live", "--cluster", "--quick", "bash", "-c", `echo "$ROSTRUM_LIVE"`); status != 0 || out != "require\n" {
		t.Errorf("with all servers given: status %d, %q", status, out)
	}
}

// TestFuzzRunsEveryTarget: one at a time, each by its own package, also after one that found something; and says which did.
func TestFuzzRunsEveryTarget(t *testing.T) {
	bin := t.TempDir()
	const fake = `#!/usr/bin/env bash
if [ "$2" = -list ]; then printf '%s\n' FuzzA FuzzB 'ok  	m/one	0.1s' 'ok  	m/none	0.1s' '?   	m/untested	[no test files]' FuzzC 'ok  	m/two	0.1s'; exit; fi
echo "$*"
[[ $* != *FuzzB* ]]
`
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte(fake), 0o700); err != nil {
		t.Fatal(err)
	}
	out, status := run(t, []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")}, "fuzz", "3s")
	var ran []string
	for line := range strings.Lines(out) {
		if strings.HasPrefix(line, "test ") {
			ran = append(ran, strings.TrimSpace(line))
		}
	}
	want := []string{"test -run ^$ -fuzz ^FuzzA$ -fuzztime 3s m/one", "test -run ^$ -fuzz ^FuzzB$ -fuzztime 3s m/one", "test -run ^$ -fuzz ^FuzzC$ -fuzztime 3s m/two"}
	if status != 1 || !slices.Equal(ran, want) || !strings.HasSuffix(out, "\nfound something: m/one.FuzzB\n") {
		t.Errorf("status %d\n%s", status, out)
	}
}

// A target that is no file and is not said to be none does nothing as soon as a file has its name.
func TestEveryTargetIsPhony(t *testing.T) {
	text, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	steps := regexp.MustCompile(`(?m)^STEPS := (.*)$`).FindSubmatch(text)
	phony := regexp.MustCompile(`(?m)^\.PHONY: (.*)$`).FindSubmatch(text)
	targets := regexp.MustCompile(`(?m)^([a-z-]+):.*##`).FindAllSubmatch(text, -1)
	if steps == nil || phony == nil || len(targets) < 20 {
		t.Fatalf("%q, %q, %d targets", steps, phony, len(targets))
	}
	said := strings.Fields(strings.Replace(string(phony[1]), "$(STEPS)", string(steps[1]), 1))
	for _, target := range targets {
		if !slices.Contains(said, string(target[1])) {
			t.Errorf("%s is not in .PHONY", target[1])
		}
	}
}

// compiler is a "go" and clock a "date" that stands still but for it: it takes a second over a package, twenty over the
// package SLOW or, where that is BUSY, the first time only; it compiles none that is called BROKEN, and its programs end with
// the status STATUS after three seconds.
const (
	compiler = `#!/usr/bin/env bash
[ "$1" = build ] || exit 0
[ "$4" != "$BROKEN" ] || exit 1
took=1
if [ "$4" = "$SLOW" ] || { [ "$4" = "$BUSY" ] && [ ! -f "$CLOCK.busy" ]; }; then took=20; fi
if [ "$4" = "$BUSY" ]; then : >"$CLOCK.busy"; fi
echo $(($(date) + took)) >"$CLOCK"
printf '#!/usr/bin/env bash\necho $(($(date) + 3)) >"$CLOCK"\nexit %s\n' "${STATUS:-0}" >"$3"
chmod +x "$3"
`
	clock = `#!/bin/sh
cat "$CLOCK"
`
)

func TestColdBuildFailsAboveItsLimits(t *testing.T) {
	bin := t.TempDir()
	for name, text := range map[string]string{"go": compiler, "date": clock} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	const demo, bare = "./cmd/demo", "./deploy/coldbuild"
	const fast, table = "ratio 0.05 (at most 4)\n", "from a fresh clone to the table, without downloads: 4 s (at most 240)\n"
	for name, c := range map[string]struct {
		env  []string
		fine bool
		want string
	}{
		"a slow demo":             {[]string{"SLOW=" + demo}, false, "ratio 20.00 (at most 4)\nabove it: once more\ncold build: demo 20.0 s, bare Fiber 1.0 s, ratio 20.00 (at most 4)\n"},
		"slow the first time":     {[]string{"BUSY=" + demo}, true, "ratio 20.00 (at most 4)\nabove it: once more\ncold build: demo 1.0 s, bare Fiber 1.0 s, ratio 1.00 (at most 4)\n" + table},
		"a slow demo, allowed":    {[]string{"SLOW=" + demo, "MAX=1000"}, true, "ratio 20.00 (at most 1000)\nfrom a fresh clone to the table, without downloads: 23 s (at most 240)\n"},
		"a quick demo":            {[]string{"SLOW=" + bare}, true, fast + table},
		"late to the table":       {[]string{"SLOW=" + bare, "TABLE=3"}, false, "4 s (at most 3)\n"},
		"a wrong count":           {[]string{"SLOW=" + bare, "STATUS=1"}, false, fast},
		"a demo does not compile": {[]string{"SLOW=" + bare, "BROKEN=" + demo}, false, ""},
		"nor does the bare one":   {[]string{"SLOW=" + bare, "BROKEN=" + bare}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			temp := t.TempDir()
			clock := filepath.Join(temp, "clock")
			if err := os.WriteFile(clock, []byte("100"), 0o600); err != nil {
				t.Fatal(err)
			}
			env := append([]string{"PATH=" + bin + ":" + os.Getenv("PATH"), "TMPDIR=" + temp, "CLOCK=" + clock, "MAX=", "TABLE="}, c.env...)
			out, status := run(t, env, "cold-build")
			if status == 0 != c.fine || !strings.HasSuffix(out, c.want) {
				t.Errorf("status %d, want %q at the end of\n%s", status, c.want, out)
			}
		})
	}
}
