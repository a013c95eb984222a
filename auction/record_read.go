package auction

import (
	"github.com/google/uuid"
)

// reader reads a record from exactly the bytes that Record.append writes. It gives up at the first byte that is another:
// then the ordinary way decides, and says what is wrong. So it may be strict to a fault, but must never take what that
// would not; a fuzz test holds it to it.
type reader struct {
	b  []byte
	at int
	ok bool
}

// readRecord gives false for everything it does not know to be canonical, numbers below 0 and texts that need an escape
// or are not ASCII among them. The record is not checked.
func readRecord(b []byte) (Record, bool) {
	var r Record
	in := reader{b: b, ok: true}
	r.Deployment = in.id(`{"deployment":"`)
	r.Shard = int(in.number(`,"shard":`))
	r.Epoch = in.number(`,"epoch":`)
	r.Seq = in.number(`,"seq":`)
	r.Kind = kindOf(in.text(`,"kind":"`))
	if in.ok && in.has(`,"lot":"`) {
		r.Lot = in.idHere()
	}
	r.Version = in.maybe(`,"version":`)
	r.TimeUS = in.number(`,"time_us":`)
	in.bid(&r)
	r.Trace = in.maybeText(`,"trace":"`)
	r.ClosesUS = in.maybe(`,"closes_us":`)
	r.CreditUS = in.maybe(`,"credit_us":`)
	r.CapUsedUS = in.maybe(`,"cap_used_us":`)
	r.Left = in.maybe(`,"left":`)
	r.Reason = in.maybeText(`,"reason":"`)
	r.Shards = int(in.maybe(`,"shards":`))
	in.want("}")
	return r, in.ok && in.at == len(b)
}

// bid reads the fields that are mostly a bid's.
func (in *reader) bid(r *Record) {
	r.Bid = in.maybeID(`,"bid_id":"`)
	r.Buyer = in.maybeID(`,"buyer":"`)
	r.Order = in.maybeID(`,"order":"`)
	r.Quantity = in.maybe(`,"quantity":`)
	r.Nth = in.nths(`,"nth":[`)
	r.PriceMinor = in.maybe(`,"price":`)
	r.Currency = in.maybeText(`,"currency":"`)
	r.BidKind = BidKind(in.maybeText(`,"bid_kind":"`))
	r.Amount = in.maybe(`,"amount":`)
	r.Seen = in.maybe(`,"price_seen":`)
	r.CurrencySeen = in.maybeText(`,"currency_seen":"`)
}

// kindOf spares a text of its own for each record; an unknown kind is none.
func kindOf(text []byte) Kind {
	for _, k := range kinds {
		if string(k) == string(text) {
			return k
		}
	}
	return ""
}

// has moves past s where it stands next.
func (in *reader) has(s string) bool {
	if in.ok && len(in.b)-in.at >= len(s) && string(in.b[in.at:in.at+len(s)]) == s {
		in.at += len(s)
		return true
	}
	return false
}

func (in *reader) want(s string) { in.ok = in.has(s) }

func (in *reader) number(key string) int64 {
	in.want(key)
	return in.numberHere()
}

// maybe reads a number that is left out where it is 0.
func (in *reader) maybe(key string) int64 {
	if !in.has(key) {
		return 0
	}
	n := in.numberHere()
	in.ok = in.ok && n != 0
	return n
}

// numberHere reads digits as strconv writes them: no sign, and no 0 before others. 18 digits are far beyond 2^53.
func (in *reader) numberHere() int64 {
	var n int64
	from := in.at
	for in.at < len(in.b) && in.b[in.at]-'0' <= 9 && in.at-from < 18 {
		n = 10*n + int64(in.b[in.at]-'0')
		in.at++
	}
	in.ok = in.ok && in.at > from && (in.b[from] != '0' || in.at == from+1)
	return n
}

func (in *reader) text(key string) []byte {
	in.want(key)
	return in.textHere()
}

func (in *reader) maybeText(key string) string {
	if !in.has(key) {
		return ""
	}
	s := in.textHere()
	in.ok = in.ok && len(s) > 0
	return string(s)
}

// textHere reads up to the closing quote and past it.
func (in *reader) textHere() []byte {
	from := in.at
	for in.ok && in.at < len(in.b) && in.b[in.at] != '"' {
		in.at++
	}
	s := in.b[from:in.at]
	in.want(`"`)
	in.ok = in.ok && plain(s)
	return s
}

func (in *reader) id(key string) uuid.UUID {
	in.want(key)
	return in.idHere()
}

func (in *reader) maybeID(key string) uuid.UUID {
	if !in.has(key) {
		return uuid.Nil
	}
	return in.idHere()
}

// idHere reads 36 characters in lower case and the quote after them. A nil id is never written but as the deployment,
// which may not be nil either.
func (in *reader) idHere() (id uuid.UUID) {
	if in.ok = in.ok && len(in.b)-in.at > idLength && in.b[in.at+idLength] == '"'; !in.ok {
		return uuid.Nil
	}
	if id, in.ok = readID(in.b[in.at : in.at+idLength]); !in.ok {
		return uuid.Nil
	}
	in.at += idLength + 1
	return id
}

// idLength is that of an id's text.
const idLength = 36

// readID reads an id from 36 characters as AppendIDText writes them; false for the nil id, too.
func readID(text []byte) (id uuid.UUID, ok bool) {
	var all, wrong byte
	at := 0
	for i := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			wrong |= text[at] ^ '-'
			at++
		}
		high, low := hexValue[text[at]], hexValue[text[at+1]]
		id[i] = high<<4 | low&15
		wrong |= (high | low) &^ 15
		all |= id[i]
		at += 2
	}
	return id, wrong == 0 && all != 0
}

// hexValue gives a digit's value, and above 15 for what is no digit in lower case.
var hexValue = func() (t [256]byte) {
	for i := range t {
		t[i] = 0xff
	}
	for i, c := range "0123456789abcdef" {
		t[c] = byte(i)
	}
	return t
}()

func (in *reader) nths(key string) []int {
	if !in.has(key) {
		return nil
	}
	nth := make([]int, 1, 2)
	nth[0] = int(in.numberHere())
	for in.ok && len(nth) <= MaxPerBuyer && in.has(",") {
		nth = append(nth, int(in.numberHere()))
	}
	in.want("]")
	return nth
}
