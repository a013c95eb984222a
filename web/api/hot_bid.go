package api

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"
	"github.com/valyala/fasthttp"

	"rostrum/auction"
	"rostrum/internal/trace"
	"rostrum/orders"
	"rostrum/web/edge"
)

// A bid has two ways, as the goods page has: hotBid takes a plain request from somebody who may bid, and reads and answers
// it without reflection. Whatever it does not take, right or wrong, goes the ordinary way. Both send the same bytes.

// hotBid stands before both ways: a bid too many is turned away before anything of it is read. Then it answers, or leaves
// the request to the next handler before anything was done.
func (a *API) hotBid(c *fiber.Ctx) error {
	if err := a.Edge.Enter(); err != nil {
		return a.refuse(Traced(c), c, uuid.Nil, err)
	}
	defer a.Edge.Leave()
	lot, wish, ok := plainBid(c)
	if !ok {
		return c.Next()
	}
	who, ok := a.bearer(c)
	if !ok || !a.routes[placeBid].allows(who.Roles) {
		return c.Next()
	}
	from := edge.Caller{Claims: who, Address: c.IP(), Trace: TraceOf(c)}
	ctx := trace.With(context.Background(), from.Trace)
	out, err := a.Edge.Bid(ctx, from, lot, wish) // it bounds its time itself
	setRate(c, out.Rate)
	if err != nil {
		return a.refuse(ctx, c, from.User, err)
	}
	status, location := http.StatusCreated, bidLocation(out.Receipt)
	if out.Repeat {
		status = http.StatusOK
	}
	h := &c.Response().Header
	h.SetContentType(fiber.MIMEApplicationJSON)
	h.Set(fiber.HeaderLocation, location)
	r := c.Response()
	r.SetStatusCode(status)
	r.SwapBody(appendReceipt(emptied(r), &out.Receipt))
	return nil
}

// plainBid reads a request that is nothing but a bid in JSON.
func plainBid(c *fiber.Ctx) (lot uuid.UUID, w edge.Wish, ok bool) {
	r := c.Request()
	body := r.Body()
	if len(body) > MaxBodyBytes || r.Header.ContentLength() > MaxBodyBytes || len(r.Header.Peek(fiber.HeaderContentEncoding)) > 0 ||
		string(r.Header.ContentType()) != fiber.MIMEApplicationJSON || len(r.URI().QueryString()) > 0 {
		return lot, w, false
	}
	text := c.Params("id")
	lot, err := uuid.Parse(text)
	if err != nil || len(text) != 36 {
		return lot, w, false
	}
	w, ok = plain(body)
	return lot, w, ok
}

// refuse sends a bid's problem.
func (a *API) refuse(ctx context.Context, c *fiber.Ctx, user uuid.UUID, err error) error {
	p := a.problemOf(ctx, err, user)
	h := &c.Response().Header
	p.headers(h.Set)
	h.SetContentType(p.ContentType(""))
	r := c.Response()
	r.SetStatusCode(p.Status)
	r.SwapBody(append(p.appendJSON(emptied(r)), '\n'))
	return nil
}

// emptied takes the memory of an answer's body out of it, which is that of an earlier answer: there is room for what is
// usual.
func emptied(r *fasthttp.Response) []byte { return r.SwapBody(nil)[:0] }

// The name of the limit in RateLimit headers (draft-ietf-httpapi-ratelimit-headers).
const bidsLimit = `"bids"`

// setRate sets the RateLimit headers, where a limit counted.
func setRate(c *fiber.Ctx, rate edge.Allowance) {
	if rate.Quota == 0 {
		return
	}
	h, text := &c.Response().Header, make([]byte, 0, 2*rateBytes)
	text = appendPolicy(text, rate)
	h.SetCanonical(policyHeader, text)
	h.SetCanonical(rateHeader, appendLeft(text[len(text):], rate))
}

// As the server spells them.
var policyHeader, rateHeader = []byte("Ratelimit-Policy"), []byte("Ratelimit")

// rateBytes is what one of them needs at most.
const rateBytes = 48

// ratePolicy: so many at once, and the bucket fills in two seconds (edge.Options.UserBids).
func ratePolicy(rate edge.Allowance) string {
	if rate.Quota == 0 {
		return ""
	}
	return string(appendPolicy(nil, rate))
}

func appendPolicy(b []byte, rate edge.Allowance) []byte {
	return append(strconv.AppendInt(append(b, bidsLimit+";q="...), int64(rate.Quota), 10), ";w=2"...)
}

