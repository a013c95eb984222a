package edge

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rostrum/accounts"
	"rostrum/internal/fault"
)

// sharedLimit says what it is told to say, and counts who asks.
type sharedLimit struct {
	wait time.Duration
	err  error
	asks []string
}

func (l *sharedLimit) Allow(_ context.Context, key string, _, _ int) (bool, time.Duration, error) {
	l.asks = append(l.asks, key)
	return l.wait == 0, l.wait, l.err
}

func limitedEdge(l *sharedLimit, user, address Rate) (*Edge, *int64) {
	now := int64(1_700_000_000_000_000)
	e := New(Ports{Limit: l, Clock: func() time.Time { return time.UnixMicro(now) }}, Options{UserBids: user, AddressBids: address, Log: slog.New(slog.DiscardHandler)})
	return e, &now
}

// A tenth of the rate is the node's own; beyond it the limiter that all share is asked, and its no is remembered.
func TestBidsAreMetered(t *testing.T) {
	l := &sharedLimit{}
	e, now := limitedEdge(l, Rate{20, 40}, Rate{PerSecond: -1})
	from := Caller{Claims: accounts.Claims{User: uuid.New()}, Address: "192.0.2.1"}
	bid := func() (Allowance, error) { return e.mayBid(t.Context(), from) }
	for n := range 4 {
		if a, err := bid(); err != nil || len(l.asks) != 0 || a.Quota != 40 || a.Left != 39-n || a.Fill != time.Duration(n+1)*50*time.Millisecond {
			t.Fatalf("bid %d: %+v %v, asked for %v", n, a, err, l.asks)
		}
	}
	if _, err := bid(); err != nil || len(l.asks) != 1 || l.asks[0] != "bid:u:"+from.User.String() {
		t.Fatalf("the fifth: %v, asked for %v", err, l.asks)
	}
	l.wait = 70 * time.Millisecond
	for n := range 3 {
		a, err := bid()
		if f := fault.As(err); f == nil || f.Class != fault.TooMany || f.RetryAfter != l.wait || a.Left != 0 || len(l.asks) != 2 {
			t.Fatalf("refused %d: %+v %v, asked %d times", n, a, err, len(l.asks))
		}
	}
	*now += 70_000
	l.wait = 0
	if _, err := bid(); err != nil || len(l.asks) != 3 {
		t.Errorf("when the time is over: %v, asked %d times", err, len(l.asks))
	}
	*now += 10 * time.Second.Microseconds()
	if a, err := bid(); err != nil || len(l.asks) != 3 || a.Left != 39 {
		t.Errorf("after a rest: %+v %v, asked %d times", a, err, len(l.asks))
	}
}

func TestAddressesAreMetered(t *testing.T) {
	l := &sharedLimit{wait: time.Second}
	e, _ := limitedEdge(l, Rate{20, 40}, Rate{10, 10})
	bid := func(address string) error {
		_, err := e.mayBid(t.Context(), Caller{Claims: accounts.Claims{User: uuid.New()}, Address: address})
		return err
	}
	if err := bid("192.0.2.1"); err != nil {
		t.Error(err)
	}
	if err := bid("192.0.2.1"); fault.ClassOf(err) != fault.TooMany || l.asks[0] != "bid:a:192.0.2.1" {
		t.Errorf("%v, asked for %v", err, l.asks)
	}
	for _, other := range []string{"192.0.2.2", "2001:db8::1", "", "not an address", "127.0.0.1", "127.0.0.1", "::1", "::1", "::ffff:127.0.0.1"} {
		if err := bid(other); err != nil {
			t.Errorf("%q: %v", other, err)
		}
	}
}

