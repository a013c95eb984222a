package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gofiber/fiber/v2"
)

// adapter lets huma route on Fiber v2. The one that huma ships links Fiber v3 too, and hands out strings that point into
// Fiber's buffers; this one copies whatever leaves it.
type adapter struct {
	router fiber.Router
	// open gives the context of a call, bounded in time, before anything of it is read.
	open func(op *huma.Operation, c *fiber.Ctx) (context.Context, context.CancelFunc)
}

// Handle implements huma.Adapter.
func (a *adapter) Handle(op *huma.Operation, handler func(huma.Context)) {
	path := strings.NewReplacer("{", ":", "}", "").Replace(op.Path)
	serve := func(c *fiber.Ctx) error {
		ctx, cancel := a.open(op, c)
		defer cancel()
		handler(&fiberContext{op: op, orig: c, ctx: ctx})
		return nil
	}
	a.router.Add(op.Method, path, serve)
	if op.Method == http.MethodGet {
		a.router.Add(http.MethodHead, path, serve) // the same headers; the server leaves the body away
	}
}

// ServeHTTP implements huma.Adapter; nothing here calls it, requests come over sockets.
func (a *adapter) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "served over sockets only", http.StatusNotAcceptable)
}

type fiberContext struct {
	op     *huma.Operation
	orig   *fiber.Ctx
	ctx    context.Context
	status int
}

func (c *fiberContext) Operation() *huma.Operation { return c.op }
func (c *fiberContext) Context() context.Context   { return c.ctx }
func (c *fiberContext) TLS() *tls.ConnectionState  { return c.orig.Context().TLSConnectionState() }
func (c *fiberContext) Version() huma.ProtoVersion {
	return huma.ProtoVersion{Proto: strings.Clone(c.orig.Protocol())}
}
func (c *fiberContext) Method() string     { return strings.Clone(c.orig.Method()) }
func (c *fiberContext) Host() string       { return strings.Clone(c.orig.Hostname()) }
func (c *fiberContext) RemoteAddr() string { return c.orig.Context().RemoteAddr().String() }

func (c *fiberContext) URL() url.URL {
	u, err := url.Parse(string(c.orig.Request().RequestURI()))
	if err != nil {
		return url.URL{Path: string(c.orig.Request().URI().Path())}
	}
	return *u
}

func (c *fiberContext) Param(name string) string  { return strings.Clone(c.orig.Params(name)) }
func (c *fiberContext) Query(name string) string  { return strings.Clone(c.orig.Query(name)) }
func (c *fiberContext) Header(name string) string { return strings.Clone(c.orig.Get(name)) }

func (c *fiberContext) EachHeader(cb func(name, value string)) {
	for k, v := range c.orig.Request().Header.All() {
		cb(string(k), string(v))
	}
}

// BodyReader gives the body as it was sent: Fiber's own Body unpacks gzip without a limit.
func (c *fiberContext) BodyReader() io.Reader { return bytes.NewReader(c.orig.Request().Body()) }

func (c *fiberContext) GetMultipartForm() (*multipart.Form, error) {
	return nil, errors.New("no route takes a multipart form")
}

// SetReadDeadline does nothing: Fiber has read the whole body, under its own limits, before the handler runs.
func (c *fiberContext) SetReadDeadline(time.Time) error { return nil }

func (c *fiberContext) SetStatus(code int)              { c.status = code; c.orig.Status(code) }
func (c *fiberContext) Status() int                     { return c.status }
func (c *fiberContext) AppendHeader(name, value string) { c.orig.Append(name, value) }
func (c *fiberContext) SetHeader(name, value string)    { c.orig.Set(name, value) }
func (c *fiberContext) BodyWriter() io.Writer           { return c.orig.Context() }

var _ huma.Context = (*fiberContext)(nil)
