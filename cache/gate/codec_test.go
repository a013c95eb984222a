package gate

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"
	"pgregory.net/rapid"

	"rostrum/auction"
	standinredis "rostrum/internal/standin/redis"
)

// golden gives the lines of the golden file: a record's JSON, its stream id, its fields and values, one record a line,
// separated by tabs. The file cannot change: such entries lie in journals.
func golden(t *testing.T) (records []auction.Record, ids []string, fields [][]string) {
	t.Helper()
	return goldenOf(t, "testdata/journal.golden.tsv")
}

func goldenOf(t *testing.T, name string) (records []auction.Record, ids []string, fields [][]string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		words := strings.Split(lines.Text(), "\t")
		r, err := auction.ParseRecord([]byte(words[0]))
		if err != nil {
			t.Fatal(err)
		}
		records, ids, fields = append(records, r), append(ids, words[1]), append(fields, words[2:])
	}
	return records, ids, fields
}

func TestJournalCodecIsGolden(t *testing.T) {
	records, ids, fields := golden(t)
	kinds := map[auction.Kind]bool{}
	for i, r := range records {
		kinds[r.Kind] = true
		if d := cmp.Diff(fields[i], texts(encode(r))); d != "" || r.ID() != ids[i] {
			t.Errorf("encode %s (-golden +got):\n%s", r.Kind, d)
		}
		got, err := decode(r.Deployment, r.Shard, ids[i], fields[i])
		if d := cmp.Diff(r, got); err != nil || d != "" {
			t.Errorf("decode %s: %v\n%s", r.Kind, err, d)
		}
	}
	for _, k := range auction.Kinds() {
		if !kinds[k] {
			t.Errorf("the golden file has no %s", k)
		}
	}
}

// Bids used to be written in fields named by one letter: a journal that survived may hold them.
func TestBidsInLettersAreRead(t *testing.T) {
	records, ids, fields := goldenOf(t, "testdata/journal-letters.golden.tsv")
	for i, want := range records {
		got, err := decode(want.Deployment, want.Shard, ids[i], fields[i])
		if d := cmp.Diff(want, got); err != nil || d != "" {
			t.Errorf("%s: %v\n%s", ids[i], err, d)
		}
	}
	if len(records) == 0 {
		t.Error("nothing was read")
	}
}

// No text that is not a bid's is taken for one.
func TestDamagedBidsAreRefused(t *testing.T) {
	records, ids, fields := golden(t)
	for i, r := range records {
		if r.Kind != auction.KindBid {
			continue
		}
		text := fields[i][1]
		upTo := strings.LastIndex(text, " q")
		for cut := range upTo {
			if got, err := decode(r.Deployment, r.Shard, ids[i], []string{bidField, text[:cut]}); err == nil {
				t.Fatalf("cut at %d: %+v", cut, got)
			}
		}
		for _, wrong := range []string{strings.Replace(text, ":", " ", 1), text + " ", text + " ?x", "x" + text, strings.Replace(text, " ", "  ", 1)} {
			if got, err := decode(r.Deployment, r.Shard, ids[i], []string{bidField, wrong}); err == nil {
				t.Errorf("%q: %+v", wrong, got)
			}
		}
	}
}

func texts(values []any) []string {
	s := make([]string, len(values))
	for i, v := range values {
		s[i] = fmt.Sprint(v)
	}
	return s
}

// reply is what XRANGE would answer.
func reply(ids []string, fields [][]string) []byte {
	var b bytes.Buffer
	bulk := func(s string) { fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(s), s) }
	fmt.Fprintf(&b, "*%d\r\n", len(ids))
	for i, id := range ids {
		b.WriteString("*2\r\n")
		bulk(id)
		fmt.Fprintf(&b, "*%d\r\n", len(fields[i]))
		for _, s := range fields[i] {
			bulk(s)
		}
	}
	return b.Bytes()
}

// read gives what a page holds, and its error.
func read(raw []byte) (ids []string, fields [][]string, err error) {
	p, ok := pageOf(raw)
	if !ok {
		return nil, nil, errReply
	}
	err = p.each(func(id string, f []string) error {
		ids, fields = append(ids, id), append(fields, slices.Clone(f))
		return nil
	})
	return ids, fields, err
}

