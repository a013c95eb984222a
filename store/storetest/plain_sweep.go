package storetest

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/orders"
	"rostrum/store"
)

// wantSweep wants these lots of the sale to be such that the gate may be swept of them.
func (s *Sale) wantSweep(when string, endedUS, journalSeq int64, want ...uuid.UUID) {
	s.t.Helper()
	asked := []uuid.UUID{s.ID()} // it is no lot
	for _, l := range s.Lots {
		asked = append(asked, l.ID)
	}
	got, err := s.Store.LotsToSweep(s.t.Context(), 0, asked, endedUS, journalSeq)
	must(s.t, err)
	byID := cmpopts.SortSlices(func(x, y uuid.UUID) bool { return slices.Compare(x[:], y[:]) < 0 })
	if diff := cmp.Diff(want, got, byID, cmpopts.EquateEmpty()); diff != "" {
		s.t.Errorf("to sweep %s (-want +got):\n%s", when, diff)
	}
}

// sweptWhenSettled: a settled session's lots, when it has been over for so long and the journal has none of their records.
func sweptWhenSettled(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 1, PerBuyer: 1}, Terms{Stock: 1, PerBuyer: 1})
	first, second := sale.Lots[0], sale.Lots[1]
	records := []auction.Record{sale.Close(first), sale.Close(second)}
	sale.Apply(0, sale.Deliver(records...)...)
	sale.wantSweep("before it is settled", Opens+Hour, math.MaxInt64)
	_, err := s.EndSessions(t.Context(), Opens+Hour)
	must(t, err)
	sale.wantSweep("before its time", Opens+Hour-1, math.MaxInt64)
	sale.wantSweep("with both in the journal", Opens+Hour, records[0].Seq)
	sale.wantSweep("with the second in the journal", Opens+Hour, records[1].Seq, first.ID)
	sale.wantSweep("behind the journal", Opens+Hour, records[1].Seq+1, first.ID, second.ID)
}

// sweptWhenCancelled: a cancelled session's lots, and only when the last was withdrawn.
func sweptWhenCancelled(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 1, PerBuyer: 1}, Terms{Stock: 1, PerBuyer: 1})
	for n, want := range [][]uuid.UUID{nil, {sale.Lots[0].ID, sale.Lots[1].ID}} {
		sale.Apply(0, sale.Deliver(sale.Withdraw(sale.Lots[n]))...)
		_, err := s.EndSessions(t.Context(), Opens)
		must(t, err)
		sale.wantSweep("after a withdrawal", Opens+Hour, math.MaxInt64, want...)
	}
}

// sweptWhenBack: a session that was withdrawn when something was sold is over, not cancelled. It is settled when the unit is
// back.
func sweptWhenBack(t *testing.T, s *store.Store) {
	sold := NewSale(t, s, 1, Terms{Stock: 1, PerBuyer: 1}, Terms{Stock: 1, PerBuyer: 1})
	first, second := sold.Lots[0], sold.Lots[1]
	bid := sold.Bid(first, sold.ID(), 1)
	sold.Apply(0, sold.Deliver(bid, sold.Withdraw(first), sold.Withdraw(second))...)
	end := func() {
		t.Helper()
		_, err := s.EndSessions(t.Context(), Opens)
		must(t, err)
	}
	end()
	sold.wantSweep("with an order to be paid", Opens+Hour, math.MaxInt64)
	order, err := s.Order(t.Context(), bid.Order)
	must(t, err)
	after := order
	after.State = orders.Cancelled
	must(t, s.SaveMove(t.Context(), order, after, orders.Event{ID: sold.ID()}))
	end()
	sold.wantSweep("with a unit on its way back", Opens+Hour, math.MaxInt64)
	sold.Apply(0, sold.Deliver(sold.Release(bid))...)
	end()
	sold.wantSweep("with all units back", Opens+Hour, math.MaxInt64, first.ID, second.ID)
}
