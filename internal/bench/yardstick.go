package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gofiber/fiber/v2"

	"rostrum/internal/config"
)

// yardstick is a bare Fiber server: one POST handler that reads the body and answers, configured as package web
// configures its own.
type yardstick struct {
	app     *fiber.App
	address string
	answer  atomic.Pointer[[]byte]
	done    chan error
}

// startYardstick serves on a free port. Its answers are as long as an admission's, bytes with headers.
func startYardstick(ctx context.Context, c config.Config, answerBytes int) (*yardstick, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("a free port: %w", err)
	}
	y := &yardstick{address: listener.Addr().String(), done: make(chan error, 1), app: fiber.New(bareConfig(c.HTTP))}
	y.fill(answerBytes)
	y.app.Post("/api/v1/lots/:id/bids", y.bid)
	go func() { y.done <- y.app.Listener(listener) }()
	// How long its headers are is seen from an answer.
	size, err := y.answers(ctx)
	if err != nil {
		return nil, errors.Join(err, y.stop(ctx))
	}
	y.fill(answerBytes - (size - answerBytes))
	return y, nil
}

// bareConfig is package web's, with its defaults.
func bareConfig(c config.HTTP) fiber.Config {
	return fiber.Config{DisableStartupMessage: true, Immutable: true, CaseSensitive: true,
		ReadTimeout: c.ReadTimeout, WriteTimeout: c.WriteTimeout, IdleTimeout: c.IdleTimeout,
		BodyLimit: 64 << 10, ReadBufferSize: 8 << 10, Concurrency: 64 << 10,
		EnableTrustedProxyCheck: true, TrustedProxies: c.TrustedProxies, ProxyHeader: "X-Real-IP", EnableIPValidation: true}
}

func (y *yardstick) fill(bodyBytes int) {
	answer := bytes.Repeat([]byte(" "), max(bodyBytes, 0))
	y.answer.Store(&answer)
}

func (y *yardstick) bid(c *fiber.Ctx) error {
	if len(c.Body()) == 0 {
		return fiber.ErrBadRequest
	}
	c.Set(fiber.HeaderContentType, fiber.MIMEApplicationJSON)
	return c.Status(http.StatusCreated).Send(*y.answer.Load())
}

// answers gives the bytes of one answer.
func (y *yardstick) answers(ctx context.Context) (int, error) {
	c, err := dial(ctx, y.address, time.Now().Add(grace))
	if err != nil {
		return 0, err
	}
	defer c.close()
	const request = "POST /api/v1/lots/x/bids HTTP/1.1\r\nHost: bench\r\nContent-Length: 2\r\n\r\n{}"
	status, _, size, err := c.ask([]byte(request))
	if err == nil && status != http.StatusCreated {
		err = fmt.Errorf("the yardstick answers %d", status)
	}
	return size, err
}

func (y *yardstick) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	return errors.Join(y.app.ShutdownWithContext(ctx), <-y.done)
}
