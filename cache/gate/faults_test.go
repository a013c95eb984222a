package gate_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/cache/cachetest"
	"rostrum/cache/gate"
	"rostrum/internal/fault"
	"rostrum/internal/live"
	standinredis "rostrum/internal/standin/redis"
)

// The script cache is volatile: a server that has forgotten the scripts is told them again.
func TestScriptsFlushedUnderLoad(t *testing.T) {
	server, s := own(t)
	const stock = 300
	l := cachetest.LotOf(0, func(l *auction.Lot) { l.Stock = stock })
	s.Open(t, 0, l)
	other := cachetest.Client(t, server.Addr)
	stop := make(chan struct{})
	var flushing, bidding sync.WaitGroup
	flushes := 0
	flushing.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				other.ScriptFlush(ctx)
				flushes++
			}
		}
	})
	for range 8 {
		bidding.Go(func() {
			for range stock / 8 * 2 {
				if a := decide(t, s, cachetest.BidOn(l))[0]; a.Err != nil {
					t.Errorf("decide: %v", a.Err)
				}
			}
		})
	}
	bidding.Wait()
	close(stop)
	flushing.Wait()
	if stats, err := s.Gate.Stats(ctx, 0); err != nil || stats.Length != stock || flushes < 10 {
		t.Errorf("%d sold of %d with %d flushes: %v", stats.Length, stock, flushes, err)
	}
}

// Faults of transport are never verdicts, and say whether the bid may have been decided.
func TestFaultsAreClassified(t *testing.T) {
	l, over := cachetest.LotOf(0), cachetest.LotOf(0, func(l *auction.Lot) { l.OpensUS, l.ClosesUS = cachetest.T0-1, cachetest.T0 })
	for name, c := range map[string]struct {
		args  []string
		spoil func(t *testing.T, server *live.Process, c redis.UniversalClient)
		want  fault.Class
	}{
		"gone": {nil, func(_ *testing.T, p *live.Process, _ redis.UniversalClient) { p.Kill9() }, fault.Unavailable},
		"frozen": {nil, func(t *testing.T, p *live.Process, _ redis.UniversalClient) {
			p.Pause()
			t.Cleanup(p.Resume)
		}, fault.Unknown},
		"out of memory": {nil, func(_ *testing.T, _ *live.Process, c redis.UniversalClient) {
			c.ConfigSet(ctx, "maxmemory", "1mb")
		}, fault.Unavailable},
		"no replica": {nil, func(_ *testing.T, _ *live.Process, c redis.UniversalClient) {
			c.ConfigSet(ctx, "min-replicas-to-write", "1")
		}, fault.Unavailable},
		"busy with another script": {nil, func(t *testing.T, p *live.Process, c redis.UniversalClient) {
			c.ConfigSet(ctx, "busy-reply-threshold", "10")
			looping := cachetest.Client(t, p.Addr)
			go looping.Eval(ctx, "while true do end", nil)
			t.Cleanup(func() { c.ScriptKill(ctx) })
			live.Eventually(t, 10*time.Second, "it is busy", func() (bool, error) {
				err := c.Ping(ctx).Err()
				return err != nil && strings.HasPrefix(err.Error(), "BUSY"), nil
			})
		}, fault.Unavailable},
		"no permission": {nil, func(_ *testing.T, _ *live.Process, c redis.UniversalClient) {
			c.Do(ctx, "ACL", "SETUSER", "default", "-evalsha", "-eval")
		}, fault.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			server, s := own(t, c.args...)
			s.Options.Timeout = 3 * time.Second
			s.Reopen(t)
			s.Open(t, 0, l, over)
			want(t, decide(t, s, cachetest.BidOn(l))[0], auction.Admitted)
			want(t, decide(t, s, cachetest.BidOn(over))[0], auction.Ended)
			c.spoil(t, server, s.Client)
			for i, a := range decide(t, s, cachetest.BidOn(l), cachetest.BidOn(l)) {
				if fault.ClassOf(a.Err) != c.want || a.Verdict != "" || fault.As(a.Err).RetryAfter == 0 {
					t.Errorf("bid %d: %q, %v; want class %d", i, a.Verdict, a.Err, c.want)
				}
			}
			if _, err := s.Gate.Close(ctx, 0, over.ID); fault.ClassOf(err) != c.want {
				t.Errorf("close: %v; want class %d", err, c.want)
			}
		})
	}
}

