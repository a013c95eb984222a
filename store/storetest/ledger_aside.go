package storetest

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/orders"
	"rostrum/store"
)

// fork: another record in a place that is taken stops the shard, and nothing of the batch is there.
func fork(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 9, PerBuyer: 1})
	first := sale.Bid(sale.Lots[0], sale.ID(), 1)
	before := sale.Apply(0, sale.Deliver(first)...)
	second := sale.Deliver(sale.Bid(sale.Lots[0], sale.ID(), 1))
	other := first
	other.Buyer = sale.ID()
	_, err := s.Apply(t.Context(), 0, append(second, sale.Deliver(other)...))
	wantCode(t, err, fault.Conflict, "fork")
	p, err := s.Position(t.Context(), 0)
	must(t, err)
	if !strings.Contains(p.Halted, "fork at seq 3") {
		t.Errorf("halted: %q", p.Halted)
	}
	p.Halted = ""
	if p != before.Position {
		t.Errorf("the position moved to %+v", p)
	}
	_, err = s.Apply(t.Context(), 0, second)
	wantCode(t, err, fault.Conflict, "shard_halted")
	audited(t, s, "shard.halt")

	must(t, s.Resume(t.Context(), 0))
	sale.Apply(0, second...)
	sameAsBook(t, sale, 0)
}

func audited(t testing.TB, s *store.Store, action string) {
	t.Helper()
	list, err := s.AuditSince(t.Context(), 0, 100)
	must(t, err)
	for _, e := range list {
		if e.Action == action && e.Subject == "shard 0" {
			return
		}
	}
	t.Errorf("no %s in the audit: %+v", action, list)
}

// gap: a record read ahead is not applied, the offset stays before it, and the resend fills the place.
func gap(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 9, PerBuyer: 1})
	l := sale.Lots[0]
	lost, ahead, later := sale.Bid(l, sale.ID(), 1), sale.Bid(l, sale.ID(), 1), sale.Bid(l, sale.ID(), 1)
	done := sale.Apply(0, sale.Deliver(ahead)...)
	if done.Records != 0 || done.AheadSeq != ahead.Seq || done.Position.AheadSeq != ahead.Seq {
		t.Errorf("read ahead: %+v", done)
	}
	stays := done.Position.NextOffset
	must(t, s.NoteGap(t.Context(), 0, lost.Seq, 77))
	done = sale.Apply(0, sale.Deliver(later)...)
	if done.Position.NextOffset != stays || done.Position.GapSeq != lost.Seq || done.Position.GapSinceUS != 77 {
		t.Errorf("read further: %+v, offset was %d", done, stays)
	}
	done = sale.Apply(0, sale.Deliver(lost, ahead, later)...)
	if done.Records != 3 || done.Position.AheadSeq != 0 || done.Position.GapSeq != 0 {
		t.Errorf("after the resend: %+v", done)
	}
	sameAsBook(t, sale, 0)
}

// lateConsumer: one that lost its partition applies an old batch once more, while the shard waits for a record. The offset
// stays at what was read ahead, or it would be passed without having been applied.
func lateConsumer(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 9, PerBuyer: 1})
	l := sale.Lots[0]
	old := sale.Deliver(sale.Bid(l, sale.ID(), 1))
	sale.Apply(0, old...)
	lost, ahead := sale.Bid(l, sale.ID(), 1), sale.Bid(l, sale.ID(), 1)
	stays := sale.Apply(0, sale.Deliver(ahead)...).Position.NextOffset
	if done := sale.Apply(0, old...); done.Duplicates != 1 || done.Position.AheadSeq != ahead.Seq {
		t.Errorf("the old batch: %+v", done)
	}
	if done := sale.Apply(0, sale.Deliver(lost)...); done.Records != 1 || done.Position.NextOffset != stays {
		t.Errorf("the next in line: %+v, the offset was %d", done, stays)
	}
}

// noteGapAfterwards: a note about a seq that has been applied meanwhile is not taken; 0 clears.
func noteGapAfterwards(t *testing.T, s *store.Store) {
	NewSale(t, s, 1, Terms{Stock: 9, PerBuyer: 1})
	for _, c := range []struct{ note, want int64 }{{2, 0}, {3, 3}, {2, 3}, {0, 0}} {
		must(t, s.NoteGap(t.Context(), 0, c.note, 5))
		p, err := s.Position(t.Context(), 0)
		must(t, err)
		if p.GapSeq != c.want {
			t.Errorf("after noting %d: gap %d, want %d", c.note, p.GapSeq, c.want)
		}
	}
}

