package store

import (
	"context"
	"encoding/hex"
	"strconv"

	"rostrum/store/db"
)

// rows gathers the rows of one of the consumer's inserts. On a server it writes their values into the statement's text:
// one statement for as many rows as there are, and none of the driver's work on each value, which costs as much as all
// else we do for a row. Elsewhere (the stand-in) they go by the forms, as arguments.
type rows struct {
	form
	literal bool
	text    []byte
	args    []any
	first   bool // of a row
	each    func(text string) error
	err     error // of the first statement that failed
}

// maxText bounds one statement, but for its last row; servers take 16 MiB or more by default.
const maxText = 1 << 20

// rowsInto begins rows that are written on c.
func (b *batch) rowsInto(ctx context.Context, f form) *rows {
	r := &rows{form: f, literal: b.store.literal}
	r.each = func(text string) error {
		_, err := b.conn.ExecContext(ctx, text)
		return err
	}
	if r.literal {
		r.text = append(b.scratch[:0], f.head...)
	}
	return r
}

func (r *rows) begin() *rows {
	r.first = true
	return r
}

// value stands before each value.
func (r *rows) value() {
	separator := byte(',')
	if r.first {
		separator = '('
	}
	r.first = false
	r.text = append(r.text, separator)
}

func (r *rows) int(n int64) *rows {
	if !r.literal {
		r.args = append(r.args, n)
		return r
	}
	r.value()
	r.text = strconv.AppendInt(r.text, n, 10)
	return r
}

func (r *rows) id(id db.ID) *rows {
	if !r.literal {
		r.args = append(r.args, id)
		return r
	}
	r.value()
	r.text = appendHex(r.text, id[:])
	return r
}

func (r *rows) string(s string) *rows {
	if !r.literal {
		r.args = append(r.args, s)
		return r
	}
	r.value()
	r.text = appendLiteral(r.text, s)
	return r
}

func (r *rows) bytes(b []byte) *rows {
	if !r.literal {
		r.args = append(r.args, b)
		return r
	}
	r.value()
	r.text = appendLiteral(r.text, b)
	return r
}

// end ends a row.
func (r *rows) end() {
	if !r.literal {
		return
	}
	r.text = append(r.text, ')', ',')
	if len(r.text) >= maxText {
		r.send()
	}
}

// send runs what was gathered, unless a statement before has failed.
func (r *rows) send() {
	if r.err == nil && len(r.text) > len(r.head) {
		r.err = r.each(string(r.text[:len(r.text)-1]))
	}
	r.text = r.text[:len(r.head)]
}

// write writes what was gathered and gives the first error.
func (r *rows) write(ctx context.Context, b *batch) error {
	if !r.literal {
		return r.insert(ctx, b.conn, r.args)
	}
	r.send()
	b.scratch = r.text
	return r.err
}

// appendLiteral appends a text or bytes as SQL. What needs no escape, whatever the server's sql_mode says about
// backslashes, stands in quotes; all else is hexadecimal.
func appendLiteral[T string | []byte](b []byte, s T) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '\'' || c == '\\' {
			return appendHex(b, []byte(s))
		}
	}
	return append(append(append(b, '\''), s...), '\'')
}

func appendHex(b, value []byte) []byte {
	return append(hex.AppendEncode(append(b, 'x', '\''), value), '\'')
}
