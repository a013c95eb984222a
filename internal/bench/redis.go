package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"
)

// How long a Redis of our own may take to answer, and to end.
const (
	redisStarts = 10 * time.Second
	redisEnds   = 10 * time.Second
	redisPoll   = 20 * time.Millisecond
)

// StartRedis starts a redis-server on a free port of 127.0.0.1 that appends all it does to a file, synced as appendfsync
// says (everysec, always), its data in a folder of its own. It never writes the file anew: that would fall into one round
// and not into the other. It gives its address and how to end it. An error, errors.Is
// exec.ErrNotFound, where no such program is in PATH.
func StartRedis(ctx context.Context, appendfsync string) (address string, end func() error, err error) {
	program, err := exec.LookPath("redis-server")
	if err != nil {
		return "", nil, fmt.Errorf("a Redis of our own: %w", err)
	}
	dir, err := os.MkdirTemp("", "rostrum-bench-")
	if err != nil {
		return "", nil, fmt.Errorf("a folder for Redis: %w", err)
	}
	address, err = freeAddress()
	if err != nil {
		return "", nil, errors.Join(err, os.RemoveAll(dir))
	}
	_, port, _ := net.SplitHostPort(address)
	// Not CommandContext: at Ctrl-C what the run made in it is read once more before it ends.
	server := exec.Command(program, "--bind", "127.0.0.1", "--port", port, "--dir", dir, "--daemonize", "no", "--save", "", //nolint:noctx // ended by end
		"--appendonly", "yes", "--appendfsync", appendfsync, "--auto-aof-rewrite-percentage", "0", "--maxmemory-policy", "noeviction")
	server.SysProcAttr = apart()
	if err := server.Start(); err != nil {
		return "", nil, errors.Join(fmt.Errorf("redis-server: %w", err), os.RemoveAll(dir))
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Wait() }() // that it ends is what we want
	end = func() error { return errors.Join(stop(server.Process, done), os.RemoveAll(dir)) }
	if err := answers(ctx, address, done); err != nil {
		return "", nil, errors.Join(err, end())
	}
	return address, end, nil
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// stop asks a process to end, and makes it end when it does not.
func stop(p *os.Process, done <-chan struct{}) error {
	_ = p.Signal(os.Interrupt) // it may have ended by itself
	select {
	case <-done:
		return nil
	case <-time.After(redisEnds):
		err := p.Kill()
		<-done
		return err
	}
}

// answers waits for a Redis to say PONG.
func answers(ctx context.Context, address string, done <-chan struct{}) error {
	ctx, cancel := context.WithTimeout(ctx, redisStarts)
	defer cancel()
	for {
		err := ping(ctx, address)
		if err == nil {
			return nil
		}
		select {
		case <-done:
			return fmt.Errorf("redis-server ended at once: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("redis-server does not answer: %w", err)
		case <-time.After(redisPoll):
		}
	}
}

// ping says PING without a client: a Redis that wants a password, or is none, says so.
func ping(ctx context.Context, address string) error {
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	if _, err := c.Write([]byte("*1\r\n$4\r\nPING\r\n")); err != nil {
		return err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	if err == nil && !strings.HasPrefix(line, "+PONG") {
		err = fmt.Errorf("it answers %q", line)
	}
	return err
}
