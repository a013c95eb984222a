package web

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"rostrum/web/api"
	"rostrum/web/edge"
	"rostrum/web/pages"
)

// Ports is what the server stands on. Checks may be nil (always ready), Metrics too (no /metrics).
type Ports struct {
	edge.Ports
	Checks  Checks
	Metrics http.Handler
}

// Options are the server's limits. The zero value of a field takes its default; every default is finite.
type Options struct {
	edge.Options

	ReadTimeout, WriteTimeout, IdleTimeout time.Duration // 5 s, 10 s, 60 s

	BodyBytes   int // of any request, 64 KiB; the API takes api.MaxBodyBytes
	HeaderBytes int // request line and headers, 8 KiB
	Concurrency int // connections, 65536

	// TrustedProxies are the addresses or networks whose X-Real-IP is believed; they must overwrite that header. None:
	// the peer's address counts.
	TrustedProxies []string

	CookieSecure bool // cookies for HTTPS only, with the __Host- prefix, and HSTS
	Version      string
}

func (o Options) withDefaults() Options {
	for value, otherwise := range map[*time.Duration]time.Duration{&o.ReadTimeout: 5 * time.Second, &o.WriteTimeout: 10 * time.Second, &o.IdleTimeout: time.Minute} {
		if *value == 0 {
			*value = otherwise
		}
	}
	for value, otherwise := range map[*int]int{&o.BodyBytes: 64 << 10, &o.HeaderBytes: 8 << 10, &o.Concurrency: 64 << 10} {
		if *value == 0 {
			*value = otherwise
		}
	}
	if o.Version == "" {
		o.Version = "0"
	}
	return o
}

// Server is the HTTP server.
type Server struct {
	app     *fiber.App
	edge    *edge.Edge
	ports   Ports
	options Options
	common  *fasthttp.ResponseHeader // of every answer
	closing atomic.Bool

	mu       sync.Mutex
	listener net.Listener
	stopped  bool
}

// New builds a server; it listens nowhere yet. It panics without a secret of at least 16 bytes, which makes cursors and
// form tokens.
func New(p Ports, o Options) *Server {
	if len(o.Secret) < 16 {
		panic("web: a secret of at least 16 bytes is needed")
	}
	o = o.withDefaults()
	e := edge.New(p.Ports, o.Options)
	s := &Server{edge: e, ports: p, options: o, common: commonHeaders(o.CookieSecure)}
	s.app = fiber.New(s.fiberConfig())
	s.middleware()
	s.probes()
	api.Mount(s.app, e, o.Version)
	pages.Mount(s.app, e, o.CookieSecure)
	return s
}

func (s *Server) fiberConfig() fiber.Config {
	o := s.options
	return fiber.Config{
		AppName: "rostrum", DisableStartupMessage: true, Immutable: true, CaseSensitive: true,
		ReadTimeout: o.ReadTimeout, WriteTimeout: o.WriteTimeout, IdleTimeout: o.IdleTimeout,
		BodyLimit: o.BodyBytes, ReadBufferSize: o.HeaderBytes, Concurrency: o.Concurrency,
		EnableTrustedProxyCheck: true, TrustedProxies: o.TrustedProxies, ProxyHeader: "X-Real-IP", EnableIPValidation: true,
		ErrorHandler: s.failed,
	}
}

// Listen serves on an address ("127.0.0.1:8080") until Shutdown.
func (s *Server) Listen(addr string) error {
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", addr, err)
	}
	return s.Serve(ln)
}

// Serve serves on a listener until Shutdown, and closes it. Nil after a Shutdown, also one that came first.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	s.listener = ln
	stopped := s.stopped
	s.mu.Unlock()
	if stopped {
		return ln.Close()
	}
	err := s.app.Listener(ln)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopped {
		return nil
	}
	return err
}

// Leave makes /readyz say no, so that a balancer sends nothing new. Requests are still answered.
func (s *Server) Leave() { s.closing.Store(true) }

// Shutdown stops listening, waits for the requests that are being answered until ctx ends, and closes idle connections.
func (s *Server) Shutdown(ctx context.Context) error {
	s.Leave()
	s.mu.Lock()
	s.stopped = true
	ln := s.listener
	s.mu.Unlock()
	err := s.app.ShutdownWithContext(ctx)
	if ln != nil {
		_ = ln.Close() // Fiber knows of it only once it accepts: a Shutdown between the two must not be lost
	}
	return err
}
