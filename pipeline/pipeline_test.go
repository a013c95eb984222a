package pipeline_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"go.uber.org/goleak"

	"rostrum/internal/live"
	standinkafka "rostrum/internal/standin/kafka"
	"rostrum/pipeline/pipelinetest"
)

func TestMain(m *testing.M) {
	pipelinetest.Child()
	goleak.VerifyTestMain(m)
}

func TestOnTheStandIn(t *testing.T) {
	s, err := standinkafka.Start(standinkafka.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	pipelinetest.Run(t, pipelinetest.Brokers{Addrs: []string{s.Addr()}, Cluster: s.Cluster})
}

// TestOnKafka runs on one broker, and where the environment names a cluster on that too.
func TestOnKafka(t *testing.T) {
	one := live.Kafka(t)
	t.Run("one broker", func(t *testing.T) { pipelinetest.Run(t, pipelinetest.Brokers{Addrs: []string{one}}) })
	if os.Getenv(live.EnvKafkaCluster) != "" {
		three := pipelinetest.Brokers{Addrs: live.KafkaCluster(t), Replication: 3, MinInSync: 2}
		t.Run("three brokers", func(t *testing.T) { pipelinetest.Run(t, three) })
	}
}

func TestTheStandInStartsAgain(t *testing.T) {
	o := standinkafka.Options{Dir: filepath.Join(t.TempDir(), "kafka")}
	s, err := standinkafka.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	o.Addr = s.Addr()
	pipelinetest.Restart(t, pipelinetest.Brokers{Addrs: []string{o.Addr}}, func() {
		s.Close()
		if s, err = standinkafka.Start(o); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(s.Close)
}

func TestLeadersMoveOnThreeBrokers(t *testing.T) {
	s, err := standinkafka.Start(standinkafka.Options{With: []kfake.Opt{kfake.NumBrokers(3)}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	brokers := pipelinetest.Brokers{Addrs: s.Cluster.ListenAddrs(), Replication: 3, MinInSync: 2}
	pipelinetest.LeadersMove(t, brokers, s.Cluster.ShufflePartitionLeaders)
}