// A script that goes wrong at one bid has written nothing; its bids are asked one by one, and each gets its own answer.
func TestScriptErrorIsOneBids(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			good, broken, next := cachetest.LotOf(0), cachetest.LotOf(0), cachetest.LotOf(0)
			s.Open(t, 0, good, broken, next)
			s.Client.Set(ctx, s.Gate.Keys().Bids(0, broken.ID), "no hash", 0)
			bids := []auction.Bid{cachetest.BidOn(good), cachetest.BidOn(broken), cachetest.BidOn(next)}
			answers := decide(t, s, bids...)
			want(t, answers[0], auction.Admitted)
			want(t, answers[2], auction.Admitted)
			if answers[1].Err == nil || answers[1].Verdict != "" {
				t.Errorf("the broken one: %+v", answers[1])
			}
			records, err := s.Gate.Read(ctx, 0, auction.Cursor{}, 10)
			if err != nil || len(records) != 2 || records[0].Bid != bids[0].ID || records[1].Bid != bids[2].ID {
				t.Errorf("journal: %+v %v", records, err)
			}
		})
	}
}

// strict is a prelude under which a script fails when it touches a key that the call did not declare, or runs a command of
// which the prelude does not know where its keys are.
const strict = `
local declared, server, places = {}, redis, {}
for _, key in ipairs(KEYS) do declared[key] = true end
for name in string.gmatch('TIME INFO', '%u+') do places[name] = { last = 0, step = 1 } end
for name in string.gmatch('MGET EXISTS UNLINK DEL', '%u+') do places[name] = { step = 1 } end
for name in string.gmatch('MSET MSETNX', '%u+') do places[name] = { step = 2 } end
for name in string.gmatch('COPY', '%u+') do places[name] = { last = 2, step = 1 } end
for name in string.gmatch('GET SET INCRBY DECRBY HGET HMGET HSET HDEL SADD SREM SCARD SISMEMBER XADD XLEN', '%u+') do
  places[name] = { last = 1, step = 1 }
end
local redis = { call = function(name, ...)
  local args, keys = { ... }, places[name]
  if not keys then error('where are the keys of ' .. name) end
  for i = 1, keys.last or #args, keys.step do
    if not declared[args[i]] and not string.find(args[i], ':clock:', 1, true) then error('undeclared key ' .. args[i]) end
  end
  return server.call(name, ...)
end }
`

// The stand-in and a single Redis would let an undeclared key pass: this does not.
func TestScriptsTouchDeclaredKeysOnly(t *testing.T) {
	server, err := standinredis.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	client := cachetest.Client(t, server.Addr())
	cachetest.Gate(t, func(t *testing.T) *cachetest.Subject { return cachetest.New(t, client, strict+server.Lineage()) })
	for call, says := range map[string]string{
		"'GET', 'other'":                           "undeclared key other",
		"'HSET', 'other', KEYS[1], KEYS[1]":        "undeclared key other",
		"'MGET', KEYS[1], 'other'":                 "undeclared key other",
		"'EXISTS', KEYS[1], KEYS[1], 'other'":      "undeclared key other",
		"'DEL', KEYS[1], 'other'":                  "undeclared key other",
		"'UNLINK', KEYS[1], 'other'":               "undeclared key other",
		"'MSET', KEYS[1], KEYS[1], 'other', '1'":   "undeclared key other",
		"'MSETNX', KEYS[1], KEYS[1], 'other', '1'": "undeclared key other",
		"'COPY', KEYS[1], 'other'":                 "undeclared key other",
		"'SMOVE', KEYS[1], 'other', '1'":           "where are the keys of SMOVE",
	} {
		s := cachetest.New(t, client, strict+server.Lineage()+"\nredis.call("+call+")")
		if _, err := s.Gate.Vouched(ctx, 0); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("the strict prelude lets %s pass: %v", call, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	good := gate.Options{Shards: 1, Deployment: uuid.New(), Durability: auction.DurableNone}
	for name, change := range map[string]func(*gate.Options){
		"prefix": func(o *gate.Options) { o.Prefix = "a:b" }, "shards": func(o *gate.Options) { o.Shards = 0 },
		"deployment": func(o *gate.Options) { o.Deployment = uuid.Nil }, "durability": func(o *gate.Options) { o.Durability = "" },
	} {
		o := good
		change(&o)
		if _, err := gate.New(nil, o); err == nil {
			t.Errorf("without a sound %s there is no error", name)
		}
	}
}
