package standinkafka

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/segmentio/kafka-go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func end(t *testing.T, addr string) int64 {
	t.Helper()
	conn, err := kafka.DialLeader(context.Background(), "tcp", addr, "kept", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	last, err := conn.ReadLastOffset()
	if err != nil {
		t.Fatal(err)
	}
	return last
}

func TestDataOutlivesTheProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kafka")
	s := start(t, Options{Dir: dir})
	if err := s.Cluster.CreateTopic("kept", 1, nil); err != nil {
		t.Fatal(err)
	}
	conn, err := kafka.DialLeader(context.Background(), "tcp", s.Addr(), "kept", 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.WriteMessages(kafka.Message{Value: []byte("one")}, kafka.Message{Value: []byte("two")}); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	addr := s.Addr()
	s.Close()

	if again := start(t, Options{Dir: dir, Addr: addr}); again.Addr() != addr || end(t, addr) != 2 {
		t.Errorf("started again on %s with end %d, want %s with 2", again.Addr(), end(t, addr), addr)
	}
}

func TestOneProcessAtATime(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kafka")
	s := start(t, Options{Dir: dir})
	if _, err := Start(Options{Dir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("second start in the folder: %v, want ErrInUse", err)
	}
	if _, err := Start(Options{Addr: s.Addr()}); !errors.Is(err, ErrInUse) {
		t.Errorf("second start on the port: %v, want ErrInUse", err)
	}
	s.Close()
	s.Close()
	start(t, Options{Dir: dir, Addr: s.Addr()})
}

func TestWrongOptions(t *testing.T) {
	for _, o := range []Options{{Addr: "nowhere"}, {Addr: "127.0.0.1:x"}, {Addr: "127.0.0.1:70000"}, {Dir: "/proc/kafka"}} {
		if s, err := Start(o); err == nil {
			s.Close()
			t.Errorf("%+v started", o)
		}
	}
}
