package api

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

	"github.com/google/uuid"

	"rostrum/internal/fault"
)

// place is where a list goes on: after the thing with this key and id.
type place struct {
	Key int64
	ID  uuid.UUID
}

// cursors writes places as opaque text that only this deployment can make, for one list with one filter: a cursor
// carried to another list, or changed by a letter, is refused and never reaches a database.
type cursors struct{ key []byte }

const (
	placeBytes  = 24
	cursorTag   = 12 // bytes of the MAC: 96 bits are past guessing
	cursorChars = 48 // base64 of both
)

// write gives the cursor of a place in a list; scope names the list and its filter.
func (c cursors) write(scope string, p place) string {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, placeBytes+cursorTag), uint64(p.Key))
	b = append(b, p.ID[:]...)
	return base64.RawURLEncoding.EncodeToString(append(b, c.tag(scope, b)...))
}

// read gives the place of a cursor, the front for "". Invalid, field cursor, for one that is not of this list.
func (c cursors) read(scope, cursor string) (place, error) {
	if cursor == "" {
		return place{}, nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if len(cursor) != cursorChars || err != nil || !hmac.Equal(b[placeBytes:], c.tag(scope, b[:placeBytes])) {
		return place{}, fault.Wrong("cursor", "is not a cursor of this list with these filters", "send `next` as it came, or leave it out to begin again")
	}
	return place{int64(binary.BigEndian.Uint64(b)), uuid.UUID(b[8:placeBytes])}, nil
}

func (c cursors) tag(scope string, b []byte) []byte {
	mac := hmac.New(sha256.New, c.key)
	mac.Write([]byte(scope))
	mac.Write([]byte{0})
	mac.Write(b)
	return mac.Sum(nil)[:cursorTag]
}
