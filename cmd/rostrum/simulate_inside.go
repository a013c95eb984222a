package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"rostrum/accounts"
	"rostrum/goods"
	"rostrum/internal/fault"
	"rostrum/internal/simulate"
	"rostrum/orders"
)

// simulated is what a simulation asks of an installation beside the other commands.
type simulated interface {
	// Remaining gives messages and journal records that are not in MySQL yet; -1: cannot be read now.
	Remaining(ctx context.Context) (lag, journal int64, err error)
	// ReconcileSession counts the invariants of one session, with what clients were told as one side.
	ReconcileSession(ctx context.Context, session uuid.UUID, clients orders.Side) ([]orders.Invariant, error)
	// WithdrawSession takes all lots of a session out of the gate, by records.
	WithdrawSession(ctx context.Context, session uuid.UUID, reason string) error
	// CancelOrders cancels the unpaid orders of a session, as an operator; those that move meanwhile are left.
	CancelOrders(ctx context.Context, session uuid.UUID, reason string) (cancelled int, err error)
}

// inside is a platform as a simulation asks for it.
type inside struct {
	platform
	progress func(done, total int)
	service  *accounts.Service
	away     error // why the road cannot be looked at; it is not waited for twice
}

var _ simulate.Inside = (*inside)(nil)

func (i *inside) accounts(ctx context.Context) (_ *accounts.Service, err error) {
	if i.service == nil {
		i.service, err = i.Accounts(ctx)
	}
	return i.service, err
}

func (i *inside) Area(ctx context.Context, code string) error {
	if _, err := i.accounts(ctx); err != nil {
		return err
	}
	areas, err := i.Areas(ctx)
	for _, area := range areas {
		if area.Code == code {
			return nil
		}
	}
	if err != nil {
		return err
	}
	return i.PutArea(ctx, goods.Area{Code: code, Name: "Simulation"})
}

func (i *inside) Bidders(ctx context.Context, area string, n int, life time.Duration) ([]simulate.Member, error) {
	service, err := i.accounts(ctx)
	if err != nil {
		return nil, err
	}
	minted, err := service.MintTokens(ctx, uuid.Nil, accounts.MintRequest{Area: area, Count: n, TTL: life,
		Progress: func(done int) { i.progress(done, n) }})
	members := make([]simulate.Member, len(minted))
	for k, m := range minted {
		members[k] = simulate.Member{User: m.User, Token: m.Token}
	}
	return members, err
}

// Staff signs for somebody who exists for this one sale. The audit log has it first.
func (i *inside) Staff(ctx context.Context, area string, life time.Duration) (string, error) {
	service, err := i.accounts(ctx)
	if err != nil {
		return "", err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return "", err
	}
	now := time.Now()
	entry := accounts.AuditEntry{ID: id, AtUS: now.UnixMicro(), Action: string(accounts.TokensMint), Subject: id.String(),
		Detail: fmt.Sprintf("a simulation's seller and operator in %s, for %s", area, life)}
	if err := service.Audit.Audit(ctx, entry); err != nil {
		return "", err
	}
	return accounts.Mint(service.Keys, accounts.Claims{User: id, Login: accounts.SyntheticPrefix + "staff", Area: area,
		Roles: accounts.Seller | accounts.Operator, IssuedAt: now, ExpiresAt: now.Add(life)})
}

func (i *inside) Remaining(ctx context.Context) (lag, journal int64) {
	if i.away != nil {
		return 0, 0
	}
	if lag, journal, i.away = i.platform.Remaining(ctx); i.away != nil {
		return 0, 0 // there is nothing to be waited for
	}
	return lag, journal
}

func (i *inside) Reconcile(ctx context.Context, session uuid.UUID, side orders.Side) ([]orders.Invariant, error) {
	if i.away != nil {
		return nil, i.away
	}
	return i.ReconcileSession(ctx, session, side)
}

// over is why what a simulation made is taken back.
const over = "simulation_over"

func (i *inside) Withdraw(ctx context.Context, session uuid.UUID) error {
	return i.WithdrawSession(ctx, session, over)
}

func (i *inside) CancelOrders(ctx context.Context, session uuid.UUID) (int, error) {
	return i.platform.CancelOrders(ctx, session, over)
}

func (i *installation) Remaining(ctx context.Context) (lag, journal int64, err error) {
	if err := i.openRoad(ctx); err != nil {
		return 0, 0, err
	}
	lag, journal = i.app.Remaining(ctx)
	return lag, journal, nil
}

func (i *installation) ReconcileSession(ctx context.Context, session uuid.UUID, clients orders.Side) ([]orders.Invariant, error) {
	if err := i.openRoad(ctx); err != nil {
		return nil, err
	}
	return i.app.Reconcile(ctx, []uuid.UUID{session}, clients)
}

// rowsAtOnce is the page in which a session's lots or orders are read.
const rowsAtOnce = 1000

func (i *installation) WithdrawSession(ctx context.Context, session uuid.UUID, reason string) error {
	if err := i.openRoad(ctx); err != nil {
		return err
	}
	for after := uuid.Nil; ; {
		lots, err := i.app.Store.Lots(ctx, session, after, rowsAtOnce)
		if err != nil {
			return err
		}
		for _, l := range lots {
			if _, err := i.app.Gate.Withdraw(ctx, l.Shard, l.ID, reason); err != nil {
				return err
			}
			after = l.ID
		}
		if len(lots) < rowsAtOnce {
			return nil
		}
	}
}

// cancelsAtOnce bounds the transactions of a cancellation that are open at once.
const cancelsAtOnce = 8

func (i *installation) CancelOrders(ctx context.Context, session uuid.UUID, reason string) (int, error) {
	if err := i.openRoad(ctx); err != nil {
		return 0, err
	}
	var cancelled atomic.Int64
	for p := (orders.Page{Limit: rowsAtOnce}); ; {
		page, err := i.app.Store.ListOrders(ctx, orders.Filter{Session: session, State: orders.PendingPayment}, p)
		if err != nil || len(page) == 0 {
			return int(cancelled.Load()), err
		}
		p.After = page[len(page)-1].ID
		cancelling, ctx := errgroup.WithContext(ctx)
		cancelling.SetLimit(cancelsAtOnce)
		for _, order := range page {
			cancelling.Go(func() error {
				err := i.cancel(ctx, order, reason)
				if err == nil {
					cancelled.Add(1)
				} else if fault.ClassOf(err) == fault.Stale {
					return nil // somebody has moved it
				}
				return err
			})
		}
		if err := cancelling.Wait(); err != nil {
			return int(cancelled.Load()), err
		}
	}
}

func (i *installation) cancel(ctx context.Context, order orders.Order, reason string) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	after, event, err := order.Move(orders.Cancel, orders.Operator, orders.Details{Reason: reason}, id, time.Now().UnixMicro())
	if err != nil {
		return err
	}
	return i.app.Store.SaveMove(ctx, order, after, event)
}
