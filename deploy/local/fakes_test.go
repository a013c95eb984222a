package local

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The test's own program stands in for every server: called by a server's name it does what the scripts look at. So each
// engine's way through the scripts is shown in a moment, on any machine; that the real ones start is shown by "make live",
// but for redis8: CI has Redis 7 and Valkey.
func TestMain(m *testing.M) {
	fake, ok := fakes[filepath.Base(os.Args[0])]
	if !ok {
		os.Exit(m.Run())
	}
	if err := fake(strings.Join(os.Args[1:], " ")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

var fakes = map[string]func(args string) error{
	"mariadbd":           mysqlFake("Ver 10.99.1-MariaDB"),
	"mariadb-install-db": func(string) error { return nil },
	"mysqld":             mysqlFake("Ver 9.99.2"),
	"redis-server":       redisFake("Redis server v=8.99.3 sha=0"),
	"valkey-server":      redisFake("Valkey server v=9.99.4 sha=0"),
	"java":               kafkaFake,
}

func mysqlFake(version string) func(string) error {
	return func(args string) error {
		switch {
		case strings.Contains(args, "--version"):
			fmt.Println("fake", version, "for Linux")
			return nil
		case strings.Contains(args, "--initialize-insecure"):
			return nil
		}
		return answer(args, `--port=(\d+)`, "\x4a\x00\x00\x00\x0a")
	}
}

func redisFake(version string) func(string) error {
	return func(args string) error {
		if args == "--version" {
			fmt.Println(version)
			return nil
		}
		return answer(args, `--port (\d+)`, "+PONG\r\n+OK\r\n")
	}
}

// kafkaFake is java: it makes the data folder, or is the broker.
func kafkaFake(args string) error {
	if strings.Contains(args, "kafka.tools.StorageTool format") {
		return nil
	}
	words := strings.Fields(args)
	properties, err := os.ReadFile(words[len(words)-1])
	if err != nil {
		return err
	}
	log := regexp.MustCompile(`-Drostrum\.log=(\S+)`).FindStringSubmatch(args)
	if err := os.WriteFile(log[1], []byte("Kafka Server started\n"), 0o600); err != nil {
		return err
	}
	return answer(string(properties), `advertised\.listeners=PLAINTEXT://127\.0\.0\.1:(\d+)`, "")
}

// answer says the same to everybody who comes to the port that the text names, for ever.
func answer(text, port, words string) error {
	l, err := net.Listen("tcp", "127.0.0.1:"+regexp.MustCompile(port).FindStringSubmatch(text)[1])
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		_, _ = c.Write([]byte(words)) // whoever only looks whether the port is taken has gone
		_ = c.Close()
	}
}

// fakeSet is a set whose servers are all fakes, first in PATH, with Kafka's jars in place.
func fakeSet(t *testing.T) *set {
	t.Helper()
	s := newSet(t)
	bin, cache := t.TempDir(), t.TempDir()
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name := range fakes {
		if err := os.Symlink(own, filepath.Join(bin, name)); err != nil {
			t.Fatal(err)
		}
	}
	libs := filepath.Join(cache, "kafka-4.3.1")
	if err := os.MkdirAll(libs, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(libs, ".complete"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.env = []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "ROSTRUM_CACHE=" + cache}
	return s
}
