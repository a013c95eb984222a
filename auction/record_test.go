package auction_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/money"
)

// golden gives one record of every kind with every field that its kind may carry. The files beside it are what stands in
// journals, topics and databases of running installations: a change that breaks this test breaks those.
func golden() map[auction.Kind]auction.Record {
	of := func(kind auction.Kind, seq int64, more func(*auction.Record)) auction.Record {
		r := auction.Record{Deployment: uuid.MustParse("0197f7a1-6c00-7e21-9c3b-52d0a1b2c3d4"), Shard: 11, Epoch: 2, Seq: seq,
			Kind: kind, TimeUS: 1_795_380_000_000_000 + seq}
		if r.OfLot() {
			r.Lot, r.Version = uuid.MustParse("0197f7a1-7a10-7b6f-8d52-0a4f6e2b9c11"), seq-100
		}
		more(&r)
		return r
	}
	buyer := uuid.MustParse("0197f7a1-8b20-7c01-a1b2-c3d4e5f60718")
	bid := uuid.MustParse("7f3b1c2d-4e5f-4a6b-8c7d-9e0f1a2b3c4d")
	order := uuid.MustParse("0197f7a2-0c30-7d11-b2c3-d4e5f6071829")
	return map[auction.Kind]auction.Record{
		auction.KindGenesis: of(auction.KindGenesis, 1, func(r *auction.Record) { r.Epoch, r.Shards = 1, 16 }),
		auction.KindCut:     of(auction.KindCut, 101, func(r *auction.Record) { r.Reason = "recovery" }),
		auction.KindBid: of(auction.KindBid, 102, func(r *auction.Record) {
			r.Bid, r.Buyer, r.Order, r.Quantity, r.Nth = bid, buyer, order, 3, []int{1, 2, 64}
			r.PriceMinor, r.Currency, r.BidKind, r.Amount = money.MaxMinor, "EUR", auction.BidMax, money.MaxMinor
			r.Seen, r.CurrencySeen, r.Trace = money.MaxMinor, "EUR", "req_01-K9Zz"
		}),
		auction.KindExtended: of(auction.KindExtended, 103, func(r *auction.Record) {
			r.Bid, r.ClosesUS, r.CapUsedUS, r.Reason = bid, 1_795_383_720_000_000, 120_000_000, "soft_close"
		}),
		auction.KindClosed: of(auction.KindClosed, 104, func(r *auction.Record) { r.Left, r.Reason = 7, "time" }),
		auction.KindReleased: of(auction.KindReleased, 105, func(r *auction.Record) {
			r.Bid, r.Buyer, r.Order, r.Quantity, r.Nth, r.Reason = bid, buyer, order, 3, []int{1, 2, 64}, "payment_timeout"
		}),
		auction.KindToppedUp: of(auction.KindToppedUp, 106, func(r *auction.Record) {
			r.Quantity, r.Reason, r.Trace = 50, "operator", "req_02"
		}),
		auction.KindWithdrawn: of(auction.KindWithdrawn, 107, func(r *auction.Record) { r.Reason = "seller" }),
		auction.KindPaused:    of(auction.KindPaused, 108, func(r *auction.Record) { r.Reason = "operator" }),
		auction.KindResumed: of(auction.KindResumed, 109, func(r *auction.Record) {
			r.ClosesUS, r.CreditUS, r.Reason = 1_795_383_605_000_000, 5_000_000, "recovery"
		}),
		auction.KindCorrected: of(auction.KindCorrected, 110, func(r *auction.Record) {
			r.Bid, r.Buyer, r.PriceMinor, r.Currency, r.Reason = bid, buyer, 1990, "EUR", "operator"
		}),
		auction.KindRegistered: of(auction.KindRegistered, 111, func(r *auction.Record) { r.Buyer = buyer }),
	}
}

func goldenFile(kind auction.Kind) string {
	return filepath.Join("testdata", "records", string(kind)+".golden.json")
}

