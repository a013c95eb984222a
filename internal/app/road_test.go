package app

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/internal/config"
	"rostrum/internal/fault"
	"rostrum/internal/live"
	"rostrum/internal/observe"
	"rostrum/pipeline"
	"rostrum/pipeline/pipelinetest"
	"rostrum/web/edge"
)

// deaf gives an address that takes connections and never says a word: worse than one where nobody is.
func deaf(t *testing.T) string {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
		}
	}()
	return listener.Addr().String()
}

// lookers makes apps that only look at an installation, with settings of their own.
func lookers(t *testing.T, on servers, prefix string) func(t *testing.T, change func(c *config.Config, p *Parts)) *App {
	return func(t *testing.T, change func(c *config.Config, p *Parts)) *App {
		c := config.Development()
		on.set(&c)
		c.Sale.Shards = 4
		p := Parts{DB: on.db, Lineage: on.lineage, Log: quiet(), RedisPrefix: prefix}
		change(&c, &p)
		a, err := New(c, p)
		must(t, err)
		t.Cleanup(a.Close)
		return a
	}
}

var partsAway = map[string]func(addr string) func(c *config.Config, p *Parts){
	"gate": func(addr string) func(*config.Config, *Parts) {
		return func(c *config.Config, _ *Parts) { c.Redis.GateURL = config.Secret("redis://" + addr + "/0") }
	},
	"kafka": func(addr string) func(*config.Config, *Parts) {
		return func(c *config.Config, _ *Parts) { c.Kafka.Brokers = []string{addr} }
	},
	"mysql": func(addr string) func(*config.Config, *Parts) {
		return func(c *config.Config, p *Parts) { p.DB, c.MySQL.DSN = nil, config.Secret("root@tcp("+addr+")/rostrum") }
	},
}

// What is away or hangs hides nothing else of the road, and is named.
func TestRoadWithAPartAway(t *testing.T) {
	i := install(t, standins(t))
	look := lookers(t, i.on, i.prefix)
	live.Eventually(t, 20*time.Second, "all to be read and committed", func() (bool, error) {
		s := i.app.road(t.Context()).Shards
		return !slices.ContainsFunc(s, func(s observe.Shard) bool { return s.End == 0 || s.Committed != s.End || s.NextOffset != s.End }), nil
	})
	i.stop()
	whole := look(t, func(*config.Config, *Parts) {})
	must(t, whole.OpenToLook(t.Context()))
	all := whole.road(t.Context())
	for _, s := range all.Shards {
		if !s.Kafka || !s.Journal || !s.Ledger || !s.Vouched || s.End == 0 || s.Committed != s.End || s.Seq == 0 {
			t.Fatalf("nothing is away, and %+v", s)
		}
	}
	const own, slack = time.Minute, 10 * time.Second // own: of each part's questions, so that it isn't what ends the wait
	for part, away := range partsAway {
		for how, addr := range map[string]string{"away": live.FreeAddr(t), "hangs": deaf(t)} {
			t.Run(part+" "+how, func(t *testing.T) {
				t.Parallel()
				a := look(t, func(c *config.Config, p *Parts) {
					away(addr)(c, p)
					c.MySQL.Timeout, c.Kafka.RequestTimeout, c.Redis.Timeout = own, own, own/2
				})
				must(t, a.OpenToLook(t.Context()))
				if a.Deployment != whole.Deployment {
					t.Errorf("deployment %v, want %v", a.Deployment, whole.Deployment)
				}
				began := time.Now()
				got := a.road(t.Context())
				if took := time.Since(began); took > partLimit+slack {
					t.Errorf("it took %s: a scrape would have given up", took)
				}
				want := observe.Road{Group: all.Group, Topic: all.Topic, Lag: all.Lag}
				for _, s := range all.Shards {
					switch part {
					case "gate":
						s.Journal, s.Length, s.Oldest, s.Vouched = false, 0, 0, false
					case "kafka":
						s.Kafka, s.End, s.Committed, s.Lag, want.Lag = false, 0, -1, -1, 0
					case "mysql":
						s.Ledger, s.Seq, s.NextOffset = false, 0, 0
					}
					want.Shards = append(want.Shards, s)
				}
				if d := cmp.Diff(want, got, cmpopts.IgnoreFields(observe.Shard{}, "Oldest")); d != "" {
					t.Errorf("(-want +got)\n%s", d)
				}
				s, err := road{a}.State(t.Context())
				must(t, err)
				for _, of := range s.Shards {
					if d := cmp.Diff([]string{part}, of.Unread.Parts()); d != "" || of.State() != edge.ShardUnreadable || !strings.Contains(of.Trouble(), part+": ") {
						t.Errorf("shard %d is %s, says %q", of.Shard, of.State(), of.Trouble())
					}
				}
			})
		}
	}
}