// Whatever addresses a /64 has, and however an IPv4 address is written, it is one caller, on the node and for the limiter
// that all nodes share.
func TestWhoseAddressItIs(t *testing.T) {
	for _, tc := range []struct {
		first, second, key string // key "": they are two callers
	}{
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", "bid:a:2001:db8:1:2::"},
		{"2001:DB8:1:2::1", "2001:db8:1:2:0:0:0:2%eth0", "bid:a:2001:db8:1:2::"},
		{"2001:db8:1:2::1", "2001:db8:1:3::1", ""},
		{"192.0.2.1", "::ffff:192.0.2.1", "bid:a:192.0.2.1"},
		{"::ffff:192.0.2.1", "::ffff:c000:201", "bid:a:192.0.2.1"},
		{"::ffff:192.0.2.1", "::ffff:192.0.2.2", ""},
	} {
		l := &sharedLimit{wait: time.Second}
		e, _ := limitedEdge(l, Rate{PerSecond: -1}, Rate{10, 20})
		var last Allowance
		var err error
		for _, address := range []string{tc.first, tc.first, tc.second} { // two are the node's own
			last, err = e.mayBid(t.Context(), Caller{Claims: accounts.Claims{User: uuid.New()}, Address: address})
		}
		if limited := fault.ClassOf(err) == fault.TooMany; limited != (tc.key != "") || limited && l.asks[0] != tc.key {
			t.Errorf("%s and %s: %v, asked for %v", tc.first, tc.second, err, l.asks)
		}
		if err != nil && (last.Quota != 20 || last.Left != 0 || last.Fill <= 0) {
			t.Errorf("%s: the refusal leaves %+v", tc.second, last)
		}
	}
	for address, name := range map[string]string{"2001:db8::5": "2001:db8::", "::ffff:192.0.2.1": "192.0.2.1", "::1": "::1", "not one": "not one"} {
		if got := networkName(address); got != name {
			t.Errorf("%s is %s, want %s", address, got, name)
		}
	}
}

// A limiter that is away refuses nobody.
func TestTheSharedLimiterIsAway(t *testing.T) {
	e, _ := limitedEdge(&sharedLimit{wait: time.Second, err: errors.New("away")}, Rate{20, 40}, Rate{PerSecond: -1})
	from := Caller{Claims: accounts.Claims{User: uuid.New()}}
	for n := range 50 {
		if _, err := e.mayBid(t.Context(), from); err != nil {
			t.Fatalf("bid %d: %v", n, err)
		}
	}
}

// Whenever bids come, a node never gives more of its own than a tenth of the rate and of the burst.
func TestTheFreeShareIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, key := newMeter(), meterKey{kind: 'u'}
		r := Rate{rapid.IntRange(1, 1000).Draw(t, "rate"), rapid.IntRange(1, 2000).Draw(t, "burst")}
		start, now, free := int64(1_000_000), int64(1_000_000), 0
		for range rapid.IntRange(1, 200).Draw(t, "bids") {
			now += rapid.Int64Range(0, 200_000).Draw(t, "pause")
			if _, _, ok := m.pass(key, r, now); ok {
				free++
			}
		}
		most := float64(max(r.Burst/freeShare, 1)) + float64(now-start)*float64(r.PerSecond)/freeShare/1e6
		if float64(free) > most+1 {
			t.Fatalf("%d free, at most %.1f", free, most)
		}
	})
}

// A part that is full forgets first who is free again.
func TestTheMeterIsBounded(t *testing.T) {
	m, r, now := newMeter(), Rate{20, 40}, int64(1_000_000)
	key := func() meterKey { return meterKey{'u', uuid.New()} }
	watched := key()
	m.refuse(watched, now+1e12)
	for range 3 * meterParts * meterMax / 2 {
		m.pass(key(), r, now)
		now += 10 // a free token is back after half a second: 50,000 callers
	}
	total := 0
	for i := range m.parts {
		total += len(m.parts[i].state)
		if len(m.parts[i].state) > meterMax {
			t.Errorf("part %d remembers %d", i, len(m.parts[i].state))
		}
	}
	if _, wait, _ := m.pass(watched, r, now); total == 0 || wait == 0 {
		t.Errorf("%d remembered; who is refused waits %s", total, wait)
	}
}
