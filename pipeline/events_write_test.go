package pipeline

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

// drawn fills every field of a struct with values that are zero, usual, or hard to write.
func drawn[E any](t *rapid.T) *E {
	var e E
	v := reflect.ValueOf(&e).Elem()
	for i := range v.NumField() {
		name := v.Type().Field(i).Name
		switch f := v.Field(i); f.Kind() {
		case reflect.Array:
			f.Set(reflect.ValueOf(rapid.SampledFrom([]uuid.UUID{{}, {1, 0xfe}, uuid.Max}).Draw(t, name)))
		case reflect.String:
			f.SetString(rapid.SampledFrom([]string{"", "EUR", "lower_snake", `"<&>\`, "ä\u2028", "\x00\xff"}).Draw(t, name))
		case reflect.Int, reflect.Int64:
			f.SetInt(rapid.SampledFrom([]int64{0, 1, 10, -7, 1<<53 - 1}).Draw(t, name))
		case reflect.Slice:
			f.Set(reflect.ValueOf(rapid.SliceOfN(rapid.IntRange(0, 64), 0, 3).Draw(t, name)))
		default:
			t.Fatalf("field %s of a kind that is not drawn", name)
		}
	}
	return &e
}

func TestEventsAreWrittenAsTheOrdinaryEncoderWritesThem(t *testing.T) {
	check := func(t *rapid.T, value any, got []byte) {
		if want, err := json.Marshal(value); err != nil || string(want) != string(got) {
			t.Fatalf("wrote %s\n want %s, %v", got, want, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		lot, order := drawn[LotEvent](t), drawn[OrderEvent](t)
		check(t, lot, lot.append(nil))
		check(t, order, order.append(nil))
	})
}

func BenchmarkEventsOfABid(b *testing.B) {
	r := sampleRecords()[2]
	b.ReportAllocs()
	for b.Loop() {
		eventsOf(r, sampleSalt)
	}
}