func TestRecordsAreTheirGoldenFiles(t *testing.T) {
	for _, kind := range auction.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			r, ok := golden()[kind]
			if !ok {
				t.Fatal("no golden record of this kind")
			}
			want, err := os.ReadFile(goldenFile(kind))
			if err != nil {
				t.Fatal(err)
			}
			want = bytes.TrimSuffix(want, []byte("\n")) // an editor's; the bytes in Kafka have none
			got, err := r.JSON()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				at := firstDifference(got, want)
				t.Errorf("JSON differs at byte %d\n got %s\nwant %s", at, got, want)
			}
			back, err := auction.ParseRecord(want)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(r, back); d != "" {
				t.Errorf("parsed (-want +got):\n%s", d)
			}
		})
	}
	files, _ := filepath.Glob(filepath.Join("testdata", "records", "*"))
	if len(files) != len(auction.Kinds()) {
		t.Errorf("%d files for %d kinds", len(files), len(auction.Kinds()))
	}
}

// The schema's order, for ever. A new field goes to the end.
var fieldOrder = []string{"deployment", "shard", "epoch", "seq", "kind", "lot", "version", "time_us", "bid_id", "buyer", "order",
	"quantity", "nth", "price", "currency", "bid_kind", "amount", "price_seen", "currency_seen", "trace", "closes_us",
	"credit_us", "cap_used_us", "left", "reason", "shards"}

func keys(t *testing.T, object []byte) []string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(object))
	var found []string
	for depth, key := 0, false; ; {
		token, err := d.Token()
		if err != nil {
			return found
		}
		switch v := token.(type) {
		case json.Delim:
			depth += map[json.Delim]int{'{': 1, '[': 1, '}': -1, ']': -1}[v]
			key = depth == 1
		case string:
			if depth == 1 && key {
				found = append(found, v)
			}
			key = depth == 1 && !key
		default:
			key = depth == 1
		}
	}
}

func TestFieldsComeInOrderAndOnlyWhereNeeded(t *testing.T) {
	seen := map[string]bool{}
	for kind, r := range golden() {
		got := keys(t, rawOf(t, r))
		want := slices.Clone(fieldOrder)
		want = slices.DeleteFunc(want, func(k string) bool { return !slices.Contains(got, k) })
		if !slices.Equal(got, want) {
			t.Errorf("%s: fields %v, in order they are %v", kind, got, want)
		}
		for _, k := range got {
			seen[k] = true
		}
	}
	for _, k := range fieldOrder {
		if !seen[k] {
			t.Errorf("no golden record has %s", k)
		}
	}
	if n := reflect.TypeFor[auction.Record]().NumField(); n != len(fieldOrder) {
		t.Errorf("%d fields in the type, %d in the order", n, len(fieldOrder))
	}
	barest := auction.Record{Deployment: deployment, Epoch: 1, Seq: 1, Kind: auction.KindCut, TimeUS: 1}
	want := `{"deployment":"` + deployment.String() + `","shard":0,"epoch":1,"seq":1,"kind":"cut","time_us":1}`
	if got := string(rawOf(t, barest)); got != want {
		t.Errorf("barest record\n got %s\nwant %s", got, want)
	}
}

func TestCheckRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		kind  auction.Kind
		spoil func(*auction.Record)
		says  string
	}{
		"unknown kind":                       {auction.KindBid, func(r *auction.Record) { r.Kind = "sold" }, "unknown kind"},
		"no kind":                            {auction.KindBid, func(r *auction.Record) { r.Kind = "" }, "unknown kind"},
		"no deployment":                      {auction.KindBid, func(r *auction.Record) { r.Deployment = uuid.Nil }, "no deployment"},
		"shard below":                        {auction.KindBid, func(r *auction.Record) { r.Shard = -1 }, "shard out of"},
		"shard above":                        {auction.KindBid, func(r *auction.Record) { r.Shard = auction.MaxShards }, "shard out of"},
		"epoch 0":                            {auction.KindBid, func(r *auction.Record) { r.Epoch = 0 }, "start at 1"},
		"seq 0":                              {auction.KindBid, func(r *auction.Record) { r.Seq = 0 }, "start at 1"},
		"time 0":                             {auction.KindBid, func(r *auction.Record) { r.TimeUS = 0 }, "time_us"},
		"time over 2^53":                     {auction.KindBid, func(r *auction.Record) { r.TimeUS = money.MaxMinor + 1 }, "time_us"},
		"bid without lot":                    {auction.KindBid, func(r *auction.Record) { r.Lot = uuid.Nil }, "lot kinds only"},
		"bid without version":                {auction.KindBid, func(r *auction.Record) { r.Version = 0 }, "lot kinds only"},
		"cut with lot":                       {auction.KindCut, func(r *auction.Record) { r.Lot = id(lots, 1) }, "lot kinds only"},
		"cut with version":                   {auction.KindCut, func(r *auction.Record) { r.Version = 1 }, "lot kinds only"},
		"trace too long":                     {auction.KindBid, func(r *auction.Record) { r.Trace = strings.Repeat("x", auction.MaxTrace+1) }, "trace over"},
		"genesis without shards":             {auction.KindGenesis, func(r *auction.Record) { r.Shards = 0 }, "shards 0"},
		"genesis of no shard":                {auction.KindGenesis, func(r *auction.Record) { r.Shards = r.Shard }, "shards 11"},
		"bid without id":                     {auction.KindBid, func(r *auction.Record) { r.Bid = uuid.Nil }, "are needed"},
		"bid without buyer":                  {auction.KindBid, func(r *auction.Record) { r.Buyer = uuid.Nil }, "are needed"},
		"bid without order":                  {auction.KindBid, func(r *auction.Record) { r.Order = uuid.Nil }, "are needed"},
		"release without order":              {auction.KindReleased, func(r *auction.Record) { r.Order = uuid.Nil }, "are needed"},
		"quantity 0":                         {auction.KindBid, func(r *auction.Record) { r.Quantity, r.Nth = 0, nil }, "quantity 0"},
		"quantity is not units":              {auction.KindBid, func(r *auction.Record) { r.Quantity = 2 }, "quantity 2"},
		"units repeat":                       {auction.KindBid, func(r *auction.Record) { r.Nth = []int{1, 2, 2} }, "with units"},
		"units fall":                         {auction.KindReleased, func(r *auction.Record) { r.Nth = []int{2, 1, 3} }, "with units"},
		"unit 0":                             {auction.KindBid, func(r *auction.Record) { r.Nth = []int{0, 1, 2} }, "with units"},
		"unit 65":                            {auction.KindBid, func(r *auction.Record) { r.Nth = []int{1, 2, 65} }, "with units"},
		"price 0":                            {auction.KindBid, func(r *auction.Record) { r.PriceMinor = 0 }, "price 0"},
		"price negative":                     {auction.KindBid, func(r *auction.Record) { r.PriceMinor = -1 }, "out of 0"},
		"price over 2^53":                    {auction.KindBid, func(r *auction.Record) { r.PriceMinor = money.MaxMinor + 1 }, "out of 0"},
		"price without currency":             {auction.KindBid, func(r *auction.Record) { r.Currency = "" }, `""`},
		"top-up of nothing":                  {auction.KindToppedUp, func(r *auction.Record) { r.Quantity = 0 }, "quantity is needed"},
		"version negative":                   {auction.KindBid, func(r *auction.Record) { r.Version = -1 }, "out of 0"},
		"seq over 2^53":                      {auction.KindBid, func(r *auction.Record) { r.Seq = money.MaxMinor + 1 }, "out of 0"},
		"amount negative":                    {auction.KindBid, func(r *auction.Record) { r.Amount = -1 }, "out of 0"},
		"credit negative":                    {auction.KindResumed, func(r *auction.Record) { r.CreditUS = -1 }, "out of 0"},
		"left over 2^53":                     {auction.KindClosed, func(r *auction.Record) { r.Left = money.MaxMinor + 1 }, "out of 0"},
		"texts that are UTF-8 only together": {auction.KindBid, func(r *auction.Record) { r.Trace, r.Reason = "\xc3", "\xa9" }, "not UTF-8"},
		"reason not UTF-8":                   {auction.KindClosed, func(r *auction.Record) { r.Reason = "\xc3" }, "not UTF-8"},
		"resumed without its end":            {auction.KindResumed, func(r *auction.Record) { r.ClosesUS = 0 }, "closes_us is needed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := golden()[c.kind]
			c.spoil(&r)
			err := r.Check()
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("Check says %v, want it to say %q", err, c.says)
			}
			if raw, err := r.JSON(); err == nil {
				t.Errorf("JSON wrote it: %s", raw)
			}
			raw, _ := json.Marshal(r)
			if got, err := auction.ParseRecord(raw); err == nil || got.Kind != "" {
				t.Errorf("ParseRecord gave %+v, %v for %s", got, err, raw)
			}
		})
	}
}

