package live

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	errNotYet = errors.New("not yet")
	errGone   = errors.New("the server ended by itself")
)

const (
	startTimeout = time.Minute      // a server that replays a long log is slow to answer, and a virtual machine to start
	stopTimeout  = 20 * time.Second // SIGTERM to the end; then SIGKILL
	probeTimeout = time.Second      // one question whether it answers
	portTries    = 5                // a free port may be taken by another test before the server has it
)

// Process is a server that belongs to one test, on a free port of 127.0.0.1 with its data in the test's own folder. It is
// ended when the test ends. Its methods fail the test; call them from the test's goroutine.
type Process struct {
	Addr string // host:port, the same after Restart
	Dir  string // its data

	t     testing.TB
	bin   string
	args  []string
	log   string
	ready func(addr string) error

	mu   sync.Mutex
	cmd  *exec.Cmd
	done chan struct{} // closed when cmd has ended
}

// Pid is the process id of the running server, 0 when it is down.
func (p *Process) Pid() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// Kill9 ends the server as a power cut would, and returns when it is gone. Nothing when it is down.
func (p *Process) Kill9() { p.t.Helper(); p.end(syscall.SIGKILL) }

// Stop asks the server to end in its own order, and returns when it is gone. Nothing when it is down.
func (p *Process) Stop() { p.t.Helper(); p.end(syscall.SIGTERM) }

// Pause freezes the server: connections stay open and nothing answers, as behind a cut cable. Resume goes on.
func (p *Process) Pause() { p.t.Helper(); p.signal(syscall.SIGSTOP) }

// Resume lets a paused server go on.
func (p *Process) Resume() { p.t.Helper(); p.signal(syscall.SIGCONT) }

// Restart starts the server again, on its address and on the data as it lies there, and returns when it answers. A server
// that still runs is ended first in its own order. args are added to those of the first start, for this start only.
func (p *Process) Restart(args ...string) {
	p.t.Helper()
	p.Stop()
	if err := p.start(args...); err != nil {
		p.t.Fatalf("restart: %v", err)
	}
}

func (p *Process) signal(sig syscall.Signal) {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		p.t.Fatalf("%s is down", p.bin)
	}
	if err := p.cmd.Process.Signal(sig); err != nil {
		p.t.Fatalf("signal %v to %s: %v", sig, p.bin, err)
	}
}

func (p *Process) end(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Signal(syscall.SIGCONT) // a frozen process takes no SIGTERM; an ended one is what we want anyway
	_ = p.cmd.Process.Signal(sig)
	select {
	case <-p.done:
	case <-time.After(stopTimeout):
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	p.cmd = nil
}

// start runs the program and waits until it answers.
func (p *Process) start(more ...string) error {
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer out.Close()
	cmd := exec.Command(p.bin, append(append([]string{}, p.args...), more...)...)
	cmd.Stdout, cmd.Stderr, cmd.Dir, cmd.SysProcAttr = out, out, p.Dir, attributes()
	if err := cmd.Start(); err != nil {
		return err
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = cmd.Wait() }() // how it ended is in its log
	p.mu.Lock()
	p.cmd, p.done = cmd, done
	p.mu.Unlock()
	return p.await(done)
}

// await returns nil when the server answers, and an error with the end of its log when it does not.
func (p *Process) await(done <-chan struct{}) error {
	gone := false
	err := poll(startTimeout, func() (bool, error) {
		select {
		case <-done:
			gone = true
			return true, nil
		default:
			err := p.ready(p.Addr)
			return err == nil, err
		}
	})
	if gone {
		err = errGone
	}
	if err != nil {
		p.end(syscall.SIGKILL)
		return fmt.Errorf("%s at %s: %w\n%s", p.bin, p.Addr, err, tail(p.log))
	}
	return nil
}

// launch starts what make describes on a free port; another port when the first was taken meanwhile.
func launch(t testing.TB, p *Process, argsFor func(port string) []string) *Process {
	t.Helper()
	p.t = t
	t.Cleanup(func() { p.end(syscall.SIGKILL) })
	var err error
	for range portTries {
		p.Addr = FreeAddr(t)
		_, port, _ := net.SplitHostPort(p.Addr)
		p.args = argsFor(port)
		if err = p.start(); err == nil || !errors.Is(err, errGone) {
			break
		}
	}
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	return p
}

// Program gives the path of the first of names that is in PATH; the test skips, or fails where skips are not allowed, when
// there is none.
func Program(t testing.TB, names ...string) string { t.Helper(); return program(t, "", names...) }

// program finds a server's program: the variable's, else the first of names in PATH; the test ends where there is none.
func program(t testing.TB, variable string, names ...string) string {
	t.Helper()
	if variable != "" {
		if path := os.Getenv(variable); path != "" {
			return path
		}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	what := fmt.Sprintf("none of %v is in PATH", names)
	if variable != "" {
		what += ", and " + variable + " names none; this test starts a server of its own, which nobody else's can replace"
	}
	absent(t, what)
	return ""
}

// FreeAddr gives a free address below the range from which the system gives ports to clients: a server is to listen there
// later, and again after it was killed, and until then no passing connection may take it.
func FreeAddr(t testing.TB) string {
	t.Helper()
	const first, behind, tries = 10_000, 30_000, 100
	for range tries {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(behind-first)))
		if err == nil {
			defer l.Close()
			return l.Addr().String()
		}
	}
	t.Fatal("no free port")
	return ""
}

// ask opens a connection, sends what there is to send and reads the first bytes of the answer.
func ask(addr, send string) ([]byte, error) { return askWithin(probeTimeout, addr, send) }

func askWithin(limit time.Duration, addr, send string) ([]byte, error) {
	c, err := net.DialTimeout("tcp", addr, limit)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, err
	}
	if _, err := c.Write([]byte(send)); err != nil {
		return nil, err
	}
	answer := make([]byte, 256)
	n, err := c.Read(answer)
	return answer[:n], err
}

func tail(path string) string {
	const most = 2000
	data, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return err.Error()
	}
	if len(data) > most {
		data = data[len(data)-most:]
	}
	return string(bytes.TrimSpace(data))
}
