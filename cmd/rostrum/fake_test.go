package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/accounts/accountstest"
	"rostrum/goods"
	"rostrum/internal/config"
)

// fake is a platform that answers what a test has put in, and notes what it was asked.
type fake struct {
	settings config.Config

	err        error // of every method that has one
	migrations []migration
	changes    []topicChange
	areas      []goods.Area
	parked     []parked
	preheated  []preheated
	road       road
	looks      func() error // called at each look at the road
	findings   []finding
	invariants []invariant
	users      accountstest.Memory
	serve      func(ctx context.Context) error

	asked  []string
	closed int
}

var _ platform = (*fake)(nil)

func (f *fake) note(what string) error {
	f.asked = append(f.asked, what)
	return f.err
}

func (f *fake) Serve(ctx context.Context) error {
	if f.serve != nil {
		return f.serve(ctx)
	}
	return f.note("serve " + strings.Join(f.settings.Roles, ","))
}

func (f *fake) MigrateUp(_ context.Context, progress func(done, total int)) error {
	progress(1, 2)
	progress(2, 2)
	return f.note("up")
}
func (f *fake) MigrateDown(context.Context) error               { return f.note("down") }
func (f *fake) Migrations(context.Context) ([]migration, error) { return f.migrations, f.err }
func (f *fake) Doctor(context.Context) []finding                { return f.findings }
func (f *fake) Reconcile(_ context.Context, progress func(done, total int)) ([]invariant, error) {
	progress(3, 5)
	return f.invariants, f.note("reconcile")
}
func (f *fake) Close() { f.closed++ }

func (f *fake) Areas(context.Context) ([]goods.Area, error) { return f.areas, f.err }

func (f *fake) PutArea(_ context.Context, area goods.Area) error {
	f.areas = append(f.areas, area)
	return f.note("area " + area.Code)
}

func (f *fake) Topics(_ context.Context, apply bool) ([]topicChange, error) {
	return f.changes, f.note(map[bool]string{true: "apply", false: "diff"}[apply])
}

func (f *fake) Preheat(_ context.Context, session uuid.UUID, progress func(done, total int)) ([]preheated, error) {
	progress(5, 10)
	return f.preheated, f.note("preheat " + session.String())
}

func (f *fake) Road(context.Context) (road, error) {
	if f.looks != nil {
		return f.road, f.looks()
	}
	return f.road, f.err
}

func (f *fake) Accounts(context.Context) (*accounts.Service, error) {
	keys, err := accounts.NewKeys(accounts.Key{ID: "a", Secret: bytes.Repeat([]byte{1}, 32)})
	return &accounts.Service{
		Users: &f.users, Audit: &f.users, Keys: keys, Hasher: accounts.NewHasher(1, 1), Clock: time.Now, Random: rand.Reader,
		AccessTTL: time.Hour, RefreshTTL: 2 * time.Hour,
	}, errors.Join(err, f.err)
}

func (f *fake) Rewind(_ context.Context, shard int, offset int64) error {
	return f.note("rewind " + uintText(shard, offset))
}

func (f *fake) AcceptGap(_ context.Context, shard int, seq int64) error {
	return f.note("accept " + uintText(shard, seq))
}

func (f *fake) Parked(context.Context, int) ([]parked, error) { return f.parked, f.err }

func (f *fake) Redrive(_ context.Context, shard int, offset int64) error {
	return f.note("redrive " + uintText(shard, offset))
}

// syncBuffer may be written while it is read.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// goodEnviron makes a configuration that can be used.
var goodEnviron = []string{
	"ROSTRUM_MYSQL_DSN=u:tr0ub4dor@tcp(db:3306)/r", "ROSTRUM_REDIS_GATE_URL=redis://gate:6379", "ROSTRUM_KAFKA_BROKERS=k:9092",
	"ROSTRUM_AUTH_KEYS=2027-03:q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
}

type outcome struct {
	status   int
	out, err string
}

// run runs one command line against the fake.
func run(t *testing.T, f *fake, args ...string) outcome {
	t.Helper()
	return runWorld(t.Context(), f, world{args: args, environ: goodEnviron, in: strings.NewReader("")})
}

func runWorld(ctx context.Context, f *fake, w world) outcome {
	var out, err syncBuffer
	w.out, w.err = &out, &err
	w.open = func(c config.Config, _ *slog.Logger) (platform, error) {
		f.settings = c
		return f, nil
	}
	status := w.run(ctx)
	return outcome{status, out.String(), err.String()}
}
