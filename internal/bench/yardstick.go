package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"

	"rostrum/internal/config"
)

// yardstick is a bare Fiber server, configured as package web configures its own: a handler that reads a body, and one
// that reads nothing. Each gives the answer that it was taught.
type yardstick struct {
	app       *fiber.App
	address   string
	post, get atomic.Pointer[answer]
	done      chan error
}

// answer is an answer as the API gave it once.
type answer struct {
	status  int
	headers [][2]string // but for those that the server writes by itself
	body    []byte
}

// startYardstick serves on a free port. It is to be taught before it is asked.
func startYardstick(c config.Config) (*yardstick, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("a free port: %w", err)
	}
	y := &yardstick{address: listener.Addr().String(), done: make(chan error, 1), app: fiber.New(bareConfig(c.HTTP))}
	y.app.Post("/api/v1/lots/:id/bids", func(c *fiber.Ctx) error {
		if len(c.Body()) == 0 {
			return fiber.ErrBadRequest
		}
		return y.post.Load().give(c)
	})
	y.app.Get("/api/v1/sessions/:id/lots", func(c *fiber.Ctx) error { return y.get.Load().give(c) })
	go func() { y.done <- y.app.Listener(listener) }()
	return y, nil
}

// bareConfig is package web's, with its defaults.
func bareConfig(c config.HTTP) fiber.Config {
	return fiber.Config{DisableStartupMessage: true, Immutable: true, CaseSensitive: true,
		ReadTimeout: c.ReadTimeout, WriteTimeout: c.WriteTimeout, IdleTimeout: c.IdleTimeout,
		BodyLimit: 64 << 10, ReadBufferSize: 8 << 10, Concurrency: 64 << 10,
		EnableTrustedProxyCheck: true, TrustedProxies: c.TrustedProxies, ProxyHeader: "X-Real-IP", EnableIPValidation: true}
}

func (a *answer) give(c *fiber.Ctx) error {
	for _, h := range a.headers {
		c.Response().Header.Set(h[0], h[1])
	}
	return c.Status(a.status).Send(a.body)
}

// learn asks a server once and gives its answer, which has to have the wanted status.
func learn(ctx context.Context, address string, request []byte, want int) (*answer, error) {
	c, err := (&net.Dialer{Timeout: grace}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(grace)); err != nil {
		return nil, err
	}
	if _, err := c.Write(request); err != nil {
		return nil, err
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	a := &answer{status: r.StatusCode}
	if a.body, err = io.ReadAll(io.LimitReader(r.Body, maxAnswer)); err != nil {
		return nil, err
	}
	if a.status != want {
		return nil, fmt.Errorf("the first answer is %d and not %d: %.300s", a.status, want, a.body)
	}
	for name, values := range r.Header {
		if name != "Date" && name != "Content-Length" && name != "Connection" {
			a.headers = append(a.headers, [2]string{name, values[0]})
		}
	}
	return a, nil
}

func (y *yardstick) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return errors.Join(y.app.ShutdownWithContext(ctx), <-y.done)
}
