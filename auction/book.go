package auction

import (
	"fmt"
	"maps"
	"slices"

	"github.com/google/uuid"
)

// Book is the rules: it holds a shard's lots, decides bids on them, and writes down what it decided. It is the
// authority; the decide script is its port. It is not safe for concurrent use: decisions have an order.
type Book struct {
	Deployment uuid.UUID
	Shard      int
	Epoch, Seq int64
	LastUS     int64
	lots       map[uuid.UUID]*lotBook
	excused    []Span // see Rebuild
}

type lotBook struct {
	Lot
	left     int64
	seq      int64 // of its last record
	locked   bool
	units    map[holding]Unit
	admitted map[bidKey]Record
}

type holding struct {
	buyer uuid.UUID
	nth   int
}

type bidKey struct{ buyer, bid uuid.UUID }

// NewBook gives an empty book.
func NewBook(deployment uuid.UUID, shard int) *Book {
	return &Book{Deployment: deployment, Shard: shard, lots: map[uuid.UUID]*lotBook{}}
}

// Add puts a lot into the book, as preheat does before it opens; a lot that is there is replaced.
func (b *Book) Add(l Lot) {
	b.lots[l.ID] = &lotBook{Lot: l, left: l.Stock, units: map[holding]Unit{}, admitted: map[bidKey]Record{}}
}

// Lock sets or frees a lot's random-code lock.
func (b *Book) Lock(lot uuid.UUID, locked bool) { b.lots[lot].locked = locked }

// now is the time of a decision: it never runs back.
func (b *Book) now(nowUS int64) int64 {
	b.LastUS = max(b.LastUS, nowUS)
	return b.LastUS
}

// Decide decides one bid at nowUS by the order of checks of FORMATS.md, and gives the record of an admission. The
// receipt's durability is for the caller to fill in. A quantity below 1 is no bid: the caller refuses it.
func (b *Book) Decide(bid Bid, nowUS int64) (Answer, *Record) {
	now := b.now(nowUS)
	l := b.lots[bid.Lot]
	if l == nil {
		return Answer{Verdict: NotFound, AtUS: now, Left: -1}, nil
	}
	a := Answer{AtUS: now, OpensUS: l.OpensUS, ClosesUS: l.ClosesUS, PriceMinor: l.PriceMinor, Left: -1}
	if first, ok := l.admitted[bidKey{bid.Buyer, bid.ID}]; ok {
		return repeat(a, first, bid), nil
	}
	held := l.held(bid.Buyer)
	if a.Verdict = l.refuse(bid, now, len(held)); a.Verdict != "" {
		return a, nil
	}
	a.Left = l.left
	if l.left < bid.Quantity {
		a.Verdict = SoldOut
		return a, nil
	}
	r := b.admit(l, bid, now, free(held, int(bid.Quantity)))
	a.Verdict, a.Receipt, a.Left = Admitted, ReceiptOf(r, ""), l.left
	return a, &r
}

func repeat(a Answer, first Record, bid Bid) Answer {
	if first.Content() != bid.Content() {
		a.Verdict = IDReused
		return a
	}
	a.Verdict, a.Repeat, a.Receipt = Admitted, true, ReceiptOf(first, "")
	return a
}

// refuse gives the first check that fails, before stock; "" for none.
func (l *lotBook) refuse(bid Bid, now int64, held int) Verdict {
	switch {
	case l.State == LotWithdrawn:
		return Withdrawn
	case l.State == LotClosed:
		return Ended
	case l.State == LotPaused:
		return Paused
	case now < l.OpensUS:
		return NotStarted
	case now >= l.ClosesUS:
		return Ended
	case bid.Area != l.Area:
		return WrongArea
	case bid.Buyer == l.Seller:
		return OwnLot
	case l.locked:
		return Busy
	case bid.Code != l.Code:
		return BadCode
	case held > 0 && l.PerBuyer == 1:
		return AlreadyBought
	case int64(held)+bid.Quantity > int64(l.PerBuyer):
		return LimitReached
	case bid.Seen != 0 && bid.Seen != l.PriceMinor, bid.Amount != 0 && bid.Amount != l.PriceMinor,
		bid.Currency != "" && bid.Currency != l.Currency:
		return PriceMismatch
	}
	return ""
}

