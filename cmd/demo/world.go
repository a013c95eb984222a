package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"rostrum/internal/app"
	"rostrum/internal/config"
	standinkafka "rostrum/internal/standin/kafka"
	standinredis "rostrum/internal/standin/redis"
	standinsql "rostrum/internal/standin/sql"
)

// options are the demo's flags.
type options struct {
	listen string
	data   string // folder that is kept; empty: a temporary one, removed at the end
	once   bool
	relay  bool
	log    string
	sale   time.Duration // how long the flash sale is open
	lead   time.Duration // from the end of preheating to the start of the sale
	crowd  int           // bidders
}

// world is the stand-ins, and the production code above them.
type world struct {
	app  *app.App
	undo []func()
}

// start brings up stand-ins and platform in order. What had started is ended when something fails.
func (w *world) start(ctx context.Context, o options) (err error) {
	defer func() {
		if err != nil {
			w.end()
		}
	}()
	listener, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("%s cannot be listened on (%w): end what uses it, or choose another with --listen 127.0.0.1:PORT", o.listen, err)
	}
	w.undo = append(w.undo, func() { _ = listener.Close() })
	dir, err := w.folder(o.data)
	if err != nil {
		return err
	}
	c := config.Development()
	database, lineage, err := w.standins(dir, &c)
	if err != nil {
		return err
	}
	log, err := logger(o.log)
	if err != nil {
		return err
	}
	w.app, err = app.New(c, app.Parts{DB: database, Lineage: lineage, Log: log, RelayOff: !o.relay, Listener: listener,
		KeeperPoll: 100 * time.Millisecond, Version: "demo"})
	if err != nil {
		return err
	}
	return w.open(ctx)
}

// open connects the platform, with its topics made: in production that is an operator's command.
func (w *world) open(ctx context.Context) error {
	if err := w.app.OpenStore(ctx); err != nil {
		return err
	}
	w.undo = append(w.undo, w.app.Close)
	if err := w.app.OpenRedis(ctx); err != nil {
		return err
	}
	if err := w.app.OpenKafka(ctx); err != nil {
		return err
	}
	if _, err := w.app.Kafka.Apply(ctx); err != nil {
		return err
	}
	return w.app.Kafka.Ready(ctx)
}

func (w *world) folder(dir string) (string, error) {
	if dir == "" {
		temporary, err := os.MkdirTemp("", "rostrum-demo-")
		if err != nil {
			return "", fmt.Errorf("no folder for the demo's data: %w; name one with --data", err)
		}
		w.undo = append(w.undo, func() { _ = os.RemoveAll(temporary) })
		return temporary, nil
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("--data %s cannot be made: %w", dir, err)
	}
	probe, err := os.CreateTemp(dir, ".writable-")
	if err != nil {
		return "", fmt.Errorf("--data %s cannot be written: %w", dir, err)
	}
	_ = probe.Close()
	return dir, os.Remove(probe.Name())
}

// standins starts the three and puts their addresses into the configuration.
func (w *world) standins(dir string, c *config.Config) (*sql.DB, string, error) {
	k, err := standinkafka.Start(standinkafka.Options{Dir: filepath.Join(dir, "kafka")})
	if errors.Is(err, standinkafka.ErrInUse) {
		return nil, "", fmt.Errorf("another demo uses %s: end it, or choose another folder with --data (%w)", dir, err)
	}
	if err != nil {
		return nil, "", err
	}
	w.undo = append(w.undo, k.Close)
	r, err := standinredis.Start("127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	w.undo = append(w.undo, r.Close)
	database, err := standinsql.Open(filepath.Join(dir, "rostrum.sqlite"))
	if err != nil {
		return nil, "", err
	}
	w.undo = append(w.undo, func() { _ = database.Close() })
	c.Kafka.Brokers = []string{k.Addr()}
	c.Redis.GateURL = config.Secret("redis://" + r.Addr() + "/0")
	c.Redis.Timeout = 5 * time.Second // the stand-in is slow under a rush
	c.Limits.LogInsPerMinute = 600    // the crowd comes from one address
	c.HTTP.BidTimeout = 5 * time.Second
	c.HTTP.RequestTimeout = 10 * time.Second
	return database, r.Lineage(), nil
}

// stop ends the platform's roles in order.
func (w *world) stop(ctx context.Context) error {
	if w.app == nil {
		return nil
	}
	return w.app.Stop(ctx)
}

// end ends everything in reverse.
func (w *world) end() {
	for n := len(w.undo) - 1; n >= 0; n-- {
		w.undo[n]()
	}
	w.undo = nil
}

func logger(level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log %q: use debug, info, warn or error", level)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: l})), nil
}
