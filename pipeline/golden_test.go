package pipeline

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/orders"
)

//go:generate go test . -run "TestSchemas|TestGolden" -update

var update = flag.Bool("update", false, "write schema/*.json and testdata/*.golden.json anew")

func id(n int) uuid.UUID { return uuid.MustParse(fmt.Sprintf("01939c00-0000-7000-8000-%012d", n)) }

// sampleRecords gives one record of each kind with every field that the kind has.
func sampleRecords() []auction.Record {
	base := func(seq int64, kind auction.Kind) auction.Record {
		r := auction.Record{Deployment: id(1), Shard: 3, Epoch: 2, Seq: seq, Kind: kind, TimeUS: 1_770_000_000_123_456 + seq}
		if r.OfLot() {
			r.Lot, r.Version = id(2), seq
		}
		return r
	}
	with := func(r auction.Record, set func(*auction.Record)) auction.Record { set(&r); return r }
	return []auction.Record{
		with(base(1, auction.KindGenesis), func(r *auction.Record) { r.Epoch, r.Shards = 1, 16 }),
		with(base(2, auction.KindCut), func(r *auction.Record) { r.Reason = "recovery" }),
		with(base(3, auction.KindBid), func(r *auction.Record) {
			r.Bid, r.Buyer, r.Order, r.Quantity, r.Nth = id(3), id(4), id(5), 2, []int{1, 3}
			r.PriceMinor, r.Currency, r.BidKind, r.Amount, r.Seen, r.CurrencySeen = 1999, "EUR", auction.BidExact, 1999, 1999, "EUR"
			r.Trace = "req-7"
		}),
		with(base(4, auction.KindExtended), func(r *auction.Record) {
			r.Bid, r.ClosesUS, r.CapUsedUS, r.Reason = id(3), 1_770_000_120_000_000, 60_000_000, "bid"
		}),
		with(base(5, auction.KindClosed), func(r *auction.Record) { r.Left, r.Reason = 7, "time" }),
		with(base(6, auction.KindReleased), func(r *auction.Record) {
			r.Bid, r.Buyer, r.Order, r.Quantity, r.Nth, r.Reason = id(3), id(4), id(5), 2, []int{1, 3}, "cancelled"
		}),
		with(base(7, auction.KindToppedUp), func(r *auction.Record) { r.Quantity, r.Reason = 10, "operator" }),
		with(base(8, auction.KindWithdrawn), func(r *auction.Record) { r.Reason = "operator" }),
		with(base(9, auction.KindPaused), func(r *auction.Record) { r.Reason = "operator" }),
		with(base(10, auction.KindResumed), func(r *auction.Record) {
			r.ClosesUS, r.CreditUS, r.Reason = 1_770_000_180_000_000, 60_000_000, "recovery"
		}),
		with(base(11, auction.KindCorrected), func(r *auction.Record) {
			r.Bid, r.Buyer, r.PriceMinor, r.Currency, r.Reason = id(3), id(4), 1499, "EUR", "operator"
		}),
		with(base(12, auction.KindRegistered), func(r *auction.Record) { r.Buyer = id(4) }),
	}
}

var sampleSalt = []byte("0123456789abcdef")

