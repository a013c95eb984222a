package observe_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"rostrum/internal/observe"
)

// scrape gives the lines of one scrape that begin with one of the prefixes, sorted.
func scrape(t *testing.T, m *observe.Metrics, prefixes ...string) []string {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.Code != http.StatusOK {
		t.Fatalf("%d, %v: %s", answer.Code, err, body)
	}
	var lines []string
	for line := range strings.Lines(string(body)) {
		if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(line, p) }) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	slices.Sort(lines)
	return lines
}

func want(t *testing.T, got []string, lines string) {
	t.Helper()
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(lines), "\n"), got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// bytesAsString makes a string of a buffer without copying it, as fasthttp does.
func bytesAsString(b []byte) string { return unsafe.String(&b[0], len(b)) }

func newMetrics() *observe.Metrics { return observe.NewMetrics("v1.2.3", time.Now) }

func TestCounts(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	m.Bid("admitted", 3*time.Millisecond)
	m.Bid("admitted", 300*time.Millisecond)
	m.Bid("sold_out", 0)
	m.Request("/api/v1/lots/{lot}", "GET", 200, time.Millisecond)
	m.Request("/api/v1/lots/{lot}", "GET", 404, time.Millisecond)
	m.Request("other", "BREW", 999, time.Millisecond)
	m.Guard("known", "refused")
	m.Alarm("gate_lost_lot")
	m.Count("relayed", 7)
	m.Count("relayed", 0)
	m.Count("made up", 1)
	want(t, scrape(t, m, "rostrum_bid", "rostrum_http_requests", "rostrum_cache", "rostrum_alarms", "rostrum_relay_records"), `
rostrum_alarms_total{alarm="gate_lost_lot"} 1
rostrum_alarms_total{alarm="uncounted"} 1
rostrum_bid_seconds_bucket{le="+Inf"} 3
rostrum_bid_seconds_bucket{le="0.0005"} 1
rostrum_bid_seconds_bucket{le="0.001"} 1
rostrum_bid_seconds_bucket{le="0.002"} 1
rostrum_bid_seconds_bucket{le="0.004"} 2
rostrum_bid_seconds_bucket{le="0.008"} 2
rostrum_bid_seconds_bucket{le="0.016"} 2
rostrum_bid_seconds_bucket{le="0.032"} 2
rostrum_bid_seconds_bucket{le="0.064"} 2
rostrum_bid_seconds_bucket{le="0.125"} 2
rostrum_bid_seconds_bucket{le="0.25"} 2
rostrum_bid_seconds_bucket{le="0.5"} 3
rostrum_bid_seconds_bucket{le="1"} 3
rostrum_bid_seconds_bucket{le="2"} 3
rostrum_bid_seconds_count 3
rostrum_bid_seconds_sum 0.303
rostrum_bids_total{verdict="admitted"} 2
rostrum_bids_total{verdict="sold_out"} 1
rostrum_cache_guard_total{guard="known",outcome="refused"} 1
rostrum_http_requests_total{class="2xx",method="GET",route="/api/v1/lots/{lot}"} 1
rostrum_http_requests_total{class="4xx",method="GET",route="/api/v1/lots/{lot}"} 1
rostrum_http_requests_total{class="other",method="other",route="other"} 1
rostrum_relay_records_total 7
`)
	if got := scrape(t, m, "rostrum_build_info"); len(got) != 1 || !strings.Contains(got[0], `version="v1.2.3"`) {
		t.Error(got)
	}
}

// A server's strings live in buffers that it uses again: a label kept without copying would change its text.
func TestLabelsAreCopied(t *testing.T) {
	t.Parallel()
	m, buffer := newMetrics(), []byte("admitted")
	unsafeString := func() string { return bytesAsString(buffer) }
	m.Bid(unsafeString(), 0)
	m.Alarm(unsafeString())
	m.Guard(unsafeString(), unsafeString())
	m.Request(unsafeString(), "GET", 200, 0)
	copy(buffer, "XXXXXXXX")
	if got := scrape(t, m, "rostrum_"); strings.Contains(strings.Join(got, ""), "XXXX") {
		t.Error(got)
	}
}

// Every name that the pipeline counts must have its metric.
func TestThePipelinesNames(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	for _, what := range []string{"relayed", "relay_errors", "resends", "relay_stops", "applied", "duplicates", "orphans", "voided", "parked", "forks", "gaps", "halts", "published"} {
		m.Count(what, 1)
	}
	if got := scrape(t, m, "rostrum_alarms_total"); got != nil {
		t.Error(got)
	}
}

func aRoad() observe.Road {
	return observe.Road{Group: "g", Topic: "j", Lag: 3, Shards: []observe.Shard{
		{Shard: 0, Kafka: true, End: 10, Committed: 7, Lag: 3, Journal: true, Length: 4, Oldest: 1500 * time.Millisecond, Vouched: true,
			Ledger: true, Seq: 42, NextOffset: 8},
		{Shard: 1, Kafka: true, End: 5, Committed: -1, Lag: -1, Journal: true, Ledger: true, Halted: true},
		{Shard: 2},
	}}
}

