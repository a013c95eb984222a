package gate

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"rostrum/auction"
)

// The journal's codec of auction.Record: a stream entry `<epoch>-<seq>`. Deployment and shard are not in it: they are where
// it lies. The scripts write the same.
//
// A bid has one field, `bid`, whose words are separated by a space: there are as many of them as of all others together, and
// Redis, the relay and the append-only file have so much less to take apart. The trace, marked by r, is left out if empty.
//
//	lot version time buyer:bid order units price currency content… rtrace
//
// All other kinds have fields named by one letter, in this order, absent where empty. A bid that is written so is read, too.
//
//	k kind   l lot   v version   t time   b bid   u buyer   o order   q quantity (where no units say it)   n units
//	p price   c currency   x content of the bid as sent   r trace   e closes   d credit   m cap used   f left
//	y reason   g shards

// encode gives an entry's fields and values.
func encode(r auction.Record) []any {
	if r.Kind == auction.KindBid {
		return []any{bidField, bidText(r)}
	}
	var e entry
	e.text("k", string(r.Kind))
	e.id("l", r.Lot)
	e.number("v", r.Version)
	e.number("t", r.TimeUS)
	e.id("b", r.Bid)
	e.id("u", r.Buyer)
	e.id("o", r.Order)
	if len(r.Nth) == 0 {
		e.number("q", r.Quantity)
	}
	e.text("n", joinNths(r.Nth))
	e.number("p", r.PriceMinor)
	e.text("c", r.Currency)
	e.text("r", r.Trace)
	e.number("e", r.ClosesUS)
	e.number("d", r.CreditUS)
	e.number("m", r.CapUsedUS)
	e.number("f", r.Left)
	e.text("y", r.Reason)
	e.number("g", int64(r.Shards))
	return e
}

const bidField = "bid"

// bidText is the value of a bid's field.
func bidText(r auction.Record) string {
	text := fmt.Sprintf("%s %d %d %s:%s %s %s %d %s %s", r.Lot, r.Version, r.TimeUS, r.Buyer, r.Bid, r.Order, joinNths(r.Nth),
		r.PriceMinor, r.Currency, r.Content())
	if r.Trace != "" {
		text += " r" + r.Trace
	}
	return text
}

// setBid reads what bidText writes.
func setBid(r *auction.Record, text string) error {
	var n numbers
	r.Kind = auction.KindBid
	lot, text, _ := strings.Cut(text, " ")
	version, text, _ := strings.Cut(text, " ")
	at, text, _ := strings.Cut(text, " ")
	ids, text, _ := strings.Cut(text, " ")
	order, text, _ := strings.Cut(text, " ")
	nths, text, _ := strings.Cut(text, " ")
	price, text, _ := strings.Cut(text, " ")
	currency, content, _ := strings.Cut(text, " ")
	buyer, bid, _ := strings.Cut(ids, ":")
	for _, id := range []struct {
		into *uuid.UUID
		text string
	}{{&r.Lot, lot}, {&r.Buyer, buyer}, {&r.Bid, bid}, {&r.Order, order}} {
		var err error
		if *id.into, err = uuid.Parse(id.text); err != nil {
			return err
		}
	}
	r.Version, r.TimeUS, r.Nth, r.PriceMinor, r.Currency = n.of(version), n.of(at), n.list(nths), n.of(price), strings.Clone(currency)
	if n.err != nil {
		return n.err
	}
	return setContent(r, content)
}

type entry []any

func (e *entry) text(name, value string) {
	if value != "" {
		*e = append(*e, name, value)
	}
}

func (e *entry) number(name string, value int64) {
	if value != 0 {
		*e = append(*e, name, strconv.FormatInt(value, 10))
	}
}

func (e *entry) id(name string, value uuid.UUID) {
	if value != uuid.Nil {
		*e = append(*e, name, value.String())
	}
}

// decode reads an entry of a shard's journal, its names and values one after the other, and checks the record. It keeps
// nothing of the texts it is given: they may be pieces of a whole page.
func decode(deployment uuid.UUID, shard int, id string, fields []string) (auction.Record, error) {
	at, err := parseCursor(id)
	r := auction.Record{Deployment: deployment, Shard: shard, Epoch: at.Epoch, Seq: at.Seq}
	if len(fields)%2 != 0 {
		err = fmt.Errorf("%d names and values", len(fields))
	}
	if len(fields) == 2 && fields[0] == bidField && err == nil {
		err, fields = setBid(&r, fields[1]), nil
	}
	for i := 0; i < len(fields) && err == nil; i += 2 {
		err = setField(&r, fields[i], fields[i+1])
	}
	if err != nil {
		return auction.Record{}, fmt.Errorf("journal entry %s of shard %d: %w", strings.Clone(id), shard, err)
	}
	if len(r.Nth) > 0 {
		r.Quantity = int64(len(r.Nth))
	}
	return r, r.Check()
}

func setField(r *auction.Record, name, value string) error {
	var n numbers
	var err error
	switch name {
	case "k":
		r.Kind = auction.Kind(strings.Clone(value))
	case "l":
		r.Lot, err = uuid.Parse(value)
	case "v":
		r.Version = n.of(value)
	case "t":
		r.TimeUS = n.of(value)
	case "b":
		r.Bid, err = uuid.Parse(value)
	case "u":
		r.Buyer, err = uuid.Parse(value)
	case "o":
		r.Order, err = uuid.Parse(value)
	case "q":
		r.Quantity = n.of(value)
	case "n":
		r.Nth = n.list(value)
	case "p":
		r.PriceMinor = n.of(value)
	case "c":
		r.Currency = strings.Clone(value)
	case "x":
		err = setContent(r, value)
	case "r":
		r.Trace = strings.Clone(value)
	case "e":
		r.ClosesUS = n.of(value)
	case "d":
		r.CreditUS = n.of(value)
	case "m":
		r.CapUsedUS = n.of(value)
	case "f":
		r.Left = n.of(value)
	case "y":
		r.Reason = strings.Clone(value)
	case "g":
		r.Shards = int(n.of(value))
	default:
		err = fmt.Errorf("unknown field %q", strings.Clone(name))
	}
	if err == nil {
		err = n.err
	}
	return err
}

// setContent reads what Bid.Content writes into the record of that bid.
func setContent(r *auction.Record, content string) error {
	var n numbers
	for word := range strings.SplitSeq(content, " ") {
		if len(word) < 2 {
			return fmt.Errorf("content %q", content)
		}
		switch value := word[1:]; word[0] {
		case 'q':
			r.Quantity = n.of(value)
		case 'k':
			r.BidKind = auction.BidKind(strings.Clone(value))
		case 'a':
			r.Amount = n.of(value)
		case 's':
			r.Seen = n.of(value)
		case 'c':
			r.CurrencySeen = strings.Clone(value)
		case 'r':
			r.Trace = strings.Clone(value)
		default:
			return fmt.Errorf("content %q", content)
		}
	}
	return n.err
}

func parseCursor(id string) (auction.Cursor, error) {
	epoch, seq, ok := strings.Cut(id, "-")
	if !ok {
		return auction.Cursor{}, fmt.Errorf("stream id %q", id)
	}
	var n numbers
	return auction.Cursor{Epoch: n.of(epoch), Seq: n.of(seq)}, n.err
}
