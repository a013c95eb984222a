package app

import (
	"cmp"
	"context"
	"sync"
	"time"

	"rostrum/auction"
)

// Commands that only look at an installation (lag, doctor) are called just when something is away. They connect what there
// is, wait for nothing and claim nothing.

// told is who a part says that it belongs to; the zero Deployment: nobody yet, or it does not answer.
type told struct {
	auction.Deployment
	err error
}

// sight is what the parts say at a first look. A part that could not even be connected, by its settings, is nil in the app.
type sight struct {
	mysql, gate told
	kafka       error
}

// lookAround connects all parts, asks them side by side for at most limit who they belong to, and believes the first that
// says: MySQL, the gate, else the configuration.
func (a *App) lookAround(ctx context.Context, limit time.Duration) (s sight) {
	nobody := auction.Deployment{ID: newID(), Shards: a.Config.Sale.Shards} // its id is nothing's
	a.Deployment = nobody
	s.mysql.err, s.gate.err = a.connectStore(), a.connectRedis()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var asked sync.WaitGroup
	if s.mysql.err == nil {
		asked.Go(func() { s.mysql = a.storeTells(ctx) })
	}
	if s.gate.err == nil {
		asked.Go(func() { s.gate.Deployment, s.gate.err = a.Gate.Identity(ctx, auction.Deployment{}) })
	}
	asked.Wait()
	a.Deployment = cmp.Or(s.mysql.Deployment, s.gate.Deployment, nobody)
	if a.Gate != nil {
		if err := a.makeGate(); err != nil {
			s.gate.err = err
		}
	}
	s.kafka = a.OpenKafka(ctx)
	return s
}

func (a *App) storeTells(ctx context.Context) (t told) {
	if t.err = a.Store.CheckSchema(ctx); t.err == nil {
		t.Deployment, t.err = a.Store.Deployment(ctx, auction.Deployment{})
	}
	return t
}

// differ says what no waiting mends: parts of two deployments, or another number of shards.
func (a *App) differ(s sight) error {
	none := auction.Deployment{}
	if s.mysql.Deployment != none && s.gate.Deployment != none {
		if err := same(s.gate.Deployment, s.mysql.Deployment); err != nil {
			return err
		}
	}
	return a.asConfigured(a.Deployment)
}

// OpenToLook connects all parts for somebody who looks at the road; those that are away may be. Its error is what time
// does not mend: a setting that cannot be used, another schema, parts of two deployments.
func (a *App) OpenToLook(ctx context.Context) error {
	s := a.lookAround(ctx, partLimit)
	for _, part := range []struct {
		made bool
		err  error
	}{{a.Store != nil, s.mysql.err}, {a.Gate != nil, s.gate.err}, {a.Kafka != nil, s.kafka}} {
		if part.err != nil && (!part.made || permanent(part.err)) {
			return part.err
		}
	}
	return a.differ(s)
}
