package gate

import (
	"errors"

	"github.com/redis/go-redis/v9"
)

// page is entries of a stream: as the bytes of an XRANGE reply or, where it came in the ordinary way, as a list.
type page struct {
	rest    string // of the reply, behind its length
	entries int
	listed  []redis.XMessage
}

// maxEntries bounds what a reply may claim to hold.
const maxEntries = 1 << 20

// pageOf gives false for what is no reply of XRANGE: an error, above all.
func pageOf(raw []byte) (page, bool) {
	r := resp{rest: string(raw)}
	n := r.length('*')
	return page{rest: r.rest, entries: n}, r.err == nil && n <= maxEntries
}

// errReply: a reply is not what XRANGE gives.
var errReply = errors.New("the reply is no list of stream entries")

// each gives the entries in order until one is refused. The texts are pieces of the reply, fields used again for the next
// entry.
func (p page) each(do func(id string, fields []string) error) error {
	for _, m := range p.listed {
		if err := do(m.ID, pairs(m)); err != nil {
			return err
		}
	}
	if p.listed != nil {
		return nil
	}
	r := resp{rest: p.rest}
	var fields []string
	for range p.entries {
		if r.length('*') != 2 {
			return errReply
		}
		id := r.bulk()
		n := r.length('*')
		fields = fields[:0]
		for range n {
			if r.err != nil {
				break
			}
			fields = append(fields, r.bulk())
		}
		if r.err != nil {
			return r.err
		}
		if err := do(id, fields); err != nil {
			return err
		}
	}
	if r.rest != "" {
		return errReply
	}
	return nil
}

// pairs gives an entry's fields as they lie in the reply; in which order, a map does not say.
func pairs(m redis.XMessage) []string {
	var fields []string
	for name, value := range m.Values {
		text, _ := value.(string)
		fields = append(fields, name, text)
	}
	return fields
}

// resp reads the few forms of Redis' protocol that an XRANGE reply has. After an error it gives zero values.
type resp struct {
	rest string
	err  error
}

// length reads the line of an array ('*') or a bulk string ('$'). There are some thirty to an entry, so it is done by hand.
func (r *resp) length(kind byte) int {
	n, at := 0, 1
	for ; at < len(r.rest) && at < 9 && r.rest[at]-'0' <= 9; at++ {
		n = 10*n + int(r.rest[at]-'0')
	}
	if r.err != nil || at == 1 || len(r.rest) < at+2 || r.rest[0] != kind || r.rest[at] != '\r' || r.rest[at+1] != '\n' {
		r.err = errReply
		return 0
	}
	r.rest = r.rest[at+2:]
	return n
}

func (r *resp) bulk() string {
	n := r.length('$')
	if r.err != nil || len(r.rest) < n+2 || r.rest[n:n+2] != "\r\n" {
		r.err = errReply
		return ""
	}
	s := r.rest[:n]
	r.rest = r.rest[n+2:]
	return s
}