func TestParseRecordRefuses(t *testing.T) {
	good := string(rawOf(t, golden()[auction.KindClosed]))
	for name, raw := range map[string]string{
		"nothing":          "",
		"null":             "null",
		"a list":           "[" + good + "]",
		"half":             good[:len(good)/2],
		"twice":            good + good,
		"a brace more":     good + "}",
		"a bracket more":   good + "]",
		"text after":       good + " x",
		"unknown field":    strings.Replace(good, `"left"`, `"over":1,"left"`, 1),
		"float":            strings.Replace(good, `"left":7`, `"left":7.0`, 1),
		"exponent":         strings.Replace(good, `"left":7`, `"left":7e0`, 1),
		"number as text":   strings.Replace(good, `"left":7`, `"left":"7"`, 1),
		"over 64 bits":     strings.Replace(good, `"left":7`, `"left":9223372036854775808`, 1),
		"id is no id":      strings.Replace(good, `"lot":"0197`, `"lot":"xxxx`, 1),
		"over 4096 bytes":  good + strings.Repeat(" ", auction.MaxRecordBytes),
		"NUL after":        good + "\x00",
		"other spelling":   strings.Replace(good, `"left"`, `"LEFT"`, 1),
		"field twice":      strings.Replace(good, `"left":7`, `"left":7,"left":8`, 1),
		"id without lines": strings.Replace(good, "0197f7a1-7a10-7b6f-8d52-0a4f6e2b9c11", "0197f7a17a107b6f8d520a4f6e2b9c11", 1),
		"spaces":           strings.Replace(good, `,"left"`, `, "left"`, 1),
		"zero spelled out": strings.Replace(good, `"left":7`, `"left":7,"shards":0`, 1),
	} {
		if r, err := auction.ParseRecord([]byte(raw)); err == nil {
			t.Errorf("%s: took %s as %+v", name, raw, r)
		}
	}
	if _, err := auction.ParseRecord([]byte(good)); err != nil {
		t.Errorf("the good one: %v", err)
	}
}

func TestJSONWritesNothingThatIsTooLongToRead(t *testing.T) {
	r := golden()[auction.KindClosed]
	r.Reason = strings.Repeat("x", auction.MaxRecordBytes)
	if raw, err := r.JSON(); err == nil {
		t.Errorf("wrote %d bytes", len(raw))
	}
}

func TestTheLargestRecordFits(t *testing.T) {
	r := golden()[auction.KindBid]
	r.Shard, r.Epoch, r.Seq, r.Version, r.TimeUS = auction.MaxShards-1, money.MaxMinor, money.MaxMinor, money.MaxMinor, money.MaxMinor
	r.Trace, r.Quantity, r.Nth = strings.Repeat("x", auction.MaxTrace), auction.MaxPerBuyer, nil
	for n := 1; n <= auction.MaxPerBuyer; n++ {
		r.Nth = append(r.Nth, n)
	}
	raw := rawOf(t, r)
	if back, err := auction.ParseRecord(raw); err != nil || !cmp.Equal(r, back) {
		t.Errorf("%d bytes: %v", len(raw), err)
	}
}

// What ParseRecord takes is what JSON writes, byte by byte: the fork check compares bytes.
func FuzzParseRecord(f *testing.F) {
	for _, r := range golden() {
		f.Add(rawOf(f, r))
	}
	f.Add([]byte(`{"kind":"cut"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := auction.ParseRecord(raw)
		if err != nil {
			return
		}
		again, err := r.JSON()
		if err != nil {
			t.Fatalf("parsed and then not written: %v", err)
		}
		if !bytes.Equal(raw, again) {
			t.Fatalf("took %s\nwrites %s", raw, again)
		}
	})
}
