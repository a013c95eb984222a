package gate

import (
	"bufio"
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
	f, err := os.Open("testdata/journal.golden.tsv")
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
		got, err := decode(r.Deployment, r.Shard, message(ids[i], fields[i]))
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

func texts(values []any) []string {
	s := make([]string, len(values))
	for i, v := range values {
		s[i] = fmt.Sprint(v)
	}
	return s
}

func message(id string, fields []string) redis.XMessage {
	m := redis.XMessage{ID: id, Values: map[string]any{}}
	for i := 0; i+1 < len(fields); i += 2 {
		m.Values[fields[i]] = fields[i+1]
	}
	return m
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
	if _, err := g.Load(ctx, state, nil); err != nil {
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
				m := message(ids[i], fields[i])
				m.Values[fields[i][broken]] = value
				got, err := decode(r.Deployment, r.Shard, m)
				if err == nil && got.Check() != nil {
					t.Errorf("%s with %s=%q is taken: %+v", r.Kind, fields[i][broken], value, got)
				}
			}
		}
	}
	for _, id := range []string{"", "1", "x-1", "1-x", "0-0"} {
		if r, err := decode(records[0].Deployment, 0, message(id, fields[0])); err == nil {
			t.Errorf("id %q is taken: %+v", id, r)
		}
	}
}
