package auction

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/google/uuid"

	"rostrum/internal/money"
)

// Kind names what a record says.
type Kind string

// The kinds (FORMATS.md, "The record").
const (
	KindGenesis    Kind = "genesis"    // first of a partition: deployment and shards
	KindCut        Kind = "cut"        // first of an epoch
	KindBid        Kind = "bid"        // an admitted bid
	KindExtended   Kind = "extended"   // the end moved
	KindClosed     Kind = "closed"     // the lot takes no more bids, for ever
	KindReleased   Kind = "released"   // an order's units went back
	KindToppedUp   Kind = "topped_up"  // stock added
	KindWithdrawn  Kind = "withdrawn"  // the lot was taken out of the sale
	KindPaused     Kind = "paused"     // the lot's time stands still
	KindResumed    Kind = "resumed"    // and goes on, with what it lost given back
	KindCorrected  Kind = "corrected"  // an operator cancelled a bid
	KindRegistered Kind = "registered" // a bidder was admitted to the lot
)

// kinds has the most frequent first: it is searched for each record that is read.
var kinds = [...]Kind{KindBid, KindReleased, KindExtended, KindClosed, KindGenesis, KindCut, KindToppedUp, KindWithdrawn,
	KindPaused, KindResumed, KindCorrected, KindRegistered}

// Kinds lists all kinds.
func Kinds() []Kind {
	return []Kind{KindGenesis, KindCut, KindBid, KindExtended, KindClosed, KindReleased, KindToppedUp, KindWithdrawn,
		KindPaused, KindResumed, KindCorrected, KindRegistered}
}

// Record is one decision. It is the one type of everything that is decided: the journal entry in Redis, the Kafka value
// and MySQL's stored journal are codecs of it. The order of the fields is the order of the JSON, which cannot change.
type Record struct {
	Deployment uuid.UUID `json:"deployment"`
	Shard      int       `json:"shard"`
	Epoch      int64     `json:"epoch"` // from 1
	Seq        int64     `json:"seq"`   // from 1, contiguous for ever in a shard, across epochs too
	Kind       Kind      `json:"kind"`
	Lot        uuid.UUID `json:"lot,omitzero"`     // all but genesis and cut
	Version    int64     `json:"version,omitzero"` // the lot's, after this record
	TimeUS     int64     `json:"time_us"`

	Bid          uuid.UUID `json:"bid_id,omitzero"`        // bid, extended (its cause), corrected
	Buyer        uuid.UUID `json:"buyer,omitzero"`         // bid, released, corrected, registered
	Order        uuid.UUID `json:"order,omitzero"`         // bid, released
	Quantity     int64     `json:"quantity,omitzero"`      // bid, released, topped_up
	Nth          []int     `json:"nth,omitempty"`          // bid, released: the units, ascending
	PriceMinor   int64     `json:"price,omitzero"`         // bid: of one unit, as decided; corrected: the price after
	Currency     string    `json:"currency,omitzero"`      // of price
	BidKind      BidKind   `json:"bid_kind,omitzero"`      // bid, as sent
	Amount       int64     `json:"amount,omitzero"`        // bid, as sent
	Seen         int64     `json:"price_seen,omitzero"`    // bid, as sent
	CurrencySeen string    `json:"currency_seen,omitzero"` // bid, as sent
	Trace        string    `json:"trace,omitzero"`         // the request that caused it
	ClosesUS     int64     `json:"closes_us,omitzero"`     // extended, resumed: the end after
	CreditUS     int64     `json:"credit_us,omitzero"`     // resumed: time given back
	CapUsedUS    int64     `json:"cap_used_us,omitzero"`   // extended: of the cap on extensions
	Left         int64     `json:"left,omitzero"`          // closed: units unsold
	Reason       string    `json:"reason,omitzero"`        // all but genesis, bid, registered; lower_snake
	Shards       int       `json:"shards,omitzero"`        // genesis
}

// MaxRecordBytes bounds a record's JSON; far below Kafka's 1 MiB and enough for 64 units.
const MaxRecordBytes = 4096

// Content is the content of the bid that a `bid` record admitted (see Bid.Content).
func (r Record) Content() string {
	return content(r.Quantity, r.BidKind, r.Amount, r.Seen, r.CurrencySeen)
}

// ID is the record's stream id in the journal, `<epoch>-<seq>`.
func (r Record) ID() string { return fmt.Sprintf("%d-%d", r.Epoch, r.Seq) }

// JSON gives the record's bytes: one object, fields in order, no spaces, integers only.
func (r Record) JSON() ([]byte, error) {
	b, err := r.AppendJSON(make([]byte, 0, usualRecordBytes))
	if err != nil {
		return nil, err
	}
	return b, nil
}

