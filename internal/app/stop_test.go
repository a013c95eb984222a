package app

import (
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"rostrum/auction"
	"rostrum/internal/config"
)

// stopLimit is http.shutdown_timeout of the processes here. A process that takes the whole of it has failed to drain.
const stopLimit = 20 * time.Second

// terminate ends a role with SIGTERM and wants it to drain within the limit and end well; it gives what it logged.
func (c *cluster) terminate(name string) (log string) {
	c.t.Helper()
	r, told := c.roles[name], time.Now()
	must(c.t, r.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-r.done:
	case <-time.After(2 * stopLimit):
		c.t.Fatalf("%s lives on %s after SIGTERM", name, 2*stopLimit)
	}
	text, err := os.ReadFile(r.log)
	must(c.t, err)
	if code, took := r.cmd.ProcessState.ExitCode(), time.Since(told); code != 0 || took >= stopLimit {
		c.t.Errorf("%s ends with status %d, %s after SIGTERM; the limit is %s\n%s", name, code, took, stopLimit, last(string(text), 10))
	}
	return string(text)
}

// hang opens a connection to the API and sends half a request on it, for ever. It comes back when the API has taken the
// connection, as it has when it answers one that came later.
func hang(t *testing.T, api string) {
	t.Helper()
	client, err := net.Dial("tcp", api)
	must(t, err)
	t.Cleanup(func() { client.Close() })
	_, err = client.Write([]byte("POST /api/v1/auth/login HTTP/1.1\r\nHost: rostrum\r\nContent-Length: 100\r\n\r\n{"))
	must(t, err)
	later := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	answer, err := later.Get("http://" + api + "/livez")
	must(t, err)
	answer.Body.Close()
}

// Every process of the road is told to stop in mid-sale, each once, and comes back: it drains within its limit and ends
// well, nothing is lost, doubled or oversold. A client that hangs is cut off, and keeps nobody from draining.
func TestStopEachRoleInMidSale(t *testing.T) {
	c := deploy(t, auction.DurableEverySec)
	c.env = append(c.env, "ROSTRUM_HTTP_SHUTDOWN_TIMEOUT="+stopLimit.String(), "ROSTRUM_HTTP_READ_TIMEOUT=5m")
	c.all()
	c.openSale(5*time.Minute, 1, 200, 200)
	wait := c.rush(c.members(500))
	for n, name := range []string{"relay", "worker", "api", "closer"} {
		c.until(int64(40 * (n + 1)))
		if name == "api" {
			hang(t, c.api)
		}
		log := c.terminate(name)
		if cut := strings.Contains(log, "cut off"); cut != (name == "api") {
			t.Errorf("%s says that it cut clients off: %v\n%s", name, cut, last(log, 10))
		}
		c.up(name)
	}
	wait()
	c.decides()
	if sold := c.counted(); sold != 400 {
		t.Errorf("%d orders of 400 units, told %v", sold, c.crowd.Told())
	}
}

// One process with every role, as a small installation runs it, drains as well.
func TestStopAllRolesInMidSale(t *testing.T) {
	c := deploy(t, auction.DurableEverySec)
	c.env = append(c.env, "ROSTRUM_HTTP_SHUTDOWN_TIMEOUT="+stopLimit.String(), "ROSTRUM_HTTP_READ_TIMEOUT=5m")
	const all = "api,relay,worker,closer"
	c.up(all)
	c.decides()
	c.openSale(5*time.Minute, 1, 100)
	wait := c.rush(c.members(120))
	c.until(30)
	hang(t, c.api)
	c.terminate(all)
	c.up(all)
	wait()
	c.decides()
	if sold := c.counted(); sold != 100 {
		t.Errorf("%d orders of 100 units, told %v", sold, c.crowd.Told())
	}
}

// The same in one process on stand-ins: what is behind the door still has time when a client has had its own.
func TestAHangingClientKeepsNobodyFromDraining(t *testing.T) {
	i := install(t, standins(t), func(c *config.Config, _ *Parts) {
		c.HTTP.ShutdownTimeout, c.HTTP.ReadTimeout = stopLimit, 5*time.Minute
	})
	hang(t, i.app.Addr().String())
	told := time.Now()
	i.stop()
	if took := time.Since(told); took < stopLimit/2 || took >= stopLimit {
		t.Errorf("the stop takes %s; clients have half of %s, the rest the other half", took, stopLimit)
	}
}
