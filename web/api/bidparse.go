package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/web/edge"
)

// maxCodeChars bounds what is taken for a code at all; whether it has the form of one is the gate's to say, after it has
// looked for an earlier receipt.
const maxCodeChars = 64

// parseBid reads a bid's body. There are two readers: plain takes what programs really send, in one pass without
// allocating; careful takes any JSON and says all that is wrong. A fuzz test holds them to each other, and both to
// encoding/json. What plain does not take, careful decides.
func parseBid(body []byte) (edge.Wish, error) {
	if w, ok := plain(body); ok {
		return w, nil
	}
	return careful(body)
}

// bidFields are the fields of a bid, in the order in which an unknown one's remedy names them.
const bidFields = "again, amount, bid_id, code, currency, kind, price_seen, quantity"

// careful reads a bid by the library's tokens. broken_json, or Invalid with every wrong field.
func careful(body []byte) (edge.Wish, error) {
	w := edge.Wish{Quantity: 1}
	if !isText(body) {
		return w, brokenBid(errNotUTF8)
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber() // 1e700 is JSON too, though no float
	if t, err := d.Token(); err != nil {
		return w, brokenBid(err)
	} else if t != json.Delim('{') {
		return w, fault.Wrong("body", "is not an object", "send one JSON object")
	}
	var wrong []fault.Field
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		name, _ := t.(string)
		var raw json.RawMessage
		if err == nil {
			err = d.Decode(&raw)
		}
		if err != nil {
			return w, brokenBid(err)
		}
		if seen[name] {
			wrong = append(wrong, fault.Field{Name: short(name), Detail: "is there twice", Remedy: "send it once"})
		} else if f := take(&w, name, raw); f != nil {
			wrong = append(wrong, *f)
		}
		seen[name] = true
	}
	if _, err := d.Token(); err != nil {
		return w, brokenBid(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return w, brokenBid(errMore)
	}
	if len(wrong) > 0 {
		return w, fault.Invalids(wrong)
	}
	return w, nil
}

func brokenBid(err error) error { return broken(err.Error(), err.Error()) }

// take reads one field; the field with what is wrong, or nil.
func take(w *edge.Wish, name string, raw []byte) *fault.Field {
	switch name {
	case "bid_id":
		text, ok := textOf(raw)
		id, err := uuid.Parse(text)
		if w.ID = id; !ok || err != nil || len(text) != 36 {
			return &fault.Field{Name: name, Detail: "is not a UUID", Remedy: "send a UUID such as 0198c0de-0000-7000-8000-000000000001"}
		}
	case "code":
		text, ok := textOf(raw)
		if w.Code = text; !ok || len(text) > maxCodeChars {
			return &fault.Field{Name: name, Detail: "is not a code", Remedy: fmt.Sprintf("send the %d characters that the goods page shows", auction.CodeLength)}
		}
	case "kind":
		return takeText((*string)(&w.Kind), name, raw, "send max or exact, or leave it out")
	case "currency":
		return takeText(&w.Currency, name, raw, "send an ISO 4217 code such as EUR, or leave it out")
	case "quantity":
		return takeInt(&w.Quantity, name, raw)
	case "amount":
		return takeInt(&w.Amount, name, raw)
	case "price_seen":
		return takeInt(&w.Seen, name, raw)
	case "again":
		if w.Again = string(raw) == "true"; !w.Again && string(raw) != "false" {
			return &fault.Field{Name: name, Detail: "is neither true nor false", Remedy: "send true or false"}
		}
	default:
		return &fault.Field{Name: short(name), Detail: "is not known here", Remedy: "leave it out; known are " + bidFields}
	}
	return nil
}

func takeText(into *string, name string, raw []byte, remedy string) *fault.Field {
	text, ok := textOf(raw)
	if *into = text; !ok || len(text) > maxCodeChars {
		return &fault.Field{Name: name, Detail: "is not a short text", Remedy: remedy}
	}
	return nil
}

func takeInt(into *int64, name string, raw []byte) *fault.Field {
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || string(raw) == "-0" {
		return &fault.Field{Name: name, Detail: "is not an integer", Remedy: "send an integer without fraction or exponent"}
	}
	*into = n
	return nil
}

func textOf(raw []byte) (string, bool) {
	var text *string
	err := json.Unmarshal(raw, &text)
	if err != nil || text == nil {
		return "", false
	}
	return *text, true
}

// short bounds a name that is sent back.
func short(name string) string {
	if r := []rune(name); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return name
}

// plain reads a bid of known fields, each once, with texts without escapes and integers of up to 18 digits. false: it is
// something else, right or wrong.
func plain(b []byte) (edge.Wish, bool) {
	w, p, seen := edge.Wish{Quantity: 1}, plainReader{rest: b}, uint8(0)
	if !p.is('{') {
		return w, false
	}
	for first := true; ; first = false {
		if p.is('}') {
			return w, len(p.space()) == 0
		}
		if !first && !p.is(',') {
			return w, false
		}
		bit := p.field(&w)
		if bit == 0 || seen&bit != 0 {
			return w, false
		}
		seen |= bit
	}
}

type plainReader struct{ rest []byte }

func (p *plainReader) space() []byte {
	n := 0
	for n < len(p.rest) && (p.rest[n] == ' ' || p.rest[n] == '\n' || p.rest[n] == '\r' || p.rest[n] == '\t') {
		n++
	}
	p.rest = p.rest[n:]
	return p.rest
}

// is takes c, after space, if it comes next.
func (p *plainReader) is(c byte) bool {
	if rest := p.space(); len(rest) > 0 && rest[0] == c {
		p.rest = rest[1:]
		return true
	}
	return false
}

// field reads a name and its value into w, and gives the field's bit; 0 for anything that is not plain.
func (p *plainReader) field(w *edge.Wish) uint8 {
	name, ok := p.text()
	if !ok || !p.is(':') {
		return 0
	}
	var bit uint8
	switch string(name) {
	case "bid_id":
		text, isText := p.text()
		id, err := uuid.ParseBytes(text)
		w.ID, bit, ok = id, 1, isText && err == nil && len(text) == 36
	case "code":
		bit, ok = 2, p.shortText(&w.Code)
	case "kind":
		bit, ok = 4, p.shortText((*string)(&w.Kind))
	case "currency":
		bit, ok = 8, p.shortText(&w.Currency)
	case "quantity":
		bit, ok = 16, p.integer(&w.Quantity)
	case "amount":
		bit, ok = 32, p.integer(&w.Amount)
	case "price_seen":
		bit, ok = 64, p.integer(&w.Seen)
	case "again":
		bit, ok = 128, p.boolean(&w.Again)
	}
	if !ok {
		return 0
	}
	return bit
}

// text takes a string of printable ASCII without escapes.
func (p *plainReader) text() ([]byte, bool) {
	if !p.is('"') {
		return nil, false
	}
	for n, c := range p.rest {
		switch {
		case c == '"':
			text := p.rest[:n]
			p.rest = p.rest[n+1:]
			return text, true
		case c == '\\' || c < ' ' || c > '~':
			return nil, false
		}
	}
	return nil, false
}

func (p *plainReader) shortText(into *string) bool {
	text, ok := p.text()
	*into = string(text) // a copy: the body's buffer is not ours
	return ok && len(text) <= maxCodeChars
}

// integer takes 0 or digits without a leading 0, perhaps after a minus.
func (p *plainReader) integer(into *int64) bool {
	negative := p.is('-')
	digits := p.rest
	if !negative {
		digits = p.space()
	}
	n, value := 0, int64(0)
	for ; n < len(digits) && digits[n] >= '0' && digits[n] <= '9'; n++ {
		if n == 18 {
			return false
		}
		value = value*10 + int64(digits[n]-'0')
	}
	p.rest = digits[n:]
	if *into = value; negative {
		*into = -value
	}
	return n > 0 && (digits[0] != '0' || n == 1 && !negative)
}

func (p *plainReader) boolean(into *bool) bool {
	rest, ok := bytes.CutPrefix(p.space(), []byte("true"))
	if *into = ok; !ok {
		rest, ok = bytes.CutPrefix(rest, []byte("false"))
	}
	p.rest = rest
	return ok
}
