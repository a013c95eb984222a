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

// answers reads the reply of decide.lua, answer by answer in their order: what an admission leaves follows from what the
// lot had before and who came first.
type answers struct {
	gate  *Gate
	atUS  int64
	epoch int64
	seq   int64 // the last that was given
	lots  []lotTold
	said  []string // of the bids that are left
}

// lotTold is what the script told of a lot: its terms, and the version and units as the last answer left them.
type lotTold struct {
	there                                     bool
	opensUS, closesUS, price, version, unsold int64
	currency                                  string
}

// answersOf begins to read a group's reply; an Internal fault `gate_reply` where it is none.
func (g *Gate) answersOf(of *group, reply any) (*answers, error) {
	words, err := words(reply, 4+len(of.lots)+len(of.bids))
	if err == nil && words[0] != replyVersion {
		err = fault.New(fault.Internal, "gate_reply", fmt.Sprintf("version %q of the reply", words[0]))
	}
	if err != nil {
		return nil, err
	}
	var n numbers
	a := &answers{gate: g, atUS: n.of(words[1]), epoch: n.of(words[2]), seq: n.of(words[3]), lots: make([]lotTold, len(of.lots))}
	for i := range of.lots {
		a.lots[i] = toldOf(words[4+i], &n)
	}
	a.said = words[4+len(of.lots):]
	return a, n.err
}

// toldOf reads the words of a lot: opens closes price currency version left.
func toldOf(text string, n *numbers) (l lotTold) {
	if text == "" {
		return l
	}
	opens, text, _ := strings.Cut(text, " ")
	closes, text, _ := strings.Cut(text, " ")
	price, text, _ := strings.Cut(text, " ")
	currency, text, _ := strings.Cut(text, " ")
	version, left, _ := strings.Cut(text, " ")
	l = lotTold{there: true, opensUS: n.of(opens), closesUS: n.of(closes), price: n.of(price), currency: currency, version: n.of(version)}
	if left != "-" {
		l.unsold = n.of(left)
	}
	return l
}

// next gives the answer to the next bid, which is on that lot. settled: it is a record that is in MySQL.
func (s *answers) next(lot int, b *auction.Bid) (a auction.Answer, settled bool, err error) {
	said := s.said[0]
	s.said = s.said[1:]
	verdict, words, _ := strings.Cut(said, " ")
	mark, words, _ := strings.Cut(words, " ")
	left, rest, whole := strings.Cut(words, " ")
	if !whole {
		return a, false, fault.New(fault.Internal, "gate_reply", fmt.Sprintf("an answer is %q", said))
	}
	var n numbers
	settled = mark == statusSettled
	a = auction.Answer{Verdict: auction.Verdict(verdict), Repeat: settled || mark == "repeat", AtUS: s.atUS, Left: n.of(left), Lost: mark == statusLost}
	a.RetryAfter = retryAfter(a.Verdict)
	l := &s.lots[lot]
	if l.there && mark != statusUnvouched {
		a.OpensUS, a.ClosesUS, a.PriceMinor = l.opensUS, l.closesUS, l.price
	}
	switch {
	case n.err != nil || a.Verdict != auction.Admitted:
	case a.Repeat:
		a.Receipt, n.err = s.gate.receipt(rest, l.currency, b.Lot, b.Buyer, b.ID)
	default:
		a.Receipt = s.first(rest, l, b, &n)
		a.Left = l.unsold
	}
	return a, settled, n.err
}

// first gives the receipt of a bid that was admitted now: the shard's next, and the lot's.
func (s *answers) first(nths string, l *lotTold, b *auction.Bid, n *numbers) auction.Receipt {
	s.seq, l.version, l.unsold = s.seq+1, l.version+1, l.unsold-b.Quantity
	return auction.ReceiptOf(auction.Record{Lot: b.Lot, Buyer: b.Buyer, Bid: b.ID, Order: b.Order, Nth: n.list(nths), Quantity: b.Quantity,
		PriceMinor: l.price, Currency: l.currency, Version: l.version, Epoch: s.epoch, Seq: s.seq, TimeUS: s.atUS,
		BidKind: b.Kind, Amount: b.Amount, Seen: b.Seen, CurrencySeen: b.Currency}, s.gate.durability)
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

// receiptField is the field of a lot's receipts in which a bid's admission stands: buyer and bid, 16 bytes each.
func receiptField(buyer, bid uuid.UUID) string { return string(buyer[:]) + string(bid[:]) }

// receiptText is what a bid record leaves in its lot's receipts: the order's 16 bytes, then words, the last of which are
// the bid's content.
func receiptText(r auction.Record) string {
	return fmt.Sprintf("%s %s %d %d %d %d %d %s", r.Order[:], joinNths(r.Nth), r.PriceMinor, r.Version, r.Epoch, r.Seq, r.TimeUS,
		r.Content())
}

const receiptWords = 7 // behind the order; the last one may hold spaces

// receipt gives the receipt of an admission whose text a script gave.
func (g *Gate) receipt(text, currency string, lot, buyer, bid uuid.UUID) (auction.Receipt, error) {
	r := auction.Record{Lot: lot, Buyer: buyer, Bid: bid, Currency: currency}
	if err := setReceipt(&r, text); err != nil {
		return auction.Receipt{}, fault.Wrap(fault.Internal, "gate_reply", "receipt", err)
	}
	return auction.ReceiptOf(r, g.durability), nil
}

// setReceipt reads what receiptText and decide.lua write into the record of that bid.
func setReceipt(r *auction.Record, text string) error {
	order, words, ok := cutID(text)
	w := strings.SplitN(strings.TrimPrefix(words, " "), " ", receiptWords)
	if !ok || len(w) != receiptWords {
		return fmt.Errorf("receipt %q", text)
	}
	var n numbers
	r.Order, r.Nth, r.PriceMinor, r.Version = order, n.list(w[0]), n.of(w[1]), n.of(w[2])
	r.Epoch, r.Seq, r.TimeUS = n.of(w[3]), n.of(w[4]), n.of(w[5])
	if n.err != nil {
		return n.err
	}
	return setContent(r, w[6])
}

// cutID takes the 16 bytes of an id off the front of a text.
func cutID(text string) (id uuid.UUID, rest string, ok bool) {
	if len(text) < len(id) {
		return id, text, false
	}
	return uuid.UUID([]byte(text[:len(id)])), text[len(id):], true
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
