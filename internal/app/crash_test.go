package app

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"rostrum/auction"
	"rostrum/internal/config"
	"rostrum/internal/crowd"
	"rostrum/internal/live"
	"rostrum/orders"
	"rostrum/pipeline"
)

// program builds the production binary once for a test.
func program(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "rostrum")
	if out, err := exec.Command("go", "build", "-o", bin, "rostrum/cmd/rostrum").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

// cluster is an installation of one process a role, each of which can be killed.
type cluster struct {
	*installation
	bin   string
	redis *live.Masters
	env   []string
	roles map[string]*role
	api   string
}

// role is a running process.
type role struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
}

// deploy makes an installation of separate processes on a Redis of its own, and shared MySQL and Kafka.
func deploy(t *testing.T, durability auction.Durability) *cluster {
	fsync := string(durability)
	if durability == auction.DurableKafka { // its own disk is not what is promised
		fsync = string(auction.DurableEverySec)
	}
	c := &cluster{bin: program(t), redis: live.StartGate(t, "--appendfsync", fsync), roles: map[string]*role{}, api: live.FreeAddr(t)}
	on := real(t, live.MySQL(t), c.redis.Addr(), durability)
	set := on.set
	on.set = func(cfg *config.Config) {
		set(cfg)
		cfg.Roles = nil // this process looks on
	}
	var as config.Config
	set(&as)
	c.env = append(os.Environ(), "ROSTRUM_MODE=development", "ROSTRUM_MYSQL_DSN="+as.MySQL.DSN.Reveal(), "ROSTRUM_REDIS_GATE_URL="+as.Redis.GateURL.Reveal(),
		"ROSTRUM_REDIS_DURABILITY="+string(durability), "ROSTRUM_REDIS_TIMEOUT=5s", "ROSTRUM_KAFKA_BROKERS="+strings.Join(as.Kafka.Brokers, ","),
		"ROSTRUM_KAFKA_TOPIC_PREFIX="+as.Kafka.TopicPrefix, "ROSTRUM_SALE_SHARDS=4", "ROSTRUM_RELAY_LEASE=1s", "ROSTRUM_HTTP_BID_TIMEOUT=3s",
		"ROSTRUM_HTTP_REQUEST_TIMEOUT=5s", "ROSTRUM_LIMITS_BIDS_PER_SECOND_USER=0", "ROSTRUM_HTTP_COOKIE_SECURE=false",
		"ROSTRUM_LOG_LEVEL=warn", "ROSTRUM_AUTH_KEYS="+config.DevelopmentKey().Reveal())
	c.installation = &installation{t: t, on: on}
	c.installation.start(func(cfg *config.Config, p *Parts) { p.RedisPrefix, p.RelayOff = "", true })
	t.Cleanup(func() { c.installation.stop() })
	c.crowd = crowd.New(func() string { return "http://" + c.api }, crowd.Options{Connections: 32, Asks: 40})
	t.Cleanup(c.crowd.Close)
	c.area()
	return c
}

