package edge

import (
	"context"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/internal/fault"
)

// Placed is an admitted bid with where its order is.
type Placed struct {
	Outcome
	OrderThere bool // the order's row is written
}

// Receipt gives somebody's own admission: from the gate, or where that may have swept the lot from the stored journal. A
// refused bid leaves nothing, so it is NotFound `bid_not_found` like one that never was.
func (e *Edge) Receipt(ctx context.Context, who accounts.Claims, lot, bid uuid.UUID) (Placed, error) {
	card, err := e.card(ctx, lot)
	if err != nil {
		return Placed{}, err
	}
	answer, err := e.Gate.Receipt(ctx, card.Shard, lot, who.User, bid)
	receipt := answer.Receipt
	if err != nil && fault.ClassOf(err) == fault.NotFound && isOver(&card, e.NowUS()) {
		var record auction.Record
		record, err = e.stored(ctx, &card, who.User, bid)
		receipt = auction.ReceiptOf(record, e.Durability)
	}
	if err != nil {
		return Placed{}, err
	}
	_, err = e.Orders.Order(ctx, receipt.Order)
	if err != nil && fault.ClassOf(err) != fault.NotFound {
		return Placed{}, err
	}
	return Placed{Outcome{Receipt: receipt, Repeat: true, Title: card.Title}, err == nil}, nil
}

// isOver says whether a lot takes no more bids, by its card or, where that is a moment old, by the clock: until then the
// gate holds it, and has all that was admitted.
func isOver(card *auction.Lot, nowUS int64) bool {
	return card.State == auction.LotClosed || card.State == auction.LotWithdrawn || nowUS >= card.ClosesUS
}

// earlier turns the refusal of a bid on a lot that is over into the admission that the stored journal has of it: what was
// admitted once is answered so for as long as the lot exists. Where the journal cannot be asked nobody knows.
func (e *Edge) earlier(ctx context.Context, card *auction.Lot, bid *auction.Bid, refused auction.Answer) (auction.Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, e.BidTimeout)
	defer cancel()
	record, err := e.stored(ctx, card, bid.Buyer, bid.ID)
	switch {
	case err != nil && fault.ClassOf(err) == fault.NotFound:
		return refused, nil
	case err != nil:
		return auction.Answer{}, unknownUnless(err)
	case record.Content() != bid.Content():
		refused.Verdict = auction.IDReused
		return refused, nil
	}
	refused.Verdict, refused.Repeat, refused.Receipt = auction.Admitted, true, auction.ReceiptOf(record, e.Durability)
	return refused, nil
}

// storedAtOnce bounds what a node asks the stored journal at a time: whoever asks again and again about lots that are over
// keeps no connection from what sells.
const storedAtOnce = 16

// stored gives the record of an admitted bid.
func (e *Edge) stored(ctx context.Context, card *auction.Lot, buyer, bid uuid.UUID) (auction.Record, error) {
	if e.Stored == nil {
		return auction.Record{}, notFound("bid_not_found", "there is no admission of that bid")
	}
	defer e.asking.Add(-1)
	if e.asking.Add(1) > storedAtOnce {
		return auction.Record{}, overloaded("questions about lots that are over")
	}
	return e.Stored.BidRecord(ctx, card.Shard, card.ID, buyer, bid)
}