// acceptedGap: an operator gives up what is missing; what comes of it later is an orphan.
func acceptedGap(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 9, PerBuyer: 1}, Terms{Stock: 9, PerBuyer: 1})
	lost, ahead := sale.Bid(sale.Lots[0], sale.ID(), 1), sale.Bid(sale.Lots[1], sale.ID(), 1)
	deliveries := sale.Deliver(ahead)
	sale.Apply(0, deliveries...)
	must(t, s.Halt(t.Context(), 0, "a gap for 30 s"))
	wantCode(t, s.AcceptGap(t.Context(), 0, lost.Seq), fault.Conflict, "no_gap")
	must(t, s.AcceptGap(t.Context(), 0, ahead.Seq))
	audited(t, s, "shard.accept_gap")
	if done := sale.Apply(0, deliveries...); done.Records != 1 || done.Position.Seq != ahead.Seq || done.Position.AheadSeq != 0 {
		t.Errorf("after accepting: %+v", done)
	}
	if done := sale.Apply(0, sale.Deliver(lost)...); done.Orphans != 1 {
		t.Errorf("what was given up: %+v", done)
	}
	if counts := unbroken(t, s); counts.Orphans != 1 || counts.Bids != 1 {
		t.Errorf("counts %+v", counts)
	}
	sameAsRow(t, s, sale.Lots[0].ID) // a rebuild goes on past the gap
}

// rewind: the offset goes back, a halt is over, what comes again is known.
func rewind(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 9, PerBuyer: 1})
	list := sale.Deliver(sale.Bid(sale.Lots[0], sale.ID(), 1), sale.Bid(sale.Lots[0], sale.ID(), 1))
	sale.Apply(0, list...)
	must(t, s.Halt(t.Context(), 0, "by hand"))
	wantCode(t, s.Rewind(t.Context(), 0, -1), fault.Invalid, "invalid")
	must(t, s.Rewind(t.Context(), 0, 1))
	p, err := s.Position(t.Context(), 0)
	must(t, err)
	if p.NextOffset != 1 || p.Halted != "" {
		t.Errorf("after the rewind: %+v", p)
	}
	audited(t, s, "shard.rewind")
	if done := sale.Apply(0, list...); done.Duplicates != 2 || done.Position.NextOffset != 4 {
		t.Errorf("again: %+v", done)
	}
}

// orphan: after a cut, what an older epoch still sends is kept aside, once.
func orphan(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 9, PerBuyer: 1})
	l := sale.Lots[0]
	sale.Apply(0, sale.Deliver(sale.Bid(l, sale.ID(), 1))...)
	unsent := sale.Bid(l, sale.ID(), 1) // decided by a gate that has died since
	cut := sale.Cut(0)
	if r := cut[0].Record; len(cut) != 1 || r.Kind != auction.KindCut || r.Epoch != 2 || r.Seq != 4 {
		t.Errorf("the cut: %+v", cut)
	}
	late := sale.Deliver(unsent)
	for range 2 {
		if done := sale.Apply(0, append(cut, late...)...); done.Orphans != 1 || done.Duplicates != 1 || done.Records != 0 {
			t.Errorf("a late record: %+v", done)
		}
	}
	counts, err := s.LotCounts(t.Context(), uuid.Nil)
	must(t, err)
	if counts[0].Orphans != 1 || counts[0].Bids != 1 {
		t.Errorf("counts %+v", counts[0])
	}
}

// cutWhileAhead: what was read ahead of a gap is an orphan once the consumer begins again where MySQL says.
func cutWhileAhead(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 9, PerBuyer: 1})
	l := sale.Lots[0]
	sale.Bid(l, sale.ID(), 1) // lost
	ahead := sale.Deliver(sale.Bid(l, sale.ID(), 1))
	sale.Apply(0, ahead...)
	cut := sale.Cut(0)
	done := sale.Apply(0, append(ahead, cut...)...)
	if done.Orphans != 1 || done.Duplicates != 1 || done.Position.AheadSeq != 0 || done.Position.NextOffset != cut[0].Offset+1 {
		t.Errorf("from the position again: %+v", done)
	}
}

// cutFromTheTopic: a database that has lost its newest commits takes the cut from the topic.
func cutFromTheTopic(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 9, PerBuyer: 1})
	cut := auction.Record{Deployment: sale.Deployment.ID, Epoch: 2, Seq: 3, Kind: auction.KindCut, TimeUS: sale.Tick(), Reason: "recovery"}
	done := sale.Apply(0, sale.Deliver(cut)...)
	if done.Records != 1 || done.Position.At() != (auction.Cursor{Epoch: 2, Seq: 3}) {
		t.Errorf("applied: %+v", done)
	}
}

