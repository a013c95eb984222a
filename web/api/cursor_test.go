package api

import (
	"math"
	"testing"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func TestCursorsComeBack(t *testing.T) {
	c := cursors{[]byte("key")}
	rapid.Check(t, func(t *rapid.T) {
		at := place{rapid.Int64().Draw(t, "key"), uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))}
		scope := rapid.String().Draw(t, "scope")
		text := c.write(scope, at)
		if got, err := c.read(scope, text); err != nil || got != at {
			t.Fatalf("%+v came back as %+v, %v", at, got, err)
		}
		if _, err := c.read(scope+"x", text); err == nil {
			t.Fatal("it is good for another list")
		}
		if _, err := (cursors{[]byte("other")}).read(scope, text); err == nil {
			t.Fatal("it is good in another deployment")
		}
		n := rapid.IntRange(0, len(text)-1).Draw(t, "letter")
		if other := rapid.SampledFrom([]byte("AZaz09-_")).Draw(t, "other"); other != text[n] {
			if _, err := c.read(scope, text[:n]+string(other)+text[n+1:]); err == nil {
				t.Fatal("it is good with a letter changed")
			}
		}
	})
}

// FuzzCursor: whatever is sent, only what was written is taken, and nothing panics.
func FuzzCursor(f *testing.F) {
	c := cursors{[]byte("key")}
	f.Add(c.write("list", place{math.MaxInt64, uuid.Max}))
	f.Add(c.write("other", place{1, uuid.Nil}))
	f.Add("")
	f.Add("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("' OR 1=1 --")
	f.Fuzz(func(t *testing.T, text string) {
		at, err := c.read("list", text)
		if err == nil && text != "" && c.write("list", at) != text {
			t.Fatalf("%q was taken for %+v, and was not written by us", text, at)
		}
	})
}
