package pipeline

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"rostrum/auction"
	"rostrum/auction/auctiontest"
	"rostrum/internal/fault"
	"rostrum/internal/live"
	standinkafka "rostrum/internal/standin/kafka"
)

func TestOptionsAreChecked(t *testing.T) {
	good := func() Options { return Options{Brokers: []string{"127.0.0.1:1"}, Deployment: id(1), Shards: 16} }
	for want, spoil := range map[string]func(*Options){
		"no brokers":      func(o *Options) { o.Brokers = nil },
		"shards 0":        func(o *Options) { o.Shards = 0 },
		"shards 1025":     func(o *Options) { o.Shards = auction.MaxShards + 1 },
		"no deployment":   func(o *Options) { o.Deployment = [16]byte{} },
		"min.insync 2":    func(o *Options) { o.MinInSync = 2 },
		`mechanism "OTP"`: func(o *Options) { o.SASLMechanism, o.SASLPassword = "OTP", "hidden" },
	} {
		o := good()
		spoil(&o)
		_, err := Connect(o)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden") {
			t.Errorf("want an error about %q, have %v", want, err)
		}
	}
	k, err := Connect(good())
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if _, err := k.PartitionEnd(ctx, 0); fault.ClassOf(err) != fault.Unavailable {
		t.Errorf("nobody there: %v", err)
	}
}

// certificate gives a server's and a client's TLS settings that trust each other.
func certificate(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, &tls.Config{RootCAs: pool}
}

// TestSecured shows that both of the library's ways to a broker are secured alike: requests go by one, the consumer group
// by the other.
func TestSecured(t *testing.T) {
	server, client := certificate(t)
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		s, err := standinkafka.Start(standinkafka.Options{With: []kfake.Opt{kfake.EnableSASL(), kfake.TLS(server),
			kfake.Superuser(mechanism, "rostrum", "right")}})
		if err != nil {
			t.Fatal(err)
		}
		o := Options{Brokers: []string{s.Addr()}, Deployment: id(1), Shards: 2, TLS: client, SASLMechanism: mechanism,
			SASLUser: "rostrum", SASLPassword: "right"}
		t.Run(mechanism, func(t *testing.T) { securedRoad(t, o) })
		for name, wrong := range map[string]func(*Options){
			"wrong password": func(o *Options) { o.SASLPassword = "wrong" },
			"no TLS":         func(o *Options) { o.TLS = nil },
			"no SASL":        func(o *Options) { o.SASLMechanism = "" },
		} {
			bad := o
			wrong(&bad)
			bad.RequestTimeout = time.Second
			t.Run(mechanism+" "+name, func(t *testing.T) { refused(t, bad) })
		}
		s.Close()
	}
}

func refused(t *testing.T, o Options) {
	k, err := Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if _, err := k.Apply(context.Background()); err == nil {
		t.Error("topics applied")
	}
	if conn, err := k.dialer.Dial("tcp", o.Brokers[0]); err == nil {
		defer conn.Close()
		if _, err := conn.ReadPartitions(); err == nil {
			t.Error("partitions read")
		}
	}
}

func securedRoad(t *testing.T, o Options) {
	k, err := Connect(o)
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	if _, err := k.Apply(context.Background()); err != nil {
		t.Fatal(err)
	}
	m, err := Envelope(sampleRecords()[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := k.produce(context.Background(), TopicJournal, 1, []Message{m}); err != nil {
		t.Fatal(err)
	}
	ledger := auctiontest.NewLedger(auction.Deployment{ID: id(1), Shards: 2})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- NewConsumer(k, ledger, ConsumerOptions{}).Run(ctx) }()
	// A record of another shard: it is parked, which is as good a sign of having come.
	live.Eventually(t, 20*time.Second, "message consumed", func() (bool, error) { return len(ledger.Parked(1)) == 1, nil })
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestTopicsFile(t *testing.T) {
	var names []string
	for _, topic := range Topics() {
		names = append(names, topic.Name)
		if topic.Says == "" || topic.Key == "" || topic.Partition == "" || topic.ACL == "" || len(topic.Readers) == 0 || len(topic.Writers) == 0 {
			t.Errorf("%s is not described whole: %+v", topic.Name, topic)
		}
	}
	if got, want := strings.Join(names, " "), strings.Join([]string{TopicJournal, TopicBids, TopicOrders, TopicParked}, " "); got != want {
		t.Errorf("topics %s, want %s", got, want)
	}
	for _, bad := range []string{"topics: [{nam: x}]", "topics: [{name: x}]", "topics: [{name: x, cleanup: delete}]", ": :"} {
		if topics, err := parseTopics([]byte(bad)); err == nil {
			t.Errorf("%q gives %+v", bad, topics)
		}
	}
}

// TestTopicHeaders holds topics.yaml to the messages.
func TestTopicHeaders(t *testing.T) {
	listed := map[string][]string{}
	for _, topic := range Topics() {
		listed[topic.Name] = topic.Headers
	}
	for name, m := range sampleMessages(t) {
		room, _, _ := strings.Cut(name, ".")
		topic := map[string]string{"record": TopicJournal, "lot": TopicBids, "order": TopicOrders, "parked": TopicParked}[room]
		for _, h := range m.Headers {
			if !strings.Contains(" "+strings.Join(listed[topic], " ")+" ", " "+h.Key+" ") {
				t.Errorf("%s has header %s, which topics.yaml does not list for %s", name, h.Key, topic)
			}
		}
	}
}

func TestOpenTellsWhatIsWrong(t *testing.T) {
	k := &Kafka{o: Options{Deployment: id(1)}}
	good, err := Envelope(sampleRecords()[2])
	if err != nil {
		t.Fatal(err)
	}
	text := string(good.Value)
	for want, value := range map[string]string{
		"unexpected end": "",
		"invalid":        "no record",
		"unknown":        strings.Replace(text, `"kind"`, `"sort"`, 1),
		"of deployment":  strings.ReplaceAll(text, id(1).String(), id(9).String()),
		"of shard 4":     strings.Replace(text, `"shard":3`, `"shard":4`, 1),
		"canonical form": strings.Replace(text, `,"kind"`, `, "kind"`, 1),
		"currency":       strings.Replace(text, `"currency":"EUR",`, ``, 1),
		"at most 4096":   text + strings.Repeat(" ", 4096),
	} {
		d := k.open(3, 7, []byte(value))
		if d.Err == nil || want != "currency" && !strings.Contains(d.Err.Error(), want) || d.Offset != 7 || string(d.Raw) != value {
			t.Errorf("%s: %v", want, d.Err)
		}
	}
	if d := k.open(3, 7, good.Value); d.Err != nil {
		t.Errorf("a good one: %v", d.Err)
	}
}

// TestPartitionsAsJavaHasThem compares with values of Kafka's own test of Utils.murmur2.
func TestPartitionsAsJavaHasThem(t *testing.T) {
	for key, murmur2 := range map[string]int32{"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536,
		"a-little-bit-longer-string": -1486304829} {
		for _, shards := range []int{1, 3, 16} {
			k := &Kafka{partitions: numbered(shards)}
			if got, want := k.partitionOf(key), int(murmur2&0x7fffffff)%shards; got != want {
				t.Errorf("%q of %d: partition %d, want %d", key, shards, got, want)
			}
		}
	}
}
