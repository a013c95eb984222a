package web_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/web"
	"rostrum/web/webtest"
)

// BenchmarkGoods is a goods page of 20 lots, each time for another of 100,000 users with a token of their own, beside a
// bare Fiber handler that gives the same bytes, by the same client. cpu-µs is what client and server took together.
func BenchmarkGoods(b *testing.B) {
	w := webtest.NewWorld(b)
	const users, lots = 100_000, 45
	session := w.Sale(lots)
	tokens := make([][]byte, users)
	for n := range tokens {
		tokens[n] = []byte(w.TokenFor(b, accounts.User{ID: uuid.New(), Login: fmt.Sprintf("buyer-%06d@example.org", n), Area: "eu", Roles: accounts.Bidder}))
	}
	page := webtest.Serve(b, web.Ports{Ports: w.Ports()}, webtest.Options())[len("http://"):]
	path := "/api/v1/sessions/" + session.String() + "/lots"
	request := func(n int, more string) []byte {
		return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer %s\r\n%s\r\n", path, tokens[n%users], more)
	}
	c := dial(b, page)
	status, headers, body := c.ask(b, request(0, ""))
	if status != http.StatusOK || bytes.Count(body, []byte(`"code":`)) != 20 {
		b.Fatalf("%d %s %s", status, headers, body)
	}
	etag := headers["Etag"]
	bare := serveBare(b, path, headers, body)
	for _, of := range []struct {
		name, address, more string
		status              int
	}{{"bare", bare, "", 200}, {"page", page, "", 200}, {"unchanged", page, "If-None-Match: " + etag + "\r\n", 304}} {
		if of.status == 304 && etag == "" {
			continue
		}
		b.Run(of.name, func(b *testing.B) {
			crowd(b, of.address, of.status, func(n int) []byte { return request(n, of.more) })
		})
	}
}

// crowd asks b.N times over 32 connections.
func crowd(b *testing.B, address string, want int, request func(n int) []byte) {
	var next atomic.Int64
	var group sync.WaitGroup
	before := cpu(b)
	b.ResetTimer()
	for range 32 {
		c := dial(b, address)
		group.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if status, _, _ := c.ask(b, request(int(n))); status != want {
					b.Errorf("status %d, want %d", status, want)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	b.ReportMetric(float64((cpu(b)-before).Nanoseconds())/1000/float64(b.N), "cpu-µs/op")
}

// serveBare answers one path with fixed headers and bytes, with the server's own configuration.
func serveBare(b *testing.B, path string, headers map[string]string, body []byte) string {
	app := fiber.New(fiber.Config{DisableStartupMessage: true, Immutable: true, CaseSensitive: true, ReadTimeout: 5 * time.Second,
		WriteTimeout: 10 * time.Second, IdleTimeout: time.Minute, BodyLimit: 64 << 10, ReadBufferSize: 8 << 10, Concurrency: 64 << 10})
	padding := 0
	for name, value := range headers {
		if name != "Content-Type" && name != "Content-Length" && name != "Date" {
			padding += len(name) + len(value) + 4
		}
	}
	body = append(bytes.Clone(body), bytes.Repeat([]byte(" "), padding)...)
	app.Get(path, func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderContentType, headers["Content-Type"])
		return c.Send(body)
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- app.Listener(ln) }()
	b.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := errors.Join(app.ShutdownWithContext(ctx), <-done); err != nil {
			b.Error(err)
		}
	})
	return ln.Addr().String()
}

// plainClient knows just enough HTTP for answers with a Content-Length: what it costs is in both figures.
type plainClient struct {
	conn net.Conn
	in   *bufio.Reader
	body []byte
}

func dial(b *testing.B, address string) *plainClient {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return &plainClient{conn: conn, in: bufio.NewReaderSize(conn, 16<<10)}
}

// ask gives the headers only to who has asked nothing else yet.
func (c *plainClient) ask(b *testing.B, request []byte) (status int, headers map[string]string, body []byte) {
	if c.body == nil {
		headers = map[string]string{}
	}
	length := 0
	_, err := c.conn.Write(request)
	line, err2 := c.in.ReadSlice('\n')
	if err != nil || err2 != nil || len(line) < 12 {
		b.Errorf("no answer: %v %v %q", err, err2, line)
		return 0, nil, nil
	}
	status, _ = strconv.Atoi(string(line[9:12]))
	for {
		line, err := c.in.ReadSlice('\n')
		name, value, found := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(": "))
		if err != nil || !found {
			break
		}
		if string(name) == "Content-Length" {
			length, _ = strconv.Atoi(string(value))
		}
		if headers != nil {
			headers[string(name)] = string(value)
		}
	}
	if cap(c.body) < length || c.body == nil {
		c.body = make([]byte, length+1)
	}
	if _, err := io.ReadFull(c.in, c.body[:length]); err != nil {
		b.Errorf("half an answer: %v", err)
	}
	return status, headers, c.body[:length]
}

// cpu gives what this process has used.
func cpu(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

var _ = auction.LotOpen
