package app

import (
	"cmp"
	"context"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/config"
	"rostrum/internal/recovery"
	"rostrum/pipeline"
	"rostrum/web"
	"rostrum/web/edge"
)

// Start runs the roles of the configuration. It comes back when all of them run; what dies later is told by Died.
func (a *App) Start(ctx context.Context) error {
	return a.sequence.up(ctx, a.steps())
}

// Stop ends the roles in reverse order within the shutdown time-out, and closes the connections.
func (a *App) Stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.Config.HTTP.ShutdownTimeout)
	defer cancel()
	err := a.sequence.down(ctx)
	a.Close()
	return err
}

// Died tells of a role that ended by itself: the process should stop and be started again.
func (a *App) Died() <-chan error { return a.died }

// Addr is where the API listens, once it was started.
func (a *App) Addr() net.Addr { return a.address }

// steps is the start in order, and with it, read from the end, the stop. The order is the bid's own road, from its far
// end: each thing is started before what hands work to it, and stopped after.
func (a *App) steps() []step {
	var steps []step
	if a.has(config.RoleWorker) {
		steps = append(steps, a.workerSteps()...)
	}
	if a.has(config.RoleRelay) {
		steps = append(steps, a.relaySteps()...)
	}
	if a.has(config.RoleCloser) {
		steps = append(steps, a.closer().steps(a.die)...)
	}
	if a.has(config.RoleAPI) {
		steps = append(steps, a.apiSteps()...)
	}
	first, last := a.opsSteps()
	first = append([]step{{name: "metrics", why: "what the roles do is seen from the first moment",
		start: func(ctx context.Context) error {
			a.Metrics.Watch(context.WithoutCancel(ctx), a.road)
			return nil
		}}}, first...)
	return slices.Concat(first, steps, last)
}

func (a *App) has(role string) bool { return slices.Contains(a.Config.Roles, role) }

func (a *App) die(name string, err error) {
	a.Log.Error("a role ended by itself", "role", name, "error", err)
	select {
	case a.died <- fmt.Errorf("%s: %w", name, err):
	default:
	}
}

// workerSteps: the consumer first, because recovery waits for it to apply what Kafka holds.
func (a *App) workerSteps() []step {
	c := a.Config.Consumer
	a.consumer = pipeline.NewConsumer(a.Kafka, a.Store, pipeline.ConsumerOptions{Group: c.Group, BatchRows: c.BatchRows, Linger: c.Linger, AtOnce: c.AtOnce,
		SessionTimeout: c.SessionTimeout, Heartbeat: c.Heartbeat, RebalanceTimeout: c.RebalanceTimeout, GapHalt: c.GapHalt,
		PoisonRetries: c.PoisonRetries, Log: a.Log, Count: a.Metrics.Count})
	return []step{
		background("consumer", "writes what the relay sends; recovery needs it", a.consumer.Run, a.die),
		background("publisher", "tells the public topics what MySQL holds", quietly(a.Publisher().Run), a.die),
	}
}

// Publisher makes a publisher over the app's connections, which Connect has made.
func (a *App) Publisher() *pipeline.Publisher {
	return pipeline.NewPublisher(a.Kafka, publications{a.Store}, a.Gate, pipeline.PublisherOptions{Owner: a.owner, Log: a.Log, Count: a.Metrics.Count})
}

func quietly(run func(context.Context)) func(context.Context) error {
	return func(ctx context.Context) error { run(ctx); return nil }
}

// relaySteps: the relay carries; the keeper makes shards decide, and drains through the same relay.
func (a *App) relaySteps() []step {
	c := a.Config.Relay
	a.relay = pipeline.NewRelay(a.Kafka, a.Gate, a.Store, a.Gate, pipeline.RelayOptions{Owner: a.owner, Linger: a.linger(), BatchRecords: c.BatchRecords,
		BatchBytes: c.BatchBytes, Lease: c.Lease, ResendAfter: c.ResendAfter, Vouched: a.vouched, Acked: a.acked(), Log: a.Log, Count: a.Metrics.Count})
	a.recover = recovery.New(a.Gate, a.Store, a.relay, recovery.Options{Deployment: a.Deployment.ID, Owner: a.owner, Lease: c.Lease, Log: a.Log}).Shard
	k := &keeper{recover: a.recover, shards: a.Deployment.Shards, poll: cmp.Or(a.parts.KeeperPoll, 500*time.Millisecond), log: a.Log,
		note: a.Metrics.NoteShard}
	keeping := background("shards", "no bid is decided by a Redis that nobody vouched for", k.run, a.die)
	if a.parts.RelayOff {
		return []step{keeping}
	}
	return []step{background("relay", "carries the journals to Kafka", quietly(a.relay.Run), a.die), keeping,
		background("marks", "the gate knows what is carried: under durability kafka it takes no bid whose record nobody carries",
			func(ctx context.Context) error { return every(ctx, a.Log, "marks", markEvery, a.remarks()) }, a.die)}
}

