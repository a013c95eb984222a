package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// MaxBodyBytes bounds a request's body.
const MaxBodyBytes = 16 << 10

// maxDepth bounds how deep a body may be nested; nothing here is deeper than two.
const maxDepth = 16

// strict is JSON as the API takes it: one value and nothing after it, and numbers that stay what they were sent as.
var strict = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(v)
	},
	Unmarshal: unmarshal,
}

var errNotUTF8 = errors.New("it is not UTF-8")

func unmarshal(body []byte, into any) error {
	if !utf8.Valid(body) { // the library would put replacement characters into what people wrote
		return errNotUTF8
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the first JSON value")
	}
	if v, ok := into.(*any); ok {
		var err error
		*v, err = exact(*v, maxDepth)
		return err
	}
	return nil
}

// exact turns numbers into what the validation compares without losing a digit: integers in int64, whatever is not one
// (1.5, 1.0, 1e3, too many digits) into NaN, which is in no range and no integer.
func exact(v any, depth int) (any, error) {
	if depth == 0 {
		return nil, errors.New("it is nested too deep")
	}
	var err error
	switch v := v.(type) {
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n, nil
		}
		return math.NaN(), nil
	case map[string]any:
		for k := range v {
			if v[k], err = exact(v[k], depth-1); err != nil {
				return nil, err
			}
		}
	case []any:
		for k := range v {
			if v[k], err = exact(v[k], depth-1); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// Time is a moment in microseconds UTC, written as RFC 3339 with six decimals. Zero is written null.
type Time int64

const timeForm = "2006-01-02T15:04:05.000000Z"

// String gives the moment as it is written.
func (t Time) String() string { return t.utc().Format(timeForm) }

func (t Time) utc() time.Time { return time.UnixMicro(int64(t)).UTC() }

// MarshalJSON writes it.
func (t Time) MarshalJSON() ([]byte, error) {
	if t == 0 {
		return []byte("null"), nil
	}
	return []byte(`"` + t.String() + `"`), nil
}

// UnmarshalJSON reads any RFC 3339 time with an offset; what is finer than a microsecond is cut off.
func (t *Time) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil || s == nil {
		return err
	}
	at, err := time.Parse(time.RFC3339, *s)
	*t = Time(at.UnixMicro())
	return err
}

// Schema describes it to readers of the OpenAPI document.
func (Time) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Nullable: true, Examples: []any{"2026-11-22T20:00:00.000000Z"}}
}
