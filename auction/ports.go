package auction

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Gate decides. An implementation must decide each bid by the rules of Book, completely or not at all, in an order that
// is the order of its journal, and append the record in the same atomic step. Every method on a shard that nobody has
// vouched for changes nothing: Decide answers `paused`, the others fail with fault code `not_vouched`. A transport fault
// is fault.Unknown (it may have happened) or fault.Unavailable (it was not sent), never a verdict.
type Gate interface {
	// Decide decides bids of one shard, each completely before the next, and answers in their order. Several bids may
	// be of one buyer and lot. len(answers) == len(bids) unless err is set, and then every outcome is unknown.
	Decide(ctx context.Context, shard int, bids []Bid) ([]Answer, error)
	// Receipt gives the admission of a bid: Admitted with Repeat set. fault NotFound `bid_not_found` for none.
	Receipt(ctx context.Context, shard int, lot, buyer, bid uuid.UUID) (Answer, error)
	// Preheat writes lots of one shard, before they open: overwrites a lot that is there, refuses one that is open by
	// the gate's clock. One result a lot, in order.
	Preheat(ctx context.Context, shard int, lots []Lot) ([]PreheatResult, error)
	// Close closes a lot whose time is over and journals it, once. false: it was closed before. fault Conflict
	// `not_over` while its window is open, NotFound `lot_not_loaded` where the gate has no such lot.
	Close(ctx context.Context, shard int, lot uuid.UUID) (bool, error)
	// Withdraw takes a lot out of the sale for good and journals it, once. false: it was closed or withdrawn before. fault
	// NotFound `lot_not_loaded` where the gate has no such lot. What was admitted stays admitted.
	Withdraw(ctx context.Context, shard int, lot uuid.UUID, reason string) (bool, error)
	// Release gives an order's units back and journals it, once. false: the units' markers do not name that order (any
	// more), nothing was done.
	Release(ctx context.Context, shard int, r Release) (bool, error)
	// Sweep removes what the gate holds of settled lots. It journals nothing: nothing is decided.
	Sweep(ctx context.Context, shard int, lots []uuid.UUID) error
}

// PreheatResult says what became of one lot.
type PreheatResult string

// The results of preheating a lot.
const (
	PreheatWritten PreheatResult = "written"
	PreheatOpen    PreheatResult = "open"   // refused: the lot has opened, and the gate holds it
	PreheatMissed  PreheatResult = "missed" // refused: the lot has opened without being there; recovery brings it, nobody else
	PreheatClosed  PreheatResult = "closed" // refused: the gate holds its close or withdrawal
	PreheatBroken  PreheatResult = "broken" // not sent: without what the rules read, such as a code
)

// Release asks for an order's units to go back.
type Release struct {
	Lot, Buyer, Bid, Order uuid.UUID
	Nth                    []int
	Reason                 string // cancelled, payment_timeout
}

// Lineage is recovery's side of the gate: who may decide (DESIGN.md, "Lineage").
type Lineage interface {
	// Vouched says whether shard's Redis is the one that was vouched for, and its epoch and seq. epoch 0: nobody ever did.
	Vouched(ctx context.Context, shard int) (Vouch, error)
	// BeginLoad makes the caller the shard's one loader and gives the token to load it with. From here nobody else's loading
	// goes on, and the shard cannot be vouched for before it was loaded with this token. Refused with fault Conflict
	// `vouched` while it is vouched for.
	BeginLoad(ctx context.Context, shard int) (token string, err error)
	// Loading is nil while the token is the shard's, else fault Conflict `load_interrupted`: somebody else has begun, or it
	// was loaded.
	Loading(ctx context.Context, shard int, token string) error
	// Load replaces everything the shard holds (but the lease) by state, and the journal by records, whose last has
	// state's seq. It gives back the digest of what it finds after writing. Once the token is no longer the shard's, it
	// writes nothing and ends with fault Conflict `load_interrupted`.
	Load(ctx context.Context, token string, state ShardState, records []Record) (Digest, error)
	// Vouch makes this Redis process the one that decides for shard, in epoch.
	Vouch(ctx context.Context, shard int, epoch int64) error
	// Disown takes the vouch back, so that the shard can be loaded anew. For operators and recovery only.
	Disown(ctx context.Context, shard int) error
	// Holds gives what the gate holds of a lot, as reconciliation counts it; vouched for or not. fault NotFound
	// `lot_not_loaded` where it has no such lot.
	Holds(ctx context.Context, shard int, lot uuid.UUID) (LotBook, error)
	// Identity gives and, with claim, sets once the deployment this Redis belongs to. uuid.Nil, 0: none yet.
	Identity(ctx context.Context, claim Deployment) (Deployment, error)
}