// up starts a role's process and waits until it is ready.
func (c *cluster) up(name string) {
	c.t.Helper()
	ops := live.FreeAddr(c.t)
	r := &role{log: filepath.Join(c.t.TempDir(), name+".log"), done: make(chan struct{})}
	out, err := os.Create(r.log)
	must(c.t, err)
	defer out.Close()
	r.cmd = exec.Command(c.bin, "serve", "--roles", name)
	r.cmd.Env = append(c.env, "ROSTRUM_HTTP_LISTEN="+c.api, "ROSTRUM_HTTP_OPS_LISTEN="+ops)
	r.cmd.Stdout, r.cmd.Stderr = out, out
	must(c.t, r.cmd.Start())
	go func() { defer close(r.done); _ = r.cmd.Wait() }()
	c.roles[name] = r
	c.t.Cleanup(func() {
		_ = r.cmd.Process.Kill()
		<-r.done
		if c.t.Failed() {
			text, _ := os.ReadFile(r.log)
			c.t.Logf("%s said:\n%s", name, last(string(text), 30))
		}
	})
	live.Eventually(c.t, 60*time.Second, name+" to be ready", func() (bool, error) {
		answer, err := http.Get("http://" + ops + "/readyz")
		if err != nil {
			return false, err
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK, nil
	})
}

func last(text string, lines int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// kill ends a role with SIGKILL.
func (c *cluster) kill(name string) {
	c.t.Helper()
	must(c.t, c.roles[name].cmd.Process.Kill())
	<-c.roles[name].done
}

func (c *cluster) all() {
	for _, name := range []string{"worker", "relay", "closer", "api"} {
		c.up(name)
	}
	c.decides()
}

// decides waits until every shard is vouched for.
func (c *cluster) decides() {
	c.t.Helper()
	must(c.t, c.app.AwaitShards(c.t.Context(), time.Minute))
}

// until waits until the crowd has so many receipts.
func (i *installation) until(admitted int64) {
	i.t.Helper()
	live.Eventually(i.t, time.Minute, fmt.Sprintf("%d admissions", admitted), func() (bool, error) {
		return i.crowd.Admitted.Load() >= admitted, nil
	})
}

// rush lets members rush in the background; what comes back waits for them.
func (i *installation) rush(members []crowd.Member) (wait func()) {
	done := make(chan struct{})
	ctx, cancel := context.WithTimeout(i.t.Context(), 3*time.Minute)
	go func() { defer close(done); defer cancel(); i.crowd.Rush(ctx, i.session.ID, members) }()
	return func() { <-done }
}

// Every process of the road is killed in mid-sale, each once, and comes back: nothing is lost, doubled or oversold.
func TestKillEachRoleInMidSale(t *testing.T) {
	c := deploy(t, auction.DurableEverySec)
	c.all()
	c.openSale(5*time.Minute, 1, 200, 200)
	wait := c.rush(c.members(500))
	for n, name := range []string{"relay", "worker", "api", "closer"} {
		c.until(int64(40 * (n + 1)))
		c.kill(name)
		c.up(name)
	}
	wait()
	c.decides()
	if sold := c.counted(); sold != 400 {
		t.Errorf("%d orders of 400 units, told %v", sold, c.crowd.Told())
	}
}

// The relay dies, bids go on and are admitted, then Redis dies too with all of them not yet carried. Its file survives,
// and so does every admission: the journal is drained before anything is loaded from MySQL.
func TestRedisDiesWithAdmissionsNotYetRelayed(t *testing.T) {
	c := deploy(t, auction.DurableAlways)
	c.all()
	c.openSale(5*time.Minute, 1, 60)
	members := c.members(80)
	c.rush(members[:20])()
	c.kill("relay")
	c.rush(members[20:50])()
	if _, journal := c.app.Remaining(t.Context()); journal < 30 {
		t.Fatalf("%d records wait in the journal: the test shows nothing", journal)
	}
	c.redis.Kill9()
	c.redis.Restart()
	if err := c.app.Paused(t.Context()); err == nil {
		t.Error("a Redis that nobody vouched for decides")
	}
	c.up("relay")
	c.decides()
	c.rush(members)() // the first fifty have theirs, and click twice
	if sold := c.counted(); sold != 60 {
		t.Errorf("%d orders of 60 units, told %v", sold, c.crowd.Told())
	}
	if c.app.epochs(t) < 2 {
		t.Error("recovery began no new epoch")
	}
}

// Redis comes back empty. What it had is rebuilt from MySQL: stock, limits, and the same receipts.
func TestRedisComesBackEmpty(t *testing.T) {
	c := deploy(t, auction.DurableAlways)
	c.all()
	c.openSale(5*time.Minute, 1, 60)
	members := c.members(80)
	c.rush(members[:40])()
	c.settle()
	c.redis.Kill9()
	c.redis.Forget()
	c.redis.Restart()
	c.decides()
	c.rush(members)()
	if sold := c.counted(); sold != 60 {
		t.Errorf("%d orders of 60 units, told %v", sold, c.crowd.Told())
	}
}

// Somebody resets the group's offsets, to the beginning and past the end: MySQL's own offset is where reading goes on.
func TestGroupOffsetsAreOnlyForTheLag(t *testing.T) {
	i := install(t, real(t, live.MySQL(t), live.Redis(t), auction.DurableEverySec))
	i.openSale(5*time.Minute, 1, 60)
	members := i.members(60)
	for n, offset := range []int64{kafka.FirstOffset, kafka.LastOffset} {
		i.crowd.Rush(t.Context(), i.session.ID, members[30*n:30*n+15])
		i.stop()
		i.start(func(c *config.Config, _ *Parts) { c.Roles = []string{"api", "relay"} }) // bids go on without a worker
		i.crowd.Rush(t.Context(), i.session.ID, members[30*n+15:30*n+30])
		i.commit(offset)
		i.stop()
		i.start()
		i.settle()
	}
	if sold := i.counted(); sold != 60 {
		t.Errorf("%d orders of 60 units, told %v", sold, i.crowd.Told())
	}
}

// commit commits an offset for the whole group, from outside.
func (i *installation) commit(offset int64) {
	i.t.Helper()
	c := i.app.Config.Kafka
	client := &kafka.Client{Addr: kafka.TCP(c.Brokers...), Timeout: 10 * time.Second}
	topic, offsets := c.TopicPrefix+pipeline.TopicJournal, []kafka.OffsetCommit(nil)
	for shard := range i.app.Deployment.Shards {
		to := int64(0)
		if offset == kafka.LastOffset {
			end, err := i.app.Kafka.PartitionEnd(i.t.Context(), shard)
			must(i.t, err)
			to = end
		}
		offsets = append(offsets, kafka.OffsetCommit{Partition: shard, Offset: to})
	}
	live.Eventually(i.t, 30*time.Second, "the group to be empty", func() (bool, error) {
		answer, err := client.OffsetCommit(i.t.Context(), &kafka.OffsetCommitRequest{GroupID: c.TopicPrefix + i.app.Config.Consumer.Group,
			GenerationID: -1, Topics: map[string][]kafka.OffsetCommit{topic: offsets}})
		if err != nil {
			return false, err
		}
		for _, p := range answer.Topics[topic] {
			if p.Error != nil {
				return false, p.Error
			}
		}
		return true, nil
	})
}

// epochs gives the largest epoch of any shard.
func (a *App) epochs(t *testing.T) (most int64) {
	t.Helper()
	positions, err := a.Store.Positions(t.Context())
	must(t, err)
	for _, p := range positions {
		most = max(most, p.Epoch)
	}
	return most
}

// The same bid id, asked of four nodes' worth of connections at once and again later, has one receipt.
func TestOneBidOneReceipt(t *testing.T) {
	i := install(t, standins(t))
	i.openSale(5*time.Minute, 3, 10)
	buyer, bid := i.members(1)[0], auction.Bid{ID: newID(), Lot: i.lots[0].ID, Code: i.lots[0].Code, Area: "north", Quantity: 2}
	bid.Buyer = buyer.User
	receipts := make(chan auction.Receipt, 20)
	for range cap(receipts) {
		go func() {
			b := bid
			b.Order = newID()
			answers, err := i.app.Gate.Decide(t.Context(), i.lots[0].Shard, []auction.Bid{b})
			if err != nil || answers[0].Verdict != auction.Admitted {
				t.Errorf("%+v %v", answers, err)
				receipts <- auction.Receipt{}
				return
			}
			receipts <- answers[0].Receipt
		}()
	}
	first := <-receipts
	for range cap(receipts) - 1 {
		if r := <-receipts; r.Order != first.Order || r.Seq != first.Seq {
			t.Errorf("receipt %+v beside %+v", r, first)
		}
	}
	i.settle()
	o, err := i.app.Store.Order(t.Context(), first.Order)
	must(t, err)
	if o.Seq != first.Seq || o.Quantity != 2 || o.State != orders.PendingPayment {
		t.Errorf("order %+v", o)
	}
}
