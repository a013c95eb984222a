package live

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Masters are the Redis of one test that decides: one server, or the three masters of a cluster. What is done to it is done
// to all of them; a test that wants only one to fail takes it from Nodes.
type Masters struct {
	Nodes []*Process
	t     testing.TB
}

// StartGate starts a Redis as StartRedis does; where the environment's is a cluster, it starts a cluster.
func StartGate(t testing.TB, args ...string) *Masters {
	t.Helper()
	if len(list(os.Getenv(EnvRedis))) > 1 {
		return StartRedisCluster(t, args...)
	}
	return &Masters{t: t, Nodes: []*Process{StartRedis(t, args...)}}
}

// Addr is the address as live.Redis gives it: of several by comma.
func (m *Masters) Addr() string {
	var addrs []string
	for _, p := range m.Nodes {
		addrs = append(addrs, p.Addr)
	}
	return strings.Join(addrs, ",")
}

// Kill9 ends every server as a power cut would.
func (m *Masters) Kill9() { m.t.Helper(); m.each((*Process).Kill9) }

// Pause freezes every server.
func (m *Masters) Pause() { m.t.Helper(); m.each((*Process).Pause) }

// Restart starts every server again on the data as it lies there, and returns when all slots are served.
func (m *Masters) Restart() {
	m.t.Helper()
	m.each(func(p *Process) { p.Restart() })
	m.AwaitWhole()
}

// Forget removes what servers that are down had on their disks, but not who they are in their cluster.
func (m *Masters) Forget() {
	m.t.Helper()
	m.each(func(p *Process) {
		if err := os.RemoveAll(filepath.Join(p.Dir, "appendonlydir")); err != nil {
			m.t.Fatal(err)
		}
	})
}

func (m *Masters) each(do func(*Process)) {
	m.t.Helper()
	for _, p := range m.Nodes {
		do(p)
	}
}

const (
	slots   = 16384
	nodesOf = 3
)

// StartRedisCluster starts three masters that share the slots evenly, without replicas: what one of them has is away while
// it is away, and the others go on.
func StartRedisCluster(t testing.TB, args ...string) *Masters {
	t.Helper()
	m := &Masters{t: t}
	buses := make([]string, nodesOf)
	for n := range nodesOf {
		_, buses[n], _ = net.SplitHostPort(FreeAddr(t))
		m.Nodes = append(m.Nodes, StartRedis(t, append([]string{"--cluster-enabled", "yes", "--cluster-port", buses[n],
			"--cluster-node-timeout", "15000", "--cluster-require-full-coverage", "no"}, args...)...))
	}
	for n, p := range m.Nodes {
		m.tell(p, fmt.Sprintf("CLUSTER ADDSLOTSRANGE %d %d", n*slots/nodesOf, (n+1)*slots/nodesOf-1))
		m.tell(p, fmt.Sprintf("CLUSTER SET-CONFIG-EPOCH %d", n+1))
		if n > 0 {
			host, port, _ := net.SplitHostPort(p.Addr)
			m.tell(m.Nodes[0], fmt.Sprintf("CLUSTER MEET %s %s %s", host, port, buses[n]))
		}
	}
	m.AwaitWhole()
	return m
}

func (m *Masters) tell(p *Process, command string) {
	m.t.Helper()
	if answer, err := askWithin(startTimeout, p.Addr, command+"\r\n"); err != nil || !bytes.HasPrefix(answer, []byte("+OK")) {
		m.t.Fatalf("%s to %s: %q, %v", command, p.Addr, answer, err)
	}
}

// AwaitWhole waits until every node sees every slot served. A single server is whole at once.
func (m *Masters) AwaitWhole() {
	m.t.Helper()
	if len(m.Nodes) == 1 {
		return
	}
	for _, p := range m.Nodes {
		Eventually(m.t, startTimeout, "the cluster as seen by "+p.Addr, func() (bool, error) {
			answer, err := ask(p.Addr, "CLUSTER INFO\r\n")
			whole := bytes.Contains(answer, []byte("cluster_state:ok")) && bytes.Contains(answer, []byte(fmt.Sprint("cluster_slots_ok:", slots)))
			return whole && bytes.Contains(answer, []byte(fmt.Sprint("cluster_known_nodes:", nodesOf))), err
		})
	}
}
