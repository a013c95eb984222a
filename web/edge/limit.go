package edge

import (
	"context"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/internal/fault"
)

// Rate is how often something may come: a bucket of Burst tokens that fills by PerSecond. PerSecond under 1: no limit.
type Rate struct{ PerSecond, Burst int }

// Allowance is what a caller has left of a rate, for the RateLimit headers (draft-ietf-httpapi-ratelimit-headers). The zero
// Allowance: nothing is limited.
type Allowance struct {
	Quota int           // Burst
	Left  int           // an estimate, from what this node knows
	Fill  time.Duration // until the bucket is full
}

// Caller is who bids, from where.
type Caller struct {
	accounts.Claims
	Address string // IP; "": not known, and not limited
	Trace   string
}

// mayBid is the limits of bids: of the caller's address, then of the user. Neither asks the shelf about somebody who comes
// now and then: see meter. A loopback address is that of a proxy that was not configured, and says nothing of the caller.
func (e *Edge) mayBid(ctx context.Context, from Caller) (Allowance, error) {
	nowUS := e.NowUS()
	if at, ok := network(from.Address); ok && !at.IsLoopback() {
		if left, err := e.metered(ctx, meterKey{'a', at.As16()}, e.AddressBids, nowUS); err != nil {
			return left, err
		}
	}
	return e.metered(ctx, meterKey{'u', from.User}, e.UserBids, nowUS)
}

// network gives whose limits an address counts for: an IPv4 address, however it is written, or the first one of an IPv6
// address's /64, since that is what one household or machine is given, with more addresses than any meter holds. false: it
// is no address.
func network(address string) (netip.Addr, bool) {
	at, err := netip.ParseAddr(address)
	if at = at.Unmap(); at.Is6() && !at.IsLoopback() {
		at = netip.PrefixFrom(at, 64).Masked().Addr()
	}
	return at, err == nil
}

// networkName is network as text; what is no address stays as it is.
func networkName(address string) string {
	if at, ok := network(address); ok {
		return at.String()
	}
	return address
}

func (e *Edge) metered(ctx context.Context, key meterKey, r Rate, nowUS int64) (Allowance, error) {
	if r.PerSecond < 1 {
		return Allowance{}, nil
	}
	used, wait, free := e.meter.pass(key, r, nowUS)
	if wait == 0 && !free {
		if wait = e.shared(ctx, key.name(), r); wait > 0 {
			e.meter.refuse(key, nowUS+wait.Microseconds())
		}
	}
	left := Allowance{Quota: r.Burst, Left: max(r.Burst-used, 0), Fill: time.Duration(used) * time.Second / time.Duration(r.PerSecond)}
	if wait > 0 {
		left.Left = 0
		return left, tooOften(wait)
	}
	return left, nil
}

// shared asks the limiter that all nodes share how long to wait; 0: not at all. Its faults are logged and pass.
func (e *Edge) shared(ctx context.Context, key string, r Rate) time.Duration {
	ok, wait, err := e.Limit.Allow(ctx, key, r.PerSecond, r.Burst)
	if err != nil {
		e.Log.WarnContext(ctx, "the limiter is away, all pass", "error", err)
		return 0
	}
	if ok {
		return 0
	}
	return max(wait, time.Millisecond)
}

// limited is a limit without a meter before it, for what comes seldom.
func (e *Edge) limited(ctx context.Context, key string, perSecond, burst int) error {
	if wait := e.shared(ctx, key, Rate{perSecond, burst}); wait > 0 {
		return tooOften(wait)
	}
	return nil
}

func tooOften(wait time.Duration) error {
	limit := fault.New(fault.TooMany, "rate_limited", "this is asked too often")
	limit.RetryAfter = wait
	return limit
}

// meter is a node's own part of a limit. A tenth of the rate is free: who stays under it costs no trip, so most bids cost
// none; who does not is asked for at the limiter that all nodes share. What that one refuses is remembered until it would
// pass, so that a flood is refused at memory speed. On n nodes a caller so gets at most 1 + n/10 of the rate.
type meter struct {
	seed  maphash.Seed
	parts [meterParts]meterPart
}

const (
	meterParts = 64
	meterMax   = 4096 // callers remembered in a part
	freeShare  = 10   // one in so many tokens is free
)

type meterKey struct {
	kind byte // 'a' for an address, 'u' for a user
	id   [16]byte
}

// name is the key as the shared limiter knows it.
func (k meterKey) name() string {
	if k.kind == 'a' {
		return "bid:a:" + netip.AddrFrom16(k.id).Unmap().String()
	}
	return "bid:u:" + uuid.UUID(k.id).String()
}

// meterPart knows callers by the hash of their key: of a seed that nobody else knows, so that nobody can aim at another's
// bucket, and two share one by chance once in 2⁶⁴.
type meterPart struct {
	mu    sync.Mutex
	state map[uint64]metered
}

// metered is what is known of a caller, µs.
type metered struct {
	next  int64 // when the next would arrive if all came at the free rate
	until int64 // refused by the shared limiter until then
}

func newMeter() *meter {
	m := &meter{seed: maphash.MakeSeed()}
	for i := range m.parts {
		m.parts[i].state = map[uint64]metered{}
	}
	return m
}

func (m *meter) part(key meterKey) (*meterPart, uint64) {
	hash := maphash.Comparable(m.seed, key)
	return &m.parts[hash%meterParts], hash
}

// pass takes a token. free: it was one of the node's own; else the shared limiter has to be asked, unless it has said for
// how long to wait. used is how many tokens of the rate are known to be out.
func (m *meter) pass(key meterKey, r Rate, nowUS int64) (used int, wait time.Duration, free bool) {
	interval := max(freeShare*1_000_000/int64(r.PerSecond), 1)
	most := max(int64(r.Burst)/freeShare, 1) * interval
	p, hash := m.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.state[hash]
	if s.until > nowUS {
		return r.Burst, time.Duration(s.until-nowUS) * time.Microsecond, false
	}
	next := max(s.next, nowUS) + interval
	if free = next-nowUS <= most; !free {
		return int((s.next-nowUS)/interval) + 1, 0, false
	}
	s.next = next
	p.put(hash, s, nowUS)
	return int((next - nowUS + interval - 1) / interval), 0, true
}

// refuse remembers that the shared limiter lets nothing pass until then.
func (m *meter) refuse(key meterKey, untilUS int64) {
	p, hash := m.part(key)
	p.mu.Lock()
	defer p.mu.Unlock()
	s := p.state[hash]
	s.until = untilUS
	p.put(hash, s, 0)
}

// put keeps a caller's state. A full part forgets who is free again; then, if it must, everybody, who get a little more.
func (p *meterPart) put(key uint64, s metered, nowUS int64) {
	if _, known := p.state[key]; !known && len(p.state) >= meterMax {
		for k, old := range p.state {
			if old.next <= nowUS && old.until <= nowUS {
				delete(p.state, k)
			}
		}
		if len(p.state) >= meterMax*3/4 {
			clear(p.state)
		}
	}
	p.state[key] = s
}
