// Package redis is a Redis inside the process, for the demo and for tests that need nothing installed: miniredis behind a
// real socket, used through the production client. It keeps nothing, evicts nothing and is slow; start-up rebuilds it from
// the database by the same recovery that a lost Redis takes.
package redis

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"sync"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// tick is about how late, or for what was just written how early, an expiry may come. A walk over all keys each: finer is dearer.
const tick = 250 * time.Millisecond

// Server is a running stand-in.
type Server struct {
	mini    *miniredis.Miniredis
	run     string
	stop    chan struct{}
	stopped sync.WaitGroup
}

// Start starts a stand-in on a loopback address ("127.0.0.1:0": a free port). An address in use is an error.
func Start(addr string) (*Server, error) {
	id := make([]byte, 20)
	if _, err := rand.Read(id); err != nil {
		return nil, fmt.Errorf("redis stand-in: %w", err)
	}
	s := &Server{mini: miniredis.NewMiniRedis(), run: hex.EncodeToString(id), stop: make(chan struct{})}
	if err := s.mini.StartAddr(addr); err != nil {
		return nil, fmt.Errorf("redis stand-in: %w", err)
	}
	s.stopped.Add(1)
	go s.pass()
	return s, nil
}

// pass lets time pass for expiries: miniredis ages its keys only when told to. TIME in scripts is the wall clock.
func (s *Server) pass() {
	defer s.stopped.Done()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	last := time.Now()
	for {
		select {
		case <-s.stop:
			return
		case now := <-ticker.C:
			s.mini.FastForward(min(now.Sub(last), 2*tick)) // late after a standstill, not early for what was written since
			last = now
		}
	}
}

// Addr is host:port.
func (s *Server) Addr() string { return s.mini.Addr() }

// Lineage is the prelude that the gate's scripts need here, since the stand-in cannot answer INFO server: a run id drawn
// anew at each start, so that a restart, which forgets everything, is noticed.
func (s *Server) Lineage() string {
	return fmt.Sprintf("local function lineage() return '%s', 'standin' end", s.run)
}

// Close ends the stand-in; all it held is gone. Calling it twice is wrong.
func (s *Server) Close() {
	close(s.stop)
	s.stopped.Wait()
	s.mini.Close()
}
