package edge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/internal/money"
)

// Wish is a bid as its bidder sends it.
type Wish struct {
	ID       uuid.UUID
	Code     string
	Quantity int64
	Kind     auction.BidKind
	Amount   int64
	Seen     int64
	Currency string
	Again    bool // "I asked before and do not know": passes what this node remembers
}

// sound says whether nothing is wrong with a wish in itself.
func (w *Wish) sound() bool {
	return w.ID != uuid.Nil && w.Quantity >= 1 && w.Quantity <= auction.MaxPerBuyer && (w.Kind == "" || w.Kind == auction.BidMax || w.Kind == auction.BidExact) &&
		money.Valid(w.Amount) && money.Valid(w.Seen) && (w.Currency == "" || money.Known(w.Currency))
}

// Check says all that is wrong with a wish in itself; none for nothing.
func (w Wish) Check() []fault.Field {
	var wrong []fault.Field
	if w.sound() {
		return nil
	}
	say := func(bad bool, field, detail, remedy string) {
		if bad {
			wrong = append(wrong, fault.Field{Name: field, Detail: detail, Remedy: remedy})
		}
	}
	const minor = "send minor units from 1 to 9007199254740991, or leave it out"
	say(w.ID == uuid.Nil, "bid_id", "is missing", "send a UUID that you made for this bid, the same one whenever you ask again")
	say(w.Quantity < 1 || w.Quantity > auction.MaxPerBuyer, "quantity", fmt.Sprintf("is %d", w.Quantity), fmt.Sprintf("send 1 to %d, or leave it out for 1", auction.MaxPerBuyer))
	say(w.Kind != "" && w.Kind != auction.BidMax && w.Kind != auction.BidExact, "kind", fmt.Sprintf("is %q", cut(string(w.Kind), 32)), "send max or exact, or leave it out")
	say(!money.Valid(w.Amount), "amount", fmt.Sprintf("is %d", w.Amount), minor)
	say(!money.Valid(w.Seen), "price_seen", fmt.Sprintf("is %d", w.Seen), minor)
	say(w.Currency != "" && !money.Known(w.Currency), "currency", "is not a currency sold in", "send an ISO 4217 code such as EUR, or leave it out")
	return wrong
}

// unlike names the field by which a wish is for another price than the lot's.
func (w *Wish) unlike(priceMinor int64) string {
	switch {
	case w.Seen != 0 && w.Seen != priceMinor:
		return "price_seen"
	case w.Amount != 0 && w.Amount != priceMinor:
		return "amount"
	}
	return "currency"
}

// Outcome is the answer to an admitted bid.
type Outcome struct {
	Receipt auction.Receipt
	Repeat  bool // it was admitted before; the receipt is the first one
	Title   string
	Rate    Allowance // of the user's bids; set with an error, too, where it is known
}

// Refusal is the answer to a bid that was not admitted: the verdict, when, and what its bidder needs to go on. AtUS is
// the deciding clock's, or this node's where Remembered.
type Refusal struct {
	Verdict    auction.Verdict
	AtUS       int64
	OpensUS    int64 // 0 where it does not matter
	ClosesUS   int64
	PriceMinor int64
	Currency   string
	PerBuyer   int
	Field      string // of a PriceMismatch: the one that names another price
	RetryAfter time.Duration
	Remembered bool // answered by this node without asking the gate; `again` passes it
}

func (r *Refusal) Error() string { return "the bid was refused: " + string(r.Verdict) }

// Bid decides one bid that has entered. A refusal is a *Refusal; an outcome that nobody knows is fault.Unknown, and the client asks again
// with the same id; Unavailable was not sent.
func (e *Edge) Bid(ctx context.Context, from Caller, lot uuid.UUID, w Wish) (Outcome, error) {
	started := e.Clock()
	out, err := e.bid(ctx, from, lot, w)
	e.Counters.Bid(verdictOf(err), e.Clock().Sub(started))
	return out, err
}

// overloaded turns away what there is too much of: a queue that only grows serves nobody in time.
func overloaded(what string) error {
	f := fault.New(fault.Unavailable, "overloaded", "too many "+what+" at this moment")
	f.RetryAfter = time.Second
	return f
}

// Enter counts a bid in; Leave counts it out when it is answered. Who takes bids calls it before reading anything of one:
// Unavailable `overloaded` where BidsAtOnce are being answered.
func (e *Edge) Enter() error {
	if e.bidding.Add(1) <= int64(e.BidsAtOnce) {
		return nil
	}
	e.Leave()
	f := overloaded("bids")
	e.Counters.Bid(verdictOf(f), 0)
	return f
}

// Leave counts a bid out that has entered.
func (e *Edge) Leave() { e.bidding.Add(-1) }

// verdictOf names an outcome for the metrics.
func verdictOf(err error) string {
	var refusal *Refusal
	switch {
	case err == nil:
		return string(auction.Admitted)
	case errors.As(err, &refusal):
		return string(refusal.Verdict)
	case fault.ClassOf(err) == fault.Unknown:
		return "unknown"
	case fault.ClassOf(err) == fault.Unavailable:
		return "unavailable"
	case fault.ClassOf(err) == fault.TooMany:
		return string(auction.RateLimited)
	}
	return "error"
}

func (e *Edge) bid(ctx context.Context, from Caller, lot uuid.UUID, w Wish) (Outcome, error) {
	if err := fault.Invalids(w.Check()); err != nil {
		return Outcome{}, err
	}
	rate, err := e.mayBid(ctx, from)
	if err != nil {
		return Outcome{Rate: rate}, err
	}
	out, err := e.offer(ctx, from, lot, w)
	out.Rate = rate
	return out, err
}

