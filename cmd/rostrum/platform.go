package main

import (
	"context"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/goods"
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
	Accounts(ctx context.Context) (*accounts.Service, error)
	// PutArea makes a sales area or renames it, audited; Areas lists them.
	PutArea(ctx context.Context, area goods.Area) error
	Areas(ctx context.Context) ([]goods.Area, error)
	// Reconcile counts the invariants of the sale.
	Reconcile(ctx context.Context, progress func(done, total int)) ([]invariant, error)
	// Rewind and AcceptGap are an operator's ways out of a halted shard; both are audited.
	Rewind(ctx context.Context, shard int, offset int64) error
	AcceptGap(ctx context.Context, shard int, seq int64) error
	// Parked lists the first messages that are parked, most of them at most; Redrive tries one again, audited.
	Parked(ctx context.Context, most int) ([]parked, error)
	Redrive(ctx context.Context, shard int, offset int64) error
	simulated // what a simulation asks beside these
	Close()
}

type migration struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

type parked struct {
	Shard    int       `json:"shard"`
	Offset   int64     `json:"offset"`
	Seq      int64     `json:"seq"` // 0: the message is no record
	At       time.Time `json:"at"`
	Lot      uuid.UUID `json:"lot"`
	Buyer    uuid.UUID `json:"buyer"`
	Quantity int64     `json:"quantity"`
	Reason   string    `json:"reason"`
}

type topicChange struct {
	Topic  string `json:"topic"`
	What   string `json:"what"` // create, or the setting that differs
	From   string `json:"from"`
	To     string `json:"to"`
	Manual bool   `json:"manual"` // not mended by apply: Kafka's own tools do it
}

type preheated struct {
	Session  uuid.UUID `json:"session"`
	Lots     int       `json:"lots"`     // in the session
	Written  int       `json:"written"`  // into the gate, now
	Open     int       `json:"open"`     // refused: they are open already
	Closed   int       `json:"closed"`   // refused: they are over
	Verified int       `json:"verified"` // found on the shelf afterwards
}

type road struct {
	At     time.Time   `json:"at"`
	Topic  string      `json:"topic"`
	Group  string      `json:"group"`
	Lag    int64       `json:"lag"` // of all partitions in which something is committed
	Shards []shardRoad `json:"shards"`
}

// The states of a shard that somebody must look at.
const (
	stateHalted     = "halted"
	stateUnreadable = "unreadable"
)

type shardRoad struct {
	Shard     int      `json:"shard"`
	State     string   `json:"state"` // vouched, unvouched, halted, unreadable (in part)
	Epoch     int64    `json:"epoch"`
	End       int64    `json:"end"`              // the partition's next offset
	Committed int64    `json:"committed"`        // the group's; -1 for none
	Lag       int64    `json:"lag"`              // end less committed, as Kafka's own tools count it; -1 where nothing is committed
	Seq       int64    `json:"seq"`              // MySQL's position
	Next      int64    `json:"next"`             // the offset from which MySQL goes on
	Journal   int64    `json:"journal"`          // records in Redis
	OldestMS  int64    `json:"oldest_ms"`        // age of the oldest of them that is not yet relayed
	Unread    []string `json:"unread,omitempty"` // parts that could not be read, whose numbers are not known: gate, kafka, mysql
	Trouble   string   `json:"trouble,omitempty"`
}

type finding struct {
	Part   string `json:"part"` // e.g. mysql, "redis (gate)"
	OK     bool   `json:"ok"`
	Says   string `json:"says"` // version, or what is wrong
	Remedy string `json:"remedy,omitempty"`
}

type invariant struct {
	Name    string `json:"name"`    // what must hold
	Checked int    `json:"checked"` // things looked at
	Wrong   int    `json:"wrong"`   // of them, those for which it does not hold
	Detail  string `json:"detail,omitempty"`
}
