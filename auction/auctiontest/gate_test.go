package auctiontest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/auction/auctiontest"
	"rostrum/internal/fault"
)

const second = int64(1_000_000)

func numbered(n byte) uuid.UUID { return uuid.UUID{15: n} }

func wish(buyer, bid byte) auction.Bid {
	return auction.Bid{ID: numbered(bid), Lot: numbered(1), Buyer: numbered(buyer), Area: "eu", Order: numbered(bid + 100), Code: "c", Quantity: 1}
}

// The twin is the book under a lock: what a gate's port promises, in the order of a lot's life.
func TestGateTwinThroughALotsLife(t *testing.T) {
	now := int64(0)
	g := &auctiontest.Gate{Deployment: numbered(9), Clock: func() time.Time { return time.UnixMicro(now) }}
	l := auction.Lot{ID: numbered(1), Shard: 2, Area: "eu", Seller: numbered(8), PriceMinor: 5, Currency: "EUR", Stock: 1, PerBuyer: 1, Code: "c",
		OpensUS: 10 * second, ClosesUS: 20 * second, State: auction.LotOpen}
	ctx := t.Context()
	decide := func(b auction.Bid) auction.Answer {
		t.Helper()
		answers, err := g.Decide(ctx, 2, []auction.Bid{b})
		if err != nil || len(answers) != 1 {
			t.Fatal(answers, err)
		}
		return answers[0]
	}
	preheat := func() auction.PreheatResult {
		t.Helper()
		results, err := g.Preheat(ctx, 2, []auction.Lot{l})
		if err != nil || len(results) != 1 {
			t.Fatal(results, err)
		}
		return results[0]
	}
	if a := decide(wish(3, 4)); a.Verdict != auction.NotFound {
		t.Errorf("before preheat: %+v", a)
	}
	if r := preheat(); r != auction.PreheatWritten {
		t.Errorf("preheat: %s", r)
	}
	if now = 10 * second; preheat() != auction.PreheatOpen {
		t.Error("a lot that is open was written again")
	}
	missed := l
	missed.ID = numbered(7)
	if got, err := g.Preheat(ctx, 2, []auction.Lot{missed}); err != nil || got[0] != auction.PreheatMissed {
		t.Errorf("a lot that opened before it was there: %v, %v", got, err)
	}
	if a := decide(wish(3, 4)); a.Verdict != auction.Admitted || a.Receipt.Durability != auction.DurableNone {
		t.Errorf("a bid: %+v", a)
	}
	if a, err := g.Receipt(ctx, 2, l.ID, numbered(3), numbered(4)); err != nil || !a.Repeat || a.Receipt.Order != numbered(104) {
		t.Errorf("its receipt: %+v, %v", a, err)
	}
	if a := decide(wish(5, 6)); a.Verdict != auction.SoldOut || a.Left != 0 {
		t.Errorf("nothing is left: %+v", a)
	}
	if done, err := g.Release(ctx, 2, auction.Release{Lot: l.ID, Buyer: numbered(3), Bid: numbered(4), Order: numbered(104), Nth: []int{1}}); !done || err != nil {
		t.Errorf("release: %t, %v", done, err)
	}
	if a := decide(wish(5, 6)); a.Verdict != auction.Admitted {
		t.Errorf("a unit came back: %+v", a)
	}
	if _, err := g.Close(ctx, 2, l.ID); fault.CodeOf(err) != "not_over" {
		t.Errorf("close before the end: %v", err)
	}
	now = 20 * second
	for _, want := range []bool{true, false} {
		if closed, err := g.Close(ctx, 2, l.ID); closed != want || err != nil {
			t.Errorf("close: %t, %v, want %t", closed, err, want)
		}
	}
	var kinds []auction.Kind
	for n, r := range g.Records() {
		if kinds = append(kinds, r.Kind); r.Seq != int64(n+1) {
			t.Errorf("record %d has seq %d", n, r.Seq)
		}
	}
	if len(kinds) != 4 || kinds[1] != auction.KindReleased || kinds[3] != auction.KindClosed || g.Decided() != 4 {
		t.Errorf("journal: %v, %d decided", kinds, g.Decided())
	}
	if err := g.Sweep(ctx, 2, []uuid.UUID{l.ID}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Receipt(ctx, 2, l.ID, numbered(3), numbered(4)); fault.CodeOf(err) != "bid_not_found" {
		t.Errorf("a receipt after the sweep: %v", err)
	}
	if a := decide(wish(3, 4)); a.Verdict != auction.NotFound {
		t.Errorf("the bid again after the sweep: %+v", a)
	}
}

func TestGateTwinFails(t *testing.T) {
	broken := errors.New("broken")
	g := &auctiontest.Gate{Clock: time.Now, Before: func(auction.Bid) (auction.Answer, bool, error) { return auction.Answer{}, false, broken }}
	if _, err := g.Decide(t.Context(), 0, []auction.Bid{wish(1, 2)}); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := g.Decide(over, 0, []auction.Bid{wish(1, 2)}); fault.ClassOf(err) != fault.Unavailable {
		t.Errorf("after the deadline: %v", err)
	}
	if _, err := g.Close(t.Context(), 0, numbered(1)); fault.CodeOf(err) != "lot_not_loaded" {
		t.Errorf("close of nothing: %v", err)
	}
}
