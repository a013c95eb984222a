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
func given(t *testing.T, without string) []string {
	t.Helper()
	env := []string{"TMPDIR=" + t.TempDir()}
	for _, name := range []string{live.EnvMySQL, live.EnvRedis, live.EnvShelf, live.EnvKafka} {
		value := "given"
		if name == without || without == live.EnvRedis && name == live.EnvShelf {
			value = ""
		}
		env = append(env, name+"="+value)
	}
	return env
}

func TestLiveGivesTheCommandsOwnStatus(t *testing.T) {
	out, status := run(t, given(t, ""), "live", "--quick", "bash", "-c", `echo "$ROSTRUM_LIVE $ROSTRUM_TEST_MYSQL"; exit 7`)
	if status != 7 || out != "require given\n" {
		t.Errorf("status %d, %q; want 7, and skips forbidden", status, out)
	}
}

func TestLiveEndsWhatItStarted(t *testing.T) {
	live.Program(t, "redis-server")
	for _, status := range []string{"0", "1"} {
		env := given(t, live.EnvRedis)
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

func TestLiveFailsWhenAServerCannotStart(t *testing.T) {
	out, status := run(t, append(given(t, live.EnvRedis), "ROSTRUM_CACHE=/dev/null/none", "PATH="+withoutRedis(t)), "live", "--quick", "true")
	if status == 0 || !strings.Contains(out, "redis-server is missing") {
		t.Errorf("status %d, %q: the command ran without its server", status, out)
	}
}

// withoutRedis is a PATH that has what the scripts need and no redis-server; nor apt-get, which would install it.
func withoutRedis(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	for _, name := range []string{"bash", "env", "dirname", "sed", "mkdir", "ls", "tr", "sort", "paste", "flock", "cat", "id", "mktemp", "rm"} {
		if err := os.Symlink(live.Program(t, name), filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

func TestLiveSaysWhichOptionItDoesNotKnow(t *testing.T) {
	out, status := run(t, given(t, ""), "live", "--quick", "--clutser", "true")
	if status != 1 || out != "live: no option --clutser\n" {
		t.Errorf("status %d, %q", status, out)
	}
	if out, status := run(t, given(t, ""), "live", "--cluster", "--quick", "bash", "-c", `echo "$ROSTRUM_LIVE"`); status != 0 || out != "require\n" {
		t.Errorf("with all servers given: status %d, %q", status, out)
	}
}
