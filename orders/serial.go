package orders

import (
	"encoding/base32"
	"strings"

	"github.com/google/uuid"
)

// serials are base32 in Crockford's alphabet: no letter is taken for a digit when it is read aloud.
var serials = base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)

// Serial is the number shown to people: the order's id in 26 characters, in groups, "R-01K9…". It is known before the
// order's row is there, and leads back to it.
func Serial(order uuid.UUID) string {
	s := serials.EncodeToString(order[:])
	return "R-" + s[:6] + "-" + s[6:16] + "-" + s[16:]
}

// ParseSerial gives the order's id back; also from lower case, without groups, and from the id itself. false: it is none.
func ParseSerial(s string) (uuid.UUID, bool) {
	if id, err := uuid.Parse(s); err == nil && len(s) == 36 {
		return id, true
	}
	s = strings.NewReplacer("-", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(s))
	s = strings.TrimPrefix(s, "R")
	b, err := serials.DecodeString(s)
	// The decoder skips line breaks and spare bits; an order has one serial.
	if err != nil || len(b) != 16 || serials.EncodeToString(b) != s {
		return uuid.Nil, false
	}
	return uuid.UUID(b), true
}