// Deployment is what every part of an installation must agree on; a start that finds them different refuses.
type Deployment struct {
	ID     uuid.UUID `json:"id"`
	Shards int       `json:"shards"`
}

// Vouch is what a shard's lineage looks like.
type Vouch struct {
	Valid     bool   // this process, this replication history
	Epoch     int64  // 0: never vouched for
	Seq       int64  // last seq decided
	RunID     string // of the Redis process that answers now
	ReplID    string
	LoadedLot int // lots the gate holds
}

// Journal is the shard's stream as the relay sees it.
type Journal interface {
	// Read gives at most max records after the cursor, in order; none: empty.
	Read(ctx context.Context, shard int, after Cursor, max int) ([]Record, error)
	// Trim removes the records up to and including the cursor.
	Trim(ctx context.Context, shard int, upTo Cursor) error
	// Stats gives the journal's length and ends.
	Stats(ctx context.Context, shard int) (JournalStats, error)
}

// Cursor is a place in a shard's journal: the last record seen. The zero Cursor is before the first.
type Cursor struct{ Epoch, Seq int64 }

// Before says whether c lies before d in the journal.
func (c Cursor) Before(d Cursor) bool {
	return c.Epoch < d.Epoch || c.Epoch == d.Epoch && c.Seq < d.Seq
}

// At gives the record's place.
func (r Record) At() Cursor { return Cursor{r.Epoch, r.Seq} }

// JournalStats describes a shard's journal; First and Last are zero for an empty one. The journal is trimmed by the ledger's
// position, so that its first record may be carried long since: what waits for the relay begins after Acked.
type JournalStats struct {
	Length      int64
	First, Last Cursor
	Acked       Cursor // Kafka is known to have all up to here; zero: nobody said
	OldestUS    int64  // decision time of the first record after Acked; 0: none waits
}

// Leases gives each shard's relay (and recovery) one owner at a time. A lease makes work unlikely to be done twice; it
// is never what keeps the counts right.
type Leases interface {
	// Hold takes the lease of name or, being its owner, renews it. false: somebody else has it.
	Hold(ctx context.Context, name, owner string, ttl time.Duration) (bool, error)
	// Leave gives the lease back if owner has it.
	Leave(ctx context.Context, name, owner string) error
}

// Ledger is MySQL's side of the road: the stored journal, the positions, and what follows from the records.
type Ledger interface {
	// Apply applies deliveries of one shard in one transaction: it reads the position for update, sifts (see Sift), writes
	// records, orders, units, stock and the new position with the offset to resume from. Fault codes: `fork` and
	// `shard_halted` (Conflict; the position is marked halted), `unavailable` (Unavailable: nothing happened, or it did
	// and the position says so: read it again).
	Apply(ctx context.Context, shard int, deliveries []Delivery) (Applied, error)
	// Position gives a shard's position; the zero position for a shard that nobody has opened.
	Position(ctx context.Context, shard int) (Position, error)
	Positions(ctx context.Context) ([]Position, error)
	// Cut opens the next epoch of a shard, in one transaction: it locks the position, writes the record `genesis` (in
	// epoch 1) and the record `cut`, and gives them with the new position. drained is what the caller has seen applied: where
	// the position is before it, the ledger has forgotten what Kafka holds, and a cut would make orphans of it. Fault codes,
	// both Unavailable: `forgotten`, and `overtaken` where the position is in a later epoch: somebody else has cut since.
	Cut(ctx context.Context, shard int, drained Cursor, nowUS int64) ([]Record, Position, error)
	// LotsToLoad gives, by keyset on id, the published lots of a shard that are not settled.
	LotsToLoad(ctx context.Context, shard int, after uuid.UUID, limit int) ([]Lot, error)
	// LotRecords gives a lot's records in order of seq, after a seq.
	LotRecords(ctx context.Context, shard int, lot uuid.UUID, afterSeq int64, limit int) ([]Record, error)
	// Records gives a shard's records in order of seq, after a seq.
	Records(ctx context.Context, shard int, afterSeq int64, limit int) ([]Record, error)
	// Alive notes that the shards were vouched for and served at that time; recovery gives back what lies after it.
	Alive(ctx context.Context, shards []int, nowUS int64) error
	// Halt stops a shard with a reason; Resume clears it.
	Halt(ctx context.Context, shard int, reason string) error
	Resume(ctx context.Context, shard int) error
	// NoteGap notes (or, with seq 0, clears) the seq that the consumer waits for; the relay sends again from the position.
	NoteGap(ctx context.Context, shard int, seq, sinceUS int64) error
	// Rewind sets the offset to resume from, for operators. AcceptGap sets the position's seq to seq-1 so that seq is the
	// next, and stores an audited `gap` in place of what is missing.
	Rewind(ctx context.Context, shard int, offset int64) error
	AcceptGap(ctx context.Context, shard int, seq int64) error
	// Deployment gives and, with claim, sets once who this database belongs to.
	Deployment(ctx context.Context, claim Deployment) (Deployment, error)
}

