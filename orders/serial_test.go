package orders

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func TestSerialGoldenValues(t *testing.T) {
	for text, want := range map[string]string{
		"0197f7a2-0c30-7d11-b2c3-d4e5f6071829": "R-06BZF8-GC61YH3CP3-TKJZC1RR54",
		"00000000-0000-0000-0000-000000000000": "R-000000-0000000000-0000000000",
		"ffffffff-ffff-ffff-ffff-ffffffffffff": "R-ZZZZZZ-ZZZZZZZZZZ-ZZZZZZZZZW",
		"c0000000-0000-4000-8000-000000000000": "R-R00000-0001001000-0000000000", // begins with an R of its own
	} {
		id := uuid.MustParse(text)
		if got := Serial(id); got != want {
			t.Errorf("serial of %s is %q, want %q", id, got, want)
		}
		if back, ok := ParseSerial(want); !ok || back != id {
			t.Errorf("%q leads to %s, %v", want, back, ok)
		}
	}
}

// A serial is read from letters and calls: any case, with or without groups, and with the letters people write for digits.
func TestSerialsAreForgiving(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var id uuid.UUID
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		s := Serial(id)
		for _, text := range []string{s, strings.ToLower(s), "R" + strings.ReplaceAll(s[2:], "-", ""), strings.ReplaceAll(s, "-", ""),
			strings.ReplaceAll(s, "0", "O"), strings.ReplaceAll(s, "0", "o"), strings.ReplaceAll(s, "1", "I"),
			strings.ReplaceAll(s, "1", "l"), strings.ReplaceAll(s, "1", "L"), id.String(), strings.ToUpper(id.String())} {
			if back, ok := ParseSerial(text); !ok || back != id {
				t.Fatalf("%q leads to %s, %v; want %s", text, back, ok, id)
			}
		}
	})
}

func TestGarbageIsNoSerial(t *testing.T) {
	good := Serial(uuid.MustParse("0197f7a2-0c30-7d11-b2c3-d4e5f6071829"))
	for _, text := range []string{"", "R", "R-", "-", good[:len(good)-1], good + "0", good + "\n", "\r\n" + good, good[:9] + "\n" + good[9:],
		good + " ", " " + good, strings.Replace(good, "-", "_", 1), good[:len(good)-1] + "U", good[:len(good)-1] + "é",
		good[:len(good)-1] + "=", "RR" + good[1:], "S" + good[1:], strings.Repeat("0", 25), strings.Repeat("0", 27),
		strings.Repeat("R", 1000), "{0197f7a2-0c30-7d11-b2c3-d4e5f6071829}", "urn:uuid:0197f7a2-0c30-7d11-b2c3-d4e5f6071829",
		"0197f7a2-0c30-7d11-b2c3-d4e5f607182g", "../../etc/passwd", "' OR 1=1 --"} {
		if id, ok := ParseSerial(text); ok {
			t.Errorf("%q leads to %s", text, id)
		}
	}
	// The last character has two spare bits: only one of four spellings is the order's.
	if id, ok := ParseSerial("R-000000-0000000000-0000000001"); ok {
		t.Errorf("spare bits lead to %s", id)
	}
}

func FuzzParseSerial(f *testing.F) {
	f.Add("R-01JZVT-435Z8T8VB3TK-JQV0E64S")
	f.Add("0197f7a2-0c30-7d11-b2c3-d4e5f6071829")
	f.Add("r01jz")
	f.Fuzz(func(t *testing.T, text string) {
		id, ok := ParseSerial(text)
		if !ok {
			if id != uuid.Nil {
				t.Fatalf("%q is none, and gives %s", text, id)
			}
			return
		}
		if back, ok := ParseSerial(Serial(id)); !ok || back != id {
			t.Fatalf("%q leads to %s, whose serial %q leads to %s, %v", text, id, Serial(id), back, ok)
		}
	})
}
