package gate

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// answer reads one answer of decide.lua: the reply with the script's time and epoch, the words of the bid's lot and its own.
// settled: it is a record that is in MySQL.
func (g *Gate) answer(reply []any, lot, said any, b *auction.Bid) (a auction.Answer, settled bool, err error) {
	when, _ := reply[1].(string)
	epoch, _ := reply[2].(string)
	terms, _ := lot.(string)
	words, _ := said.(string)
	verdict, words, _ := strings.Cut(words, " ")
	mark, words, _ := strings.Cut(words, " ")
	left, rest, whole := strings.Cut(words, " ")
	if !whole {
		return a, false, fault.New(fault.Internal, "gate_reply", fmt.Sprintf("an answer is %q", said))
	}
	var n numbers
	settled = mark == statusSettled
	a = auction.Answer{Verdict: auction.Verdict(verdict), Repeat: settled || mark == "repeat", AtUS: n.of(when), Left: n.of(left), Lost: mark == statusLost}
	a.RetryAfter = retryAfter(a.Verdict)
	currency := ""
	if terms != "" && mark != statusUnvouched {
		currency = setTerms(&a, terms, &n)
	}
	switch {
	case n.err != nil || a.Verdict != auction.Admitted:
	case a.Repeat:
		a.Receipt, n.err = g.receipt(rest, currency, b.Lot, b.Buyer, b.ID)
	default:
		a.Receipt = g.first(rest, n.of(epoch), currency, &a, b, &n)
	}
	return a, settled, n.err
}

// first gives the receipt of a bid that was admitted now: nths version seq.
func (g *Gate) first(words string, epoch int64, currency string, a *auction.Answer, b *auction.Bid, n *numbers) auction.Receipt {
	nths, words, _ := strings.Cut(words, " ")
	version, seq, _ := strings.Cut(words, " ")
	return auction.ReceiptOf(auction.Record{Lot: b.Lot, Buyer: b.Buyer, Bid: b.ID, Order: b.Order, Nth: n.list(nths), Quantity: b.Quantity,
		PriceMinor: a.PriceMinor, Currency: currency, Version: n.of(version), Epoch: epoch, Seq: n.of(seq), TimeUS: a.AtUS,
		BidKind: b.Kind, Amount: b.Amount, Seen: b.Seen, CurrencySeen: b.Currency}, g.durability)
}

// setTerms reads the words of a lot: opens closes price currency.
func setTerms(a *auction.Answer, terms string, n *numbers) (currency string) {
	opens, terms, _ := strings.Cut(terms, " ")
	closes, terms, _ := strings.Cut(terms, " ")
	price, currency, _ := strings.Cut(terms, " ")
	a.OpensUS, a.ClosesUS, a.PriceMinor = n.of(opens), n.of(closes), n.of(price)
	return currency
}

func retryAfter(v auction.Verdict) time.Duration {
	switch v {
	case auction.Paused:
		return retryPaused
	case auction.Busy:
		return retryBusy
	}
	return 0
}

// Receipt is auction.Gate's.
func (g *Gate) Receipt(ctx context.Context, shard int, lot, buyer, bid uuid.UUID) (auction.Answer, error) {
	if err := g.checkShard(shard); err != nil {
		return auction.Answer{}, err
	}
	keys := []string{g.keys.Head(shard), g.keys.Lot(shard, lot), g.keys.Bids(shard, lot)}
	reply, err := g.run(ctx, g.scripts.receipt, keys, receiptField(buyer, bid))
	if err != nil {
		return auction.Answer{}, err
	}
	s, err := words(reply, 7)
	if err != nil {
		return auction.Answer{}, err
	}
	switch s[1] {
	case statusUnvouched:
		return auction.Answer{}, notVouched()
	case statusOK, statusSettled:
	default:
		return auction.Answer{}, fault.New(fault.NotFound, "bid_not_found", "the gate holds no admission of this bid")
	}
	var n numbers
	a := auction.Answer{Verdict: auction.Admitted, Repeat: true, AtUS: n.of(s[0]), OpensUS: n.of(s[2]), ClosesUS: n.of(s[3]),
		PriceMinor: n.of(s[4]), Left: -1}
	if n.err != nil {
		return auction.Answer{}, n.err
	}
	if a.Receipt, err = g.receipt(s[6], s[5], lot, buyer, bid); err != nil {
		return auction.Answer{}, err
	}
	if s[1] == statusSettled {
		return a, nil
	}
	a = g.durable(ctx, shard, a)
	return a, a.Err
}

// receiptField is the field of a lot's receipts in which a bid's admission stands.
func receiptField(buyer, bid uuid.UUID) string { return buyer.String() + ":" + bid.String() }

// receiptText is what a bid record leaves in its lot's receipts; the last words are the bid's content.
func receiptText(r auction.Record) string {
	return fmt.Sprintf("%s %s %d %d %d %d %d %s", r.Order, joinNths(r.Nth), r.PriceMinor, r.Version, r.Epoch, r.Seq, r.TimeUS,
		r.Content())
}

const receiptWords = 8 // the last one may hold spaces

// receipt gives the receipt of an admission whose text a script gave.
func (g *Gate) receipt(text, currency string, lot, buyer, bid uuid.UUID) (auction.Receipt, error) {
	r := auction.Record{Lot: lot, Buyer: buyer, Bid: bid, Currency: currency}
	if err := setReceipt(&r, text); err != nil {
		return auction.Receipt{}, fault.Wrap(fault.Internal, "gate_reply", "receipt", err)
	}
	return auction.ReceiptOf(r, g.durability), nil
}

// setReceipt reads what receiptText and decide.lua write into the record of that bid.
func setReceipt(r *auction.Record, text string) (err error) {
	w := strings.SplitN(text, " ", receiptWords)
	if len(w) != receiptWords {
		return fmt.Errorf("receipt %q", text)
	}
	if r.Order, err = uuid.Parse(w[0]); err != nil {
		return err
	}
	var n numbers
	r.Nth, r.PriceMinor, r.Version = n.list(w[1]), n.of(w[2]), n.of(w[3])
	r.Epoch, r.Seq, r.TimeUS = n.of(w[4]), n.of(w[5]), n.of(w[6])
	if n.err != nil {
		return n.err
	}
	return setContent(r, w[7])
}

// words gives a reply of fixed length as strings.
func words(reply any, want int) ([]string, error) {
	fields, _ := reply.([]any)
	if len(fields) != want {
		return nil, fault.New(fault.Internal, "gate_reply", fmt.Sprintf("%d fields, want %d: %v", len(fields), want, reply))
	}
	s := make([]string, want)
	for i, f := range fields {
		word, ok := f.(string)
		if !ok {
			return nil, fault.New(fault.Internal, "gate_reply", fmt.Sprintf("field %d is %T", i, f))
		}
		s[i] = word
	}
	return s, nil
}

// numbers reads integers and keeps the first error.
type numbers struct{ err error }

func (n *numbers) of(s string) int64 {
	v, err := strconv.ParseInt(s, 10, 64)
	if err != nil && n.err == nil {
		n.err = fault.Wrap(fault.Internal, "gate_reply", "a number was expected", err)
	}
	return v
}

// list reads integers separated by commas; "" is none.
func (n *numbers) list(s string) []int {
	if s == "" {
		return nil
	}
	var list []int
	for word := range strings.SplitSeq(s, ",") {
		list = append(list, int(n.of(word)))
	}
	return list
}

func joinNths(nth []int) string {
	s := make([]string, len(nth))
	for i, n := range nth {
		s[i] = strconv.Itoa(n)
	}
	return strings.Join(s, ",")
}