// sampleMessages gives every kind of message of every topic, by the name of its golden file.
func sampleMessages(t *testing.T) map[string]Message {
	t.Helper()
	samples := map[string]Message{}
	for _, r := range sampleRecords() {
		m, err := Envelope(r)
		if err != nil {
			t.Fatal(err)
		}
		samples["record."+string(r.Kind)] = m
		for _, e := range eventsOf(r, sampleSalt) {
			samples[fileOf(e)] = e.Message
		}
	}
	for i, moved := range []orders.Event{
		{Kind: "order.paid", State: orders.Paid},
		{Kind: "order.cancelled", State: orders.Cancelled, Reason: "ordered \"twice\""},
		{Kind: "order.shipped", State: orders.Shipping, Express: "EX-7/42"},
		{Kind: "order.completed", State: orders.Completed, Express: "EX-7/42"},
		{Kind: "order.void", State: orders.Void, Reason: "stock"},
		{Kind: "order.payment_timeout", State: orders.PaymentTimeout, Reason: "payment_timeout"},
		{Kind: "order.refunded", State: orders.Refunded, Reason: "cancelled"},
	} {
		moved.ID, moved.AtUS, moved.Order, moved.Lot, moved.Session = id(20+i), 1_770_000_100_000_000, id(5), id(2), id(6)
		e := movedEvent(id(1), moved)
		samples[fileOf(e)] = e.Message
	}
	k := &Kafka{o: Options{Deployment: id(1)}}
	samples["parked.message"] = k.parked(3, auction.Delivery{Offset: 17, Raw: []byte("{no record"),
		Err: fmt.Errorf("record: unexpected EOF")}, 1_770_000_000_000_000)
	return samples
}

func fileOf(e event) string {
	for _, h := range e.Headers {
		if h.Key == "ce_type" {
			return strings.TrimPrefix(h.Value, "rostrum.")
		}
	}
	return ""
}

// golden is a message as its file shows it.
type golden struct {
	Key     string
	Headers []Header
	Value   json.RawMessage
}

func TestGolden(t *testing.T) {
	samples := sampleMessages(t)
	for name, m := range samples {
		value := bytes.Buffer{}
		e := json.NewEncoder(&value)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		if err := e.Encode(golden{m.Key, m.Headers, m.Value}); err != nil {
			t.Fatal(err)
		}
		checkFile(t, filepath.Join("testdata", name+".golden.json"), value.Bytes())
	}
	files, err := filepath.Glob("testdata/*.golden.json")
	if err != nil || len(files) != len(samples) {
		t.Errorf("%d golden files for %d kinds of message (%v)", len(files), len(samples), err)
	}
}

// TestGoldenRecordsAreReadBack holds reader and writer together: what stands in the files is what is read from a topic.
func TestGoldenRecordsAreReadBack(t *testing.T) {
	k := &Kafka{o: Options{Deployment: id(1)}}
	for _, want := range sampleRecords() {
		b, err := os.ReadFile(filepath.Join("testdata", "record."+string(want.Kind)+".golden.json"))
		if err != nil {
			t.Fatal(err)
		}
		var g golden
		if err := json.Unmarshal(b, &g); err != nil {
			t.Fatal(err)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, g.Value); err != nil {
			t.Fatal(err)
		}
		d := k.open(3, 0, compact.Bytes())
		if diff := cmp.Diff(want, d.Record); d.Err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", want.Kind, d.Err, diff)
		}
	}
}

func checkFile(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	has, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(has)); diff != "" {
		t.Errorf("%s is not what the program makes (-program +file); a format that is out cannot change:\n%s", path, diff)
	}
}

// FuzzOpen: whatever stands in a partition, it is a record in exactly the bytes we would write, or it is said what is
// wrong with it; and it never stops the reader.
func FuzzOpen(f *testing.F) {
	for _, r := range sampleRecords() {
		m, err := Envelope(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(m.Value)
	}
	f.Add([]byte(`{"deployment":"01939c00-0000-7000-8000-000000000001","shard":3,"epoch":1e3,"seq":-1}`))
	f.Add([]byte("\xff\x00[[[[{"))
	k := &Kafka{o: Options{Deployment: id(1)}}
	f.Fuzz(func(t *testing.T, value []byte) {
		d := k.open(3, 5, value)
		if !bytes.Equal(d.Raw, value) || d.Offset != 5 {
			t.Errorf("bytes or offset changed: %+v", d)
		}
		if d.Err != nil {
			return
		}
		if m, err := Envelope(d.Record); err != nil || !bytes.Equal(m.Value, value) {
			t.Errorf("read %s and would write %s, %v", value, m.Value, err)
		}
	})
}
