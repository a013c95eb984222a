package gate

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/internal/fault"
	standinredis "rostrum/internal/standin/redis"
)

// load loads a shard as recovery does, when nobody else does.
func load(ctx context.Context, g *Gate, state auction.ShardState) error {
	token, err := g.BeginLoad(ctx, state.Shard)
	if err == nil {
		_, err = g.Load(ctx, token, state, nil)
	}
	return err
}

// A load that another one has overtaken does not end as if it had loaded; and nobody can vouch for the shard meanwhile.
func TestOvertakenLoadDoesNotEnd(t *testing.T) {
	server, err := standinredis.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	g, err := New(client, Options{Shards: 1, Deployment: uuid.New(), Durability: auction.DurableNone, Lineage: server.Lineage()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, state := context.Background(), auction.ShardState{Deployment: g.deployment, Epoch: 3, Seq: 9, LastUS: 7}
	for _, c := range []struct{ step, token, code string }{
		{"begin", "first", ""}, {"begin", "second", ""}, {"end", "first", "load_interrupted"}, {"end", "second", ""},
		{"end", "second", "load_interrupted"},
	} {
		if err := (loading{g, state, c.token}).step(ctx, c.step); c.code == "" && err != nil || c.code != "" && fault.CodeOf(err) != c.code {
			t.Errorf("%s by the %s: %v, want %q", c.step, c.token, err, c.code)
		}
		if err := g.Vouch(ctx, 0, 3); (err == nil) != (c.step == "end" && c.token == "second") {
			t.Errorf("vouch after %s by the %s: %v", c.step, c.token, err)
		}
		if err := g.Disown(ctx, 0); err != nil {
			t.Fatal(err)
		}
	}
}
