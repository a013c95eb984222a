package auction

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"

	"github.com/google/uuid"
)

// Pseudonym is the name under which a buyer appears in a lot's public records: the first 16 hex digits of HMAC-SHA256 of
// the buyer's id by the lot's salt. The same buyer has another one in every lot, and without the salt nobody can test
// whether a pseudonym is a certain buyer's.
func Pseudonym(salt []byte, buyer uuid.UUID) string {
	mac := hmac.New(sha256.New, salt)
	mac.Write(buyer[:])
	return hex.EncodeToString(mac.Sum(nil)[:8])
}