// usualRecordBytes holds the JSON of nearly every record.
const usualRecordBytes = 640

func errTooLong(r *Record, n int) error {
	return fmt.Errorf("record %d/%s: %d bytes, at most %d", r.Shard, r.ID(), n, MaxRecordBytes)
}

// ParseRecord reads a record's JSON and checks it. It accepts exactly the bytes that JSON writes, and gives the zero
// Record with an error for all else: the fork check compares bytes, so one record must not have two spellings.
func ParseRecord(b []byte) (Record, error) {
	if len(b) > MaxRecordBytes {
		return Record{}, fmt.Errorf("record: %d bytes, at most %d", len(b), MaxRecordBytes)
	}
	if r, ok := readRecord(b); ok {
		if err := r.Check(); err != nil {
			return Record{}, err
		}
		return r, nil
	}
	return parseSlowly(b)
}

// parseSlowly decides what readRecord does not take: by encoding/json, and by writing it again.
func parseSlowly(b []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(b, &r); err != nil {
		return Record{}, fmt.Errorf("record: %w", err)
	}
	again, err := r.JSON()
	if err != nil {
		return Record{}, err
	}
	if !bytes.Equal(b, again) {
		return Record{}, fmt.Errorf("record %d/%s: not in its canonical form", r.Shard, r.ID())
	}
	return r, nil
}

// Check says what is wrong with a record in itself; nil for nothing.
func (r Record) Check() error {
	bad := func(what string, args ...any) error {
		return fmt.Errorf("record %d/%s %s: %s", r.Shard, r.ID(), r.Kind, fmt.Sprintf(what, args...))
	}
	switch {
	case !slices.Contains(kinds[:], r.Kind):
		return bad("unknown kind")
	case r.Deployment == uuid.Nil:
		return bad("no deployment")
	case r.Shard < 0 || r.Shard >= MaxShards:
		return bad("shard out of 0 … %d", MaxShards-1)
	case r.Epoch < 1 || r.Seq < 1:
		return bad("epoch and seq start at 1")
	case r.TimeUS < 1 || r.TimeUS > money.MaxMinor:
		return bad("time_us %d", r.TimeUS)
	case r.OfLot() == (r.Lot == uuid.Nil) || r.OfLot() == (r.Version == 0):
		return bad("lot and version go with lot kinds only")
	case len(r.Trace) > MaxTrace:
		return bad("trace over %d bytes", MaxTrace)
	case !r.exact():
		return bad("a number out of 0 … 2^53-1, or a text that is not UTF-8")
	}
	return r.checkKind(bad)
}

// exact says whether every codec keeps the record as it is: Lua's numbers are whole below 2^53 only, JSON's texts UTF-8.
func (r Record) exact() bool {
	for _, n := range [...]int64{r.Epoch, r.Seq, r.Version, r.Quantity, r.PriceMinor, r.Amount, r.Seen, r.ClosesUS, r.CreditUS,
		r.CapUsedUS, r.Left} {
		if !money.Valid(n) {
			return false
		}
	}
	for _, text := range [...]string{r.Currency, string(r.BidKind), r.CurrencySeen, r.Trace, r.Reason} {
		if !utf8.ValidString(text) {
			return false
		}
	}
	return true
}

func (r Record) checkKind(bad func(string, ...any) error) error {
	unitsWanted := r.Kind == KindBid || r.Kind == KindReleased
	switch {
	case r.Kind == KindGenesis && (r.Shards < 1 || r.Shard >= r.Shards):
		return bad("shards %d", r.Shards)
	case unitsWanted && (r.Buyer == uuid.Nil || r.Order == uuid.Nil || r.Bid == uuid.Nil):
		return bad("bid_id, buyer and order are needed")
	case unitsWanted && (r.Quantity < 1 || int64(len(r.Nth)) != r.Quantity || !ascending(r.Nth)):
		return bad("quantity %d with units %v", r.Quantity, r.Nth)
	case r.Kind == KindBid && (r.PriceMinor == 0 || r.Currency == ""):
		return bad("price %d %q", r.PriceMinor, r.Currency)
	case r.Kind == KindToppedUp && r.Quantity == 0:
		return bad("quantity is needed")
	case r.Kind == KindResumed && r.ClosesUS == 0:
		return bad("closes_us is needed")
	}
	return nil
}

// OfLot says whether the record belongs to a lot (all kinds but genesis and cut).
func (r Record) OfLot() bool { return r.Kind != KindGenesis && r.Kind != KindCut }

func ascending(nth []int) bool {
	last := 0
	for _, n := range nth {
		if n <= last || n > MaxPerBuyer {
			return false
		}
		last = n
	}
	return true
}
