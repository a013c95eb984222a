package pipeline

import (
	"strconv"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/orders"
)

// LotEvent is the value of a message of rostrum.bids.v1: the public form of a record. It has a pseudonym where the record
// has the buyer, and neither the order, nor the request, nor what the bidder would have paid.
type LotEvent struct {
	Deployment uuid.UUID    `json:"deployment"`
	Shard      int          `json:"shard"`
	Epoch      int64        `json:"epoch"`
	Seq        int64        `json:"seq"` // contiguous in a shard but for kinds that are not of a lot
	Kind       auction.Kind `json:"kind"`
	Lot        uuid.UUID    `json:"lot"`
	Version    int64        `json:"version"`              // of the lot, from 1 without holes
	TimeUS     int64        `json:"time_us"`              // when it was decided, µs UTC
	Bid        uuid.UUID    `json:"bid_id,omitzero"`      // by which a bidder finds their own
	Bidder     string       `json:"bidder,omitzero"`      // the buyer's pseudonym in this lot
	Quantity   int64        `json:"quantity,omitzero"`    // units
	Nth        []int        `json:"nth,omitempty"`        // which of the buyer's units, ascending
	PriceMinor int64        `json:"price,omitzero"`       // of one unit, minor units
	Currency   string       `json:"currency,omitzero"`    // ISO 4217, of price
	ClosesUS   int64        `json:"closes_us,omitzero"`   // extended, resumed: the end after, µs UTC
	CreditUS   int64        `json:"credit_us,omitzero"`   // resumed: time given back, µs
	CapUsedUS  int64        `json:"cap_used_us,omitzero"` // extended: of the cap on extensions, µs
	Left       int64        `json:"left,omitzero"`        // closed: units unsold
	Reason     string       `json:"reason,omitzero"`      // lower_snake
}

// OrderEvent is the value of a message of rostrum.orders.v1.
type OrderEvent struct {
	Deployment uuid.UUID    `json:"deployment"`
	Kind       string       `json:"kind"`              // order.created, order.released, order.paid, order.cancelled …
	AtUS       int64        `json:"at_us"`             // µs UTC
	Order      uuid.UUID    `json:"order"`             // created, and all that follows, have the same
	Lot        uuid.UUID    `json:"lot"`               // by which the topic is partitioned
	Session    uuid.UUID    `json:"session,omitzero"`  // where the order itself moved
	State      orders.State `json:"state,omitzero"`    // after this; none where only its units moved
	Bid        uuid.UUID    `json:"bid_id,omitzero"`   // order.created, order.released
	Bidder     string       `json:"bidder,omitzero"`   // the buyer's pseudonym in this lot: order.created, order.released
	Quantity   int64        `json:"quantity,omitzero"` // units: order.created, order.released
	PriceMinor int64        `json:"price,omitzero"`    // of one unit, minor units: order.created
	TotalMinor int64        `json:"total,omitzero"`    // minor units: order.created
	Currency   string       `json:"currency,omitzero"` // ISO 4217, of price and total
	Record     string       `json:"record,omitzero"`   // `<shard>/<seq>` of the record it follows from; none where MySQL moved it
	Reason     string       `json:"reason,omitzero"`   // lower_snake
	Express    string       `json:"express,omitzero"`  // the carrier's number: order.shipped
}

// What a record gives to the topics, n in the event's id `<deployment>/<shard>/<seq>/<n>`.
const (
	nthLot   = 0
	nthOrder = 1
)

// event is a message of a public topic, keyed by its lot.
type event struct {
	topic string
	Message
}

// eventsOf gives the events that follow from a record: none for kinds that are not of a lot.
func eventsOf(r auction.Record, salt []byte) []event {
	if !r.OfLot() {
		return nil
	}
	t := toldOf{lot: r.Lot.String(), deployment: r.Deployment, atUS: r.TimeUS}
	if r.Buyer != uuid.Nil {
		t.bidder = auction.Pseudonym(salt, r.Buyer)
	}
	events := append(make([]event, 0, 2), lotEvent(r, t))
	if r.Kind == auction.KindBid || r.Kind == auction.KindReleased {
		events = append(events, recordOrderEvent(r, t))
	}
	return events
}

