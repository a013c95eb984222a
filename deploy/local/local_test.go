// Package local tests the scripts beside it: that they start what they say, say what is wrong, and above all that they end
// nothing that they did not start. Fakes (fakes_test.go) show each kind of server's way through the scripts; redis-server, the
// quickest, is the real one where it is there; all of them are run by "make live".
package local

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"rostrum/internal/live"
)

// set is one folder of servers of a test.
type set struct {
	t   *testing.T
	dir string
	env []string
}

func newSet(t *testing.T) *set {
	t.Helper()
	live.Program(t, "bash")
	s := &set{t: t, dir: filepath.Join(t.TempDir(), "set")}
	t.Cleanup(func() {
		if _, err := os.Stat(filepath.Join(s.dir, "settings")); err == nil {
			s.env = nil
			s.ok("down", "--now", "--delete")
		}
	})
	return s
}

// run gives the output of a command on the set, and its exit status.
func (s *set) run(command string, args ...string) (string, int) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "./"+command, append([]string{"--dir", s.dir}, args...)...)
	cmd.Env = append(os.Environ(), s.env...)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		s.t.Fatalf("%s %v: %v", command, args, ctx.Err())
	}
	if err != nil && cmd.ProcessState == nil {
		s.t.Fatalf("%s %v: %v", command, args, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

func (s *set) ok(command string, args ...string) string {
	s.t.Helper()
	out, code := s.run(command, args...)
	if code != 0 {
		s.t.Fatalf("%s %v: status %d\n%s", command, args, code, out)
	}
	return out
}

// up starts the two Redis of the set, real ones, on free ports.
func (s *set) up(args ...string) string {
	s.t.Helper()
	live.Program(s.t, "redis-server")
	return s.ok("up", append([]string{"--only", "redis", "--free-ports"}, args...)...)
}

func (s *set) read(path ...string) string {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{s.dir}, path...)...))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(data))
}

func (s *set) client(name string) *redis.Client {
	s.t.Helper()
	c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + s.read(name, "port")})
	s.t.Cleanup(func() { c.Close() })
	return c
}

func TestUpAndDown(t *testing.T) {
	s, ctx := newSet(t), context.Background()
	s.up()
	pid := s.read("gate", "pid")
	gate, shelf := s.client("gate"), s.client("shelf")
	if again := s.up(); !strings.Contains(again, "gate  runs") || s.read("gate", "pid") != pid {
		t.Errorf("a second up started something:\n%s", again)
	}
	want := map[*redis.Client]map[string]string{
		gate:  {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction"},
		shelf: {"appendonly": "no", "maxmemory-policy": "allkeys-lru", "save": ""},
	}
	for c, settings := range want {
		for key, value := range settings {
			if got := c.ConfigGet(ctx, key).Val()[key]; got != value {
				t.Errorf("%v: %s is %q, want %q", c, key, got, value)
			}
		}
	}
	for _, c := range []*redis.Client{gate, shelf} {
		if err := c.Set(ctx, "k", "v", 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	s.ok("status")
	s.ok("down")
	if err := gate.Ping(ctx).Err(); err == nil {
		t.Error("the gate answers after down")
	}
	if out, code := s.run("status"); code != 3 || strings.Contains(out, " up ") {
		t.Errorf("status after down: %d\n%s", code, out)
	}
	if out := s.ok("down"); out != "" {
		t.Errorf("a second down ended something: %s", out)
	}
	s.ok("up")
	if got := gate.Get(ctx, "k").Val(); got != "v" {
		t.Errorf("the gate forgot: %q", got)
	}
	if got := shelf.Exists(ctx, "k").Val(); got != 0 {
		t.Error("the shelf kept what it is not to keep")
	}
	s.ok("reset")
	if got := gate.DBSize(ctx).Val(); got != 0 {
		t.Errorf("%d keys after reset", got)
	}
	s.ok("down", "--delete")
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("the folder is there after down --delete: %v", err)
	}
}

// TestNothingElseIsEnded: neither down nor reset touches a process that up did not start, whatever a pid file says, and of
// whichever kind of server.
func TestNothingElseIsEnded(t *testing.T) {
	s := fakeSet(t)
	s.ok("up", "--free-ports")
	other := exec.Command("sleep", "60")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = other.Wait() }()
	defer func() { _ = other.Process.Kill(); <-ended }()
	alive := func() bool {
		select {
		case <-ended:
			return false
		default:
			return exec.Command("kill", "-0", strconv.Itoa(other.Process.Pid)).Run() == nil
		}
	}

	own := map[string]string{}
	for _, name := range s.names() {
		own[name] = s.read(name, "pid")
	}
	for what, content := range map[string]string{
		"a pid that is another process's by now":   fmt.Sprintf("%d 1", other.Process.Pid),
		"the right start time, in a foreign place": fmt.Sprintf("%d %s", other.Process.Pid, startOf(t, other.Process.Pid)),
		"a pid alone":  strconv.Itoa(other.Process.Pid),
		"an empty one": "",
	} {
		for name := range own {
			s.write(content, name, "pid")
		}
		if out := s.ok("down", "--now"); out != "" || !alive() {
			t.Errorf("%s: down ended something: %s", what, out)
		}
		// Our own servers are somebody else's too by now, and hold their ports.
		if out, code := s.run("reset"); code == 0 || strings.Contains(out, "ended") || !strings.Contains(out, "is taken by a program that is not ours") || !alive() {
			t.Errorf("%s: reset ended something: status %d\n%s", what, code, out)
		}
	}
	for name, pid := range own {
		s.write(pid, name, "pid")
	}
	if out := s.ok("down", "--now"); strings.Count(out, "  ended") != len(own) {
		t.Errorf("down did not end its own:\n%s", out)
	}
}

// startOf is the kernel's start time of a process, the 22nd field of its stat line.
func startOf(t *testing.T, pid int) string {
	t.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Skipf("start times are read from /proc, which is not here: %v", err)
	}
	_, rest, _ := strings.Cut(string(data), ") ")
	return strings.Fields(rest)[19]
}

