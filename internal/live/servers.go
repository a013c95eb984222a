package live

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// StartRedis starts a redis-server for this test alone: append-only file with fsync every second, no snapshots, no
// eviction. args come after these and win ("--appendfsync", "always"). Its AOF is in Dir/appendonlydir.
func StartRedis(t testing.TB, args ...string) *Process {
	t.Helper()
	dir := t.TempDir()
	p := &Process{Dir: dir, log: filepath.Join(dir, "server.log"), ready: redisAnswers}
	p.bin = program(t, EnvRedisBin, "redis-server", "valkey-server")
	return launch(t, p, func(port string) []string {
		base := []string{"--bind", "127.0.0.1", "--port", port, "--dir", dir, "--daemonize", "no",
			"--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--maxmemory-policy", "noeviction"}
		return append(base, args...)
	})
}

// redisAnswers is nil when the server takes commands; one that still loads its file says LOADING.
func redisAnswers(addr string) error {
	answer, err := ask(addr, "PING\r\n")
	if err != nil {
		return err
	}
	// With a password set the server is up, and only we may not ask.
	if bytes.HasPrefix(answer, []byte("+PONG")) || bytes.HasPrefix(answer, []byte("-NOAUTH")) {
		return nil
	}
	return fmt.Errorf("answered %q", answer)
}

// StartMySQL starts a mariadbd for this test alone, durable at each commit; root has no password. args come last and win.
// The first start makes the data folder, about three seconds. DSN gives its address as MySQL does.
func StartMySQL(t testing.TB, args ...string) *Process {
	t.Helper()
	root := t.TempDir()
	dir := filepath.Join(root, "data")
	p := &Process{Dir: dir, log: filepath.Join(root, "server.log"), ready: mysqlAnswers}
	p.bin = program(t, EnvMySQLBin, "mariadbd")
	installData(t, dir)
	return launch(t, p, func(port string) []string {
		// The socket's path is limited to about 100 bytes and a test's folder may be longer: it is relative to the data.
		base := []string{"--no-defaults", "--datadir=" + dir, "--bind-address=127.0.0.1", "--port=" + port, "--socket=sock",
			"--pid-file=pid", "--character-set-server=utf8mb4", "--innodb-flush-log-at-trx-commit=1", "--sync-binlog=1",
			"--innodb-buffer-pool-size=64M"}
		return append(append(base, asRoot()...), args...)
	})
}

// DSN is the address of a server from StartMySQL in the driver's form, without a database.
func (p *Process) DSN() string { return "root@tcp(" + p.Addr + ")/" }

func installData(t testing.TB, dir string) {
	t.Helper()
	args := append([]string{"--no-defaults", "--datadir=" + dir, "--force", "--skip-test-db",
		"--auth-root-authentication-method=normal"}, asRoot()...)
	out, err := exec.Command(program(t, "", "mariadb-install-db", "mysql_install_db"), args...).CombinedOutput()
	if err != nil {
		t.Fatalf("mariadb-install-db: %v\n%s", err, out)
	}
}

// asRoot: the server refuses to run as root unless it is told so by name.
func asRoot() []string {
	if os.Geteuid() == 0 {
		return []string{"--user=root"}
	}
	return nil
}

// mysqlAnswers is nil when the server greets: the fifth byte of its first packet is the protocol's version, 10.
func mysqlAnswers(addr string) error {
	const version, at = 10, 4
	answer, err := ask(addr, "")
	if err != nil {
		return err
	}
	if len(answer) <= at || answer[at] != version {
		return fmt.Errorf("answered %q", answer)
	}
	return nil
}
