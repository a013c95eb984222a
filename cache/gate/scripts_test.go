package gate

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	standinredis "rostrum/internal/standin/redis"
)

// header is what a script's first lines promise.
type header struct {
	keys, args         int   // numbered: always there
	keysPer, argsPer   []int // of each [+] line, the names in it
	returns            bool
	bindsBeforeAnyCall bool
}

var (
	numbered  = regexp.MustCompile(`(?m)^-- (KEYS|ARGV)\[(\d+)\] \S`)
	repeated  = regexp.MustCompile(`(?m)^-- (KEYS|ARGV)\[\+\] (.+)$`)
	forEach   = regexp.MustCompile(`(\s{2,}for each.*|: .*)$`)
	aside     = regexp.MustCompile(`\([^)]*\)`)
	firstCall = regexp.MustCompile(`(?m)^.*redis\.call`)
)

func headerOf(t *testing.T, text string) header {
	t.Helper()
	h := header{returns: strings.Contains(text, "\n-- returns {version, ")}
	for _, m := range numbered.FindAllStringSubmatch(text, -1) {
		n := &h.keys
		if m[1] == "ARGV" {
			n = &h.args
		}
		if *n++; m[2] != fmt.Sprint(*n) {
			t.Errorf("%s is number %d", m[0], *n)
		}
	}
	for _, m := range repeated.FindAllStringSubmatch(text, -1) {
		names := strings.Count(aside.ReplaceAllString(forEach.ReplaceAllString(m[2], ""), ""), ",") + 1
		if m[1] == "KEYS" {
			h.keysPer = append(h.keysPer, names)
		} else {
			h.argsPer = append(h.argsPer, names)
		}
	}
	call := firstCall.FindStringIndex(text)
	h.bindsBeforeAnyCall = call == nil || strings.Contains(text[:call[0]], "KEYS[1]") && strings.Contains(text[:call[0]], "\nlocal ")
	return h
}

// recorder notes with how many keys and arguments each script is called.
type recorder struct {
	mu    sync.Mutex
	calls map[string][2]int // by hash
}

func (r *recorder) DialHook(next redis.DialHook) redis.DialHook { return next }
func (r *recorder) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			r.note(cmd)
		}
		return next(ctx, cmds)
	}
}
func (r *recorder) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		r.note(cmd)
		return next(ctx, cmd)
	}
}

func (r *recorder) note(cmd redis.Cmder) {
	if args := cmd.Args(); cmd.Name() == "evalsha" {
		r.mu.Lock()
		keys := args[2].(int)
		r.calls[args[1].(string)] = [2]int{keys, len(args) - 3 - keys}
		r.mu.Unlock()
	}
}

// The headers count what the calls pass: a positional argument that moved would otherwise rest on review alone.
func TestHeadersCountWhatIsPassed(t *testing.T) {
	server, err := standinredis.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	calls := &recorder{calls: map[string][2]int{}}
	client.AddHook(calls)
	g, err := New(client, Options{Shards: 1, Deployment: uuid.New(), Durability: auction.DurableNone, Lineage: server.Lineage()})
	if err != nil {
		t.Fatal(err)
	}
	const perBuyer = 3
	two := callAll(t, g, perBuyer)

	per := func(n []int, times ...int) (sum int) {
		for i, each := range n {
			sum += each * times[i]
		}
		return sum
	}
	passed := func(s *redis.Script) [2]int { return calls.calls[s.Hash()] }
	for name, c := range map[string]struct {
		script *redis.Script
		want   func(header) [2]int
	}{
		"decide": {g.scripts.decide, func(h header) [2]int {
			// For each bid: as many units as a buyer may have.
			return [2]int{h.keys + per(h.keysPer, 2, 0) + 3*perBuyer, h.args + per(h.argsPer, 2, 2, 3)}
		}},
		"preheat": {g.scripts.preheat, func(h header) [2]int {
			// What the two lots agree in is passed once, and "value …" of each is as many as they do not.
			values := newArguments(0)
			values.fields(&two[0])
			values.fields(&two[1])
			agreed, own := agreement(values)
			return [2]int{h.keys + per(h.keysPer, 2, 2, 0), h.args + per(h.argsPer, len(agreed), len(own), 2, 2, 2, 0) + 2*(len(own)-1)}
		}},
		"release": {g.scripts.release, func(h header) [2]int { return [2]int{h.keys + per(h.keysPer, 2), h.args} }},
		"close":   {g.scripts.close, nil}, "withdraw": {g.scripts.withdraw, nil}, "receipt": {g.scripts.receipt, nil}, "sweep": {g.scripts.sweep, nil},
		"vouched": {g.scripts.vouched, nil}, "vouch": {g.scripts.vouch, nil}, "load": {g.scripts.load, nil},
		"hold": {g.scripts.hold, nil}, "leave": {g.scripts.leave, nil}, "mark": {g.scripts.mark, nil},
	} {
		h := headerOf(t, source(name))
		want := [2]int{h.keys, h.args}
		if c.want != nil {
			want = c.want(h)
		}
		if got := passed(c.script); got != want {
			t.Errorf("%s is called with %d keys and %d arguments, its header counts %d and %d", name, got[0], got[1], want[0], want[1])
		}
		if !h.returns {
			t.Errorf("%s does not say what it returns, version first", name)
		}
		if !h.bindsBeforeAnyCall {
			t.Errorf("%s calls before it has bound its keys to names", name)
		}
	}
}

