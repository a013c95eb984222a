// Package standinkafka is a Kafka for machines that have none: one broker inside this process, on loopback, reached
// through the production client.
//
// It keeps its data in a folder and finds it there again, it holds topics, groups and offsets to Kafka's own rules, and
// it is not replicated. It serves the demo and tests; a production binary never links it.
package standinkafka

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Options say where the stand-in listens and keeps its data.
type Options struct {
	// Addr is host:port to listen on; port 0, or an empty Addr, takes any free port of 127.0.0.1.
	Addr string
	// Dir keeps the data; empty: in memory, gone with Close. One process may use a folder at a time.
	Dir string
	// RetentionCheckMS is how often retention is applied, ms; 0: every minute. The library's own hour would let the log of
	// a demo that is left running grow without bound.
	RetentionCheckMS int
	// With are further options of the library, for tests.
	With []kfake.Opt
}

// ErrInUse says that another process has the port or the folder.
var ErrInUse = errors.New("in use by another process")

// Server is a running stand-in.
type Server struct {
	// Cluster is the library's own handle: tests break things through it.
	Cluster *kfake.Cluster

	addr   string
	unlock func()
	once   sync.Once
}

// Start starts the stand-in. ErrInUse (wrapped, with what is in use) where the port or the folder is taken.
func Start(o Options) (*Server, error) {
	unlock, err := lockDir(o.Dir)
	if err != nil {
		return nil, err
	}
	host, port, err := split(o.Addr)
	if err == nil {
		err = free(host, port)
	}
	if err != nil {
		unlock()
		return nil, err
	}
	c, err := kfake.NewCluster(append(options(o, host, port), o.With...)...)
	if err != nil {
		unlock()
		return nil, fmt.Errorf("stand-in kafka: %w", err)
	}
	return &Server{Cluster: c, addr: c.ListenAddrs()[0], unlock: unlock}, nil
}

// free says whether the port can be had. The library is asked only then: its own failure to listen leaves a goroutine.
func free(host string, port int) error {
	l, err := net.Listen("tcp", net.JoinHostPort(host, strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("stand-in kafka: port %d: %w", port, ErrInUse)
	}
	if err != nil {
		return fmt.Errorf("stand-in kafka: %w", err)
	}
	return l.Close()
}

func options(o Options, host string, port int) []kfake.Opt {
	check := o.RetentionCheckMS
	if check == 0 {
		check = 60_000
	}
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("rostrum-stand-in"),
		kfake.BrokerConfigs(map[string]string{"log.cleaner.backoff.ms": strconv.Itoa(check)}),
		// The library says 127.0.0.1 whatever it is asked for; the port alone is ours to keep.
		kfake.ListenFn(func(network, addr string) (net.Listener, error) {
			_, p, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return net.Listen(network, net.JoinHostPort(host, p))
		}),
	}
	if port != 0 {
		opts = append(opts, kfake.Ports(port))
	}
	if o.Dir != "" {
		opts = append(opts, kfake.DataDir(o.Dir))
	}
	return opts
}

func split(addr string) (host string, port int, err error) {
	if addr == "" {
		return "127.0.0.1", 0, nil
	}
	host, text, err := net.SplitHostPort(addr)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("stand-in kafka: address %q is not host:port", addr)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	return host, port, nil
}

// lockDir takes the folder for this process: the library does not, and two of them in one folder would write over each
// other. The lock goes with the process, however it ends.
func lockDir(dir string) (unlock func(), err error) {
	if dir == "" {
		return func() {}, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("stand-in kafka: %w", err)
	}
	f, err := lock(dir + ".lock")
	if errors.Is(err, ErrInUse) {
		return nil, fmt.Errorf("stand-in kafka: folder %s: %w", dir, ErrInUse)
	}
	if err != nil {
		return nil, fmt.Errorf("stand-in kafka: %w", err)
	}
	return func() { f.Close() }, nil
}

// Addr is host:port to connect to.
func (s *Server) Addr() string { return s.addr }

// Close stops the stand-in, writes what it holds and gives port and folder back. Again does nothing.
func (s *Server) Close() {
	s.once.Do(func() {
		s.Cluster.Close()
		s.unlock()
	})
}
