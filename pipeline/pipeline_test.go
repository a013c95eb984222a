package pipeline_test

import (
	"testing"

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

func TestOnKafka(t *testing.T) {
	pipelinetest.Run(t, pipelinetest.Brokers{Addrs: []string{live.Kafka(t)}})
}