// callAll calls each script once: decide with three bids on two lots, preheat with two, release with two units.
func callAll(t *testing.T, g *Gate, perBuyer int) []auction.Lot {
	t.Helper()
	ctx, now := context.Background(), time.Now().UnixMicro()
	lots := make([]auction.Lot, 2)
	for i := range lots {
		lots[i] = auction.Lot{ID: uuid.New(), Session: uuid.New(), Seller: uuid.New(), Area: "a", PriceMinor: 1, Currency: "EUR",
			Stock: 9, PerBuyer: perBuyer, Code: "0123456789abcdefghABCD", OpensUS: now + 1e9, ClosesUS: now + 2e9, State: auction.LotOpen}
	}
	state := auction.ShardState{Deployment: g.deployment, Epoch: 1}
	check := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	check("load", load(ctx, g, state))
	check("vouch", g.Vouch(ctx, 0, 1))
	_, err := g.Preheat(ctx, 0, lots)
	check("preheat", err)
	bids := make([]auction.Bid, 3)
	for i := range bids {
		bids[i] = auction.Bid{ID: uuid.New(), Lot: lots[i%2].ID, Buyer: uuid.New(), Order: uuid.New(), Code: lots[0].Code, Quantity: 1}
	}
	_, err = g.Decide(ctx, 0, bids)
	check("decide", err)
	_, err = g.Release(ctx, 0, auction.Release{Lot: lots[0].ID, Nth: []int{1, 2}})
	check("release", err)
	_, _ = g.Close(ctx, 0, lots[0].ID)
	_, err = g.Withdraw(ctx, 0, lots[0].ID, "withdrawn")
	check("withdraw", err)
	_, _ = g.Receipt(ctx, 0, lots[0].ID, uuid.Nil, uuid.Nil)
	check("sweep", g.Sweep(ctx, 0, []uuid.UUID{lots[1].ID}))
	_, err = g.Hold(ctx, "a", "b", time.Second)
	check("hold", err)
	check("leave", g.Leave(ctx, "a", "b"))
	check("mark", g.Mark(ctx, 0, auction.Cursor{Epoch: 1}))
	return lots
}

// Every script file is called by somebody, and is short enough to be read.
func TestScriptsAreUsed(t *testing.T) {
	files, err := fs.Glob(sources, "scripts/*.lua")
	if err != nil || len(files) < 10 {
		t.Fatalf("%v %v", files, err)
	}
	text := source("common")
	all := newScripts("", "")
	for _, file := range files {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "scripts/"), ".lua")
		body := source(name)
		if !strings.HasPrefix(body, "-- "+name+".lua: ") {
			t.Errorf("%s does not begin with its name and what it does", file)
		}
		if n := strings.Count(body, "\n"); n > 180 {
			t.Errorf("%s has %d lines", file, n)
		}
		switch name { // what stands before others
		case "common", "rules":
			continue
		case "decide":
			body = source("rules") + body
		}
		hash := redis.NewScript(defaultLineage + "\n" + defaultClock + "\n" + text + body).Hash()
		used := false
		for _, s := range []*redis.Script{all.decide, all.receipt, all.preheat, all.close, all.withdraw, all.release, all.sweep, all.vouched, all.vouch, all.load, all.hold, all.leave, all.mark} {
			used = used || s.Hash() == hash
		}
		if !used {
			t.Errorf("%s is called by nobody", file)
		}
	}
}
