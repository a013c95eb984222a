package storetest

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/goods"
	"rostrum/internal/fault"
	"rostrum/store"
)

// Opens is when the lots of a Sale open, microseconds UTC: 2027-01-15.
const Opens int64 = 1_800_000_000_000_000

// Hour is how long they are open, microseconds.
const Hour int64 = 3_600_000_000

// Terms are those of one lot of a Sale.
type Terms struct {
	Stock    int64
	PerBuyer int
}

// Sale is a published session in a store, and the book of each shard that decides its bids: a gate without Redis.
type Sale struct {
	Store      *store.Store
	Deployment auction.Deployment
	Session    auction.Session
	Seller     uuid.UUID
	Lots       []auction.Lot // in order of the terms
	Books      map[int]*auction.Book

	t          testing.TB
	recurrence auction.Recurrence
	ids        int
	offsets    map[int]int64
	at         int64
}

// NewSale makes a deployment of so many shards, one session with a lot for each of the terms, and opens each shard's
// first epoch with a cut, whose records have come back from the topic.
func NewSale(t testing.TB, s *store.Store, shards int, terms ...Terms) *Sale {
	t.Helper()
	return newSale(t, s, auction.Once, shards, terms)
}

func newSale(t testing.TB, s *store.Store, recurrence auction.Recurrence, shards int, terms []Terms) *Sale {
	t.Helper()
	sale := &Sale{Store: s, t: t, recurrence: recurrence, Books: map[int]*auction.Book{}, offsets: map[int]int64{}, at: Opens}
	d, err := s.Deployment(t.Context(), auction.Deployment{ID: sale.ID(), Shards: shards})
	must(t, err)
	sale.Deployment, sale.Seller = d, sale.ID()
	must(t, s.PutArea(t.Context(), goods.Area{Code: "north", Name: "North"}))
	sale.publish(terms, func(lot uuid.UUID) int { return auction.ShardOf(lot, uuid.Nil, shards) })
	for shard := range shards {
		sale.open(shard)
	}
	return sale
}

// open opens a shard's first epoch and gives its book the lots.
func (s *Sale) open(shard int) {
	s.t.Helper()
	s.Books[shard] = auction.NewBook(s.Deployment.ID, shard)
	s.Apply(shard, s.Cut(shard)...)
	for _, l := range s.Lots {
		if l.Shard == shard {
			s.Books[shard].Add(l)
		}
	}
}

// ID gives a new UUID of version 7: later ones are greater, and every run of a test has the same.
func (s *Sale) ID() uuid.UUID {
	s.ids++
	return ID(s.ids)
}

// ID gives the n-th id of a test: made n milliseconds after Opens, with a tail that is spread, as the shards need it.
func ID(n int) uuid.UUID {
	var id uuid.UUID
	tail := (uint64(n) + 1) * 0x9e3779b97f4a7c15
	binary.BigEndian.PutUint64(id[:8], uint64(Opens/1000+int64(n))<<16)
	binary.BigEndian.PutUint64(id[8:], tail^tail>>29)
	id[6], id[8] = 0x70, 0x80|id[8]>>2
	return id
}

func (s *Sale) publish(terms []Terms, shardOf func(lot uuid.UUID) int) {
	s.t.Helper()
	ctx := s.t.Context()
	a := auction.Session{ID: s.ID(), Area: "north", Name: "Evening", Currency: "EUR", StartsUS: Opens, EndsUS: Opens + Hour,
		Recurrence: s.recurrence, Zone: "UTC", State: auction.SessionDraft, Creator: s.Seller, CreatedUS: Opens - Hour}
	must(s.t, s.Store.CreateSession(ctx, a))
	for i, term := range terms {
		id := s.ID()
		item := goods.Item{ID: id, Number: id.String(), Owner: s.Seller, Creator: s.Seller, Name: fmt.Sprint("Lamp ", i),
			PriceMinor: 1000, Currency: "EUR", Area: "north", Auctionable: true, CreatedUS: Opens - Hour}
		must(s.t, s.Store.CreateItem(ctx, item))
		l := auction.Lot{ID: s.ID(), Session: a.ID, Item: item.ID, Seller: s.Seller, Area: a.Area, Title: item.Name,
			Format: auction.Flash, PriceMinor: 900, Currency: "EUR", Stock: term.Stock, PerBuyer: term.PerBuyer, State: auction.LotDraft}
		l.Shard = shardOf(l.ID)
		must(s.t, s.Store.AddLot(ctx, l))
		l.Rev, l.State, l.Code, l.Salt = 1, auction.LotOpen, "0123456789abcdefghijkl", []byte("0123456789abcdef")
		l.OpensUS, l.ClosesUS = Opens, Opens+Hour
		s.Lots = append(s.Lots, l)
	}
	read, err := s.Store.Session(ctx, a.ID)
	must(s.t, err)
	must(s.t, s.Store.Publish(ctx, read, s.Lots))
	for i := range s.Lots {
		s.Lots[i].Rev++
	}
	s.Session, err = s.Store.Session(ctx, a.ID)
	must(s.t, err)
}