// toldOf is what the events of one record share.
type toldOf struct {
	deployment uuid.UUID
	lot        string
	bidder     string // the buyer's pseudonym; "" where the record has no buyer
	atUS       int64
}

func lotEvent(r auction.Record, t toldOf) event {
	e := LotEvent{Deployment: r.Deployment, Shard: r.Shard, Epoch: r.Epoch, Seq: r.Seq, Kind: r.Kind, Lot: r.Lot,
		Version: r.Version, TimeUS: r.TimeUS, Bid: r.Bid, Bidder: t.bidder, Quantity: r.Quantity, Nth: r.Nth,
		PriceMinor: r.PriceMinor, Currency: r.Currency, ClosesUS: r.ClosesUS, CreditUS: r.CreditUS, CapUsedUS: r.CapUsedUS,
		Left: r.Left, Reason: r.Reason}
	return t.cloudEvent(TopicBids, recordEventID(r, nthLot), "rostrum.lot."+string(r.Kind), t.lot, e.append(make([]byte, 0, usualEventBytes)))
}

func recordOrderEvent(r auction.Record, t toldOf) event {
	e := OrderEvent{Deployment: r.Deployment, Kind: "order.created", AtUS: r.TimeUS, Order: r.Order, Lot: r.Lot,
		State: orders.PendingPayment, Bid: r.Bid, Bidder: t.bidder, Quantity: r.Quantity, PriceMinor: r.PriceMinor,
		TotalMinor: r.PriceMinor * r.Quantity, Currency: r.Currency,
		Record: strconv.Itoa(r.Shard) + "/" + strconv.FormatInt(r.Seq, 10)}
	if r.Kind == auction.KindReleased {
		e.Kind, e.State, e.Reason = "order.released", 0, r.Reason
	}
	return t.orderEvent(recordEventID(r, nthOrder), e)
}

// movedEvent gives the event of an order that MySQL itself moved.
func movedEvent(deployment uuid.UUID, o orders.Event) event {
	e := OrderEvent{Deployment: deployment, Kind: o.Kind, AtUS: o.AtUS, Order: o.Order, Lot: o.Lot, Session: o.Session,
		State: o.State, Reason: o.Reason, Express: o.Express}
	return toldOf{deployment: deployment, lot: o.Lot.String(), atUS: o.AtUS}.orderEvent(o.ID.String(), e)
}

func (t toldOf) orderEvent(id string, e OrderEvent) event {
	told := t.cloudEvent(TopicOrders, id, "rostrum."+e.Kind, e.Order.String(), e.append(make([]byte, 0, usualEventBytes)))
	told.Headers = append(told.Headers, Header{"ce_orderid", told.Headers[ceSubject].Value})
	return told
}

func recordEventID(r auction.Record, n int) string {
	b := auction.AppendIDText(make([]byte, 0, 64), r.Deployment)
	b = strconv.AppendInt(append(b, '/'), int64(r.Shard), 10)
	b = strconv.AppendInt(append(b, '/'), r.Seq, 10)
	b = strconv.AppendInt(append(b, '/'), int64(n), 10)
	return string(b)
}

// ceSubject is the place of ce_subject among the headers.
const ceSubject = 5

// cloudEvent makes a CloudEvents 1.0 message in the Kafka binding's binary mode: the attributes are headers, the value is
// the data alone.
func (t toldOf) cloudEvent(topic, id, kind, subject string, value []byte) event {
	headers := make([]Header, 0, 10)
	return event{topic, Message{Key: t.lot, Value: value, Headers: append(headers,
		Header{"content-type", "application/json"},
		Header{"ce_specversion", "1.0"},
		Header{"ce_id", id},
		Header{"ce_source", "/rostrum/" + t.deployment.String()},
		Header{"ce_type", kind},
		Header{"ce_subject", subject},
		Header{"ce_time", time.UnixMicro(t.atUS).UTC().Format("2006-01-02T15:04:05.000000Z")},
		Header{"ce_partitionkey", t.lot},
		Header{"ce_dataschema", dataSchemas[topic]},
	)}}
}

// dataSchemas names the schema of a topic's values; the files are schema/lot.v1.json and schema/order.v1.json.
var dataSchemas = map[string]string{
	TopicBids:   "urn:rostrum:schema:lot.v1",
	TopicOrders: "urn:rostrum:schema:order.v1",
}
