package shelf

import (
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/auction"
)

// full gives a lot of which no field is zero, whatever fields a lot has.
func full(t testing.TB) auction.Lot {
	t.Helper()
	var l auction.Lot
	fields := reflect.ValueOf(&l).Elem()
	for n := range fields.NumField() {
		switch f := fields.Field(n); f.Kind() {
		case reflect.Int, reflect.Int64:
			f.SetInt(int64(1000 + n))
		case reflect.String:
			f.SetString(fmt.Sprint("text of ", n))
		case reflect.Slice:
			f.SetBytes([]byte{byte(n), 0, 255})
		case reflect.Array:
			f.Set(reflect.ValueOf(uuid.New()))
		default:
			t.Fatalf("a lot's field %s is of a kind that no card has: write and read it in cardtext.go, and fill it here", fields.Type().Field(n).Name)
		}
	}
	return l
}

// A card has every field of a lot: one that is added to a lot and forgotten here would be lost on the shelf.
func TestCardKeepsEveryField(t *testing.T) {
	odd := full(t)
	odd.Title, odd.PriceMinor, odd.Sold = "🪔 \x00 "+strings.Repeat("名", 200), math.MaxInt64, math.MinInt64
	for name, l := range map[string]auction.Lot{"full": full(t), "empty": {}, "odd": odd} {
		text := appendCard(nil, &l)
		l.Salt = nil // the one that is left out
		got, err := parseCard(text)
		if d := cmp.Diff(l, got); err != nil || d != "" {
			t.Errorf("%s: %v (-written +read):\n%s", name, err, d)
		}
	}
}

// What is no card, or was cut anywhere, is none, and does no harm.
func TestWhatIsNoCard(t *testing.T) {
	l := full(t)
	text := appendCard(nil, &l)
	for n := range text {
		if _, err := parseCard(text[:n]); err == nil {
			t.Errorf("the first %d bytes of %d are a card", n, len(text))
		}
	}
	huge := append(text[:len(text):len(text)], 0)
	for _, bad := range [][]byte{nil, []byte("{}"), []byte("-"), huge, []byte("\x01" + strings.Repeat("\xff", 300)), append([]byte{2}, text[1:]...)} {
		if _, err := parseCard(bad); err == nil {
			t.Errorf("%.40q is a card", bad)
		}
	}
}

func FuzzCard(f *testing.F) {
	l := full(f)
	f.Add(appendCard(nil, &l))
	f.Fuzz(func(t *testing.T, text []byte) {
		got, err := parseCard(text)
		if err != nil {
			return
		}
		again, err := parseCard(appendCard(nil, &got))
		if d := cmp.Diff(got, again); err != nil || d != "" {
			t.Errorf("written again it reads %v:\n%s", err, d)
		}
	})
}

func BenchmarkCard(b *testing.B) {
	l := full(b)
	text := appendCard(nil, &l)
	b.Run("write", func(b *testing.B) {
		for b.Loop() {
			text = appendCard(text[:0], &l)
		}
	})
	b.Run("read", func(b *testing.B) {
		for b.Loop() {
			if _, err := parseCard(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}
