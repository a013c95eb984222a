package edge

import (
	"sync"

	"github.com/google/uuid"

	"rostrum/auction"
)

// Limits of what a node remembers about lots that take no more bids.
const (
	soldOutForUS  = 500_000 // a unit may come back: the answer is never older than this
	maxRemembered = 100_000 // lots; beyond that all are forgotten, which only costs asking the gate
)

// over is a node's own memory of lots whose stock is gone, so that the rush after it is answered at memory speed. What
// can never change again, a journalled close or withdrawal, comes with the lot's card; an end by time alone is asked of
// the gate, whose clock counts and who may have given time back.
type over struct {
	mu      sync.RWMutex
	soldOut map[uuid.UUID]int64 // until when, microseconds
}

func newOver() *over { return &over{soldOut: map[uuid.UUID]int64{}} }

// refuses gives the refusal that needs no gate; nil: ask it. A bid that is asked again passes: it may have been admitted.
func (o *over) refuses(card *auction.Lot, w Wish, nowUS int64) *Refusal {
	var verdict auction.Verdict
	switch {
	case w.Again:
		return nil
	case card.State == auction.LotClosed:
		verdict = auction.Ended
	case card.State == auction.LotWithdrawn:
		verdict = auction.Withdrawn
	case o.isSoldOut(card.ID, nowUS):
		verdict = auction.SoldOut
	default:
		return nil
	}
	return &Refusal{Verdict: verdict, AtUS: nowUS, OpensUS: card.OpensUS, ClosesUS: card.ClosesUS, PriceMinor: card.PriceMinor,
		Currency: card.Currency, PerBuyer: card.PerBuyer, Remembered: true}
}

func (o *over) isSoldOut(lot uuid.UUID, nowUS int64) bool {
	o.mu.RLock()
	defer o.mu.RUnlock()
	return nowUS < o.soldOut[lot]
}

// note remembers an answer that ends all bids for a while, from before it was decided. A sold_out with units left says only
// that the bid wanted more.
func (o *over) note(lot uuid.UUID, a auction.Answer, askedUS int64) {
	if a.Verdict != auction.SoldOut || a.Left != 0 {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.soldOut) >= maxRemembered {
		clear(o.soldOut)
	}
	o.soldOut[lot] = askedUS + soldOutForUS
}
