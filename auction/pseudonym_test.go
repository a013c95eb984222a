package auction

import (
	"testing"

	"github.com/google/uuid"
)

func TestPseudonym(t *testing.T) {
	buyer := uuid.MustParse("01939c00-0000-7000-8000-000000000001")
	other := uuid.MustParse("01939c00-0000-7000-8000-000000000002")
	salt, otherSalt := []byte("0123456789abcdef"), []byte("0123456789abcdeg")
	const want = "7d907d21a44490e9" // it stands in public topics: it cannot change
	if got := Pseudonym(salt, buyer); got != want {
		t.Errorf("Pseudonym is %s, want %s", got, want)
	}
	if Pseudonym(salt, other) == want || Pseudonym(otherSalt, buyer) == want {
		t.Error("another buyer, or another lot, has the same pseudonym")
	}
}
