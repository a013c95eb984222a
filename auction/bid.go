package auction

import (
	"strconv"
	"time"

	"github.com/google/uuid"
)

// BidKind is how an amount is meant; flash bids have none.
type BidKind string

// The kinds of bid (RULES.md, "English auctions", 1).
const (
	BidMax   BidKind = "max"
	BidExact BidKind = "exact"
)

// Bid is a wish to buy a lot, as the gate gets it: what the client sent, and what the edge knows of the client.
type Bid struct {
	ID       uuid.UUID // made by the client before it first sends
	Lot      uuid.UUID
	Buyer    uuid.UUID
	Area     string    // the buyer's, from the token
	Order    uuid.UUID // candidate id, becomes the order's if the bid is admitted
	Code     string
	Quantity int64
	Kind     BidKind // "" where not given
	Amount   int64   // minor units; 0 where not given
	Seen     int64   // price_seen; 0 where not given
	Currency string  // "" where not given
	Trace    string  // request id, at most MaxTrace bytes of [A-Za-z0-9_-]
	Deadline time.Time
	Terms    Terms // the lot's, as far as whoever sends the bid knows them
}

// Terms is what a gate's keys of a lot are made from, frozen when it is published. They decide nothing: a gate that finds
// others looks for itself. The zero Terms: not known.
type Terms struct {
	Session  uuid.UUID
	PerBuyer int
	Code     string
}

// Terms gives the lot's.
func (l *Lot) Terms() Terms { return Terms{l.Session, l.PerBuyer, l.Code} }

// MaxTrace bounds a request id, bytes.
const MaxTrace = 64

// Content is what a bid id stands for: all of the bid but its id, code and again, in one canonical text. The same id
// with another content is `id_reused`.
func (b Bid) Content() string { return string(b.AppendContent(nil)) }

// AppendContent appends Content to text.
func (b *Bid) AppendContent(text []byte) []byte {
	return appendContent(text, b.Quantity, b.Kind, b.Amount, b.Seen, b.Currency)
}

func content(quantity int64, kind BidKind, amount, seen int64, currency string) string {
	return string(appendContent(nil, quantity, kind, amount, seen, currency))
}

func appendContent(s []byte, quantity int64, kind BidKind, amount, seen int64, currency string) []byte {
	s = strconv.AppendInt(append(s, 'q'), quantity, 10)
	if kind != "" {
		s = append(append(s, " k"...), kind...)
	}
	if amount != 0 {
		s = strconv.AppendInt(append(s, " a"...), amount, 10)
	}
	if seen != 0 {
		s = strconv.AppendInt(append(s, " s"...), seen, 10)
	}
	if currency != "" {
		s = append(append(s, " c"...), currency...)
	}
	return s
}

// CodeLength is the length of a lot's random code: base62 of 128 random bits.
const CodeLength = 22

// CodeWellFormed says whether s can be a code at all: 22 characters of base62.
func CodeWellFormed(s string) bool {
	if len(s) != CodeLength {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}
