package simulate

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/orders"
)

// Member is somebody who bids, with an access token.
type Member struct {
	User  uuid.UUID
	Token string
}

// Lot is what a bidder needs of a lot on the goods page.
type Lot struct {
	ID       uuid.UUID `json:"id"`
	Code     string    `json:"code"` // only while it is live
	Price    int64     `json:"price"`
	Stock    int64     `json:"stock"`
	Left     int64     `json:"left"`
	PerBuyer int       `json:"per_buyer"`
	State    string    `json:"state"`
}

// Bid is one wish of one member to buy one unit of a lot. Whoever asks again asks with the same one.
type Bid struct {
	Member Member
	Lot    Lot
	ID     uuid.UUID
	Again  bool // it was asked before, and nobody knows what became of it
}

// path is where it is sent.
func (b Bid) path() string { return "/api/v1/lots/" + b.Lot.ID.String() + "/bids" }

// body writes it into buffer.
func (b Bid) body(buffer []byte) []byte {
	text := append(buffer[:0], `{"bid_id":"`...)
	text = append(text, b.ID.String()...)
	text = append(append(text, `","code":"`...), b.Lot.Code...)
	text = append(text, '"')
	if b.Lot.Price > 0 {
		text = strconv.AppendInt(append(text, `,"price_seen":`...), b.Lot.Price, 10)
	}
	if b.Again {
		text = append(text, `,"again":true`...)
	}
	return append(text, '}')
}

// Verdicts of a simulation beside those of the sale: what a client knows when it was told none.
const (
	NoAnswer     = "no_answer"     // the connection broke, or the time was over
	NoConnection = "no_connection" // the bid was not sent
	Unreadable   = "unreadable"    // an answer that is not the API's
)

// Reply is what a bid was told.
type Reply struct {
	Verdict string           // admitted, a problem's code, or one of the words above
	Receipt orders.Admission // where it was admitted
	Repeat  bool             // it was admitted before
	Retry   bool             // a real client asks again
	Again   bool             // and with `again`: it may have been decided
	After   time.Duration    // not before this has passed
}

// Place sends a bid once.
func (a *Asker) Place(b Bid, buffer *[]byte) Reply {
	*buffer = b.body(*buffer)
	answer, err := a.Ask(http.MethodPost, b.path(), b.Member.Token, *buffer)
	return read(b, answer, err)
}

// read understands an answer to a bid.
func read(b Bid, answer Answer, err error) Reply {
	switch {
	case errors.Is(err, ErrNotSent):
		return Reply{Verdict: NoConnection, Retry: true}
	case err != nil:
		return Reply{Verdict: NoAnswer, Retry: true, Again: true}
	case answer.Status == http.StatusCreated || answer.Status == http.StatusOK:
		return admitted(b, answer)
	}
	r := Reply{Verdict: word(answer.Body, "code"), After: answer.RetryAfter}
	if r.Verdict == "" {
		r.Verdict = Unreadable
	}
	switch {
	case answer.Status == http.StatusTooManyRequests || answer.Status == http.StatusServiceUnavailable:
		r.Retry = true // nothing was decided
	case answer.Status >= http.StatusInternalServerError:
		r.Retry, r.Again = true, true
	}
	return r
}

func admitted(b Bid, answer Answer) Reply {
	receipt, ok := readReceipt(answer.Body)
	if !ok {
		return Reply{Verdict: Unreadable, Retry: true, Again: true}
	}
	receipt.Buyer = b.Member.User
	return Reply{Verdict: string(auction.Admitted), Receipt: receipt, Repeat: answer.Status == http.StatusOK}
}

// readReceipt reads the members of a receipt that are counted. Our API writes it without spaces and in one order, so
// that they are nearly always found without a parser; whatever else is JSON goes through one.
func readReceipt(body []byte) (orders.Admission, bool) {
	var a orders.Admission
	var bad error
	id := func(name string) (id uuid.UUID) {
		var err error
		if id, err = uuid.Parse(word(body, name)); err != nil {
			bad = err
		}
		return id
	}
	number := func(name string) int64 {
		n, err := strconv.ParseInt(after(body, `"`+name+`":`, ",}"), 10, 64)
		if err != nil {
			bad = err
		}
		return n
	}
	a.Bid, a.Lot, a.Order, a.Quantity, a.Seq = id("bid_id"), id("lot"), id("order"), number("quantity"), number("seq")
	if bad == nil {
		return a, true
	}
	var r struct {
		Lot      uuid.UUID `json:"lot"`
		Bid      uuid.UUID `json:"bid_id"`
		Order    uuid.UUID `json:"order"`
		Quantity int64     `json:"quantity"`
		Seq      int64     `json:"seq"`
	}
	err := json.Unmarshal(body, &r)
	return orders.Admission{Lot: r.Lot, Bid: r.Bid, Order: r.Order, Quantity: r.Quantity, Seq: r.Seq}, err == nil && r.Order != uuid.Nil
}

// word gives a member of a JSON object that is a text; "" where it is not there.
func word(body []byte, name string) string {
	if text := after(body, `"`+name+`":"`, `"`); text != "" {
		return text
	}
	var members map[string]any
	_ = json.Unmarshal(body, &members) // what is no JSON has no members
	text, _ := members[name].(string)
	return text
}

// after gives what stands between a beginning and the first of some ends; "" where they are not there.
func after(body []byte, beginning, ends string) string {
	_, rest, found := bytes.Cut(body, []byte(beginning))
	end := bytes.IndexAny(rest, ends)
	if !found || end < 0 {
		return ""
	}
	return string(rest[:end])
}

// Backoff bounds waiting before a bid is asked again.
type Backoff struct {
	First, Most time.Duration // the longest wait after the first answer, and after any; it doubles in between
}

// Pause draws a wait before asking for the nth time again (from 0): what the API asked for, and on top anything up to a
// limit that doubles, so that those who were turned away together do not come back together.
func (b Backoff) Pause(n int, asked time.Duration, dice *rand.Rand) time.Duration {
	return asked + time.Duration(dice.Int64N(int64(min(b.Most, b.First<<min(n, 16)))+1))
}