// parked: bytes that are no record move the offset and are kept; so is what belongs to somebody else, and a lot that is
// not here.
func parked(t *testing.T, s *store.Store) {
	sale := NewSale(t, s, 1, Terms{Stock: 9, PerBuyer: 1})
	r := sale.Bid(sale.Lots[0], sale.ID(), 1)
	foreign, elsewhere, good := r, r, sale.Deliver(r)
	foreign.Deployment, elsewhere.Shard = sale.ID(), 5
	stranger := sale.next(r)
	stranger.Lot = sale.ID()
	list := append(good, auction.Delivery{Raw: []byte("{no record"), Offset: 3, Err: errors.New("not JSON")})
	sale.offsets[0] = 4
	list = append(list, sale.Deliver(foreign)...)
	mis := sale.Deliver(elsewhere)[0]
	mis.Offset = 5
	sale.offsets[0] = 6
	list = append(list, mis)
	list = append(list, sale.Deliver(stranger)...)
	done := sale.Apply(0, list...)
	if done.Records != 2 || done.Parked != 4 || done.Position.NextOffset != 7 {
		t.Errorf("applied: %+v", done)
	}
	if again := sale.Apply(0, list...); again.Records != 0 || again.Position.NextOffset != 7 {
		t.Errorf("again: %+v", again)
	}
	if counts := unbroken(t, s); counts.Parked != 4 || counts.Bids != 1 {
		t.Errorf("counts %+v", counts)
	}
}

// deployment: the database belongs to the first who claims it.
func deployment(t *testing.T, s *store.Store) {
	none, err := s.Deployment(t.Context(), auction.Deployment{})
	must(t, err)
	if none != (auction.Deployment{}) {
		t.Errorf("before any claim: %+v", none)
	}
	_, _, err = s.Cut(t.Context(), 0, auction.Cursor{}, Opens)
	wantCode(t, err, fault.Conflict, "no_deployment")
	mine := auction.Deployment{ID: ID(1), Shards: 4}
	for range 2 {
		got, err := s.Deployment(t.Context(), mine)
		must(t, err)
		if got != mine {
			t.Errorf("claimed %+v, got %+v", mine, got)
		}
	}
	for _, other := range []auction.Deployment{{ID: ID(2), Shards: 4}, {ID: ID(1), Shards: 8}} {
		got, err := s.Deployment(t.Context(), other)
		wantCode(t, err, fault.Conflict, "other_deployment")
		if got != mine {
			t.Errorf("%+v got %+v", other, got)
		}
	}
	_, _, err = s.Cut(t.Context(), 4, auction.Cursor{}, Opens)
	wantCode(t, err, fault.Conflict, "no_deployment")
}

