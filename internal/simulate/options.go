package simulate

import (
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/google/uuid"
)

// The ceilings of a run, whatever is asked for: it loads what it is pointed at, and keeps a receipt of each admission.
const (
	MaxLength      = time.Hour
	MaxArrivals    = 2_000_000
	MaxRate        = 200_000 // a second
	MaxConnections = 4096
	MaxLots        = 10_000
	MaxAsks        = 100
)

// Options say what is to be simulated. The zero value of most fields is a default; Check says what cannot be.
type Options struct {
	Target  string // "http://host:port"
	Session uuid.UUID
	Owned   bool // the target may be another machine
	Client  ClientOptions

	Shape   Shape
	Rate    float64       // arrivals a second, the highest of the shape
	Length  time.Duration // for so long
	Even    bool          // arrivals come evenly and not as a Poisson process
	Zipf    float64       // exponent of the choice of lots; 0: uniform
	Readers float64       // share of arrivals that read the goods page and do not bid, 0 … 1
	MaxBids int           // arrivals at most, pages too

	Connections int
	Asks        int // requests for one bid at most
	Timeout     time.Duration
	Backoff     Backoff
	Drain       time.Duration // waiting for answers after the last arrival
	Verify      time.Duration // reading receipts back
	OpenWait    time.Duration // for a session that has not started
	Seed        uint64        // of everything that is drawn but bid ids

	hurried time.Duration // all that is counted, after an interruption

	Watch func(Progress) // called now and then while it runs; nil: not
	Say   func(string)   // what is being done now; nil: nobody asks
}

// The defaults.
const (
	DefaultRate        = 100.0
	DefaultLength      = 30 * time.Second
	DefaultMaxBids     = 100_000
	DefaultConnections = 256
	DefaultAsks        = 8
	DefaultTimeout     = 5 * time.Second
	DefaultVerify      = time.Minute
)

const (
	defaultDrain    = 15 * time.Second
	defaultOpenWait = 10 * time.Minute
	watchInterval   = 500 * time.Millisecond
)

func (o Options) withDefaults() Options {
	fill(&o.Shape, Constant)
	fill(&o.Rate, DefaultRate)
	fill(&o.Length, DefaultLength)
	fill(&o.MaxBids, DefaultMaxBids)
	fill(&o.Connections, DefaultConnections)
	fill(&o.Asks, DefaultAsks)
	fill(&o.Timeout, DefaultTimeout)
	fill(&o.Backoff, Backoff{First: 100 * time.Millisecond, Most: 2 * time.Second})
	fill(&o.Drain, defaultDrain)
	fill(&o.Verify, DefaultVerify)
	fill(&o.OpenWait, defaultOpenWait)
	fill(&o.hurried, hurriedWithin)
	o.Client.Connections, o.Client.Timeout = o.Connections, o.Timeout
	if o.Watch == nil {
		o.Watch = func(Progress) {}
	}
	if o.Say == nil {
		o.Say = func(string) {}
	}
	return o
}

func fill[T comparable](value *T, otherwise T) {
	var zero T
	if *value == zero {
		*value = otherwise
	}
}

// Unusable says that nothing could be simulated, and what to do about it.
type Unusable struct {
	What   string
	Remedy string
	Cause  error // nil where there is none beside What
}

func (u *Unusable) Error() string { return u.What + ": " + u.Remedy }

func (u *Unusable) Unwrap() error { return u.Cause }

func unusable(cause error, remedy, what string, args ...any) error {
	return &Unusable{What: fmt.Sprintf(what, args...), Remedy: remedy, Cause: cause}
}

// Check says what of the options cannot be: the first thing, as an Unusable.
func (o Options) Check() error {
	o = o.withDefaults()
	u, err := ParseTarget(o.Target)
	if err != nil {
		return unusable(nil, "name the installation with --target", "%v", err)
	}
	if !o.Owned && !loopback(u) {
		return unusable(nil, "say --i-own-this-target if it is yours to load", "%s is not this machine", u.Host)
	}
	if _, err := ParseShape(string(o.Shape)); err != nil {
		return unusable(nil, "choose one with --shape", "%v", err)
	}
	for _, bound := range []struct {
		flag        string
		value       float64
		least, most float64
		unit        string
	}{
		{"rate", o.Rate, 0.01, MaxRate, " a second"},
		{"for", o.Length.Seconds(), 0.1, MaxLength.Seconds(), " seconds"},
		{"zipf", o.Zipf, 0, 10, ""},
		{"readers", o.Readers, 0, 1, ", a share"},
		{"max-bids", float64(o.MaxBids), 1, MaxArrivals, ""},
		{"connections", float64(o.Connections), 1, MaxConnections, ""},
		{"asks", float64(o.Asks), 1, MaxAsks, ""},
		{"timeout", o.Timeout.Seconds(), 0.01, 60, " seconds"},
		{"verify", o.Verify.Seconds(), 0.001, 600, " seconds"},
	} {
		if !(bound.value >= bound.least && bound.value <= bound.most) { // NaN is neither
			return unusable(nil, fmt.Sprintf("write %v to %v%s", bound.least, bound.most, bound.unit), "--%s is %v", bound.flag, bound.value)
		}
	}
	return nil
}

// loopback says whether a target is this machine. A name other than localhost may be anybody's tomorrow.
func loopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// Arrivals is how many come in the mean, by these options.
func (o Options) Arrivals() int {
	o = o.withDefaults()
	return min(o.MaxBids, int(o.Shape.Expected(o.Rate, o.Length)+1))
}