func TestRoad(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	m.Watch(t.Context(), func(context.Context) observe.Road { return aRoad() })
	want(t, scrape(t, m, "kafka_", "rostrum_journal", "rostrum_mysql", "rostrum_shard"), `
kafka_consumergroup_current_offset{consumergroup="g",partition="0",topic="j"} 7
kafka_consumergroup_current_offset{consumergroup="g",partition="1",topic="j"} -1
kafka_consumergroup_lag_sum{consumergroup="g",topic="j"} 3
kafka_consumergroup_lag{consumergroup="g",partition="0",topic="j"} 3
kafka_consumergroup_lag{consumergroup="g",partition="1",topic="j"} -1
kafka_topic_partition_current_offset{partition="0",topic="j"} 10
kafka_topic_partition_current_offset{partition="1",topic="j"} 5
kafka_topic_partitions{topic="j"} 3
rostrum_journal_length{shard="0"} 4
rostrum_journal_length{shard="1"} 0
rostrum_journal_oldest_seconds{shard="0"} 1.5
rostrum_journal_oldest_seconds{shard="1"} 0
rostrum_mysql_next_offset{shard="0"} 8
rostrum_mysql_next_offset{shard="1"} 0
rostrum_mysql_position{shard="0"} 42
rostrum_mysql_position{shard="1"} 0
rostrum_shard_state{shard="0",state="halted"} 0
rostrum_shard_state{shard="0",state="recovering"} 0
rostrum_shard_state{shard="0",state="vouched"} 1
rostrum_shard_state{shard="1",state="halted"} 1
rostrum_shard_state{shard="1",state="recovering"} 1
rostrum_shard_state{shard="1",state="vouched"} 0
`)
}

// A part that cannot be read is missing from the scrape, for a number that stands still would look like health; it is
// counted, and it hides no other part.
func TestPartsThatCannotBeRead(t *testing.T) {
	t.Parallel()
	for part, c := range map[string]struct {
		away func(s *observe.Shard)
		want string // what is shown of shard 0
	}{
		"kafka": {func(s *observe.Shard) { s.Kafka = false }, `
rostrum_journal_length{shard="0"} 4
rostrum_mysql_position{shard="0"} 42
`},
		"gate": {func(s *observe.Shard) { s.Journal = false }, `
kafka_consumergroup_lag{consumergroup="g",partition="0",topic="j"} 3
rostrum_mysql_position{shard="0"} 42
`},
		"mysql": {func(s *observe.Shard) { s.Ledger = false }, `
kafka_consumergroup_lag{consumergroup="g",partition="0",topic="j"} 3
rostrum_journal_length{shard="0"} 4
`},
	} {
		now := time.Unix(1000, 0)
		m := observe.NewMetrics("v", func() time.Time { return now })
		whole := aRoad()
		whole.Shards = whole.Shards[:1]
		seen := whole
		m.Watch(t.Context(), func(context.Context) observe.Road { return seen })
		shown := []string{"kafka_consumergroup_lag{", "rostrum_journal_length", "rostrum_mysql_position"}
		if got := scrape(t, m, shown...); len(got) != 3 {
			t.Fatal(got)
		}
		want(t, scrape(t, m, "rostrum_pipeline_look_errors_total{part=\""+part), `rostrum_pipeline_look_errors_total{part="`+part+`"} 0`)
		seen.Shards = slices.Clone(whole.Shards)
		c.away(&seen.Shards[0])
		now = now.Add(2 * time.Second)
		want(t, scrape(t, m, shown...), c.want)
		want(t, scrape(t, m, "rostrum_pipeline_look_errors_total{part=\""+part), `rostrum_pipeline_look_errors_total{part="`+part+`"} 1`)
		seen, now = whole, now.Add(2*time.Second)
		if got := scrape(t, m, shown...); len(got) != 3 {
			t.Errorf("it does not come back: %v", got)
		}
	}
}

// What a process knows of a shard by itself is shown while the shard cannot be read.
func TestStatesThatAreNotedStay(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	m.Watch(t.Context(), func(context.Context) observe.Road { return observe.Road{Shards: []observe.Shard{{Shard: 0}}} })
	m.NoteShard(0, observe.StateRecovering)
	want(t, scrape(t, m, "rostrum_shard"), `
rostrum_shard_state{shard="0",state="recovering"} 1
rostrum_shard_state{shard="0",state="vouched"} 0
`)
}

func TestScrapesShareOneLook(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	m := observe.NewMetrics("v", func() time.Time { return now })
	looks := 0
	m.Watch(t.Context(), func(ctx context.Context) observe.Road {
		if _, bounded := ctx.Deadline(); !bounded {
			t.Error("a look without end")
		}
		looks++
		return aRoad()
	})
	var scrapes sync.WaitGroup
	for range 3 {
		scrapes.Go(func() {
			m.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/metrics", nil))
		})
	}
	scrapes.Wait()
	if looks != 1 {
		t.Errorf("%d looks for three scrapes", looks)
	}
	now = now.Add(time.Second)
	scrape(t, m)
	if looks != 2 {
		t.Errorf("%d looks a second later", looks)
	}
}