// Cut opens a shard's next epoch in the store and in its book, and gives the deliveries of the records that say so.
func (s *Sale) Cut(shard int) []auction.Delivery {
	s.t.Helper()
	at, err := s.Store.Position(s.t.Context(), shard)
	must(s.t, err)
	records, p, err := s.Store.Cut(s.t.Context(), shard, at.At(), s.Tick())
	must(s.t, err)
	s.Books[shard].Epoch, s.Books[shard].Seq = p.Epoch, p.Seq
	return s.Deliver(records...)
}

// Tick lets a millisecond pass and gives the time.
func (s *Sale) Tick() int64 {
	s.at += 1000
	return s.at
}

// Deliver gives records as their shard's partition would: with the next offsets.
func (s *Sale) Deliver(records ...auction.Record) []auction.Delivery {
	s.t.Helper()
	var list []auction.Delivery
	for _, r := range records {
		raw, err := r.JSON()
		must(s.t, err)
		list = append(list, auction.Delivery{Record: r, Raw: raw, Offset: s.offsets[r.Shard]})
		s.offsets[r.Shard]++
	}
	return list
}

// Bid decides a bid of a buyer for so many units, which must be admitted.
func (s *Sale) Bid(l auction.Lot, buyer uuid.UUID, quantity int64) auction.Record {
	s.t.Helper()
	a, r := s.TryBid(l, buyer, quantity)
	if r == nil {
		s.t.Fatalf("the bid was not admitted: %s", a.Verdict)
	}
	return *r
}

// TryBid decides a bid; the record is nil where it is refused.
func (s *Sale) TryBid(l auction.Lot, buyer uuid.UUID, quantity int64) (auction.Answer, *auction.Record) {
	return s.Books[l.Shard].Decide(auction.Bid{ID: s.ID(), Lot: l.ID, Buyer: buyer, Area: l.Area, Order: s.ID(), Code: l.Code,
		Quantity: quantity, Trace: "t"}, s.Tick())
}

// Release gives the units of a bid's order back.
func (s *Sale) Release(bid auction.Record) auction.Record {
	s.t.Helper()
	r := s.Books[bid.Shard].Release(auction.Release{Lot: bid.Lot, Buyer: bid.Buyer, Bid: bid.Bid, Order: bid.Order, Nth: bid.Nth,
		Reason: "cancelled"}, s.Tick())
	if r == nil {
		s.t.Fatal("nothing to release")
	}
	return *r
}

// Close lets the time of a lot pass and closes it.
func (s *Sale) Close(l auction.Lot) auction.Record {
	s.t.Helper()
	s.at = max(s.at, Opens+Hour)
	r := s.Books[l.Shard].Close(l.ID, s.Tick())
	if r == nil {
		s.t.Fatal("not closed")
	}
	return *r
}

// Withdraw takes a lot out of the sale.
func (s *Sale) Withdraw(l auction.Lot) auction.Record {
	s.t.Helper()
	r := s.Books[l.Shard].Withdraw(l.ID, "session_cancelled", s.Tick())
	if r == nil {
		s.t.Fatal("not withdrawn")
	}
	return *r
}

// Apply applies deliveries and fails the test on an error.
func (s *Sale) Apply(shard int, list ...auction.Delivery) auction.Applied {
	s.t.Helper()
	done, err := s.Store.Apply(s.t.Context(), shard, list)
	must(s.t, err)
	return done
}

// Rebuilt gives the state that recovery would load a shard's gate with, from what the store holds.
func Rebuilt(ctx context.Context, s *store.Store, shard int) (auction.ShardState, error) {
	book, err := RebuiltBook(ctx, s, shard)
	if err != nil {
		return auction.ShardState{}, err
	}
	return book.State(), nil
}

// RebuiltBook is the book of that state; at most MaxPage lots and records.
func RebuiltBook(ctx context.Context, s *store.Store, shard int) (*auction.Book, error) {
	d, err := s.Deployment(ctx, auction.Deployment{})
	if err != nil {
		return nil, err
	}
	p, err := s.Position(ctx, shard)
	if err != nil {
		return nil, err
	}
	lots, err := s.LotsToLoad(ctx, shard, uuid.Nil, store.MaxPage)
	if err != nil {
		return nil, err
	}
	records, err := s.Records(ctx, shard, 0, store.MaxPage)
	if err != nil {
		return nil, err
	}
	excused, err := s.Excused(ctx, shard)
	if err != nil {
		return nil, err
	}
	return auction.Rebuild(d.ID, shard, p.At(), lots, records, excused...)
}

// wantWrong fails the test unless err says that these fields are wrong, and no others.
func wantWrong(t testing.TB, err error, fields ...string) {
	t.Helper()
	var got []string
	if f := fault.As(err); f != nil && f.Class == fault.Invalid {
		for _, wrong := range f.Fields {
			got = append(got, wrong.Name)
		}
	}
	if diff := cmp.Diff(fields, got); diff != "" {
		t.Errorf("error %v: wrong fields (-want +got):\n%s", err, diff)
	}
}

// wantCode fails the test unless err has a class and a code.
func wantCode(t testing.TB, err error, class fault.Class, code string) {
	t.Helper()
	if err == nil || fault.ClassOf(err) != class || fault.CodeOf(err) != code {
		t.Errorf("error %v: class %d, code %s; want class %d, code %s", err, fault.ClassOf(err), fault.CodeOf(err), class, code)
	}
}
