package api

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rostrum/auction"
	"rostrum/internal/fault"
)

// The hot way writes what the ordinary way's library writes.
func TestReceiptsAreWrittenAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := auction.Receipt{Bid: drawID(t), Lot: drawID(t), Order: drawID(t), Quantity: drawInt(t), PriceMinor: drawInt(t), Seen: drawInt(t),
			Currency: rapid.SampledFrom([]string{"EUR", "", `"`, "€", "<"}).Draw(t, "currency"), VersionBefore: drawInt(t), Version: drawInt(t),
			Epoch: drawInt(t), Seq: drawInt(t), TimeUS: drawTime(t), Durability: auction.DurableEverySec,
			Nth: rapid.SliceOfN(rapid.IntRange(1, 64), 0, 5).Draw(t, "nth")}
		var want bytes.Buffer
		if err := strict.Marshal(&want, viewReceipt(r)); err != nil {
			t.Fatal(err)
		}
		if got := appendReceipt(nil, &r); string(got) != want.String() {
			t.Fatalf("%s\n%s", got, want.Bytes())
		}
	})
}

func TestProblemsAreWrittenAlike(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", "plain", `with "quotes"`, "<b>", "ä", "\x00", "\u2028"})
		p := problem(rapid.SampledFrom(kinds).Draw(t, "kind").Code, text.Draw(t, "detail"))
		p.Request, p.AskAgain, p.Verdict = text.Draw(t, "request"), rapid.Bool().Draw(t, "again"), auction.Verdict(text.Draw(t, "verdict"))
		p.Time, p.Opens, p.Closes = Time(drawTime(t)), Time(drawTime(t)), Time(drawTime(t))
		p.EarlyMS, p.LateMS, p.PriceMinor, p.Currency, p.PerBuyer = drawInt(t), drawInt(t), drawInt(t), text.Draw(t, "currency"), int(drawInt(t))
		if got, want := p.appendJSON(nil), p.JSON(); string(got) != string(want) {
			t.Fatalf("%s\n%s", got, want)
		}
	})
}

// Whatever stands in them, receipts, problems and texts are written as the ordinary way's library writes them.
func FuzzWrittenAlike(f *testing.F) {
	f.Add("EUR", "plain", int64(4500), int64(1_700_000_000_000_001), []byte{1, 2}, false)
	f.Add(`with "quotes" and \`, "<b>&\u2028\x00\xff", int64(-1), int64(0), []byte{}, true)
	f.Add("拍", "\x7f\t\n", int64(math.MinInt64), int64(1)<<53, []byte("0123456789abcdef more"), true)
	f.Fuzz(func(t *testing.T, one, other string, n, us int64, raw []byte, yes bool) {
		var id uuid.UUID
		copy(id[:], raw)
		r := auction.Receipt{Bid: id, Lot: id, Order: id, Quantity: n, PriceMinor: us, Seen: n, Currency: one, VersionBefore: n, Version: us,
			Epoch: n, Seq: us, TimeUS: us, Durability: auction.Durability(other)}
		for _, nth := range raw {
			r.Nth = append(r.Nth, int(nth))
		}
		p := &Problem{Type: one, Title: other, Status: int(n), Code: one, Detail: other, Remedy: one, Request: other, AskAgain: yes,
			Verdict: auction.Verdict(one), Time: Time(us), Opens: Time(n), Closes: Time(us), EarlyMS: n, LateMS: us, PriceMinor: n, Currency: other, PerBuyer: int(us)}
		if yes {
			p.Errors = []fault.Field{{Name: one, Detail: other, Remedy: one}}
		}
		alike(t, viewReceipt(r), string(appendReceipt(nil, &r)))
		alike(t, p, string(p.appendJSON(nil))+"\n")
		alike(t, other, string(appendText(nil, other))+"\n")
		alike(t, Time(us), string(appendTime(nil, Time(us)))+"\n")
	})
}

// alike holds what was written to what the library writes of a value.
func alike(t *testing.T, value any, written string) {
	t.Helper()
	var want bytes.Buffer
	if err := strict.Marshal(&want, value); err != nil {
		t.Fatal(err)
	}
	if written != want.String() {
		t.Errorf("%s\n%s", written, want.Bytes())
	}
}

func drawID(t *rapid.T) uuid.UUID {
	return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
}

func drawInt(t *rapid.T) int64 {
	return rapid.SampledFrom([]int64{0, 1, 4500, 1<<53 - 1}).Draw(t, "int")
}

func drawTime(t *rapid.T) int64 {
	return rapid.SampledFrom([]int64{0, 1, 1_700_000_000_000_001, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()}).Draw(t, "time")
}
