package edge

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/internal/fault"
)

// Limits of lists.
const (
	MaxPage     = 100
	DefaultPage = 20
)

// Options are the edge's numbers. The zero value of a field takes its default.
type Options struct {
	Shards int // of the deployment; 16

	RequestTimeout time.Duration // of one call but the ones below; 5 s
	BidTimeout     time.Duration // of the gate's answer; 500 ms
	PublishTimeout time.Duration // of publishing and preheating, which read every lot; 60 s

	UserBids    Rate // of bids, per user; 20 a second, 40 at once. Negative: no limit
	AddressBids Rate // of bids, per IPv4 address or IPv6 /64: 1,000 a second, 2,000 at once. Negative: no limit
	BidsAtOnce  int  // being answered; more do not Enter. 2,048

	Durability auction.Durability // what the gate's receipts promise, and so those of the stored journal; none

	LogInsPerMinute, LogInBurst int // per address and per login; 30, 10. Negative: no limit

	Secret []byte // makes cursors and form tokens that nobody else can; at least 16 bytes
	Log    *slog.Logger
}

func (o Options) withDefaults() Options {
	set := func(n *int, value int) {
		if *n == 0 {
			*n = value
		}
	}
	last := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&o.Shards, 16)
	set(&o.UserBids.PerSecond, 20)
	set(&o.UserBids.Burst, 2*o.UserBids.PerSecond)
	set(&o.AddressBids.PerSecond, 1000)
	set(&o.AddressBids.Burst, 2*o.AddressBids.PerSecond)
	set(&o.BidsAtOnce, 2048)
	set(&o.LogInsPerMinute, 30)
	set(&o.LogInBurst, 10)
	last(&o.RequestTimeout, 5*time.Second)
	last(&o.BidTimeout, 500*time.Millisecond)
	last(&o.PublishTimeout, time.Minute)
	if o.Durability == "" {
		o.Durability = auction.DurableNone
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Edge does what people ask for. It is safe for many goroutines.
type Edge struct {
	Ports
	Options
	over     *over
	meter    *meter
	bidding  atomic.Int64 // bids being answered
	asking   atomic.Int64 // questions to the stored journal
	verifier *accounts.Verifier
	goods    goodsMemory
	areas    atomic.Pointer[areaMemory]
}

// New joins ports and options.
func New(p Ports, o Options) *Edge {
	return &Edge{Ports: p, Options: o.withDefaults(), over: newOver(), meter: newMeter(), verifier: accounts.NewVerifier(p.Keys)}
}

// NowUS is the edge's clock in microseconds UTC. It decides nothing about a bid: the gate's clock does.
func (e *Edge) NowUS() int64 { return e.Clock().UnixMicro() }

// Key derives a secret for one purpose, so that what is made for one never passes for another.
func (e *Edge) Key(purpose string) []byte {
	mac := hmac.New(sha256.New, e.Secret)
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

// Verify gives the claims of an access token, without any database.
func (e *Edge) Verify(token string) (accounts.Claims, error) {
	return e.verifier.Verify(token, e.Clock())
}

// LogIn logs in, after the limits for the address and the login. Errors of accounts.Service.LogIn; TooMany `rate_limited`.
func (e *Edge) LogIn(ctx context.Context, login, password, address string) (accounts.Tokens, error) {
	for _, key := range []string{"login:a:" + networkName(address), "login:l:" + accounts.NormalLogin(cut(login, accounts.MaxLogin))} {
		if err := e.slow(ctx, key); err != nil {
			return accounts.Tokens{}, err
		}
	}
	return e.Accounts.LogIn(ctx, login, password)
}

// Register makes a user, after the limit for the address.
func (e *Edge) Register(ctx context.Context, n accounts.NewUser, address string) (accounts.User, error) {
	if err := e.slow(ctx, "register:a:"+networkName(address)); err != nil {
		return accounts.User{}, err
	}
	return e.Accounts.Register(ctx, n)
}

// slow is the limit of what costs a password hash. The limiter knows whole numbers a second, and no fewer than one: what
// is to come less often costs several of them.
func (e *Edge) slow(ctx context.Context, key string) error {
	if e.LogInsPerMinute < 0 {
		return nil
	}
	perSecond := max(1, e.LogInsPerMinute/60)
	cost := (perSecond*60 + e.LogInsPerMinute - 1) / e.LogInsPerMinute
	for range cost {
		if err := e.limited(ctx, key, perSecond, e.LogInBurst*cost); err != nil {
			return err
		}
	}
	return nil
}

func cut(s string, longest int) string {
	if len(s) > longest {
		return s[:longest]
	}
	return s
}

// may says whether somebody may do any of the actions.
func may(who accounts.Claims, actions ...accounts.Action) bool {
	for _, a := range actions {
		if accounts.Allowed(a, who.Roles) {
			return true
		}
	}
	return false
}

// operates says whether somebody runs sessions for others.
func operates(who accounts.Claims) bool { return who.Roles.Has(accounts.Operator) }

// looksAtAll says whether somebody may read what is not theirs.
func looksAtAll(who accounts.Claims) bool {
	return who.Roles.Has(accounts.Operator | accounts.Analyst | accounts.Admin)
}

func notFound(code, detail string) error { return fault.New(fault.NotFound, code, detail) }

// owner says whether id is who's own; nobody owns what has no owner.
func owner(who accounts.Claims, id uuid.UUID) bool { return who.User != uuid.Nil && who.User == id }
