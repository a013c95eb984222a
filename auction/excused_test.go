package auction_test

import (
	"testing"

	"rostrum/auction"
)

// An operator gave up seqs 2 and 3, and seq 5 is a bid whose order MySQL refused: its receipt stays, its unit does not.
func TestRebuildGoesOnPastWhatIsExcused(t *testing.T) {
	sold := func(seq int64, n int) auction.Record {
		return auction.Record{Epoch: 1, Seq: seq, Version: seq, Kind: auction.KindBid, Lot: id(lots, 1), Buyer: id(buyers, n),
			Bid: id(bids, n), Order: id(orderIDs, n), Quantity: 1, Nth: []int{1}}
	}
	row, at := aLot(1), auction.Cursor{Epoch: 1, Seq: 9}
	row.Version = 5
	records := []auction.Record{sold(1, 1), sold(4, 4), sold(5, 5)}
	excused := []auction.Span{{From: 2, To: 4}, {From: 5, To: 6}}
	b, err := auction.Rebuild(deployment, 0, at, []auction.Lot{row}, records, excused...)
	if err != nil {
		t.Fatal(err)
	}
	got := b.State().Lots[0]
	if got.Left != row.Stock-2 || got.Version != 5 || len(got.Units) != 2 || len(got.Admitted) != 3 {
		t.Errorf("rebuilt %+v", got)
	}
	for name, spans := range map[string][]auction.Span{
		"nothing is excused":     nil,
		"something else is":      {{From: 6, To: 9}},
		"only what comes before": {{From: 0, To: 1}, {From: 1, To: 2}},
	} {
		if b, err := auction.Rebuild(deployment, 0, at, []auction.Lot{row}, records, spans...); err == nil {
			t.Errorf("%s: rebuilt %+v", name, b.State())
		}
	}
	row.Version = 6
	if _, err := auction.Rebuild(deployment, 0, at, []auction.Lot{row}, records, excused...); err == nil {
		t.Error("a record that is missing after the last excused one was not missed")
	}
}
