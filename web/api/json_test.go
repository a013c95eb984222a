package api

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/go-cmp/cmp"
)

func TestNumbersStayWhatTheyWereSentAs(t *testing.T) {
	for text, want := range map[string]any{"9007199254740993": int64(9007199254740993), "-1": int64(-1), "0": int64(0), "9223372036854775807": int64(math.MaxInt64)} {
		if got, err := readTree(nil, nil, []byte(text)); err != nil || got != want {
			t.Errorf("%s became %v (%T), %v", text, got, got, err)
		}
	}
	for _, text := range []string{"1.5", "1.0", "1e3", "9223372036854775808"} {
		got, err := readTree(nil, nil, []byte(`{"x":[`+text+`]}`))
		if err != nil {
			t.Fatal(err)
		}
		if f, ok := got.(map[string]any)["x"].([]any)[0].(float64); !ok || !math.IsNaN(f) {
			t.Errorf("%s is taken for the integer %v", text, got)
		}
	}
}

func TestWhatTheLibraryWouldForgive(t *testing.T) {
	s := &huma.Schema{Properties: map[string]*huma.Schema{"at": {Nullable: true}, "n": {}, "list": {Items: &huma.Schema{}}}}
	for text, want := range map[string]any{
		`{"at":null,"n":null,"x":null,"list":[null]}`: map[string]any{"at": nil, "n": null{}, "x": null{}, "list": []any{null{}}},
		`{"n":1,"at":2,"n":1}`:                        map[string]any{"n": twice{}, "at": int64(2)},
		`{"n":1,"\u006e":2,"N":3}`:                    map[string]any{"n": twice{}, "N": int64(3)},
		`{"x":{"y":1,"y":null}}`:                      map[string]any{"x": map[string]any{"y": twice{}}},
		`null`:                                        null{},
	} {
		got, err := readTree(nil, s, []byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", text, d)
		}
	}
}

// FuzzReadTree holds the reader of bodies to the library: it takes nothing that is no JSON, and reads the same.
func FuzzReadTree(f *testing.F) {
	for _, seed := range []string{`{}`, `[]`, `{"a":1,}`, `[1,]`, `[1 2]`, `{"a" 1}`, `{1:2}`, `{{}:1}`, `]`, `}`, `{"a":[true,false,null,"x\u0041",{}]}`, `{} {}`, `1`, `"x"`, `nul`, `{"a":01}`,
		"{\"a\":\"\xff\"}", `{"a":"\ud800"}`, `{"a":"` + "\n" + `"}`, strings.Repeat("[", 40), strings.Repeat("[", 14) + strings.Repeat("]", 14)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := readTree(nil, nil, body)
		var want any
		if libraryErr := json.Unmarshal(body, &want); err == nil && libraryErr != nil {
			t.Fatalf("%q is read as %v, by the library not at all: %v", body, got, libraryErr)
		} else if err != nil && libraryErr == nil && !errors.Is(err, errNotUTF8) && !errors.Is(err, errTooDeep) {
			t.Fatalf("%q is not read: %v", body, err)
		}
		if err == nil && !sameTree(got, want) {
			t.Fatalf("%q is read as %v, by the library as %v", body, got, want)
		}
	})
}

// sameTree compares a tree with what the library makes of the same text, where both say something.
func sameTree(got, want any) bool {
	switch got := got.(type) {
	case map[string]any:
		other, ok := want.(map[string]any)
		for name, v := range got {
			ok = ok && (v == any(twice{}) || sameTree(v, other[name]))
		}
		return ok && len(got) == len(other)
	case []any:
		other, ok := want.([]any)
		for n, v := range got {
			ok = ok && n < len(other) && sameTree(v, other[n])
		}
		return ok && len(got) == len(other)
	case int64:
		return want == float64(got)
	case float64: // no integer
		_, ok := want.(float64)
		return ok
	case null:
		return want == nil
	}
	return got == want
}

func TestHalfACharacterIsNoText(t *testing.T) {
	for text, want := range map[string]bool{`"\ud83e\ude94"`: true, `"\uD83E\uDE94 \u0041"`: true, `"\\ud800"`: true, `"\\\\ud800"`: true, `"\n\"\u00e9"`: true, `"\u12"`: true, `\`: true, `"\uzzzz"`: true,
		`"\ud800"`: false, `"\ude94\ud83e"`: false, `"\ud83e \ude94"`: false, `"\ud83e\n"`: false, `"\\\ud800"`: false, `"\ud83e`: false, "\"\xff\"": false} {
		if got := isText([]byte(text)); got != want {
			t.Errorf("%q is text: %t", text, got)
		}
	}
	for _, read := range []func([]byte) error{
		func(b []byte) error { _, err := readTree(nil, nil, b); return err },
		func(b []byte) error { _, err := parseBid(b); return err },
	} {
		if err := read([]byte(`{"code":"\ud800"}`)); err == nil || !strings.Contains(err.Error(), errNotUTF8.Error()) {
			t.Errorf("half a character: %v", err)
		}
	}
}

func TestClearable(t *testing.T) {
	for text, want := range map[string]Clearable{`{}`: {}, `{"at":null}`: {Sent: true}, `{"at":"1970-01-01T00:00:01Z"}`: {true, 1_000_000}} {
		var got struct {
			At Clearable `json:"at,omitzero"`
		}
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.At != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
		us := int64(7)
		if got.At.put(&us); us != int64(want.At) && want.Sent || us != 7 && !want.Sent {
			t.Errorf("%s makes %d of 7", text, us)
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