// held gives the unit numbers a buyer has, ascending.
func (l *lotBook) held(buyer uuid.UUID) []int {
	var nths []int
	for nth := 1; nth <= l.PerBuyer; nth++ {
		if _, ok := l.units[holding{buyer, nth}]; ok {
			nths = append(nths, nth)
		}
	}
	return nths
}

// free gives the n lowest unit numbers that are not held.
func free(held []int, n int) []int {
	var nths []int
	for nth := 1; len(nths) < n; nth++ {
		if !slices.Contains(held, nth) {
			nths = append(nths, nth)
		}
	}
	return nths
}

func (b *Book) admit(l *lotBook, bid Bid, now int64, nth []int) Record {
	r := b.next(l, KindBid, now)
	r.Bid, r.Buyer, r.Order, r.Trace = bid.ID, bid.Buyer, bid.Order, bid.Trace
	r.Quantity, r.Nth, r.PriceMinor, r.Currency = bid.Quantity, nth, l.PriceMinor, l.Currency
	r.BidKind, r.Amount, r.Seen, r.CurrencySeen = bid.Kind, bid.Amount, bid.Seen, bid.Currency
	return b.wrote(r)
}

// next gives the empty record that comes next in the shard, for a lot.
func (b *Book) next(l *lotBook, kind Kind, now int64) Record {
	return Record{Deployment: b.Deployment, Shard: b.Shard, Epoch: b.Epoch, Seq: b.Seq + 1, Kind: kind, Lot: l.ID,
		Version: l.Version + 1, TimeUS: now}
}

// wrote takes a record of the book's own making into the book.
func (b *Book) wrote(r Record) Record {
	if err := b.replay(r); err != nil {
		panic(err) // the book has just made it: a broken rule, not bad input
	}
	return r
}

// Close closes a lot whose time is over; nil: it was closed before, or is not over, or is not there.
func (b *Book) Close(lot uuid.UUID, nowUS int64) *Record {
	now, l := b.now(nowUS), b.lots[lot]
	if l == nil || l.State == LotClosed || l.State == LotWithdrawn || l.State == LotPaused || now < l.ClosesUS {
		return nil
	}
	r := b.next(l, KindClosed, now)
	r.Left, r.Reason = l.left, "time"
	r = b.wrote(r)
	return &r
}

// Withdraw takes a lot out of the sale for good; nil: it is closed or withdrawn already, or not there.
func (b *Book) Withdraw(lot uuid.UUID, reason string, nowUS int64) *Record {
	now, l := b.now(nowUS), b.lots[lot]
	if l == nil || l.State == LotClosed || l.State == LotWithdrawn {
		return nil
	}
	r := b.next(l, KindWithdrawn, now)
	r.Reason = reason
	r = b.wrote(r)
	return &r
}

// Release gives an order's units back; nil: their markers do not name that order.
func (b *Book) Release(rel Release, nowUS int64) *Record {
	now, l := b.now(nowUS), b.lots[rel.Lot]
	if l == nil || len(rel.Nth) == 0 {
		return nil
	}
	for _, nth := range rel.Nth {
		if u, ok := l.units[holding{rel.Buyer, nth}]; !ok || u.Order != rel.Order {
			return nil
		}
	}
	r := b.next(l, KindReleased, now)
	r.Bid, r.Buyer, r.Order, r.Nth = rel.Bid, rel.Buyer, rel.Order, rel.Nth
	r.Quantity, r.Reason = int64(len(rel.Nth)), rel.Reason
	r = b.wrote(r)
	return &r
}

// Credit gives paused time back to every lot that was open in it: lots that had opened before nowUS and were not over at
// pausedUS. It gives the `resumed` records, in order of the lots' ids.
func (b *Book) Credit(pausedUS, nowUS int64) []Record {
	now, records := b.now(nowUS), []Record(nil)
	for _, l := range b.ordered() {
		credit := now - max(pausedUS, l.OpensUS)
		if l.State != LotOpen || l.OpensUS >= now || l.ClosesUS <= pausedUS || credit <= 0 {
			continue
		}
		r := b.next(l, KindResumed, now)
		r.CreditUS, r.ClosesUS, r.Reason = credit, l.ClosesUS+credit, "recovery"
		records = append(records, b.wrote(r))
	}
	return records
}

func (b *Book) ordered() []*lotBook {
	return slices.SortedFunc(maps.Values(b.lots), func(x, y *lotBook) int { return slices.Compare(x.ID[:], y.ID[:]) })
}

