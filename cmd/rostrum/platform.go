package main

import (
	"context"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
)

// The parts of an installation that a command may need, as the configuration names them. What opens the store needs the
// token keys too: it brings the accounts with it.
var (
	needAll   []string
	needMySQL = []string{"mysql"}
	needUsers = []string{"mysql", "auth"}
	needKafka = []string{"mysql", "auth", "kafka"}
	needRoad  = []string{"mysql", "auth", "redis", "kafka"}
)

// platform is what the commands ask of an installation. Every error is a fault with its class.
type platform interface {
	// Serve runs the roles of the configuration until ctx ends, then stops in order.
	Serve(ctx context.Context) error
	// Migrate brings the database's tables up to this binary, or one step down; Migrations says how they are.
	MigrateUp(ctx context.Context, progress func(done, total int)) error
	MigrateDown(ctx context.Context) error
	Migrations(ctx context.Context) ([]migration, error)
	// Topics gives what differs between the topics as they should be and as they are, and mends it with apply.
	Topics(ctx context.Context, apply bool) ([]topicChange, error)
	// Preheat writes a session, or with uuid.Nil every session that is due, into gate and shelf.
	Preheat(ctx context.Context, session uuid.UUID, progress func(done, total int)) ([]preheated, error)
	// Road gives the way from the gate to MySQL, shard by shard.
	Road(ctx context.Context) (road, error)
	// Doctor looks at each server and at what they must agree on. It does not fail: what fails is a finding.
	Doctor(ctx context.Context) []finding
	// Accounts makes users and tokens.
	Accounts() *accounts.Service
	// Reconcile counts the invariants of the sale.
	Reconcile(ctx context.Context) ([]invariant, error)
	// Rewind and AcceptGap are an operator's ways out of a halted shard; both are audited.
	Rewind(ctx context.Context, shard int, offset int64) error
	AcceptGap(ctx context.Context, shard int, seq int64) error
	Close() error
}

type migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

type topicChange struct {
	Topic string `json:"topic"`
	What  string `json:"what"` // what differs
	Have  string `json:"have"`
	Want  string `json:"want"`
}

type preheated struct {
	Session  uuid.UUID `json:"session"`
	Lots     int       `json:"lots"`     // in the session
	Written  int       `json:"written"`  // into the gate now
	Open     int       `json:"open"`     // refused because they are open already
	Verified int       `json:"verified"` // found there afterwards
}

type road struct {
	At     time.Time   `json:"at"`
	Topic  string      `json:"topic"`
	Group  string      `json:"group"`
	Shards []shardRoad `json:"shards"`
}

// The states of a shard that somebody must look at.
const (
	stateHalted     = "halted"
	stateUnreadable = "unreadable"
)

type shardRoad struct {
	Shard     int    `json:"shard"`
	State     string `json:"state"` // vouched, unvouched, halted, unreadable
	Epoch     int64  `json:"epoch"`
	End       int64  `json:"end"`       // the partition's next offset
	Committed int64  `json:"committed"` // the group's; -1 for none
	Lag       int64  `json:"lag"`       // end less committed
	Seq       int64  `json:"seq"`       // MySQL's position
	Next      int64  `json:"next"`      // the offset from which MySQL goes on
	Journal   int64  `json:"journal"`   // records in Redis
	OldestMS  int64  `json:"oldest_ms"` // age of the oldest of them
	Trouble   string `json:"trouble,omitempty"`
}

type finding struct {
	What   string `json:"what"`  // e.g. "mysql", "redis gate"
	Check  string `json:"check"` // what was looked at
	Good   bool   `json:"good"`
	Detail string `json:"detail"` // what was found
	Remedy string `json:"remedy,omitempty"`
}

type invariant struct {
	Name  string `json:"name"`  // what must hold
	Left  string `json:"left"`  // counted here
	Right string `json:"right"` // and there
	Wrong int64  `json:"wrong"` // cases in which it does not hold
}
