package auction

import (
	"time"

	"github.com/google/uuid"
)

// Verdict is the answer to a bid (RULES.md, "Verdicts"). A transport fault is none of these.
type Verdict string

// The verdicts.
const (
	Admitted      Verdict = "admitted"
	NotFound      Verdict = "not_found"
	NotStarted    Verdict = "not_started"
	Ended         Verdict = "ended"
	Paused        Verdict = "paused"
	WrongArea     Verdict = "wrong_area"
	OwnLot        Verdict = "own_lot"
	BadCode       Verdict = "bad_code"
	AlreadyBought Verdict = "already_bought"
	LimitReached  Verdict = "limit_reached"
	SoldOut       Verdict = "sold_out"
	TooLow        Verdict = "too_low"
	OffIncrement  Verdict = "off_increment"
	PriceMismatch Verdict = "price_mismatch"
	NotRegistered Verdict = "not_registered"
	Blocked       Verdict = "blocked"
	OverCredit    Verdict = "over_credit"
	BelowOwnMax   Verdict = "below_own_max"
	Withdrawn     Verdict = "withdrawn"
	IDReused      Verdict = "id_reused"
	Busy          Verdict = "busy"
	RateLimited   Verdict = "rate_limited"
)

// Verdicts lists all of them, in the order of RULES.md.
func Verdicts() []Verdict {
	return []Verdict{Admitted, NotFound, NotStarted, Ended, Paused, WrongArea, OwnLot, BadCode, AlreadyBought,
		LimitReached, SoldOut, TooLow, OffIncrement, PriceMismatch, NotRegistered, Blocked, OverCredit, BelowOwnMax,
		Withdrawn, IDReused, Busy, RateLimited}
}

// FlashVerdicts lists those that the decide script can give for a flash lot.
func FlashVerdicts() []Verdict {
	return []Verdict{Admitted, NotFound, NotStarted, Ended, Paused, WrongArea, OwnLot, BadCode, AlreadyBought,
		LimitReached, SoldOut, PriceMismatch, Withdrawn, IDReused, Busy}
}

// Durability is what an admission's answer promises (DESIGN.md, "Durability").
type Durability string

// The durabilities. None is what stand-ins give; a production start refuses it.
const (
	DurableNone     Durability = "none"
	DurableEverySec Durability = "everysec"
	DurableAlways   Durability = "always"
	DurableKafka    Durability = "kafka"
)

// Receipt is what an admitted bidder holds. It says the same however often it is asked for.
type Receipt struct {
	Bid           uuid.UUID
	Lot           uuid.UUID
	Buyer         uuid.UUID
	Order         uuid.UUID
	Quantity      int64
	Nth           []int
	PriceMinor    int64 // of one unit, at the decision
	Currency      string
	Seen          int64 // price seen by the bidder; 0 where not given
	VersionBefore int64
	Version       int64
	Epoch, Seq    int64
	TimeUS        int64 // the deciding Redis' clock: when the bid counts as received
	Durability    Durability
}

// ReceiptOf makes the receipt of a `bid` record.
func ReceiptOf(r Record, d Durability) Receipt {
	return Receipt{Bid: r.Bid, Lot: r.Lot, Buyer: r.Buyer, Order: r.Order, Quantity: r.Quantity, Nth: r.Nth,
		PriceMinor: r.PriceMinor, Currency: r.Currency, Seen: r.Seen, VersionBefore: r.Version - 1, Version: r.Version,
		Epoch: r.Epoch, Seq: r.Seq, TimeUS: r.TimeUS, Durability: d}
}

// Answer is what the gate says to one bid. Err is set, and Verdict empty, where this bid's outcome is unknown or it was
// dropped unsent (fault.Unknown, fault.Unavailable).
type Answer struct {
	Verdict    Verdict
	Repeat     bool    // admitted before by the same bid id; the receipt is the first one
	Receipt    Receipt // of an admission
	AtUS       int64   // when this was decided, the deciding Redis' clock
	OpensUS    int64   // the lot's window, where the lot was found
	ClosesUS   int64
	PriceMinor int64 // the current price, where the lot was found
	Left       int64 // units left after the decision, where stock was looked at; else -1
	RetryAfter time.Duration
	Lost       bool // keys that must exist are missing: the shard needs recovery (Verdict is paused)
	Err        error
}