// cut opens epochs: the first with a genesis before it.
func cut(t *testing.T, s *store.Store) {
	d, err := s.Deployment(t.Context(), auction.Deployment{ID: ID(1), Shards: 4})
	must(t, err)
	must(t, s.Alive(t.Context(), []int{2}, 99))
	records, p, err := s.Cut(t.Context(), 2, auction.Cursor{}, Opens)
	must(t, err)
	base := auction.Record{Deployment: d.ID, Shard: 2, Epoch: 1, TimeUS: Opens}
	genesis, first := base, base
	genesis.Seq, genesis.Kind, genesis.Shards = 1, auction.KindGenesis, 4
	first.Seq, first.Kind, first.Reason = 2, auction.KindCut, "recovery"
	if diff := cmp.Diff([]auction.Record{genesis, first}, records); diff != "" {
		t.Errorf("the first epoch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(auction.Position{Shard: 2, Epoch: 1, Seq: 2, AliveUS: 99}, p); diff != "" {
		t.Errorf("position (-want +got):\n%s", diff)
	}
	_, _, err = s.Cut(t.Context(), 2, auction.Cursor{}, Opens+1) // who has not seen the first epoch
	wantCode(t, err, fault.Unavailable, "overtaken")
	records, p, err = s.Cut(t.Context(), 2, p.At(), Opens+1)
	must(t, err)
	if len(records) != 1 || records[0].Seq != 3 || p.At() != (auction.Cursor{Epoch: 2, Seq: 3}) {
		t.Errorf("the second epoch: %+v at %+v", records, p)
	}
	_, _, err = s.Cut(t.Context(), 2, auction.Cursor{Epoch: 2, Seq: 4}, Opens+2) // one more than it has
	wantCode(t, err, fault.Unavailable, "forgotten")
	stored, err := s.Records(t.Context(), 2, 0, 10)
	must(t, err)
	if len(stored) != 3 {
		t.Errorf("stored: %+v", stored)
	}
}

func alive(t *testing.T, s *store.Store) {
	NewSale(t, s, 3)
	for _, c := range []struct {
		shards []int
		at     int64
	}{{[]int{0, 1}, 10}, {[]int{1, 2}, 20}, {[]int{1, 2}, 20}, {nil, 30}} {
		must(t, s.Alive(t.Context(), c.shards, c.at))
	}
	positions, err := s.Positions(t.Context())
	must(t, err)
	var got []int64
	for _, p := range positions {
		got = append(got, p.AliveUS)
	}
	if diff := cmp.Diff([]int64{10, 20, 20}, got); diff != "" {
		t.Errorf("alive (-want +got):\n%s", diff)
	}
}

// redriven: what was parked is tried again when its cause is gone, once; what later records have said of the lot stays.
func redriven(t *testing.T, s *store.Store) {
	sale, ctx := NewSale(t, s, 1, Terms{Stock: 9, PerBuyer: 1}), t.Context()
	late := *sale // publishes the lot that the records are about, after they came
	late.Lots, late.ids = nil, sale.ids+100
	l := auction.Lot{ID: ID(late.ids + 3), PriceMinor: 900, Currency: "EUR"}
	paused := sale.next(auction.Record{Kind: auction.KindPaused, Lot: l.ID, Version: 1, Reason: "operator"})
	topped := sale.next(auction.Record{Kind: auction.KindToppedUp, Lot: l.ID, Version: 2, Quantity: 1, Reason: "operator"})
	bids := []auction.Record{sale.forged(l, 3, ID(91), sale.ID(), sale.ID(), 1), sale.forged(l, 4, ID(92), sale.ID(), sale.ID(), 1, 2)}
	list := sale.Deliver(paused, topped, bids[0], bids[1])
	unread := auction.Delivery{Raw: []byte("{no record"), Offset: sale.offsets[0], Err: errors.New("not JSON")}
	sale.offsets[0]++
	sale.Apply(0, append(list, unread)...)
	redrive := func(d auction.Delivery) error { return s.Redrive(ctx, 0, d.Offset) }
	var at []store.Parked
	look := func(want int) {
		t.Helper()
		var err error
		at, err = s.Parked(ctx, 10)
		must(t, err)
		if len(at) != want || unbroken(t, s).Parked != int64(want) {
			t.Errorf("%d parked, want %d: %+v", len(at), want, at)
		}
	}

	wantCode(t, redrive(list[2]), fault.Conflict, "still_parked")
	look(5)
	want := store.Parked{Offset: list[3].Offset, Seq: bids[1].Seq, Lot: l.ID, Buyer: ID(92), Quantity: 2, Reason: "lot_not_in_shard", ParkedUS: at[3].ParkedUS}
	if at[3] != want || at[4].Seq != 0 || at[4].Reason != "not JSON" {
		t.Errorf("parked: %+v", at[3:])
	}
	late.publish([]Terms{{Stock: 1, PerBuyer: 2}}, func(uuid.UUID) int { return 0 })
	resumed := sale.next(auction.Record{Kind: auction.KindResumed, Lot: l.ID, Version: 5, ClosesUS: Opens + 2*Hour, CreditUS: Hour, Reason: "operator"})
	sale.Apply(0, sale.Deliver(resumed)...)
	must(t, s.Halt(ctx, 0, "by hand"))
	wantCode(t, redrive(list[2]), fault.Conflict, "shard_halted")
	must(t, s.Resume(ctx, 0))

	for _, d := range list {
		must(t, redrive(d))
	}
	audited(t, s, "shard.redrive")
	wantCode(t, redrive(list[2]), fault.NotFound, "not_parked")
	row, err := s.Lot(ctx, l.ID)
	must(t, err)
	if row.State != auction.LotOpen || row.Version != 5 || row.Stock != 2 || row.Sold != 1 || row.ClosesUS != Opens+2*Hour {
		t.Errorf("the lot: %+v", row)
	}
	for n, state := range []orders.State{orders.PendingPayment, orders.Void} { // the second asks for more than is left
		if o, err := s.Order(ctx, bids[n].Order); err != nil || o.State != state {
			t.Errorf("order %d: %+v, %v", n, o, err)
		}
	}
	look(1)

	must(t, redrive(unread))
	look(0)
	read := sale.Deliver(sale.Bid(sale.Lots[0], sale.ID(), 1))[0]
	p, err := s.Position(ctx, 0)
	must(t, err)
	read.Offset = p.NextOffset // a newer worker understands the message
	if done := sale.Apply(0, read); p.NextOffset != unread.Offset || done.Records != 1 {
		t.Errorf("read again from %d: %+v", p.NextOffset, done)
	}
}
