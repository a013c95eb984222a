package gate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// Holds is auction.Lineage's. Terms that no rule reads (group, item, title, format, salt, rev) are not in the gate and come
// back empty, as does the trace of the admitted records. Left is -1 where the stock's key is missing. It reads in several
// steps: on a lot that takes bids meanwhile, the parts may be of different moments.
func (g *Gate) Holds(ctx context.Context, shard int, lot uuid.UUID) (auction.LotBook, error) {
	if err := g.checkShard(shard); err != nil {
		return auction.LotBook{}, err
	}
	book := auction.LotBook{Left: -1}
	if err := g.holdsTerms(ctx, shard, lot, &book); err != nil {
		return auction.LotBook{}, err
	}
	err := g.eachReceipts(ctx, shard, book.Lot, func(some []auction.Record) error {
		book.Admitted = append(book.Admitted, some...)
		return nil
	})
	if err != nil {
		return auction.LotBook{}, err
	}
	slices.SortFunc(book.Admitted, func(x, y auction.Record) int { return int(x.Seq - y.Seq) })
	book.Admitted = slices.CompactFunc(book.Admitted, func(x, y auction.Record) bool { return x.Seq == y.Seq }) // HSCAN may repeat
	return book, g.holdsUnits(ctx, shard, &book)
}

func (g *Gate) holdsTerms(ctx context.Context, shard int, lot uuid.UUID, book *auction.LotBook) error {
	ctx, cancel := context.WithTimeout(ctx, bulkTimes*g.timeout)
	defer cancel()
	terms, err := g.client.HGetAll(ctx, g.keys.Lot(shard, lot)).Result()
	if err != nil {
		return outcome(err)
	}
	if len(terms) == 0 {
		return fault.New(fault.NotFound, "lot_not_loaded", "the gate has no such lot")
	}
	if book.Lot, err = lotOf(shard, lot, terms); err != nil {
		return err
	}
	left, err := g.client.Get(ctx, g.keys.Stock(shard, lot, book.Code)).Int64()
	if err == nil {
		book.Left, book.Sold = left, book.Stock-left
	} else if !errors.Is(err, redis.Nil) {
		return outcome(err)
	}
	return nil
}

// lotOf reads what fieldsOf writes.
func lotOf(shard int, lot uuid.UUID, terms map[string]string) (auction.Lot, error) {
	var n numbers
	l := auction.Lot{ID: lot, Shard: shard, Area: terms["area"], PriceMinor: n.of(terms["price"]), Currency: terms["currency"],
		Stock: n.of(terms["stock"]), PerBuyer: int(n.of(terms["per_buyer"])), Code: terms["code"], OpensUS: n.of(terms["opens"]),
		ClosesUS: n.of(terms["closes"]), State: auction.LotState(terms["state"]), Version: n.of(terms["version"])}
	err := n.err
	if err == nil {
		l.Session, err = uuid.Parse(terms["session"])
	}
	if err == nil {
		l.Seller, err = uuid.Parse(terms["seller"])
	}
	if err != nil {
		return auction.Lot{}, fault.Wrap(fault.Internal, "gate_reply", "lot "+lot.String(), err)
	}
	return l, nil
}

// eachReceipts walks over a lot's receipts, some hundreds at a time, as the records of these admissions.
func (g *Gate) eachReceipts(ctx context.Context, shard int, lot auction.Lot, visit func([]auction.Record) error) error {
	for cursor := uint64(0); ; {
		step, cancel := context.WithTimeout(ctx, bulkTimes*g.timeout)
		pairs, next, err := g.client.HScan(step, g.keys.Bids(shard, lot.ID), cursor, "", maxPipeline/2).Result()
		cancel()
		if err != nil {
			return outcome(err)
		}
		var some []auction.Record
		for i := 0; i+1 < len(pairs); i += 2 {
			r, err := g.admission(shard, lot, pairs[i], pairs[i+1])
			if err != nil {
				return err
			}
			some = append(some, r)
		}
		if err := visit(some); err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// admission makes the record of a receipt: all of it but the trace.
func (g *Gate) admission(shard int, lot auction.Lot, field, text string) (auction.Record, error) {
	r := auction.Record{Deployment: g.deployment, Shard: shard, Kind: auction.KindBid, Lot: lot.ID, Currency: lot.Currency}
	err := fmt.Errorf("its field is %q", field)
	if len(field) == len(r.Buyer)+len(r.Bid) {
		r.Buyer, field, _ = cutID(field)
		r.Bid, _, _ = cutID(field)
		err = setReceipt(&r, text)
	}
	if err != nil {
		return auction.Record{}, fault.Wrap(fault.Internal, "gate_reply", "a receipt of lot "+lot.ID.String(), err)
	}
	return r, nil
}

// holdsUnits reads the purchase markers that the receipts name. A marker names the admission that holds the unit now.
func (g *Gate) holdsUnits(ctx context.Context, shard int, book *auction.LotBook) error {
	type unit struct {
		buyer uuid.UUID
		nth   int
	}
	var units []unit
	seen := map[unit]bool{}
	for _, r := range book.Admitted {
		for _, nth := range r.Nth {
			if u := (unit{r.Buyer, nth}); !seen[u] {
				seen[u] = true
				units = append(units, u)
			}
		}
	}
	for some := range slices.Chunk(units, maxPipeline) {
		keys := make([]string, len(some))
		for i, u := range some {
			keys[i] = g.keys.Unit(shard, book.Session, book.ID, u.buyer, u.nth)
		}
		markers, err := g.markers(ctx, keys)
		if err != nil {
			return err
		}
		for i, text := range markers {
			if u, ok := parseMarker(text); ok {
				u.Buyer, u.Nth = some[i].buyer, some[i].nth
				book.Units = append(book.Units, u)
			}
		}
	}
	slices.SortFunc(book.Units, func(x, y auction.Unit) int {
		if c := slices.Compare(x.Buyer[:], y.Buyer[:]); c != 0 {
			return c
		}
		return x.Nth - y.Nth
	})
	return nil
}

// markers reads purchase markers, at most maxPipeline; "" where there is none.
func (g *Gate) markers(ctx context.Context, keys []string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, bulkTimes*g.timeout)
	defer cancel()
	found, err := g.client.MGet(ctx, keys...).Result()
	if err != nil {
		return nil, outcome(err)
	}
	texts := make([]string, len(keys))
	for i, f := range found {
		texts[i], _ = f.(string)
	}
	return texts, nil
}

// marker is what a unit's purchase marker holds: bid and order, 16 bytes each, then epoch and seq.
func marker(u auction.Unit) string {
	return string(u.Bid[:]) + string(u.Order[:]) + " " + strconv.FormatInt(u.Epoch, 10) + " " + strconv.FormatInt(u.Seq, 10)
}

func parseMarker(text string) (u auction.Unit, ok bool) {
	if u.Bid, text, ok = cutID(text); !ok {
		return u, false
	}
	if u.Order, text, ok = cutID(text); !ok {
		return u, false
	}
	epoch, seq, ok := strings.Cut(strings.TrimPrefix(text, " "), " ")
	var n numbers
	u.Epoch, u.Seq = n.of(epoch), n.of(seq)
	return u, ok && n.err == nil
}
