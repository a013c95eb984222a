package pipeline

import (
	"strconv"

	"rostrum/auction"
)

// The writers of the public values: what encoding/json makes of the structs, at a tenth of its cost. A test on random
// values holds them together, and with the golden files.

// usualEventBytes holds nearly every value.
const usualEventBytes = 512

func (e *LotEvent) append(b []byte) []byte {
	b = auction.AppendID(append(b, `{"deployment":`...), e.Deployment)
	b = strconv.AppendInt(append(b, `,"shard":`...), int64(e.Shard), 10)
	b = strconv.AppendInt(append(b, `,"epoch":`...), e.Epoch, 10)
	b = strconv.AppendInt(append(b, `,"seq":`...), e.Seq, 10)
	b = auction.AppendText(append(b, `,"kind":`...), string(e.Kind))
	b = auction.AppendID(append(b, `,"lot":`...), e.Lot)
	b = strconv.AppendInt(append(b, `,"version":`...), e.Version, 10)
	b = strconv.AppendInt(append(b, `,"time_us":`...), e.TimeUS, 10)
	b = auction.MaybeID(b, `,"bid_id":`, e.Bid)
	b = auction.MaybeText(b, `,"bidder":`, e.Bidder)
	b = auction.MaybeInt(b, `,"quantity":`, e.Quantity)
	b = auction.MaybeNths(b, `,"nth":`, e.Nth)
	b = auction.MaybeInt(b, `,"price":`, e.PriceMinor)
	b = auction.MaybeText(b, `,"currency":`, e.Currency)
	b = auction.MaybeInt(b, `,"closes_us":`, e.ClosesUS)
	b = auction.MaybeInt(b, `,"credit_us":`, e.CreditUS)
	b = auction.MaybeInt(b, `,"cap_used_us":`, e.CapUsedUS)
	b = auction.MaybeInt(b, `,"left":`, e.Left)
	b = auction.MaybeText(b, `,"reason":`, e.Reason)
	return append(b, '}')
}

func (e *OrderEvent) append(b []byte) []byte {
	b = auction.AppendID(append(b, `{"deployment":`...), e.Deployment)
	b = auction.AppendText(append(b, `,"kind":`...), e.Kind)
	b = strconv.AppendInt(append(b, `,"at_us":`...), e.AtUS, 10)
	b = auction.AppendID(append(b, `,"order":`...), e.Order)
	b = auction.AppendID(append(b, `,"lot":`...), e.Lot)
	b = auction.MaybeID(b, `,"session":`, e.Session)
	b = auction.MaybeInt(b, `,"state":`, int64(e.State))
	b = auction.MaybeID(b, `,"bid_id":`, e.Bid)
	b = auction.MaybeText(b, `,"bidder":`, e.Bidder)
	b = auction.MaybeInt(b, `,"quantity":`, e.Quantity)
	b = auction.MaybeInt(b, `,"price":`, e.PriceMinor)
	b = auction.MaybeInt(b, `,"total":`, e.TotalMinor)
	b = auction.MaybeText(b, `,"currency":`, e.Currency)
	b = auction.MaybeText(b, `,"record":`, e.Record)
	b = auction.MaybeText(b, `,"reason":`, e.Reason)
	b = auction.MaybeText(b, `,"express":`, e.Express)
	return append(b, '}')
}
