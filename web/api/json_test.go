package api

import (
	"encoding/json"
	"math"
	"testing"
)

func TestNumbersStayWhatTheyWereSentAs(t *testing.T) {
	for text, want := range map[string]any{"9007199254740993": int64(9007199254740993), "-1": int64(-1), "0": int64(0), "9223372036854775807": int64(math.MaxInt64)} {
		var got any
		if err := unmarshal([]byte(text), &got); err != nil || got != want {
			t.Errorf("%s became %v (%T), %v", text, got, got, err)
		}
	}
	for _, text := range []string{"1.5", "1.0", "1e3", "9223372036854775808"} {
		var got any
		if err := unmarshal([]byte(`{"x":[`+text+`]}`), &got); err != nil {
			t.Fatal(err)
		}
		if f, ok := got.(map[string]any)["x"].([]any)[0].(float64); !ok || !math.IsNaN(f) {
			t.Errorf("%s is taken for the integer %v", text, got)
		}
	}
}

func TestTime(t *testing.T) {
	for text, want := range map[string]string{
		`"2026-11-22T20:00:00Z"`:           `"2026-11-22T20:00:00.000000Z"`,
		`"2026-11-22T20:00:00.1234567Z"`:   `"2026-11-22T20:00:00.123456Z"`,
		`"2026-11-22T21:00:00.5+01:00"`:    `"2026-11-22T20:00:00.500000Z"`,
		`"1970-01-01T00:00:00Z"`:           `null`,
		`null`:                             `null`,
		`"2026-03-29T02:30:00.000001000Z"`: `"2026-03-29T02:30:00.000001Z"`,
	} {
		var at Time
		if err := json.Unmarshal([]byte(text), &at); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got, err := json.Marshal(at); err != nil || string(got) != want {
			t.Errorf("%s is written %s, want %s (%v)", text, got, want, err)
		}
	}
	var at Time
	for _, text := range []string{`"yesterday"`, `7`, `""`, `"2026-13-01T00:00:00Z"`} {
		if err := json.Unmarshal([]byte(text), &at); err == nil {
			t.Errorf("%s was taken", text)
		}
	}
}
