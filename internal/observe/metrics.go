package observe

import (
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxScrapes answered at once; a scrape reads the pipeline, so more would only wait for each other.
const maxScrapes = 3

// Metrics is everything that is counted, in a registry of its own. Its methods may be called by many goroutines, return
// at once, and keep no string they are given.
type Metrics struct {
	registry *prometheus.Registry
	road     *road

	bids       *prometheus.CounterVec
	bidSeconds prometheus.Histogram
	requests   *prometheus.CounterVec
	reqSeconds *prometheus.HistogramVec
	guards     *prometheus.CounterVec
	alarms     *prometheus.CounterVec
	counts     map[string]prometheus.Counter

	verdicts lookup[string, prometheus.Counter]
	routes   lookup[asked, answered]
	guarded  lookup[[2]string, prometheus.Counter]
}

// counted are the names that Count takes, each with its metric. They are those of the package pipeline.
var counted = map[string]prometheus.CounterOpts{
	"relayed":      {Name: "rostrum_relay_records_total", Help: "Records that Kafka acknowledged, those sent again included."},
	"relay_errors": {Name: "rostrum_relay_errors_total", Help: "Failed reads of a journal and failed sends to Kafka."},
	"resends":      {Name: "rostrum_relay_resends_total", Help: "Times a relay went back to MySQL's position."},
	"relay_stops":  {Name: "rostrum_relay_stops_total", Help: "Times a shard's relay stopped at an entry that is no record."},
	"applied":      {Name: "rostrum_applied_rows_total", Help: "Records applied to MySQL."},
	"duplicates":   {Name: "rostrum_duplicates_total", Help: "Records that came again and were skipped after comparing them."},
	"voided":       {Name: "rostrum_voided_total", Help: "Bids that MySQL's own guards refused."},
	"parked":       {Name: "rostrum_parked_total", Help: "Messages put aside because they could not be applied."},
	"orphans":      {Name: "rostrum_orphans_total", Help: "Records of an epoch that had ended."},
	"forks":        {Name: "rostrum_forks_total", Help: "Records that differ from what is stored under their number."},
	"gaps":         {Name: "rostrum_gaps_total", Help: "Times a record was missing before the next."},
	"halts":        {Name: "rostrum_halts_total", Help: "Times a shard was halted."},
	"published":    {Name: "rostrum_published_total", Help: "Events sent to the public topics."},
}

// NewMetrics makes the metrics of a process of that version.
func NewMetrics(version string, clock func() time.Time) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), road: newRoad(clock), counts: map[string]prometheus.Counter{}}
	m.bids = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rostrum_bids_total", Help: "Bids answered, by verdict."}, []string{"verdict"})
	m.bidSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "rostrum_bid_seconds", Help: "Time to answer a bid.",
		Buckets: []float64{.0005, .001, .002, .004, .008, .016, .032, .064, .125, .25, .5, 1, 2}})
	m.requests = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rostrum_http_requests_total", Help: "Requests answered, by route, method and class of status."}, []string{"route", "method", "class"})
	m.reqSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "rostrum_http_seconds", Help: "Time to answer a request.",
		Buckets: []float64{.001, .004, .016, .064, .25, 1, 4}}, []string{"route"})
	m.guards = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rostrum_cache_guard_total", Help: "What the guards of the cache did."}, []string{"guard", "outcome"})
	m.alarms = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "rostrum_alarms_total", Help: "Things that never happen in a sound installation."}, []string{"alarm"})
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "rostrum_build_info", Help: "1, with what runs."}, []string{"version", "go"})
	build.WithLabelValues(version, runtime.Version()).Set(1)
	m.registry.MustRegister(m.bids, m.bidSeconds, m.requests, m.reqSeconds, m.guards, m.alarms, build, m.road,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	for what, options := range counted {
		m.counts[what] = prometheus.NewCounter(options)
		m.registry.MustRegister(m.counts[what])
	}
	return m
}

// Bid counts an answered bid by its verdict, or "unknown", "unavailable", "error".
func (m *Metrics) Bid(verdict string, took time.Duration) {
	m.verdicts.of(verdict, func(v string) (string, prometheus.Counter) {
		v = strings.Clone(v)
		return v, m.bids.WithLabelValues(v)
	}).Inc()
	m.bidSeconds.Observe(took.Seconds())
}

// asked are the labels of a request's series.
type asked struct{ route, method, class string }

// answered are the series of a kind of request.
type answered struct {
	count   prometheus.Counter
	seconds prometheus.Observer
}

// Request counts an answered request. route is a template of ours or "other": never what the client typed.
func (m *Metrics) Request(route, method string, status int, took time.Duration) {
	series := m.routes.of(asked{route, knownMethod(method), class(status)}, func(a asked) (asked, answered) {
		a.route = strings.Clone(a.route)
		return a, answered{m.requests.WithLabelValues(a.route, a.method, a.class), m.reqSeconds.WithLabelValues(a.route)}
	})
	series.count.Inc()
	series.seconds.Observe(took.Seconds())
}

// Alarm counts something that should never happen.
func (m *Metrics) Alarm(name string) { m.alarms.WithLabelValues(strings.Clone(name)).Inc() }

// Guard counts what a guard of the cache did: shelf.Counter lists the guards with their outcomes.
func (m *Metrics) Guard(guard, outcome string) {
	m.guarded.of([2]string{guard, outcome}, func(k [2]string) ([2]string, prometheus.Counter) {
		k = [2]string{strings.Clone(k[0]), strings.Clone(k[1])}
		return k, m.guards.WithLabelValues(k[0], k[1])
	}).Inc()
}

// Gauge adds a value that is read at each scrape, by a function that returns at once. A name is taken once.
func (m *Metrics) Gauge(name, help string, read func() float64) error {
	return m.registry.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// Count adds n to one of the pipeline's counts; a name that is none counts as the alarm "uncounted", so that it is seen.
func (m *Metrics) Count(what string, n int) {
	counter, known := m.counts[what]
	switch {
	case !known:
		m.Alarm("uncounted")
	case n > 0:
		counter.Add(float64(n))
	}
}

// Handler answers a scrape.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: maxScrapes, ErrorHandling: promhttp.ContinueOnError})
}

// knownMethod keeps made-up methods from becoming series.
func knownMethod(method string) string {
	for _, known := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} {
		if method == known {
			return known
		}
	}
	return "other"
}

func class(status int) string {
	if status < 100 || status > 599 {
		return "other"
	}
	return string(rune('0'+status/100)) + "xx"
}