func TestTakenPort(t *testing.T) {
	s := newSet(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := l.Addr().(*net.TCPAddr).Port
	if port-6379 < 0 || port-6379 > 55000 {
		t.Fatalf("port %d cannot be reached with --port-base", port)
	}
	out, code := s.run("up", "--only", "redis", "--port-base", strconv.Itoa(port-6379))
	if code == 0 || !strings.Contains(out, strconv.Itoa(port)) || !strings.Contains(out, "--free-ports") {
		t.Errorf("status %d, %q: want the port and the remedy", code, out)
	}
}

func TestWrongUse(t *testing.T) {
	for name, c := range map[string]struct {
		command string
		args    []string
		want    string
	}{
		"unknown option":      {"up", []string{"--colour"}, "no option --colour"},
		"option of another":   {"status", []string{"--mysql", "mariadb"}, "no option --mysql"},
		"unknown engine":      {"up", []string{"--mysql", "postgres"}, "mariadb mysql"},
		"unknown kind":        {"up", []string{"--only", "redis,rabbit"}, "mysql redis kafka"},
		"port is not one":     {"up", []string{"--port-base", "many"}, "--port-base many"},
		"port is too large":   {"up", []string{"--port-base", "60000"}, "up to 55000"},
		"value is missing":    {"up", []string{"--mysql"}, "needs a value"},
		"a stray word":        {"down", []string{"everything"}, "what is everything?"},
		"down without a set":  {"down", nil, "no servers in"},
		"env without a set":   {"env", nil, "no servers in"},
		"reset without a set": {"reset", nil, "no servers in"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSet(t)
			if out, code := s.run(c.command, c.args...); code != 1 || !strings.Contains(out, c.want) {
				t.Errorf("status %d, %q: want 1 and %q", code, out, c.want)
			}
		})
	}
}

func TestSettingsOfASetStay(t *testing.T) {
	s := newSet(t)
	s.up()
	if out, code := s.run("up", "--redis", "valkey"); code != 1 || !strings.Contains(out, "redis=redis") {
		t.Errorf("status %d, %q: a set changed its engine", code, out)
	}
	if out, code := s.run("up", "--appendfsync", "always"); code != 1 || !strings.Contains(out, "appendfsync=everysec") {
		t.Errorf("status %d, %q: a set changed its promise", code, out)
	}
}

func TestFolderOfSomethingElse(t *testing.T) {
	s := newSet(t)
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	precious := filepath.Join(s.dir, "thesis.txt")
	if err := os.WriteFile(precious, []byte("years"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, code := s.run("up", "--only", "redis"); code != 1 || !strings.Contains(out, "is not empty") {
		t.Errorf("status %d, %q", code, out)
	}
	if out, code := s.run("down", "--delete"); code != 1 {
		t.Errorf("status %d, %q", code, out)
	}
	if _, err := os.Stat(precious); err != nil {
		t.Error(err)
	}
}

func TestMissingProgramIsNamedWithItsRemedy(t *testing.T) {
	s := newSet(t)
	bin := t.TempDir()
	for _, name := range []string{"bash", "env", "dirname", "sed", "mkdir", "ls", "tr", "sort", "paste", "flock", "cat"} {
		if err := os.Symlink(live.Program(t, name), filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	s.env = []string{"PATH=" + bin}
	out, code := s.run("up", "--only", "redis")
	for _, want := range []string{"redis-server is missing", "apt-get install redis-server", "docker compose -f"} {
		if code != 1 || !strings.Contains(out, want) {
			t.Errorf("status %d, %q: want 1 and %q", code, out, want)
		}
	}
}

func TestEnvIsWhatTestsRead(t *testing.T) {
	s := newSet(t)
	s.up("--cluster")
	out := s.ok("env")
	lines := regexp.MustCompile(`(?m)^export (\w+)='([^']*)'$`).FindAllStringSubmatch(out, -1)
	if len(lines) != strings.Count(out, "\n") {
		t.Fatalf("lines that are no exports:\n%s", out)
	}
	for _, l := range lines {
		t.Setenv(l[1], l[2])
	}
	masters, ctx := live.RedisCluster(t), context.Background()
	c := redis.NewClusterClient(&redis.ClusterOptions{Addrs: masters})
	defer c.Close()
	for i := range 100 { // a hundred keys lie on all three masters
		if err := c.Set(ctx, fmt.Sprint(i), i, 0).Err(); err != nil {
			t.Fatal(err)
		}
	}
	for _, addr := range masters {
		one := redis.NewClient(&redis.Options{Addr: addr})
		if n := one.DBSize(ctx).Val(); n == 0 {
			t.Errorf("no key on %s", addr)
		}
		one.Close()
	}
	s.ok("down")
	s.ok("up")
	live.Eventually(t, 20*time.Second, "the cluster after a restart", func() (bool, error) {
		v, err := c.Get(ctx, "42").Result()
		return v == "42", err
	})
}
