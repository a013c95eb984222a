package auction

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rostrum/internal/money"
)

// drawRecord draws a record that may be nonsense: any field may be zero, at its bounds, or of text that JSON escapes.
func drawRecord(t *rapid.T) Record {
	number := rapid.SampledFrom([]int64{0, 0, 1, 9, 10, 500, money.MaxMinor, money.MaxMinor + 1, 1<<63 - 1, -1})
	text := rapid.OneOf(rapid.Just(""), rapid.Just("EUR"), rapid.StringOfN(rapid.SampledFrom([]rune("ab<>&\"\\\x00\x1f\x7fäß€\u2028😀")), 1, 5, -1),
		rapid.Just("\xff\xc3"))
	id := rapid.Custom(func(t *rapid.T) (id uuid.UUID) {
		copy(id[:], rapid.SliceOfN(rapid.ByteMax(255), 16, 16).Draw(t, "bytes"))
		return rapid.SampledFrom([]uuid.UUID{id, id, uuid.Nil}).Draw(t, "id")
	})
	kind := rapid.SampledFrom(append(Kinds(), "sold", ""))
	var r Record
	v := reflect.ValueOf(&r).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch f := v.Field(i); f.Interface().(type) {
		case uuid.UUID:
			f.Set(reflect.ValueOf(id.Draw(t, name)))
		case Kind:
			f.SetString(string(kind.Draw(t, name)))
		case string, BidKind:
			f.SetString(text.Draw(t, name))
		case int, int64:
			f.SetInt(number.Draw(t, name))
		case []int:
			f.Set(reflect.ValueOf(rapid.SliceOfN(rapid.IntRange(-1, MaxPerBuyer), 0, 3).Draw(t, name)))
		default:
			t.Fatalf("field %s of a type that is not drawn", name)
		}
	}
	return r
}

func TestAppendWritesWhatTheOrdinaryEncoderWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		want, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		got := string(r.append([]byte("before")))
		if got != "before"+string(want) {
			t.Fatalf("wrote %s\n want %s", got, want)
		}
	})
}

// alike compares the two ways of reading; the fast one may only leave to the other what it does not know.
func alike(t interface {
	Helper()
	Fatalf(format string, args ...any)
}, raw []byte) (fast bool) {
	t.Helper()
	want, wantErr := parseSlowly(raw)
	got, fast := readRecord(raw)
	if !fast {
		return false
	}
	if err := got.Check(); err != nil {
		if wantErr == nil {
			t.Fatalf("the ordinary decoder takes what the fast one reads as refused (%v): %s", err, raw)
		}
		return true
	}
	if wantErr != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("read %s\nas %+v,\nthe ordinary decoder as %+v, %v", raw, got, want, wantErr)
	}
	return true
}

func TestTheFastReaderTakesWhatTheOrdinaryOneTakes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRecord(t)
		raw := r.append(nil)
		switch rapid.SampledFrom([]string{"whole", "whole", "cut", "changed", "longer"}).Draw(t, "spoil") {
		case "cut":
			raw = raw[:rapid.IntRange(0, len(raw)).Draw(t, "at")]
		case "changed":
			raw[rapid.IntRange(0, len(raw)-1).Draw(t, "at")] = rapid.SampledFrom([]byte("019af-\",:{}[] AF\\\x00\xff")).Draw(t, "to")
		case "longer":
			at := rapid.IntRange(0, len(raw)).Draw(t, "at")
			raw = slices.Insert(raw, at, rapid.SampledFrom([]byte("0 \",]}")).Draw(t, "more"))
		}
		alike(t, raw)
	})
}

// usual is the record that the road carries most.
func usual() Record {
	return Record{Deployment: uuid.UUID{1}, Shard: 11, Epoch: 2, Seq: 102, Kind: KindBid, Lot: uuid.UUID{2}, Version: 2,
		TimeUS: 1_795_380_000_000_102, Bid: uuid.UUID{3}, Buyer: uuid.UUID{4}, Order: uuid.UUID{5}, Quantity: 2, Nth: []int{1, 64},
		PriceMinor: 1990, Currency: "EUR", Seen: 1990, Trace: "req_01-K9Zz"}
}

func TestWhatTheRoadCarriesIsReadFast(t *testing.T) {
	r := usual()
	raw := r.append(nil)
	if !alike(t, raw) {
		t.Errorf("left to the ordinary decoder: %s", raw)
	}
	r.Trace = "ä"
	if alike(t, r.append(nil)) {
		t.Error("read fast what has to be unescaped")
	}
	many := usual()
	many.Nth = make([]int, 4*MaxPerBuyer)
	if raw = many.append(nil); alike(t, raw) {
		t.Errorf("read more units than a buyer may have: %s", raw)
	}
	r = usual()
	raw = r.append(raw[:0])
	if got := testing.AllocsPerRun(100, func() { raw = r.append(raw[:0]) }); got > 0 {
		t.Errorf("writing allocates %v times", got)
	}
	if got := testing.AllocsPerRun(100, func() { _, _ = ParseRecord(raw) }); got > 4 {
		t.Errorf("reading allocates %v times", got)
	}
}

func TestAppendJSONLeavesWhatWasThere(t *testing.T) {
	r := usual()
	b, err := r.AppendJSON([]byte("["))
	if err != nil || !strings.HasPrefix(string(b), `[{"deployment":`) {
		t.Fatalf("%s, %v", b, err)
	}
	r.Seq = 0
	if b, err := r.AppendJSON([]byte("[")); err == nil || string(b) != "[" {
		t.Errorf("%s, %v", b, err)
	}
	r = Record{Deployment: uuid.UUID{1}, Epoch: 1, Seq: 1, Kind: KindCut, TimeUS: 1, Reason: strings.Repeat("x", MaxRecordBytes)}
	if b, err := r.AppendJSON([]byte("[")); err == nil || string(b) != "[" {
		t.Errorf("%d bytes, %v", len(b), err)
	}
}

func FuzzReadRecord(f *testing.F) {
	r := usual()
	f.Add(r.append(nil))
	for _, kind := range Kinds() {
		f.Add((&Record{Deployment: uuid.UUID{1}, Epoch: 1, Seq: 1, Kind: kind, TimeUS: 1, Reason: "time", Left: 3, Shards: 16}).append(nil))
	}
	f.Fuzz(func(t *testing.T, raw []byte) { alike(t, raw) })
}

func BenchmarkRecord(b *testing.B) {
	r := usual()
	raw := r.append(nil)
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			raw, _ = r.AppendJSON(raw[:0])
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			_, _ = ParseRecord(raw)
		}
	})
	b.Run("read slowly", func(b *testing.B) {
		for b.Loop() {
			_, _ = parseSlowly(raw)
		}
	})
	b.Run("check", func(b *testing.B) {
		for b.Loop() {
			_ = r.Check()
		}
	})
}
