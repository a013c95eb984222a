package api

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rostrum/auction"
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

func drawID(t *rapid.T) uuid.UUID {
	return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
}

func drawInt(t *rapid.T) int64 {
	return rapid.SampledFrom([]int64{0, 1, 4500, 1<<53 - 1}).Draw(t, "int")
}

func drawTime(t *rapid.T) int64 {
	return rapid.SampledFrom([]int64{0, 1, 1_700_000_000_000_001, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()}).Draw(t, "time")
}