func TestPagesAreReadAsTheyCome(t *testing.T) {
	_, ids, fields := golden(t)
	raw := reply(ids, fields)
	gotIDs, gotFields, err := read(raw)
	if d := cmp.Diff(ids, gotIDs) + cmp.Diff(fields, gotFields); err != nil || d != "" {
		t.Errorf("%v\n%s", err, d)
	}
	if ids, _, err := read([]byte("*0\r\n")); err != nil || len(ids) != 0 {
		t.Errorf("an empty page gives %v, %v", ids, err)
	}
	for cut := range raw {
		if ids, _, err := read(raw[:cut]); err == nil {
			t.Fatalf("%d entries of a reply that was cut at %d", len(ids), cut)
		}
	}
	for _, wrong := range []string{"", "-MOVED 1 127.0.0.1:1\r\n", "$-1\r\n", "*-1\r\n", "*x\r\n", "*1\r\n*1\r\n$1\r\nx\r\n", "*99999999999\r\n",
		"*0\r\nmore", "*1\r\n*2\r\n$3\r\n1-1\r\n*1000000000\r\n"} {
		if ids, _, err := read([]byte(wrong)); err == nil {
			t.Errorf("%q is taken: %v", wrong, ids)
		}
	}
}

func FuzzPage(f *testing.F) {
	f.Add(reply([]string{"1-1"}, [][]string{{"k", "cut"}}))
	f.Add([]byte("*1\r\n*2\r\n$3\r\n1-1\r\n*2\r\n$1\r\nk\r\n$0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		ids, fields, err := read(raw)
		if err != nil {
			return
		}
		if again, _, err := read(reply(ids, fields)); err != nil || !slices.Equal(ids, again) {
			t.Errorf("%q is read as %v, and written and read again as %v, %v", raw, ids, again, err)
		}
	})
}

// The scripts write what encode writes, field by field.
func TestScriptsWriteTheGoldenForm(t *testing.T) {
	server, err := standinredis.Start("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1})
	t.Cleanup(func() { _ = client.Close() })
	records, _, _ := golden(t)
	for _, want := range records {
		if want.Kind != auction.KindBid && want.Kind != auction.KindReleased && want.Kind != auction.KindClosed {
			continue
		}
		clock := fmt.Sprintf("local function clock() return %d end", want.TimeUS)
		g, err := New(client, Options{Prefix: "p" + uuid.NewString(), Shards: 16, Deployment: want.Deployment, Durability: auction.DurableNone,
			Lineage: server.Lineage(), Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		if err := write(g, want); err != nil {
			t.Fatalf("%s: %v", want.Kind, err)
		}
		reply, err := client.Do(context.Background(), "XRANGE", g.keys.Journal(want.Shard), "-", "+").Slice()
		if err != nil || len(reply) != 1 {
			t.Fatalf("%s: journal %v %v", want.Kind, reply, err)
		}
		entry := reply[0].([]any)
		if d := cmp.Diff(texts(encode(want)), texts(entry[1].([]any))); d != "" || entry[0] != want.ID() {
			t.Errorf("%s as entry %v (-golden +script):\n%s", want.Kind, entry[0], d)
		}
	}
}

// write makes a gate write a record: it loads what must be there before, and asks for the decision.
func write(g *Gate, want auction.Record) error {
	ctx := context.Background()
	l := auction.Lot{ID: want.Lot, Session: uuid.New(), Seller: uuid.New(), Area: "a", PriceMinor: max(want.PriceMinor, 1),
		Currency: "EUR", Stock: 10, PerBuyer: auction.MaxPerBuyer, Code: "0123456789abcdefghABCD", OpensUS: 1, ClosesUS: want.TimeUS + 1,
		State: auction.LotOpen, Version: want.Version - 1}
	book := auction.LotBook{Lot: l, Left: 10}
	if want.Kind == auction.KindClosed {
		book.Lot.ClosesUS, book.Left = want.TimeUS, want.Left
	}
	for nth := 1; nth <= l.PerBuyer; nth++ {
		// A bid takes the lowest free units: those below that it did not take are held. A release needs what it gives back.
		wanted := slices.Contains(want.Nth, nth)
		if want.Kind == auction.KindReleased && wanted || want.Kind == auction.KindBid && !wanted && nth < slices.Max(want.Nth) {
			book.Units = append(book.Units, auction.Unit{Buyer: want.Buyer, Bid: want.Bid, Order: want.Order, Nth: nth, Epoch: 1, Seq: 1})
		}
	}
	state := auction.ShardState{Deployment: want.Deployment, Shard: want.Shard, Epoch: want.Epoch, Seq: want.Seq - 1, Lots: []auction.LotBook{book}}
	if err := load(ctx, g, state); err != nil {
		return err
	}
	if err := g.Vouch(ctx, want.Shard, want.Epoch); err != nil {
		return err
	}
	switch want.Kind {
	case auction.KindBid:
		answers, err := g.Decide(ctx, want.Shard, []auction.Bid{{ID: want.Bid, Lot: want.Lot, Buyer: want.Buyer, Order: want.Order, Area: "a",
			Code: l.Code, Quantity: want.Quantity, Kind: want.BidKind, Amount: want.Amount, Seen: want.Seen, Currency: want.CurrencySeen, Trace: want.Trace}})
		return errors.Join(err, answers[0].Err)
	case auction.KindReleased:
		_, err := g.Release(ctx, want.Shard, auction.Release{Lot: want.Lot, Buyer: want.Buyer, Bid: want.Bid, Order: want.Order, Nth: want.Nth, Reason: want.Reason})
		return err
	}
	_, err := g.Close(ctx, want.Shard, want.Lot)
	return err
}

func TestContentIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := auction.Bid{Quantity: rapid.Int64Range(1, 1<<53-1).Draw(t, "quantity"), Kind: rapid.SampledFrom([]auction.BidKind{"", auction.BidMax, auction.BidExact}).Draw(t, "kind"),
			Amount: rapid.Int64Range(0, 1<<53-1).Draw(t, "amount"), Seen: rapid.Int64Range(0, 1<<53-1).Draw(t, "seen"),
			Currency: rapid.SampledFrom([]string{"", "EUR", "JPY"}).Draw(t, "currency")}
		var r auction.Record
		if err := setContent(&r, b.Content()); err != nil || r.Content() != b.Content() {
			t.Fatalf("%q is read as %q (%v)", b.Content(), r.Content(), err)
		}
	})
}