// Delivery is one message of a partition. Err is set where Raw is not a record that ParseRecord takes: such a message is
// parked with its bytes, and only moves the offset.
type Delivery struct {
	Record Record
	Raw    []byte // the record's JSON
	Offset int64
	Err    error
}

// Position is how far a shard has come in MySQL: (epoch, seq) of the last record applied and the offset to read next.
type Position struct {
	Shard      int    `json:"shard"`
	Epoch      int64  `json:"epoch"`
	Seq        int64  `json:"seq"`
	NextOffset int64  `json:"next_offset"`         // stays before a record read ahead until that is applied
	AheadSeq   int64  `json:"ahead_seq,omitempty"` // highest seq read but not applied, 0 or above Seq; see Sift
	Halted     string `json:"halted,omitempty"`    // the reason; empty: running
	GapSeq     int64  `json:"gap_seq,omitempty"`
	GapSinceUS int64  `json:"gap_since_us,omitempty"`
	AliveUS    int64  `json:"alive_us"`
}

// At gives the place in the journal up to which all is applied.
func (p Position) At() Cursor { return Cursor{p.Epoch, p.Seq} }

// Applied says what became of a batch.
type Applied struct {
	Position   Position
	Records    int   // applied now
	Duplicates int   // at or before the position and the same as stored
	Orphans    int   // of an epoch that a cut has ended; stored in orphans
	Voided     int   // orders refused by the last guard
	Parked     int   // deliveries that are no records, and records stored without effect
	AheadSeq   int64 // first seq seen that is not contiguous; 0 for none. Nothing from it on was applied
}

// Sessions keeps sessions and lots. Fault codes: NotFound `session_not_found`, `lot_not_found`; Stale `stale`; Conflict
// `session_published`, `session_not_draft`, `lot_exists` (an item is in one lot of a session at most).
type Sessions interface {
	CreateSession(ctx context.Context, s Session) error
	Session(ctx context.Context, id uuid.UUID) (Session, error)
	// ChangeSession writes s where the row's rev is still s.Rev, and raises it. Drafts only.
	ChangeSession(ctx context.Context, s Session) (Session, error)
	ListSessions(ctx context.Context, f SessionFilter, p Page) ([]Session, error)
	AddLot(ctx context.Context, l Lot) error
	ChangeLot(ctx context.Context, l Lot) (Lot, error)
	RemoveLot(ctx context.Context, id uuid.UUID, rev int64) error
	Lot(ctx context.Context, id uuid.UUID) (Lot, error)
	// Lots gives a session's lots by keyset on id, at most limit after `after`.
	Lots(ctx context.Context, session, after uuid.UUID, limit int) ([]Lot, error)
	// LotIDs gives the ids of all lots that were ever published, by keyset: what the Bloom filter is built from.
	LotIDs(ctx context.Context, after uuid.UUID, limit int) ([]uuid.UUID, error)
	// Publish makes the draft s scheduled where its rev is still s.Rev, and writes its lots with their codes, salts,
	// windows and state, in one transaction.
	Publish(ctx context.Context, s Session, lots []Lot) error
	// CancelSession cancels a draft where its rev is still rev. A scheduled session is cancelled by its lots' withdrawal.
	CancelSession(ctx context.Context, id uuid.UUID, rev int64) error
	// DueToPreheat gives scheduled sessions that open at or before `until` and end after now, by keyset on their start;
	// DueToClose gives open lots whose end is at or before `until`, by keyset on it.
	DueToPreheat(ctx context.Context, nowUS, untilUS int64, p Page) ([]Session, error)
	DueToClose(ctx context.Context, untilUS int64, p Page) ([]Lot, error)
	// EndSessions moves sessions on whose lots are all withdrawn with nothing sold (cancelled), or over (ended), and all whose
	// orders are final (settled), and gives those that recur, should have started, and have no next occurrence yet.
	EndSessions(ctx context.Context, nowUS int64) ([]Session, error)
}

// Page bounds a list by keyset: at most Limit (1 … 100) after the place that Key and ID name. The zero Key and ID start
// at the front.
type Page struct {
	Limit int
	Key   int64
	ID    uuid.UUID
}

// NextPage gives the page behind one that gave list, or the front again where that was the last. place gives an entry's
// key and id.
func NextPage[T any](p Page, list []T, place func(T) (int64, uuid.UUID)) Page {
	next := Page{Limit: p.Limit}
	if n := len(list); n > 0 && n >= p.Limit {
		next.Key, next.ID = place(list[n-1])
	}
	return next
}