// Looking claims nothing, and what no waiting mends is said before anything is shown.
func TestLookingIsNotClaiming(t *testing.T) {
	on := standins(t)
	a := lookers(t, on, "")(t, func(*config.Config, *Parts) {})
	must(t, a.OpenToLook(t.Context()))
	inMySQL, err := a.Store.Deployment(t.Context(), auction.Deployment{})
	must(t, err)
	inRedis, err := a.Gate.Identity(t.Context(), auction.Deployment{})
	must(t, err)
	if none := (auction.Deployment{}); inMySQL != none || inRedis != none {
		t.Errorf("it belongs to %v and %v now", inMySQL, inRedis)
	}

	i := install(t, on)
	other := install(t, standins(t))
	look := lookers(t, on, i.prefix)
	for name, change := range map[string]func(c *config.Config, p *Parts){
		"another number of shards":     func(c *config.Config, _ *Parts) { c.Sale.Shards = 8 },
		"another installation's Redis": func(c *config.Config, p *Parts) { other.on.set(c); p.RedisPrefix = other.prefix },
	} {
		if err := look(t, change).OpenToLook(t.Context()); fault.CodeOf(err) != "deployment_differs" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := look(t, func(c *config.Config, _ *Parts) { c.Redis.GateURL = "mysql://nowhere" }).OpenToLook(t.Context()); err == nil {
		t.Error("a URL of something else was taken")
	}
}

// What waits for the relay is told from what waits for MySQL, by whose position the journal is trimmed.
func TestWhatWaitsForTheRelay(t *testing.T) {
	i := install(t, standins(t))
	i.openSale(5*time.Minute, 1, 40)
	i.settle()
	members := i.members(30)
	again := func(relayOff bool, roles ...string) {
		i.stop()
		i.start(func(c *config.Config, p *Parts) { c.Roles, p.RelayOff = roles, relayOff })
	}
	oldest := func() (length, oldestUS, want int64) {
		for shard := range i.app.Deployment.Shards {
			s, err := i.app.Gate.Stats(t.Context(), shard)
			must(t, err)
			length, oldestUS = length+s.Length, max(oldestUS, s.OldestUS)
			waiting, err := i.app.Gate.Read(t.Context(), shard, s.Acked, 1)
			must(t, err)
			for _, r := range waiting {
				want = max(want, r.TimeUS)
			}
		}
		return length, oldestUS, want
	}

	again(false, config.RoleAPI, config.RoleRelay) // nobody writes to MySQL
	i.crowd.Rush(t.Context(), i.session.ID, members[:15])
	live.Eventually(t, 20*time.Second, "all to be carried", func() (bool, error) {
		length, oldestUS, _ := oldest()
		return length >= 15 && oldestUS == 0, nil
	})
	for _, s := range i.app.road(t.Context()).Shards {
		if s.Oldest != 0 {
			t.Errorf("shard %d: %s old, and the relay has all", s.Shard, s.Oldest)
		}
	}

	again(true, config.RoleAPI) // nor does anybody carry
	stopped := time.Now().UnixMicro()
	i.crowd.Rush(t.Context(), i.session.ID, members[15:])
	if length, oldestUS, want := oldest(); length < 30 || oldestUS != want || oldestUS < stopped {
		t.Errorf("%d in the journals, the oldest that waits is of %d, want %d, behind %d", length, oldestUS, want, stopped)
	}
}

// The three places that show lag show what Kafka's own tool prints, also where nothing was ever committed.
func TestLagIsTheSameEverywhere(t *testing.T) {
	i := install(t, real(t, live.MySQL(t), live.Redis(t), auction.DurableEverySec), func(c *config.Config, p *Parts) {
		c.Roles, p.RelayOff = []string{config.RoleAPI}, true // nobody reads or writes but this test
	})
	brokers, _, _ := live.Brokers(t)
	prefix := i.app.Config.Kafka.TopicPrefix
	topic, group := prefix+pipeline.TopicJournal, prefix+i.app.Config.Consumer.Group
	leave := pipelinetest.Commit(t, brokers[0], topic, group, []int{10, 20, 0, 30}, map[int]int64{0: 4, 1: 20, 2: 0})
	defer leave()
	want := live.Group(t, brokers[0], group, topic)
	if len(want) != 4 || want[0].Lag != "6" || want[3].Lag != "-" {
		t.Fatalf("Kafka's tool prints %v", want)
	}
	row := func(partition string, end, committed, lag int64) live.GroupRow {
		return live.GroupRow{Topic: topic, Partition: partition, Committed: live.Dashed(committed), End: live.Dashed(end), Lag: live.Dashed(lag)}
	}

	s, err := i.app.Road(t.Context()) // what rostrum lag prints
	must(t, err)
	road := map[int]live.GroupRow{}
	for _, of := range s.Shards {
		road[of.Shard] = row(live.Dashed(int64(of.Shard)), of.End, of.Committed, of.Lag)
	}
	if d := cmp.Diff(want, road); d != "" || s.Lag != 6 {
		t.Errorf("the road (-Kafka's tool +ours), sum %d:\n%s", s.Lag, d)
	}

	var pipelineOut struct {
		Lag    int64
		Shards []struct{ Shard, End, Committed, Lag int64 }
	}
	must(t, json.Unmarshal(i.asOperator("/api/v1/ops/pipeline"), &pipelineOut))
	shown := map[int]live.GroupRow{}
	for _, of := range pipelineOut.Shards {
		shown[int(of.Shard)] = row(live.Dashed(of.Shard), of.End, of.Committed, of.Lag)
	}
	if d := cmp.Diff(want, shown); d != "" || pipelineOut.Lag != 6 {
		t.Errorf("ops/pipeline (-Kafka's tool +ours), sum %d:\n%s", pipelineOut.Lag, d)
	}

	answer := httptest.NewRecorder()
	i.app.Metrics.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	metrics := answer.Body.String()
	value := func(name, partition string) string {
		found := regexp.MustCompile(`(?m)^` + name + `\{.*partition="` + partition + `".*\} (-?\d+)$`).FindStringSubmatch(metrics)
		if found == nil {
			t.Fatalf("no %s of partition %s in\n%s", name, partition, metrics)
		}
		return strings.Replace(found[1], "-1", "-", 1)
	}
	for _, r := range want {
		got := live.GroupRow{Topic: topic, Partition: r.Partition, Committed: value("kafka_consumergroup_current_offset", r.Partition),
			End: value("kafka_topic_partition_current_offset", r.Partition), Lag: value("kafka_consumergroup_lag", r.Partition)}
		if got != r {
			t.Errorf("/metrics: %v, Kafka's tool %v", got, r)
		}
	}
}

// asOperator gives the body of a page of the API that operators see.
func (i *installation) asOperator(path string) []byte {
	i.t.Helper()
	token, err := accounts.Mint(i.app.Accounts.Keys, accounts.Claims{User: newID(), Login: "ops", Area: "north", Roles: accounts.Operator,
		IssuedAt: time.Now(), ExpiresAt: time.Now().Add(time.Minute)})
	must(i.t, err)
	r, err := http.NewRequestWithContext(i.t.Context(), http.MethodGet, "http://"+i.app.Addr().String()+path, nil)
	must(i.t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := http.DefaultClient.Do(r)
	must(i.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(i.t, err)
	return body
}