func rateLeft(rate edge.Allowance) string {
	if rate.Quota == 0 {
		return ""
	}
	return string(appendLeft(nil, rate))
}

func appendLeft(b []byte, rate edge.Allowance) []byte {
	b = strconv.AppendInt(append(b, bidsLimit+";r="...), int64(rate.Left), 10)
	return strconv.AppendInt(append(b, ";t="...), int64(seconds(rate.Fill)), 10)
}

// seconds rounds up.
func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }

func bidLocation(r auction.Receipt) string {
	b := append(make([]byte, 0, len(Prefix)+92), Prefix+"/lots/"...)
	b = appendUUID(b, r.Lot)
	b = append(b, "/bids/"...)
	return string(appendUUID(b, r.Bid))
}

func appendUUID(b []byte, id uuid.UUID) []byte {
	text, _ := id.MarshalText() // it cannot fail
	return append(b, text...)
}

// appendReceipt writes what encoding/json writes of viewReceipt.
func appendReceipt(b []byte, r *auction.Receipt) []byte {
	j := jsonWriter{b}
	j.id(`{"bid_id":`, r.Bid)
	j.id(`,"lot":`, r.Lot)
	j.text(`,"verdict":`, string(auction.Admitted))
	j.id(`,"order":`, r.Order)
	j.text(`,"serial":`, orders.Serial(r.Order))
	j.number(`,"quantity":`, r.Quantity)
	j.raw(`,"units":[`)
	for i, nth := range r.Nth {
		if i > 0 {
			j.raw(",")
		}
		j.number("", int64(nth))
	}
	j.number(`],"price":`, r.PriceMinor)
	if r.Seen != 0 {
		j.number(`,"price_seen":`, r.Seen)
	}
	j.text(`,"currency":`, r.Currency)
	j.number(`,"version_before":`, r.VersionBefore)
	j.number(`,"version":`, r.Version)
	j.number(`,"epoch":`, r.Epoch)
	j.number(`,"seq":`, r.Seq)
	j.time(`,"time":`, r.TimeUS)
	j.text(`,"durability":`, string(r.Durability))
	j.raw("}\n")
	return j.b
}

// appendJSON writes what encoding/json writes of a problem.
func (p *Problem) appendJSON(b []byte) []byte {
	if len(p.Errors) > 0 {
		return append(b, p.JSON()...)
	}
	j := jsonWriter{b}
	j.text(`{"type":`, p.Type)
	j.text(`,"title":`, p.Title)
	j.number(`,"status":`, int64(p.Status))
	j.text(`,"code":`, p.Code)
	j.someText(`,"detail":`, p.Detail)
	j.someText(`,"remedy":`, p.Remedy)
	j.someText(`,"request_id":`, p.Request)
	if p.AskAgain {
		j.raw(`,"ask_again":true`)
	}
	j.someText(`,"verdict":`, string(p.Verdict))
	for _, t := range []struct {
		name string
		at   Time
	}{{`,"time":`, p.Time}, {`,"opens":`, p.Opens}, {`,"closes":`, p.Closes}} {
		if t.at != 0 {
			j.time(t.name, int64(t.at))
		}
	}
	j.someNumber(`,"early_ms":`, p.EarlyMS)
	j.someNumber(`,"late_ms":`, p.LateMS)
	j.someNumber(`,"price":`, p.PriceMinor)
	j.someText(`,"currency":`, p.Currency)
	j.someNumber(`,"per_buyer":`, int64(p.PerBuyer))
	j.raw("}")
	return j.b
}

// jsonWriter writes members one after the other; each name brings its comma.
type jsonWriter struct{ b []byte }

func (j *jsonWriter) raw(s string) { j.b = append(j.b, s...) }

func (j *jsonWriter) text(name, value string) { j.b = appendText(append(j.b, name...), value) }

func (j *jsonWriter) number(name string, value int64) {
	j.b = strconv.AppendInt(append(j.b, name...), value, 10)
}

func (j *jsonWriter) time(name string, us int64) { j.b = appendTime(append(j.b, name...), Time(us)) }

func (j *jsonWriter) id(name string, id uuid.UUID) {
	j.raw(name)
	j.raw(`"`)
	j.b = appendUUID(j.b, id)
	j.raw(`"`)
}

func (j *jsonWriter) someText(name, value string) {
	if value != "" {
		j.text(name, value)
	}
}

func (j *jsonWriter) someNumber(name string, value int64) {
	if value != 0 {
		j.number(name, value)
	}
}