// offer takes a bid to the gate, unless the node knows the answer.
func (e *Edge) offer(ctx context.Context, from Caller, lot uuid.UUID, w Wish) (Outcome, error) {
	card, err := e.Shelf.Terms(ctx, lot)
	if err != nil {
		return Outcome{}, noCard(err)
	}
	if card.State == auction.LotDraft {
		return Outcome{}, &Refusal{Verdict: auction.NotFound}
	}
	if !card.Serves(from.User) {
		return Outcome{}, &Refusal{Verdict: auction.NotFound, AtUS: e.NowUS()} // another's slice: see auction/DESIGN.md
	}
	if r := e.over.refuses(&card, w, e.NowUS()); r != nil {
		return Outcome{}, r
	}
	bid, askedUS := e.bidOf(&card, from, w), e.NowUS()
	answer, err := e.decide(ctx, &card, bid)
	if err == nil && (answer.Lost || answer.Verdict == auction.NotFound) {
		answer, err = e.absent(ctx, &card, &bid, answer)
	}
	if err != nil {
		return Outcome{}, err
	}
	return e.answered(&card, w, answer, askedUS)
}

// noCard tells a lot that is not there from a shelf that could not be asked: then nothing was sent to the gate.
func noCard(err error) error {
	if class := fault.ClassOf(err); class == fault.NotFound {
		return &Refusal{Verdict: auction.NotFound}
	} else if class == fault.Unknown || errors.Is(err, context.DeadlineExceeded) {
		return fault.Wrap(fault.Unavailable, "unavailable", "the lot could not be looked up; the bid was not sent", err)
	}
	return err
}

// bidOf is a wish as the gate gets it.
func (e *Edge) bidOf(card *auction.Lot, from Caller, w Wish) auction.Bid {
	return auction.Bid{ID: w.ID, Lot: card.ID, Buyer: from.User, Area: from.Area, Order: e.NewID(), Code: w.Code,
		Quantity: w.Quantity, Kind: w.Kind, Amount: w.Amount, Seen: w.Seen, Currency: w.Currency, Trace: from.Trace, Terms: card.Terms()}
}

// decide asks the gate. Its time begins here: limiter and shelf have limits of their own, and most bids ask neither.
func (e *Edge) decide(ctx context.Context, card *auction.Lot, bid auction.Bid) (auction.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, e.BidTimeout)
	defer cancel()
	bid.Deadline, _ = ctx.Deadline()
	answers, err := e.Gate.Decide(ctx, card.Shard, []auction.Bid{bid})
	switch {
	case err != nil:
		return auction.Answer{}, unknownUnless(err)
	case len(answers) != 1:
		return auction.Answer{}, unknownUnless(fmt.Errorf("the gate gave %d answers to one bid", len(answers)))
	case answers[0].Err != nil:
		return auction.Answer{}, unknownUnless(answers[0].Err)
	}
	return answers[0], nil
}

// unknownUnless gives a gate's fault: a bid may have been admitted unless the gate says that it was not sent.
func unknownUnless(err error) error {
	if class := fault.ClassOf(err); class == fault.Unavailable || class == fault.Unknown {
		return err
	}
	return fault.Wrap(fault.Unknown, "unknown_outcome", "whether the bid was admitted is not known", err)
}

// answered turns the gate's answer into an outcome or a refusal, and remembers what ends all bids on the lot: since when
// the gate was asked, which is before it decided, however long the answer took.
func (e *Edge) answered(card *auction.Lot, w Wish, a auction.Answer, askedUS int64) (Outcome, error) {
	e.over.note(card.ID, a, askedUS)
	if a.Verdict == auction.Admitted {
		return Outcome{Receipt: a.Receipt, Repeat: a.Repeat, Title: card.Title}, nil
	}
	r := &Refusal{Verdict: a.Verdict, AtUS: a.AtUS, OpensUS: a.OpensUS, ClosesUS: a.ClosesUS, PriceMinor: a.PriceMinor,
		Currency: card.Currency, PerBuyer: card.PerBuyer, RetryAfter: a.RetryAfter}
	if r.AtUS == 0 {
		r.AtUS = e.NowUS()
	}
	if a.Verdict == auction.PriceMismatch {
		r.Field = w.unlike(a.PriceMinor)
	}
	return Outcome{}, r
}

// absent is the answer for a lot that is published and that the gate does not hold, or not whole. Before it opens it is
// not preheated yet, after its end it may be swept, and the stored journal answers for it; in between the gate has lost it:
// nothing is decided until recovery has been, and somebody is told.
func (e *Edge) absent(ctx context.Context, card *auction.Lot, bid *auction.Bid, a auction.Answer) (auction.Answer, error) {
	a.OpensUS, a.ClosesUS, a.PriceMinor = card.OpensUS, card.ClosesUS, card.PriceMinor
	now := max(a.AtUS, e.NowUS())
	switch {
	case a.Lost:
		return e.lost(ctx, card, a), nil
	case card.State == auction.LotWithdrawn:
		a.Verdict = auction.Withdrawn
	case isOver(card, now):
		a.Verdict = auction.Ended
	case now < card.OpensUS:
		a.Verdict = auction.NotStarted
		return a, nil
	default:
		return e.lost(ctx, card, a), nil
	}
	return e.earlier(ctx, card, bid, a)
}

func (e *Edge) lost(ctx context.Context, card *auction.Lot, a auction.Answer) auction.Answer {
	e.Log.ErrorContext(ctx, "the gate does not hold a live lot: recovery is needed", "lot", card.ID, "shard", card.Shard)
	e.Counters.Alarm("gate_lost_lot")
	e.Counters.Lost(card.Shard)
	a.Verdict, a.Lost = auction.Paused, true
	return a
}