// replay takes a record into the book, as an effect: rules are not asked again, but a record that cannot follow from
// what is there is an error.
func (b *Book) replay(r Record) error {
	if r.Seq <= b.Seq || r.Epoch < b.Epoch {
		return fmt.Errorf("record %s does not come after %d-%d", r.ID(), b.Epoch, b.Seq)
	}
	if l := b.lots[r.Lot]; l != nil {
		missing := r.Version > l.Version+1 && b.excuses(l.seq+1, r.Seq)
		if r.Version != l.Version+1 && !missing {
			return fmt.Errorf("record %s: version %d after %d of lot %s", r.ID(), r.Version, l.Version, l.ID)
		}
		if b.excuses(r.Seq, r.Seq+1) {
			l.excuse(r)
		} else if err := l.take(r); err != nil {
			return err
		}
		l.Version, l.seq = r.Version, r.Seq
	} else if r.OfLot() {
		return fmt.Errorf("record %s: lot %s is not in the book", r.ID(), r.Lot)
	}
	b.Epoch, b.Seq, b.LastUS = r.Epoch, r.Seq, max(b.LastUS, r.TimeUS)
	return nil
}

// excuses says whether any of the seqs from … to-1 is excused.
func (b *Book) excuses(from, to int64) bool {
	return slices.ContainsFunc(b.excused, func(s Span) bool { return s.From < to && from < s.To })
}

// excuse keeps the receipt of a bid that has no effect; where the bid was admitted before, the first one stands.
func (l *lotBook) excuse(r Record) {
	key := bidKey{r.Buyer, r.Bid}
	if _, ok := l.admitted[key]; r.Kind == KindBid && !ok {
		l.admitted[key] = r
	}
}

// take applies a record's effect to its lot.
func (l *lotBook) take(r Record) error {
	switch r.Kind {
	case KindBid:
		for _, nth := range r.Nth {
			if u, ok := l.units[holding{r.Buyer, nth}]; ok {
				return fmt.Errorf("record %s: unit %d is order %s's", r.ID(), nth, u.Order)
			}
			l.units[holding{r.Buyer, nth}] = Unit{Buyer: r.Buyer, Bid: r.Bid, Order: r.Order, Nth: nth, Epoch: r.Epoch, Seq: r.Seq}
		}
		l.admitted[bidKey{r.Buyer, r.Bid}] = r
		l.sell(r.Quantity)
	case KindReleased:
		for _, nth := range r.Nth {
			if u, ok := l.units[holding{r.Buyer, nth}]; !ok || u.Order != r.Order {
				return fmt.Errorf("record %s: unit %d is not order %s's", r.ID(), nth, r.Order)
			}
			delete(l.units, holding{r.Buyer, nth})
		}
		l.sell(-r.Quantity)
	case KindClosed:
		l.State = LotClosed
	case KindWithdrawn:
		l.State = LotWithdrawn
	case KindPaused:
		l.State = LotPaused
	case KindResumed:
		l.State, l.ClosesUS = LotOpen, r.ClosesUS
	case KindExtended:
		l.ClosesUS = r.ClosesUS
	case KindToppedUp:
		l.Stock += r.Quantity
		l.left += r.Quantity
	}
	if l.left < 0 {
		return fmt.Errorf("record %s: lot %s sold %d of %d", r.ID(), l.ID, l.Sold, l.Stock)
	}
	return nil
}

func (l *lotBook) sell(n int64) { l.left, l.Sold = l.left-n, l.Sold+n }

// State gives what the book holds, lots, units and admissions in a fixed order.
func (b *Book) State() ShardState {
	s := ShardState{Deployment: b.Deployment, Shard: b.Shard, Epoch: b.Epoch, Seq: b.Seq, LastUS: b.LastUS}
	for _, l := range b.ordered() {
		units := slices.SortedFunc(maps.Values(l.units), func(x, y Unit) int {
			if c := slices.Compare(x.Buyer[:], y.Buyer[:]); c != 0 {
				return c
			}
			return x.Nth - y.Nth
		})
		admitted := slices.SortedFunc(maps.Values(l.admitted), func(x, y Record) int { return int(x.Seq - y.Seq) })
		s.Lots = append(s.Lots, LotBook{Lot: l.Lot, Left: l.left, Units: units, Admitted: admitted})
	}
	return s
}
