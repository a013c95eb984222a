package pipeline

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"rostrum/auction"
	"rostrum/orders"
)

// attribute is how CloudEvents 1.0 lets an attribute be named: lower-case letters and digits, 20 at most.
var attribute = regexp.MustCompile(`^ce_[a-z0-9]{1,20}$`)

// cloudEventFaults checks a message by the rules of CloudEvents 1.0 and its Kafka binding, binary mode.
func cloudEventFaults(m Message) (faults []string) {
	has := map[string]string{}
	for _, h := range m.Headers {
		if _, twice := has[h.Key]; twice {
			faults = append(faults, h.Key+" is there twice")
		}
		if h.Key != "content-type" && !attribute.MatchString(h.Key) {
			faults = append(faults, h.Key+" is no name of an attribute")
		}
		if h.Value == "" {
			faults = append(faults, h.Key+" is empty")
		}
		has[h.Key] = h.Value
	}
	for _, needed := range []string{"ce_specversion", "ce_id", "ce_source", "ce_type", "content-type"} {
		if has[needed] == "" {
			faults = append(faults, needed+" is needed")
		}
	}
	if has["ce_specversion"] != "1.0" {
		faults = append(faults, "specversion "+has["ce_specversion"])
	}
	if _, err := time.Parse(time.RFC3339Nano, has["ce_time"]); err != nil {
		faults = append(faults, err.Error())
	}
	if strings.HasPrefix(has["content-type"], "application/cloudevents") {
		faults = append(faults, "that content-type would mean structured mode")
	}
	if m.Key != has["ce_partitionkey"] {
		faults = append(faults, "key and partitionkey differ")
	}
	return faults
}

func TestEventsAreCloudEvents(t *testing.T) {
	for name, m := range sampleMessages(t) {
		if strings.HasPrefix(name, "record.") || strings.HasPrefix(name, "parked.") {
			continue
		}
		for _, fault := range cloudEventFaults(m) {
			t.Errorf("%s: %s", name, fault)
		}
	}
	broken := Message{Key: "x", Headers: []Header{{"ce_specversion", "0.3"}, {"ce_Order-ID", "1"}, {"ce_time", "now"}}}
	if found := cloudEventFaults(broken); len(found) < 8 {
		t.Errorf("the check finds only %v", found)
	}
}

func TestEventIDs(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range sampleRecords() {
		for n, e := range eventsOf(r, sampleSalt) {
			want := fmt.Sprintf("%s/3/%d/%d", id(1), r.Seq, n)
			if got := header(e.Message, "ce_id"); got != want || seen[got] {
				t.Errorf("%s: event %d has id %s, want %s, once", r.Kind, n, got, want)
			}
			seen[want] = true
		}
	}
	if len(seen) != 12 { // ten kinds of a lot, two of them with an order
		t.Errorf("%d events", len(seen))
	}
	if e := movedEvent(id(1), orders.Event{ID: id(9), Kind: "order.paid", Order: id(5), Lot: id(2)}); header(e.Message, "ce_id") != id(9).String() ||
		header(e.Message, "ce_orderid") != id(5).String() || e.Key != id(2).String() {
		t.Errorf("event of the outbox: %+v", e)
	}
}

// TestNobodyIsNamed: what is public must not carry the buyer, the order's request or the salt.
func TestNobodyIsNamed(t *testing.T) {
	for _, r := range sampleRecords() {
		for _, e := range eventsOf(r, sampleSalt) {
			all := fmt.Sprintf("%s %v %s", e.Key, e.Headers, e.Value)
			for what, secret := range map[string]string{"buyer": id(4).String(), "trace": "req-7", "salt": string(sampleSalt)} {
				if strings.Contains(all, secret) {
					t.Errorf("%s: the %s of a %s is in %s", e.topic, what, r.Kind, all)
				}
			}
			if strings.Contains(string(e.Value), id(5).String()) && e.topic == TopicBids {
				t.Errorf("the order of a %s is in %s", r.Kind, e.Value)
			}
			if r.Buyer == id(4) && !strings.Contains(string(e.Value), auction.Pseudonym(sampleSalt, id(4))) {
				t.Errorf("%s: no pseudonym in %s", r.Kind, e.Value)
			}
		}
	}
}

func header(m Message, key string) string {
	for _, h := range m.Headers {
		if h.Key == key {
			return h.Value
		}
	}
	return ""
}
