package api

import (
	"context"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/orders"
	"rostrum/web/edge"
)

// bidBody describes a bid's body; parseBid reads it.
type bidBody struct {
	BidID     uuid.UUID `json:"bid_id" format:"uuid" doc:"Any UUID, made by you before you first send: asking again with it gets the one answer"`
	Code      string    `json:"code,omitempty" maxLength:"64" doc:"The lot's, from the live goods page"`
	Quantity  int64     `json:"quantity,omitempty" minimum:"1" maximum:"64" doc:"1 where it is left out"`
	Kind      string    `json:"kind,omitempty" enum:"max,exact" doc:"How an amount is meant; not for flash lots"`
	Amount    int64     `json:"amount,omitempty" minimum:"0" maximum:"9007199254740991" doc:"Minor units; not needed for flash lots"`
	PriceSeen int64     `json:"price_seen,omitempty" minimum:"0" maximum:"9007199254740991" doc:"The price that you saw: another one is refused as price_mismatch"`
	Currency  string    `json:"currency,omitempty" doc:"ISO 4217"`
	Again     bool      `json:"again,omitempty" doc:"I asked before and do not know: pass every cache"`
}

type bidIn struct {
	ID uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000031" doc:"The lot's"`
}

type receiptOut struct {
	Bid           uuid.UUID `json:"bid_id" format:"uuid"`
	Lot           uuid.UUID `json:"lot" format:"uuid"`
	Verdict       string    `json:"verdict" doc:"admitted"`
	Order         uuid.UUID `json:"order" format:"uuid"`
	Serial        string    `json:"serial" doc:"The order's number for people; it is known before its row is written"`
	Quantity      int64     `json:"quantity"`
	Units         []int     `json:"units" nullable:"false" doc:"Which of your units of this lot, from 1"`
	Price         int64     `json:"price" doc:"Of one unit, at the decision"`
	PriceSeen     int64     `json:"price_seen,omitempty"`
	Currency      string    `json:"currency"`
	VersionBefore int64     `json:"version_before"`
	Version       int64     `json:"version" doc:"The lot's, after this bid"`
	Epoch         int64     `json:"epoch"`
	Seq           int64     `json:"seq" doc:"The place in the shard's order"`
	Time          Time      `json:"time" doc:"When the bid counts as received, by the deciding clock"`
	Durability    string    `json:"durability" doc:"What this answer promises: none, everysec, always or kafka"`
}

func viewReceipt(r auction.Receipt) receiptOut {
	return receiptOut{r.Bid, r.Lot, string(auction.Admitted), r.Order, orders.Serial(r.Order), r.Quantity, append([]int{}, r.Nth...), r.PriceMinor, r.Seen,
		r.Currency, r.VersionBefore, r.Version, r.Epoch, r.Seq, Time(r.TimeUS), string(r.Durability)}
}

type bidOut struct {
	Status     int
	Location   string `header:"Location"`
	RatePolicy string `header:"RateLimit-Policy" doc:"How many bids at once, and in how many seconds they come back"`
	Rate       string `header:"RateLimit" doc:"How many are left, and in how many seconds all are back"`
	Body       receiptOut
}

type placedOut struct {
	receiptOut
	OrderWritten bool `json:"order_written" doc:"The order can be read"`
}

type receiptIn struct {
	ID    uuid.UUID `path:"id" format:"uuid" example:"0198c0de-0000-7000-8000-000000000031" doc:"The lot's"`
	BidID uuid.UUID `path:"bid_id" format:"uuid" example:"6d3f2b9e-5c1a-4f7e-9a53-0c9a4f1d2e11"`
}

func (a *API) bids() {
	a.router.Add(fiber.MethodPost, strings.ReplaceAll(Prefix+a.routes[placeBid].Path, "{id}", ":id"), a.hotBid)
	register(a, placeBid, func(ctx context.Context, in *bidIn) (*bidOut, error) {
		c := callOf(ctx)
		if len(c.body) == 0 {
			return nil, noBody()
		}
		wish, err := parseBid(c.body)
		if err != nil {
			return nil, err
		}
		out, err := a.Edge.Bid(ctx, edge.Caller{Claims: c.who, Address: c.address, Trace: c.trace}, in.ID, wish)
		if c.rate = out.Rate; err != nil {
			return nil, err
		}
		return bidAnswer(out), nil
	})
	register(a, "bids-read", func(ctx context.Context, in *receiptIn) (*one[placedOut], error) {
		p, err := a.Edge.Receipt(ctx, callOf(ctx).who, in.ID, in.BidID)
		return &one[placedOut]{placedOut{viewReceipt(p.Receipt), p.OrderThere}}, err
	})
}

func bidAnswer(out edge.Outcome) *bidOut {
	status := 201
	if out.Repeat {
		status = 200
	}
	r := out.Receipt
	return &bidOut{status, bidLocation(r), ratePolicy(out.Rate), rateLeft(out.Rate), viewReceipt(r)}
}
