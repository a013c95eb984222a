package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rostrum/internal/live"
	"rostrum/internal/simulate"
)

// served is an installation on real servers that runs: its environment, the address of a proxy before it, and what, when
// it is locked, lets no answer through.
func served(t *testing.T) ([]string, string, *sync.RWMutex) {
	t.Helper()
	address := live.FreeAddr(t)
	environ := slices.DeleteFunc(realWorld(t), func(entry string) bool { return strings.HasPrefix(entry, "ROSTRUM_HTTP_LISTEN=") })
	environ = append(environ, "ROSTRUM_HTTP_LISTEN="+address, "ROSTRUM_LOG_LEVEL=warn")
	runSteps(t, environ, []step{{"migrate up", exitGood, "yes"}, {"topics apply", exitGood, "rostrum.journal.v1"}})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan outcome, 1)
	go func() { ended <- realRun(ctx, environ, "serve") }()
	t.Cleanup(func() {
		stop()
		if got := <-ended; got.status != exitGood {
			t.Errorf("serve ended with %d: %s", got.status, got.err)
		}
	})
	live.Eventually(t, 60*time.Second, "every shard to decide", func() (bool, error) {
		return realRun(t.Context(), environ, "doctor").status == exitGood, nil
	})
	target, hold := proxy(t, address)
	return environ, target, hold
}

// proxy passes bytes on; while hold is locked none come back.
func proxy(t *testing.T, to string) (string, *sync.RWMutex) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	hold := &sync.RWMutex{}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer client.Close()
				server, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer server.Close()
				go func() { _, _ = io.Copy(server, client); _ = server.Close() }()
				_, _ = io.Copy(heldWriter{client, hold}, server)
			}()
		}
	}()
	return "http://" + listener.Addr().String(), hold
}

type heldWriter struct {
	io.Writer
	hold *sync.RWMutex
}

func (h heldWriter) Write(p []byte) (int, error) {
	h.hold.RLock()
	defer h.hold.RUnlock()
	return h.Writer.Write(p)
}

// simulateOn runs a command line that must end well, and gives its report, with every invariant looked at.
func simulateOn(t *testing.T, environ []string, line string) simulate.Report {
	t.Helper()
	html := filepath.Join(t.ArtifactDir(), "report.html")
	got := realRun(t.Context(), environ, "simulate --output json --html "+html+" "+line)
	var r simulate.Report
	if err := json.Unmarshal([]byte(got.out), &r); err != nil {
		t.Fatalf("status %d, %v: %s%s", got.status, err, got.out, got.err)
	}
	for _, i := range r.Invariants {
		if !i.OK() {
			t.Errorf("%s: %d of %d wrong: %s", i.Name, i.Wrong, i.Checked, i.Detail)
		}
	}
	if got.status != exitGood || len(r.NotCounted) > 0 || len(r.Invariants) < 20 {
		t.Errorf("status %d, %d invariants, not counted %v: %s", got.status, len(r.Invariants), r.NotCounted, got.err)
	}
	return r
}

// The whole of it on real servers: a spike on a sale of its own, more wanted than there is; and, in a run of 30 s, an API
// that stands still for one of them: all who came in that second are slow, and p99.9 says so.
func TestLiveSimulate(t *testing.T) {
	environ, target, hold := served(t)
	t.Run("a spike", func(t *testing.T) {
		r := simulateOn(t, environ, "--target "+target+" --shape spike --rate 300 --for 5s --lots 5 --stock 40 --zipf 1 --readers 0.1 --users 1000")
		if r.Admitted == 0 || r.Admitted > 200 || r.Bids.Offered != r.Bids.Answered {
			t.Errorf("%d admitted, bids %+v", r.Admitted, r.Bids)
		}
		t.Logf("%d bids, %d admitted, first answer p50 %d µs, p99 %d µs, %d ms of CPU", r.Bids.Offered, r.Admitted, r.Latency["answer"].P50US, r.Latency["answer"].P99US, r.ClientCPUms)
	})
	t.Run("a second's pause", func(t *testing.T) {
		go func() {
			<-time.After(20 * time.Second) // making the sale takes the first of them
			hold.Lock()
			<-time.After(time.Second)
			hold.Unlock()
		}()
		r := simulateOn(t, environ, "--target "+target+" --even --rate 100 --for 30s --lots 5 --stock 1000 --connections 8 --users 3000")
		answer := r.Latency[simulate.LatencyAnswer]
		if r.Bids.Offered != 3000 || r.Bids.Answered != 3000 || answer.P999US < 900_000 || answer.P99US < 500_000 {
			t.Errorf("bids %+v, first answer %+v: a second of thirty was lost", r.Bids, answer)
		}
		t.Logf("first answer p50 %d µs, p99 %d µs, p99.9 %d µs", answer.P50US, answer.P99US, answer.P999US)
	})
}
