package edge

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/goods"
	"rostrum/orders"
)

// Ports is everything the edge asks of others. Stored and Preheat may be nil; the rest is needed.
type Ports struct {
	Items    goods.Items
	Sessions auction.Sessions
	Gate     auction.Gate
	Orders   orders.Orders
	Accounts Accounts
	Keys     accounts.Keys
	Shelf    Shelf
	Stored   Stored
	Limit    Limit
	Pipeline Pipeline
	Preheat  Preheat
	Counters Counters

	Clock  func() time.Time
	NewID  func() uuid.UUID // UUIDv7
	Random io.Reader        // cryptographic (codes, salts, form tokens); safe for many goroutines
}

// Accounts is what the edge needs of accounts.Service.
type Accounts interface {
	Register(ctx context.Context, n accounts.NewUser) (accounts.User, error)
	LogIn(ctx context.Context, login, password string) (accounts.Tokens, error)
	Refresh(ctx context.Context, refresh string) (accounts.Tokens, error)
	LogOut(ctx context.Context, session uuid.UUID) error
}

// Shelf is what readers are served from, a cache of MySQL that may be a moment old.
type Shelf interface {
	// Card gives a published lot. fault NotFound `lot_not_found` for one that is not there, which for an id that never
	// was costs no database call.
	Card(ctx context.Context, lot uuid.UUID) (auction.Lot, error)
	// Terms is Card for a bid, which needs what is frozen or over for good: the rest of it may be minutes old, and half a
	// minute once it is over by the clock.
	Terms(ctx context.Context, lot uuid.UUID) (auction.Lot, error)
	// Page gives those of a published session's lots that keep wants (nil: all), at most p.Limit from p's place on, in
	// order of (opens_us, id), and the next page; Limit 0 in it: there is none. It looks at a bounded number of lots, each
	// once: where keep wants few, a page with a next one may be short, even empty. Fault codes: NotFound `session_not_found`.
	Page(ctx context.Context, session uuid.UUID, keep func(*auction.Lot) bool, p auction.Page) ([]auction.Lot, auction.Page, error)
	// Session gives a published session. Fault codes: NotFound `session_not_found`.
	Session(ctx context.Context, id uuid.UUID) (auction.Session, error)
	// ListSessions gives published sessions in order of (starts_us, id).
	ListSessions(ctx context.Context, f auction.SessionFilter, p auction.Page) ([]auction.Session, error)
}

// Stored gives admissions from the stored journal, for lots that the gate does not hold any more. fault NotFound `bid_not_found`.
type Stored interface {
	BidRecord(ctx context.Context, shard int, lot, buyer, bid uuid.UUID) (auction.Record, error)
}

// Limit bounds what one key may do. A limiter that is away lets everything pass: it protects, it does not decide.
type Limit interface {
	Allow(ctx context.Context, key string, perSecond, burst int) (ok bool, retryAfter time.Duration, err error)
}

// Preheat writes a published session into the gate and onto the shelf now. Doing it twice does no harm.
type Preheat interface {
	Preheat(ctx context.Context, session uuid.UUID) (PreheatReport, error)
}

// PreheatReport counts what preheating did.
type PreheatReport struct {
	Lots     int `json:"lots"`     // of the session
	Written  int `json:"written"`  // into the gate, now
	Open     int `json:"open"`     // refused, because they had opened before
	Verified int `json:"verified"` // found in the gate and on the shelf afterwards
}

// Counters counts for the metrics. All methods return at once and keep no argument.
type Counters interface {
	Bid(verdict string, took time.Duration)                       // a verdict, "unknown", "unavailable" or "error"
	Request(route, method string, status int, took time.Duration) // route is a template of ours or "other"
	Alarm(name string)                                            // "gate_lost_lot", "panic"
	Lost(shard int)                                               // the gate has lost a live lot: the shard needs recovery
}

// Pipeline shows the road from the gate to MySQL.
type Pipeline interface {
	State(ctx context.Context) (PipelineState, error)
}

// PipelineState is the road at a moment.
type PipelineState struct {
	AtUS       int64
	Deployment auction.Deployment
	Group      string // consumer group
	Topic      string
	Shards     []ShardState // by shard
	Lag        int64        // of all partitions in which something was committed
	Parked     int64        // messages that are no records, waiting for somebody
	Orphans    int64        // records of an epoch that had ended
}

// ShardState is one shard's road. The numbers of a part that could not be read are zero, Committed and Lag -1.
type ShardState struct {
	Shard     int
	Vouch     auction.Vouch
	Journal   auction.JournalStats
	End       int64 // the partition's next offset
	Committed int64 // the group's; -1 for none
	Lag       int64 // as Kafka's own tools count it; -1 where nothing is committed
	Position  auction.Position
	Unread    Unread
}

// Unread says why parts of a shard's road could not be read; an empty text: it was.
type Unread struct {
	Gate  string // Vouch and Journal
	Kafka string // End, Committed and Lag
	MySQL string // Position
}

// Parts names the parts that could not be read.
func (u Unread) Parts() []string {
	var parts []string
	for _, p := range [...]struct{ name, why string }{{"gate", u.Gate}, {"kafka", u.Kafka}, {"mysql", u.MySQL}} {
		if p.why != "" {
			parts = append(parts, p.name)
		}
	}
	return parts
}

// Trouble is what somebody should know of the shard, as text: why it is halted, and what could not be read.
func (s ShardState) Trouble() string {
	var says []string
	for _, p := range [...]struct{ name, why string }{{"", s.Position.Halted}, {"gate: ", s.Unread.Gate}, {"kafka: ", s.Unread.Kafka}, {"mysql: ", s.Unread.MySQL}} {
		if p.why != "" {
			says = append(says, p.name+p.why)
		}
	}
	return strings.Join(says, "; ")
}

// The states of a shard, as people read them.
const (
	ShardVouched    = "vouched"
	ShardUnvouched  = "unvouched"
	ShardHalted     = "halted"
	ShardUnreadable = "unreadable" // in part: Unread says which
)

// State sums the shard's road up in a word.
func (s ShardState) State() string {
	switch {
	case s.Position.Halted != "":
		return ShardHalted
	case s.Unread != Unread{}:
		return ShardUnreadable
	case !s.Vouch.Valid:
		return ShardUnvouched
	}
	return ShardVouched
}
