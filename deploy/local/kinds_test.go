package local

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// kinds are the sets that can be asked for, with the version each server says it has.
var kinds = map[string]struct {
	args []string
	want map[string]string
}{
	"as installed": {nil, map[string]string{"mysql": "mariadb 10.99.1-MariaDB", "gate": "redis 8.99.3", "shelf": "redis 8.99.3", "kafka": "kafka 4.3.1"}},
	"MySQL and Valkey": {[]string{"--mysql", "mysql", "--redis", "valkey", "--only", "mysql,redis"},
		map[string]string{"mysql": "mysql 9.99.2", "gate": "valkey 9.99.4", "shelf": "valkey 9.99.4"}},
	"Redis 8":       {[]string{"--redis", "redis8", "--only", "redis"}, map[string]string{"gate": "redis 8.99.3", "shelf": "redis 8.99.3"}},
	"three brokers": {[]string{"--cluster", "--only", "kafka"}, map[string]string{"kafka1": "kafka 4.3.1", "kafka2": "kafka 4.3.1", "kafka3": "kafka 4.3.1"}},
}

// TestEveryKind: up starts each server once, status knows it, reset empties it where it stands, down ends it.
func TestEveryKind(t *testing.T) {
	for name, c := range kinds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := fakeSet(t)
			s.ok("up", append([]string{"--free-ports"}, c.args...)...)
			first := s.servers()
			if !maps.Equal(versions(first), c.want) {
				t.Errorf("status says %v, want %v", versions(first), c.want)
			}
			if again := s.ok("up"); strings.Count(again, "  runs  ") != len(c.want) || !maps.Equal(s.servers(), first) {
				t.Errorf("a second up did something:\n%s", again)
			}
			for name := range c.want {
				s.write("old", name, "data", "old")
			}
			s.ok("reset")
			for name, was := range first {
				now := s.servers()[name]
				if now.address != was.address || now.pid == was.pid || now.version != was.version {
					t.Errorf("%s after reset: %v, before %v", name, now, was)
				}
				if _, err := os.Stat(filepath.Join(s.dir, name, "data", "old")); !os.IsNotExist(err) {
					t.Errorf("%s: its data is there after reset: %v", name, err)
				}
			}
			for name := range c.want {
				s.write("kept", name, "data", "kept")
			}
			if out := s.ok("down"); strings.Count(out, "  ended") != len(c.want) {
				t.Errorf("down:\n%s", out)
			}
			if out, code := s.run("status"); code != 3 || strings.Count(out, " down ") != len(c.want) {
				t.Errorf("status after down: %d\n%s", code, out)
			}
			s.ok("up")
			for name := range c.want {
				s.read(name, "data", "kept")
			}
		})
	}
}

// TestAnEngineIsWhatItSays: a program in PATH that is another engine, or another version, than asked for is not taken.
func TestAnEngineIsWhatItSays(t *testing.T) {
	for name, c := range map[string]struct{ program, fake, option, engine string }{
		"MariaDB is no MySQL":  {"mysqld", "mariadbd", "--mysql", "mysql"},
		"Valkey is no Redis 8": {"redis-server", "valkey-server", "--redis", "redis8"},
	} {
		t.Run(name, func(t *testing.T) {
			s := fakeSet(t)
			bin := filepath.Join(t.TempDir(), "bin")
			if err := os.Mkdir(bin, 0o700); err != nil {
				t.Fatal(err)
			}
			// What the name leads to decides what it is: a script, because the fake goes by its own name.
			script := "#!/bin/sh\nexec " + filepath.Join(s.bin(), c.fake) + " \"$@\"\n"
			if err := os.WriteFile(filepath.Join(bin, c.program), []byte(script), 0o700); err != nil {
				t.Fatal(err)
			}
			// Neither apt nor Maven, which would get the right one.
			for _, missing := range []string{"apt-get", "mvn", "unzip"} {
				if err := os.WriteFile(filepath.Join(bin, missing), []byte("#!/bin/sh\necho no "+missing+" here >&2\nexit 1\n"), 0o700); err != nil {
					t.Fatal(err)
				}
			}
			s.env[0] = "PATH=" + bin + string(os.PathListSeparator) + strings.TrimPrefix(s.env[0], "PATH=")
			kind := strings.TrimPrefix(c.option, "--")
			out, code := s.run("up", "--free-ports", "--only", kind, c.option, c.engine)
			if code == 0 || !strings.Contains(out, c.engine+" is not here: no "+c.program+" of it in PATH") {
				t.Errorf("status %d\n%s", code, out)
			}
		})
	}
}

// server is a line of status.
type server struct{ version, address, pid string }

func versions(servers map[string]server) map[string]string {
	v := map[string]string{}
	for name, s := range servers {
		v[name] = s.version
	}
	return v
}

// servers reads status, in which all must be up.
func (s *set) servers() map[string]server {
	s.t.Helper()
	servers := map[string]server{}
	for _, m := range regexp.MustCompile(`(?m)^(\S+) +up +(\S.*\S) +(127\.0\.0\.1:\d+) +pid (\d+)$`).FindAllStringSubmatch(s.ok("status"), -1) {
		servers[m[1]] = server{m[2], m[3], m[4]}
	}
	return servers
}

// names of the servers of a set, in order.
func (s *set) names() []string { return slices.Sorted(maps.Keys(s.servers())) }

func (s *set) write(content string, path ...string) {
	s.t.Helper()
	file := filepath.Join(append([]string{s.dir}, path...)...)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// bin is the folder of a fake set's programs.
func (s *set) bin() string {
	first, _, _ := strings.Cut(strings.TrimPrefix(s.env[0], "PATH="), string(os.PathListSeparator))
	return first
}
