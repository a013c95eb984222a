package web

import (
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"rostrum/internal/trace"
	"rostrum/web/api"
	"rostrum/web/pages"
)

// middleware stands before all routes, outermost first.
func (s *Server) middleware() {
	s.app.Use(s.begin, s.count, s.catch)
}

// begin puts what all answers have in common into this one, and the request's id.
func (s *Server) begin(c *fiber.Ctx) error {
	s.common.CopyTo(&c.Response().Header)
	return s.trace(c)
}

// trace gives every request an id: the client's where it has the form, else a new one. It goes into the answer, the logs,
// the bid, its record and its order.
func (s *Server) trace(c *fiber.Ctx) error {
	id := c.Get(fiber.HeaderXRequestID) // Fiber is set up to give copies
	if !trace.Valid(id) {
		random := make([]byte, 12)
		if _, err := io.ReadFull(s.ports.Random, random); err != nil {
			return fmt.Errorf("random bytes for a request id: %w", err)
		}
		id = hex.EncodeToString(random)
	}
	c.Locals(api.TraceKey, id)
	c.Set(fiber.HeaderXRequestID, id)
	return c.Next()
}

// count tells the metrics of each request, under the route's template and never under what was asked for: a label that
// clients can choose has no end.
func (s *Server) count(c *fiber.Ctx) error {
	started := s.edge.Clock()
	err := c.Next()
	if err != nil {
		err = s.failed(c, err)
	}
	status, route := c.Response().StatusCode(), c.Route().Path
	if c.Route().Method == "" || route == "/" && c.Path() != "/" {
		route = "other"
	}
	took := s.edge.Clock().Sub(started)
	method := methodLabel(c.Method())
	s.ports.Counters.Request(route, method, status, took)
	if s.edge.Log.Enabled(c.UserContext(), slog.LevelDebug) { // else its arguments alone would cost something
		s.edge.Log.DebugContext(api.Traced(c), "request", "method", method, "route", route, "status", status, "took", took)
	}
	return err
}

// methodLabel gives one of a few words, whatever was sent.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete, http.MethodPut, http.MethodOptions:
		return method
	}
	return "other"
}

// catch turns a panic into a problem and an alarm: one bad input must not end the process.
func (s *Server) catch(c *fiber.Ctx) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.ports.Counters.Alarm("panic")
			s.edge.Log.ErrorContext(api.Traced(c), "a handler panicked", "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	return c.Next()
}

// commonHeaders are the same for every answer; pages and the documentation allow themselves what they need. There is no
// CORS: other sites have no business here until somebody lists them. They are copied as a whole: set one by one, they would
// cost as much as reading a bid.
func commonHeaders(secure bool) *fasthttp.ResponseHeader {
	h := &fasthttp.ResponseHeader{}
	h.Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	return h
}

// failed answers what no handler did: no such route, a body over the limit, a panic.
func (s *Server) failed(c *fiber.Ctx, err error) error {
	p := api.ProblemOf(fromFiber(err))
	if p.Status == http.StatusInternalServerError {
		s.edge.Log.ErrorContext(api.Traced(c), "a request failed", "error", err)
	}
	p.Request = api.TraceOf(c)
	if !strings.HasPrefix(c.Path(), api.Prefix) && strings.Contains(c.Get(fiber.HeaderAccept), "text/html") {
		return pages.Problem(c, p)
	}
	for name, values := range p.GetHeaders() {
		c.Set(name, values[0])
	}
	c.Set(fiber.HeaderContentType, p.ContentType(""))
	return c.Status(p.Status).Send(p.JSON())
}

// fromFiber names what the server itself refuses.
func fromFiber(err error) error {
	var e *fiber.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case http.StatusNotFound:
		return api.NewProblem("no_such_route", "")
	case http.StatusMethodNotAllowed:
		return api.NewProblem("method_not_allowed", "")
	case http.StatusRequestEntityTooLarge:
		return api.NewProblem("body_too_large", "")
	case http.StatusRequestHeaderFieldsTooLarge:
		return api.NewProblem("headers_too_large", "")
	case http.StatusRequestTimeout:
		return api.NewProblem("request_timeout", "")
	case http.StatusBadRequest, http.StatusBadGateway:
		return api.NewProblem("bad_request", "")
	}
	return err
}
