package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strconv"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
)

// MaxBodyBytes bounds a request's body.
const MaxBodyBytes = 16 << 10

// maxDepth bounds how deep a body may be nested; nothing here is deeper than two.
const maxDepth = 16

// strict is JSON as the API writes it, and as it reads what a reader has let pass.
var strict = huma.Format{
	Marshal: func(w io.Writer, v any) error {
		e := json.NewEncoder(w)
		e.SetEscapeHTML(false)
		return e.Encode(v)
	},
	Unmarshal: json.Unmarshal,
}

func init() { huma.ValidateStrictCasing = true } // else {"PRICE": 1} is a price, beside another

// reader reads the bodies of one operation for the validation: one value and nothing after it, numbers that stay what
// they were sent as, each field once, and null only where it means something. The library would forgive all of that.
type reader struct {
	huma.API
	op *huma.Operation
}

// Unmarshal implements huma.API.
func (r reader) Unmarshal(contentType string, body []byte, into any) error {
	if v, ok := into.(*any); ok {
		schemas := r.OpenAPI().Components.Schemas
		var err error
		*v, err = readTree(schemas, bodySchema(schemas, r.op), body)
		return err
	}
	return r.API.Unmarshal(contentType, body, into)
}

// What stands in a tree for a value that is right in no schema.
type (
	twice struct{} // of a field that is there more than once
	null  struct{} // where the schema does not say that it may be null
)

var (
	errNotUTF8 = errors.New("it is not UTF-8")
	errTooDeep = errors.New("it is nested too deep")
	errMore    = errors.New("there is more after the first JSON value")
)

// readTree reads a body that should have a schema; nil: any.
func readTree(schemas huma.Registry, s *huma.Schema, body []byte) (any, error) {
	if !isText(body) {
		return nil, errNotUTF8
	}
	t := tree{json.NewDecoder(bytes.NewReader(body)), schemas}
	t.UseNumber()
	v, err := t.value(s, maxDepth)
	if err != nil {
		return nil, err
	}
	if _, err := t.Token(); !errors.Is(err, io.EOF) {
		return nil, errMore
	}
	return v, nil
}

// isText says whether all of a body is text: UTF-8, and no half of a surrogate pair in its escapes. The library would put
// replacement characters into what people wrote.
func isText(body []byte) bool {
	for rest := body; ; {
		at := bytes.IndexByte(rest, '\\')
		if at < 0 {
			return utf8.Valid(body)
		}
		r, n := escape(rest[at:])
		if rest = rest[at+n:]; utf16.IsSurrogate(r) {
			low, n := escape(rest)
			if utf16.DecodeRune(r, low) == utf8.RuneError {
				return false
			}
			rest = rest[n:]
		}
	}
}

// escape reads the escape that b begins with, if it does: the code unit of a \u, and its length.
func escape(b []byte) (unit rune, length int) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, min(2, len(b))
	}
	n, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	if err != nil {
		return 0, 2 // the decoder says what is wrong with it
	}
	return rune(n), 6
}

type tree struct {
	*json.Decoder
	schemas huma.Registry
}

func (t *tree) value(s *huma.Schema, depth int) (any, error) {
	if depth == 0 {
		return nil, errTooDeep
	}
	token, err := t.Token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return t.object(s, depth)
		}
		return t.list(s, depth)
	case json.Number:
		return exact(token), nil
	case nil:
		if s == nil || !s.Nullable {
			return null{}, nil
		}
	}
	return token, nil
}

func (t *tree) object(s *huma.Schema, depth int) (any, error) {
	members := map[string]any{}
	for t.More() {
		token, err := t.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		v, err := t.value(t.member(s, name), depth-1)
		if err != nil {
			return nil, err
		}
		if _, there := members[name]; there {
			v = twice{}
		}
		members[name] = v
	}
	_, err := t.Token()
	return members, err
}

func (t *tree) list(s *huma.Schema, depth int) (any, error) {
	var items *huma.Schema
	if s != nil {
		items = deref(t.schemas, s.Items)
	}
	list := []any{}
	for t.More() {
		v, err := t.value(items, depth-1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	_, err := t.Token()
	return list, err
}

func (t *tree) member(s *huma.Schema, name string) *huma.Schema {
	if s == nil {
		return nil
	}
	return deref(t.schemas, s.Properties[name])
}

// exact turns a number into what the validation compares without losing a digit: an integer into int64, whatever is not
// one (1.5, 1.0, 1e3, too many digits) into NaN, which is in no range and no integer.
func exact(number json.Number) any {
	if n, err := strconv.ParseInt(number.String(), 10, 64); err == nil {
		return n
	}
	return math.NaN()
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

// Clearable is a time in a change: null takes it away.
type Clearable struct {
	Sent bool
	At   Time
}

// UnmarshalJSON reads a time or null.
func (c *Clearable) UnmarshalJSON(b []byte) error {
	c.Sent = true
	return c.At.UnmarshalJSON(b)
}

// Schema describes it to readers of the OpenAPI document.
func (Clearable) Schema(r huma.Registry) *huma.Schema { return Time(0).Schema(r) }

func (c Clearable) put(intoUS *int64) {
	if c.Sent {
		*intoUS = int64(c.At)
	}
}
