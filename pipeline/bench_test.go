package pipeline_test

import (
	"testing"

	"rostrum/internal/live"
	standinkafka "rostrum/internal/standin/kafka"
	"rostrum/pipeline/pipelinetest"
)

// BenchmarkRoad gives the rates of relay and consumer beside those of the bare client on the same broker. One iteration is
// one run over 100,000 records of 16 shards: "go test -bench Road -benchtime 3x".
func BenchmarkRoad(b *testing.B) {
	b.Run("standin", func(b *testing.B) {
		s, err := standinkafka.Start(standinkafka.Options{})
		if err != nil {
			b.Fatal(err)
		}
		defer s.Close()
		report(b, s.Addr())
	})
	b.Run("kafka", func(b *testing.B) { report(b, live.Kafka(b)) })
}

func report(b *testing.B, addr string) {
	var sum pipelinetest.Rates
	for range b.N {
		r := pipelinetest.Measure(b, pipelinetest.Brokers{Addrs: []string{addr}}, 16, 100_000)
		sum.Raw, sum.Relay, sum.Consumer = sum.Raw+r.Raw, sum.Relay+r.Relay, sum.Consumer+r.Consumer
	}
	n := float64(b.N)
	b.ReportMetric(sum.Raw/n, "raw/s")
	b.ReportMetric(sum.Relay/n, "relay/s")
	b.ReportMetric(sum.Consumer/n, "consumer/s")
	b.ReportMetric(sum.Relay/sum.Raw, "relay-of-raw")
	b.ReportMetric(0, "ns/op") // an iteration is a run: its length says nothing
}
