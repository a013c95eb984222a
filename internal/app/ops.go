package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"rostrum/web"
)

// Limits of the ops address, which is for a scraper and an orchestrator, not for people.
const (
	opsTimeout     = 5 * time.Second
	opsHeaderBytes = 8 << 10
	checkTimeout   = 900 * time.Millisecond // less than the second that orchestrators wait
)

// opsSteps give every process, whatever its roles, metrics and probes on http.ops_listen; none where that is empty. The
// first is the listener, from the beginning to the very end; the last makes /readyz say yes while all else runs.
func (a *App) opsSteps() (first, last []step) {
	if a.Config.HTTP.OpsListen == "" {
		return nil, nil
	}
	ready := new(atomic.Bool)
	server := &http.Server{Handler: a.opsHandler(ready), ReadTimeout: opsTimeout, WriteTimeout: opsTimeout, MaxHeaderBytes: opsHeaderBytes}
	listen := step{name: "ops", why: "a process that does not come up or down is seen from outside",
		start: func(context.Context) error {
			listener, err := net.Listen("tcp", a.Config.HTTP.OpsListen)
			if err != nil {
				return fmt.Errorf("http.ops_listen: %w", err)
			}
			a.opsAddress = listener.Addr()
			go func() {
				defer recovered("ops", a.die)
				if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
					a.die("ops", err)
				}
			}()
			return nil
		},
		stop: server.Shutdown}
	readiness := step{name: "ready", why: "work is sent here when all of it runs, and no more once it stops",
		start: func(context.Context) error { ready.Store(true); return nil },
		stop:  func(context.Context) error { ready.Store(false); return nil }}
	return []step{listen}, []step{readiness}
}

func (a *App) opsHandler(ready *atomic.Bool) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.Metrics.Handler())
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), checkTimeout)
		defer cancel()
		a.readiness(ctx, w, ready.Load(), r.URL.Query().Has("verbose"))
	})
	return mux
}

// readiness asks nothing of a process that starts or stops: the answer is no.
func (a *App) readiness(ctx context.Context, w http.ResponseWriter, ok, verbose bool) {
	found := []web.Check{{Name: "serving", OK: ok}}
	if ok {
		found = append(found, checks{a}.Check(ctx, verbose)...)
	}
	for n := range found {
		found[n].TookMS = found[n].Took.Milliseconds()
		ok = ok && found[n].OK
	}
	status, word := http.StatusOK, "ready\n"
	if !ok {
		status, word = http.StatusServiceUnavailable, "not ready\n"
	}
	if verbose {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"ready": ok, "checks": found}) // the prober is gone, if this fails
		return
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, word)
}

// publicMetrics is what the API's own address shows of them: nothing, where there is an ops address for that.
func (a *App) publicMetrics() http.Handler {
	if a.Config.HTTP.OpsListen != "" {
		return nil
	}
	return a.Metrics.Handler()
}
