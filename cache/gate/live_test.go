package gate_test

import (
	"testing"

	"rostrum/cache/cachetest"
	"rostrum/internal/live"
	standinredis "rostrum/internal/standin/redis"
)

// engines are what the suites run on: the stand-in always, the real ones where they are.
var engines = map[string]func(t *testing.T) *cachetest.Subject{
	"standin": func(t *testing.T) *cachetest.Subject {
		server, err := standinredis.Start("127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Close)
		return cachetest.New(t, cachetest.Client(t, server.Addr()), server.Lineage())
	},
	"redis": func(t *testing.T) *cachetest.Subject {
		return cachetest.New(t, cachetest.Client(t, live.Redis(t)), "")
	},
	"redis2": func(t *testing.T) *cachetest.Subject {
		return cachetest.New(t, cachetest.Client(t, live.Redis2(t)), "")
	},
	"cluster": func(t *testing.T) *cachetest.Subject {
		return cachetest.New(t, cachetest.Client(t, live.RedisCluster(t)...), "")
	},
}

func TestRulesAreThoseOfTheBook(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) { cachetest.Property(t, open(t)) })
	}
}

func TestGate(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) { cachetest.Gate(t, open) })
	}
}

func TestRulesCases(t *testing.T) {
	for name, open := range engines {
		t.Run(name, func(t *testing.T) { cachetest.Rules(t, open(t), "../../auction/testdata/rules") })
	}
}