func (a *App) vouched(ctx context.Context, shard int) (bool, error) {
	v, err := a.Gate.Vouched(ctx, shard)
	return v.Valid, err
}

func (a *App) closer() *closer {
	return &closer{sessions: a.Store, gate: a.Gate, orders: a.Store, ahead: a.Config.Preheat.Ahead, now: time.Now, newID: newID,
		log: a.Log, preheated: map[uuid.UUID]int64{},
		preheat: a.preheatAnyway, lost: a.losses.found,
		sweeper: sweeper{gate: a.Gate, store: a.Store, grace: a.Config.Preheat.Grace, now: time.Now, log: a.Log,
			next: make([]uint64, a.Deployment.Shards)}}
}

// apiSteps: last to start, so that nobody is let in before the road is open; first to stop.
func (a *App) apiSteps() []step {
	return []step{
		background("shelf", "knows which lots there are", a.Shelf.Run, a.die),
		a.listening(),
	}
}

func (a *App) listening() step {
	var server *web.Server
	done := make(chan struct{})
	return step{name: "api", why: "the door opens last and closes first",
		start: func(context.Context) error {
			secret, err := a.edgeSecret()
			if err != nil {
				return err
			}
			listener := a.parts.Listener
			if listener == nil {
				if listener, err = net.Listen("tcp", a.Config.HTTP.Listen); err != nil {
					return fmt.Errorf("http.listen: %w", err)
				}
			}
			a.address = listener.Addr()
			server = web.New(a.webPorts(), a.webOptions(secret))
			go func() {
				defer close(done)
				defer recovered("api", a.die)
				if err := server.Serve(listener); err != nil {
					a.die("api", err)
				}
			}()
			return nil
		},
		stop: func(ctx context.Context) error {
			half, cancel := halfOf(ctx)
			defer cancel()
			err := server.Shutdown(half)
			select {
			case <-done:
			case <-half.Done():
			}
			if errors.Is(err, context.DeadlineExceeded) {
				a.Log.Warn("clients that did not end their requests are cut off")
				return nil
			}
			return err
		}}
}

// halfOf gives half of the time that is left of ctx: a client that hangs must not take the time to drain what is behind
// the door.
func halfOf(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	if !limited {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

// edgeSecret makes cursors and form tokens that nobody else can: derived, so that every node has the same without
// another setting.
func (a *App) edgeSecret() ([]byte, error) {
	return hkdf.Key(sha256.New, []byte(a.Config.Auth.Keys[0].Reveal()), a.Deployment.ID[:], "edge", 32)
}

func (a *App) webOptions(secret []byte) web.Options {
	c := a.Config
	return web.Options{Options: edge.Options{Shards: a.Deployment.Shards, RequestTimeout: c.HTTP.RequestTimeout, BidTimeout: c.HTTP.BidTimeout,
		UserBids: edge.Rate{PerSecond: unlimited(c.Limits.BidsPerSecondUser)}, AddressBids: edge.Rate{PerSecond: unlimited(c.Limits.BidsPerSecondAddress)},
		BidsAtOnce: c.Limits.BidsAtOnce, Durability: auction.Durability(c.Redis.Durability),
		LogInsPerMinute: unlimited(c.Limits.LogInsPerMinute), LogInBurst: max(10, c.Limits.LogInsPerMinute/3), Secret: secret, Log: a.Log},
		ReadTimeout: c.HTTP.ReadTimeout, WriteTimeout: c.HTTP.WriteTimeout, IdleTimeout: c.HTTP.IdleTimeout,
		TrustedProxies: c.HTTP.TrustedProxies, CookieSecure: c.HTTP.CookieSecure, Version: a.parts.Version}
}

// unlimited turns the configuration's 0, no limit, into the edge's.
func unlimited(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

func (a *App) webPorts() web.Ports {
	return web.Ports{Ports: edge.Ports{Items: a.Store, Sessions: announced{a.Store, a}, Gate: a.Gate, Orders: a.Store, Accounts: a.Accounts,
		Keys: a.Accounts.Keys, Shelf: a.Shelf, Stored: a.Store, Limit: a.Shelf, Pipeline: road{a}, Preheat: preheater{a},
		Counters: alarms{a.Metrics, a}, Clock: time.Now, NewID: newID, Random: rand.Reader},
		Checks: checks{a}, Metrics: a.publicMetrics()}
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
