package auction

import (
	"encoding/json"
	"strconv"

	"github.com/google/uuid"
)

// AppendJSON appends the bytes that JSON gives, without an allocation of its own. An error: the record is not one, and b
// comes back as it was.
func (r *Record) AppendJSON(b []byte) ([]byte, error) {
	if err := r.Check(); err != nil {
		return b, err
	}
	out := r.append(b)
	if n := len(out) - len(b); n > MaxRecordBytes {
		return b, errTooLong(r, n)
	}
	return out, nil
}

// append writes what encoding/json makes of the struct; a test on random records holds the two together.
func (r *Record) append(b []byte) []byte {
	b = AppendID(append(b, `{"deployment":`...), r.Deployment)
	b = strconv.AppendInt(append(b, `,"shard":`...), int64(r.Shard), 10)
	b = strconv.AppendInt(append(b, `,"epoch":`...), r.Epoch, 10)
	b = strconv.AppendInt(append(b, `,"seq":`...), r.Seq, 10)
	b = AppendText(append(b, `,"kind":`...), string(r.Kind))
	b = MaybeID(b, `,"lot":`, r.Lot)
	b = MaybeInt(b, `,"version":`, r.Version)
	b = strconv.AppendInt(append(b, `,"time_us":`...), r.TimeUS, 10)
	b = MaybeID(b, `,"bid_id":`, r.Bid)
	b = MaybeID(b, `,"buyer":`, r.Buyer)
	b = MaybeID(b, `,"order":`, r.Order)
	b = MaybeInt(b, `,"quantity":`, r.Quantity)
	b = MaybeNths(b, `,"nth":`, r.Nth)
	b = MaybeInt(b, `,"price":`, r.PriceMinor)
	b = MaybeText(b, `,"currency":`, r.Currency)
	b = MaybeText(b, `,"bid_kind":`, string(r.BidKind))
	b = MaybeInt(b, `,"amount":`, r.Amount)
	b = MaybeInt(b, `,"price_seen":`, r.Seen)
	b = MaybeText(b, `,"currency_seen":`, r.CurrencySeen)
	b = MaybeText(b, `,"trace":`, r.Trace)
	b = MaybeInt(b, `,"closes_us":`, r.ClosesUS)
	b = MaybeInt(b, `,"credit_us":`, r.CreditUS)
	b = MaybeInt(b, `,"cap_used_us":`, r.CapUsedUS)
	b = MaybeInt(b, `,"left":`, r.Left)
	b = MaybeText(b, `,"reason":`, r.Reason)
	b = MaybeInt(b, `,"shards":`, int64(r.Shards))
	return append(b, '}')
}

// The pieces of a JSON object, for records and what is derived from them. A key is given with what stands around it,
// `,"name":`; the Maybe forms write nothing for a zero value, as omitzero does.

// AppendID appends an id between quotes.
func AppendID(b []byte, id uuid.UUID) []byte {
	return append(AppendIDText(append(b, '"'), id), '"')
}

// AppendIDText appends the 36 characters of an id.
func AppendIDText(b []byte, id uuid.UUID) []byte {
	const digits = "0123456789abcdef"
	for i, v := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = append(b, digits[v>>4], digits[v&15])
	}
	return b
}

// AppendText appends a text between quotes, escaped as encoding/json escapes.
func AppendText(b []byte, s string) []byte {
	if !plain(s) {
		quoted, err := json.Marshal(s)
		if err != nil {
			panic(err) // a string has a JSON
		}
		return append(b, quoted...)
	}
	return append(append(append(b, '"'), s...), '"')
}

// plain says whether a text stands in JSON as it is. What is not ASCII is left to encoding/json.
func plain[T string | []byte](s T) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}

// MaybeID appends an id that is not nil, with its key.
func MaybeID(b []byte, key string, id uuid.UUID) []byte {
	if id == uuid.Nil {
		return b
	}
	return AppendID(append(b, key...), id)
}

// MaybeInt appends a number that is not 0, with its key.
func MaybeInt(b []byte, key string, n int64) []byte {
	if n == 0 {
		return b
	}
	return strconv.AppendInt(append(b, key...), n, 10)
}

// MaybeText appends a text that is not empty, with its key.
func MaybeText(b []byte, key, s string) []byte {
	if s == "" {
		return b
	}
	return AppendText(append(b, key...), s)
}

// MaybeNths appends a list of units that is not empty, with its key.
func MaybeNths(b []byte, key string, nth []int) []byte {
	if len(nth) == 0 {
		return b
	}
	b = append(b, key...)
	for i, n := range nth {
		separator := byte(',')
		if i == 0 {
			separator = '['
		}
		b = strconv.AppendInt(append(b, separator), int64(n), 10)
	}
	return append(b, ']')
}
