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
	cluster, err := Connect(Connection{URL: "redis://127.0.0.1:1?addr=127.0.0.1:2", Cluster: true, PoolSize: 7, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	c := cluster.(*redis.ClusterClient).Options()
	if c.MaxRetries > 0 || len(c.Addrs) != 2 || c.WriteTimeout != time.Second {
		t.Errorf("options %+v", c)
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
