package cache

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// A script that timed out must not be sent again by the library: it may have been decided.
func TestClientsNeverRetry(t *testing.T) {
	single, err := Connect(Connection{URL: "redis://:secret@127.0.0.1:1/2", PoolSize: 7, Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer single.Close()
	o := single.(*redis.Client).Options()
	if o.MaxRetries != 0 || !o.ContextTimeoutEnabled || o.ReadTimeout != 300*time.Millisecond || o.PoolSize != 7 || o.DB != 2 {
		t.Errorf("options %+v", o)
	}
	for url, named := range map[string]int{"redis://:secret@127.0.0.1:1": 1, "redis://:secret@127.0.0.1:1/0?addr=127.0.0.1:2&addr=127.0.0.1:3": 3} {
		cluster, err := Connect(Connection{URL: url, Cluster: named == 1, PoolSize: 7, Timeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer cluster.Close()
		c := cluster.(*redis.ClusterClient).Options()
		if c.MaxRetries > 0 || len(c.Addrs) != named || c.WriteTimeout != time.Second || c.Password != "secret" || c.PoolSize != 7 {
			t.Errorf("%s: options %+v", url, c)
		}
	}
}

func TestConnectSaysWhatIsNoURL(t *testing.T) {
	for _, cluster := range []bool{false, true} {
		if _, err := Connect(Connection{URL: "mysql://127.0.0.1", Cluster: cluster}); err == nil {
			t.Errorf("cluster %v: a URL of something else was taken", cluster)
		}
	}
}

func TestVersionOfAnEngine(t *testing.T) {
	for info, want := range map[string]string{
		"# Server\r\nredis_version:7.0.15\r\nos:Linux\r\n":        "redis 7.0.15",
		"# Server\r\nredis_version:7.2.4\r\nvalkey_version:8.1.1": "valkey 8.1.1",
		"": "",
	} {
		if got := version(info); got != want {
			t.Errorf("version of %q is %q, want %q", info, got, want)
		}
	}
}

// One master that syncs less often than the others is what the whole cluster can promise.
func TestMastersThatDiffer(t *testing.T) {
	a := Facts{Version: "redis 7.0.15", AppendOnly: "yes", AppendFsync: "always", MaxMemoryPolicy: "noeviction"}
	b := a
	b.AppendFsync = "everysec"
	want := a
	if got := together([]Facts{a, a, a}); got != want {
		t.Errorf("three alike are %+v", got)
	}
	want.AppendFsync = "always and everysec"
	if got := together([]Facts{b, a, a}); got != want {
		t.Errorf("got %+v", got)
	}
}