// Whatever lies in a journal is a record or an error, never a panic and never half a record.
func TestDecodeRefuses(t *testing.T) {
	records, ids, fields := golden(t)
	for i, r := range records {
		for broken := 0; broken < len(fields[i]); broken += 2 {
			for _, value := range []string{"", "x", "-1", "9223372036854775808", "1,2,x"} {
				spoilt := slices.Clone(fields[i])
				spoilt[broken+1] = value
				got, err := decode(r.Deployment, r.Shard, ids[i], spoilt)
				if err == nil && got.Check() != nil {
					t.Errorf("%s with %s=%q is taken: %+v", r.Kind, fields[i][broken], value, got)
				}
			}
		}
	}
	for _, id := range []string{"", "1", "x-1", "1-x", "0-0"} {
		if r, err := decode(records[0].Deployment, 0, id, fields[0]); err == nil {
			t.Errorf("id %q is taken: %+v", id, r)
		}
	}
	if r, err := decode(records[0].Deployment, 0, ids[0], fields[0][1:]); err == nil {
		t.Errorf("names without their values are taken: %+v", r)
	}
}

func BenchmarkReadPage(b *testing.B) {
	r := auction.Record{Deployment: uuid.New(), Shard: 3, Epoch: 2, Seq: 1000, Kind: auction.KindBid, Lot: uuid.New(), Version: 77, TimeUS: 1_795_380_000_000_102,
		Bid: uuid.New(), Buyer: uuid.New(), Order: uuid.New(), Quantity: 1, Nth: []int{1}, PriceMinor: 1990, Currency: "EUR", Seen: 1990, Trace: "req_01-K9Zzreq_01-K9Zz12"}
	ids, fields := make([]string, 1000), make([][]string, 1000)
	for i := range ids {
		ids[i], fields[i] = r.ID(), texts(encode(r))
	}
	raw := reply(ids, fields)
	b.ReportAllocs()
	for b.Loop() {
		p, _ := pageOf(raw)
		records := make([]auction.Record, 0, p.entries)
		_ = p.each(func(id string, fields []string) error {
			r, err := decode(r.Deployment, 3, id, fields)
			records = append(records, r)
			return err
		})
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/record")
}
