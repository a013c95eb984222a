package webtest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rostrum/web"
	"rostrum/web/edge"
)

// Options are what servers in tests have; a test changes what it is about.
func Options() web.Options {
	return web.Options{Options: edge.Options{Secret: []byte("a secret of tests"), BidTimeout: 5 * time.Second}}
}

// Serve starts a server on a free port of 127.0.0.1 and gives its base URL; the test's end stops it.
func Serve(t testing.TB, p web.Ports, o web.Options) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, done := web.New(p, o), make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return "http://" + ln.Addr().String()
}

// Start serves a world with the usual options.
func (w *World) Start(t testing.TB) *Client {
	t.Helper()
	return NewClient(t, Serve(t, web.Ports{Ports: w.Ports()}, Options()))
}

// Client asks a server as somebody.
type Client struct {
	t     testing.TB
	Base  string
	Token string
	HTTP  *http.Client
}

// NewClient gives a client with a cookie jar that follows no redirect.
func NewClient(t testing.TB, base string) *Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &Client{t: t, Base: base, HTTP: &http.Client{Jar: &Jar{}, Transport: transport, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Jar keeps cookies until they are taken away, whatever their age: the time of a world is not that of the machine.
type Jar struct {
	mu  sync.Mutex
	set map[string]*http.Cookie
}

// SetCookies implements http.CookieJar.
func (j *Jar) SetCookies(_ *url.URL, cookies []*http.Cookie) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.set == nil {
		j.set = map[string]*http.Cookie{}
	}
	for _, c := range cookies {
		if j.set[c.Name] = c; c.MaxAge < 0 {
			delete(j.set, c.Name)
		}
	}
}

// Cookies implements http.CookieJar.
func (j *Jar) Cookies(*url.URL) []*http.Cookie {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Collect(maps.Values(j.set))
}

// As gives the same client with another token.
func (c *Client) As(token string) *Client { d := *c; d.Token = token; return &d }

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	JSON   map[string]any // of a JSON object, else nil
}

// Text gives a member of the JSON object as text; "" where it is not there.
func (a Answer) Text(name string) string { s, _ := a.JSON[name].(string); return s }

// Field gives what is wrong with a field and what to do, of a problem.
func (a Answer) Field(name string) (detail, remedy string, found bool) {
	wrong, _ := a.JSON["errors"].([]any)
	for _, w := range wrong {
		if f, _ := w.(map[string]any); f["field"] == name {
			d, _ := f["detail"].(string)
			r, _ := f["remedy"].(string)
			return d, r, true
		}
	}
	return "", "", false
}

// Do sends a request; body is a string as it is, or a value that becomes JSON; nil: none. Headers are pairs of name and
// value, an empty value takes one away.
func (c *Client) Do(method, path string, body any, headers ...string) Answer {
	c.t.Helper()
	var reader io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		reader = strings.NewReader(b)
	default:
		data, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		reader = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.Base+path, reader)
	if err != nil {
		c.t.Fatal(err)
	}
	if reader != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	for n := 0; n+1 < len(headers); n += 2 {
		req.Header.Del(headers[n])
		if headers[n+1] != "" {
			req.Header.Set(headers[n], headers[n+1])
		}
	}
	return c.Send(req)
}

// Send sends a request as it is.
func (c *Client) Send(req *http.Request) Answer {
	c.t.Helper()
	resp, err := c.HTTP.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	a := Answer{Status: resp.StatusCode, Header: resp.Header, Body: data}
	if strings.Contains(resp.Header.Get("Content-Type"), "json") {
		a.JSON = Object(data)
	}
	return a
}

// Object gives a JSON object's members; nil for anything else.
func Object(data []byte) map[string]any {
	var members map[string]any
	_ = json.Unmarshal(data, &members)
	return members
}
