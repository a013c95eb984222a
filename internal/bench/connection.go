package bench

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// maxAnswer bounds an answer's body, bytes.
const maxAnswer = 64 << 10

var errAnswer = errors.New("not an answer that this client reads")

// connection is a keep-alive connection that knows just enough HTTP/1.1 for answers with a Content-Length. The client is
// part of every figure and shares the machine's cores with what it measures, so that it must cost little.
type connection struct {
	conn net.Conn
	in   *bufio.Reader
	body []byte
}

// dial connects. Nothing on the connection may take longer than until deadline.
func dial(ctx context.Context, address string, deadline time.Time) (*connection, error) {
	c, err := (&net.Dialer{Deadline: deadline}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(deadline); err != nil {
		c.Close()
		return nil, err
	}
	return &connection{conn: c, in: bufio.NewReaderSize(c, 16<<10)}, nil
}

// ask sends a whole request and reads its answer: status, body, and the bytes of all of it. The body is overwritten by
// the next ask.
func (c *connection) ask(request []byte) (status int, body []byte, size int, err error) {
	if _, err = c.conn.Write(request); err != nil {
		return 0, nil, 0, err
	}
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, nil, 0, err
	}
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.1 ")) {
		return 0, nil, 0, fmt.Errorf("%w: %q", errAnswer, line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, 0, fmt.Errorf("%w: %q", errAnswer, line)
	}
	length, headers, err := c.headers()
	if err != nil {
		return 0, nil, 0, err
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	_, err = io.ReadFull(c.in, c.body)
	return status, c.body, len(line) + headers + length, err
}

// headers reads up to the empty line, and gives the body's length and the bytes it has read.
func (c *connection) headers() (length, size int, err error) {
	length = -1
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, 0, err
		}
		size += len(line)
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, 0, fmt.Errorf("%w: %q", errAnswer, line)
			}
		}
	}
	if length < 0 || length > maxAnswer {
		return 0, 0, fmt.Errorf("%w: Content-Length %d", errAnswer, length)
	}
	return length, size, nil
}

func (c *connection) close() { _ = c.conn.Close() }
