package accounts

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

// Verifier verifies access tokens as Verify does, faster: every request carries one. A token in the form that Mint gives
// it is read in one pass, after its signature was checked; any other, right or wrong, is left to Verify. It is safe for
// concurrent use.
type Verifier struct {
	keys  Keys
	quick []quickKey
}

// quickKey is a key, prepared.
type quickKey struct {
	header string     // of a token that it signs, as it stands in the token
	desks  *sync.Pool // of *desk
}

// desk is what verifying needs beside the token.
type desk struct {
	mac    hash.Hash
	sum    []byte
	text   []byte // what was signed
	packed []byte
	plain  [MaxTokenBytes]byte
}

// NewVerifier makes a verifier of keys.
func NewVerifier(keys Keys) *Verifier {
	v := &Verifier{keys: keys}
	for _, k := range keys {
		header := `{"alg":"HS256","kid":"` + k.ID + `","typ":"` + tokenType + `"}`
		v.quick = append(v.quick, quickKey{base64.RawURLEncoding.EncodeToString([]byte(header)),
			&sync.Pool{New: func() any { return &desk{mac: hmac.New(sha256.New, k.Secret)} }}})
	}
	return v
}

// Verify is Verify by the verifier's keys.
func (v *Verifier) Verify(token string, now time.Time) (Claims, error) {
	for _, k := range v.quick {
		if c, ok := k.read(token, now); ok {
			return c, nil
		}
	}
	return Verify(v.keys, token, now)
}

var strictly = base64.RawURLEncoding.Strict()

// read gives the claims of a plain token that is good now; false: it is another kind of token, or not good.
func (k quickKey) read(token string, now time.Time) (c Claims, ok bool) {
	dot := strings.LastIndexByte(token, '.')
	if len(token) > MaxTokenBytes || dot < 0 || !strings.HasPrefix(token, k.header) || token[len(k.header)] != '.' || dot <= len(k.header) {
		return c, false
	}
	d, _ := k.desks.Get().(*desk)
	defer k.desks.Put(d)
	if !d.signed(token[:dot], token[dot+1:]) {
		return c, false
	}
	payload, ok := d.decode(token[len(k.header)+1 : dot])
	if !ok {
		return c, false
	}
	c, notBefore, ok := plainClaims(string(payload))
	late, early := now.Add(-clockLeeway), now.Add(clockLeeway)
	return c, ok && late.Before(c.ExpiresAt) && !early.Before(notBefore) && !early.Before(c.IssuedAt) &&
		c.ExpiresAt.Sub(c.IssuedAt) <= MaxTokenLife
}

func (d *desk) signed(text, signature string) bool {
	d.text = append(d.text[:0], text...)
	d.mac.Reset()
	d.mac.Write(d.text)
	d.sum = d.mac.Sum(d.sum[:0])
	want, ok := d.decode(signature)
	return ok && hmac.Equal(d.sum, want)
}

// decode gives the bytes of a part of a token; they are good until the next call.
func (d *desk) decode(part string) ([]byte, bool) {
	d.packed = append(d.packed[:0], part...)
	n, err := strictly.Decode(d.plain[:], d.packed)
	return d.plain[:n], err == nil
}

// plainClaims reads what Mint writes, in its order.
func plainClaims(s string) (c Claims, notBefore time.Time, ok bool) {
	r := claimReader{rest: s, ok: true}
	r.take(`{"iss":"` + issuer + `","sub":"`)
	c.User = r.id()
	r.take(`,"aud":["` + audience + `"],"exp":`)
	c.ExpiresAt = r.time()
	r.take(`,"nbf":`)
	notBefore = r.time()
	r.take(`,"iat":`)
	c.IssuedAt = r.time()
	r.take(`,"login":"`)
	c.Login = r.text()
	r.take(`,"area":"`)
	c.Area = r.text()
	r.take(`,"roles":[`)
	c.Roles = r.roles()
	r.take(`,"sid":"`)
	c.Session = r.id()
	r.take(`}`)
	return c, notBefore, r.ok && r.rest == "" && c.User != uuid.Nil
}

// claimReader reads from the front; ok turns false at the first thing that is not plain.
type claimReader struct {
	rest string
	ok   bool
}

func (r *claimReader) take(prefix string) {
	rest, found := strings.CutPrefix(r.rest, prefix)
	r.rest, r.ok = rest, r.ok && found
}

// text takes up to the next quote. What needs an escape is not plain.
func (r *claimReader) text() string {
	text, rest, found := strings.Cut(r.rest, `"`)
	r.rest, r.ok = rest, r.ok && found && !strings.Contains(text, `\`)
	return text
}

func (r *claimReader) id() uuid.UUID {
	text := r.text()
	id, err := uuid.Parse(text)
	r.ok = r.ok && err == nil && len(text) == 36
	return id
}

func (r *claimReader) time() time.Time {
	n := 0
	for n < len(r.rest) && r.rest[n] >= '0' && r.rest[n] <= '9' {
		n++
	}
	seconds, err := strconv.ParseInt(r.rest[:n], 10, 64)
	r.rest, r.ok = r.rest[n:], r.ok && err == nil && n <= 12
	return time.Unix(seconds, 0).UTC()
}

func (r *claimReader) roles() (roles Roles) {
	if rest, none := strings.CutPrefix(r.rest, "]"); none {
		r.rest = rest
		return 0
	}
	for r.ok {
		r.take(`"`)
		role := roleNamed(r.text())
		roles, r.ok = roles|role, r.ok && role != 0
		if rest, more := strings.CutPrefix(r.rest, ","); more {
			r.rest = rest
			continue
		}
		r.take("]")
		break
	}
	return roles
}
