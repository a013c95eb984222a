package simulate

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/valyala/fasthttp"
)

// maxAnswerBytes bounds the body of an answer.
const maxAnswerBytes = 4 << 20

// maxRetryAfter bounds what is believed of a Retry-After.
const maxRetryAfter = time.Minute

// ClientOptions bound a client. The zero value of a field is its default.
type ClientOptions struct {
	Connections int           // kept alive; more requests than that wait; 128
	Timeout     time.Duration // of one request, waiting for a connection included; 5 s
	Insecure    bool          // takes any certificate
}

// Client speaks HTTP over a bounded number of kept connections. It shares the machine with what it asks in a test, so
// it is the cheapest that does TLS and any framing of answers. It sends each request once: whether it may be sent again
// is the bid's to know. It is safe for concurrent use.
type Client struct {
	base func() string
	o    ClientOptions

	mu    sync.Mutex
	hosts map[string]*fasthttp.HostClient
}

// NewClient makes a client of base ("http://host:port", perhaps with a path below which the API lies), which is asked
// anew for each request: an API may come back elsewhere.
func NewClient(base func() string, o ClientOptions) *Client {
	if o.Connections == 0 {
		o.Connections = 128
	}
	if o.Timeout == 0 {
		o.Timeout = 5 * time.Second
	}
	return &Client{base: base, o: o, hosts: map[string]*fasthttp.HostClient{}}
}

// Close ends connections that nobody uses.
func (c *Client) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.hosts {
		h.CloseIdleConnections()
	}
}

// host gives the connections to where a base lies.
func (c *Client) host(base string) (*fasthttp.HostClient, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h := c.hosts[base]; h != nil {
		return h, nil
	}
	u, err := ParseTarget(base)
	if err != nil {
		return nil, err
	}
	h := &fasthttp.HostClient{Addr: hostPort(u), IsTLS: u.Scheme == "https", Name: "rostrum-simulate", MaxConns: c.o.Connections,
		MaxConnWaitTimeout: c.o.Timeout, ReadTimeout: c.o.Timeout, WriteTimeout: c.o.Timeout, MaxResponseBodySize: maxAnswerBytes,
		MaxIdemponentCallAttempts: 1, DialDualStack: true, SecureErrorLogMessage: true,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, InsecureSkipVerify: c.o.Insecure}} //nolint:gosec // asked for by name
	c.hosts[base] = h
	return h, nil
}

func hostPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return net.JoinHostPort(u.Hostname(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
}

// ParseTarget reads the address of an installation: http or https, a host, and perhaps a path.
func ParseTarget(target string) (*url.URL, error) {
	u, err := url.Parse(target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return nil, fmt.Errorf("%q is not the address of an installation: write one such as http://127.0.0.1:8080", target)
	}
	return u, nil
}

// Asker sends requests one after the other, with buffers of its own.
type Asker struct {
	c    *Client
	req  fasthttp.Request
	resp fasthttp.Response
}

// Asker makes one. It is for one goroutine.
func (c *Client) Asker() *Asker { return &Asker{c: c} }

// Answer is what came back. Its body is overwritten by the next request of the same asker.
type Answer struct {
	Status     int
	Body       []byte
	RetryAfter time.Duration // 0 where there was none
	ETag       string
}

// ErrNotSent says of an error that the request cannot have arrived.
var ErrNotSent = errors.New("the request was not sent")

// Ask sends one request and waits for its answer, at most the client's time-out. body and token may be empty; ifMatch
// too. An error means that no answer came: ErrNotSent, or the request may have been done.
func (a *Asker) Ask(method, path, token string, body []byte, ifMatch ...string) (Answer, error) {
	base := strings.TrimSuffix(a.c.base(), "/")
	host, err := a.c.host(base)
	if err != nil {
		return Answer{}, fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	a.req.Reset()
	a.req.Header.SetMethod(method)
	a.req.SetRequestURI(base + path)
	if token != "" {
		a.req.Header.Set(fasthttp.HeaderAuthorization, "Bearer "+token)
	}
	if len(body) > 0 {
		a.req.Header.SetContentType("application/json")
		a.req.SetBodyRaw(body)
	}
	for _, tag := range ifMatch {
		a.req.Header.Set(fasthttp.HeaderIfMatch, tag)
	}
	a.resp.Reset()
	if err := host.DoTimeout(&a.req, &a.resp, a.c.o.Timeout); err != nil {
		return Answer{}, sent(err)
	}
	return Answer{Status: a.resp.StatusCode(), Body: a.resp.Body(), RetryAfter: retryAfter(a.resp.Header.Peek(fasthttp.HeaderRetryAfter)),
		ETag: string(a.resp.Header.Peek(fasthttp.HeaderETag))}, nil
}

// sent tells errors of a request that never left from others.
func sent(err error) error {
	var op *net.OpError
	if errors.As(err, &op) && op.Op == "dial" || errors.Is(err, fasthttp.ErrDialTimeout) || errors.Is(err, fasthttp.ErrNoFreeConns) {
		return fmt.Errorf("%w: %w", ErrNotSent, err)
	}
	return err
}

// retryAfter reads whole seconds; dates, which our API does not send, count as one second.
func retryAfter(text []byte) time.Duration {
	if len(text) == 0 {
		return 0
	}
	seconds, err := strconv.Atoi(string(text))
	if err != nil || seconds < 0 {
		return time.Second
	}
	return min(time.Duration(seconds)*time.Second, maxRetryAfter)
}
