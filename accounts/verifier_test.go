package accounts_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rostrum/accounts"
)

// Whatever happens to a token, the verifier says of it what Verify says.
func TestVerifierIsVerify(t *testing.T) {
	t.Parallel()
	ks, tally := keys(t, key("a", 1), key("b", 2)), map[bool]int{}
	v := accounts.NewVerifier(ks)
	rapid.Check(t, func(t *rapid.T) {
		c := claims()
		c.Roles = accounts.Roles(rapid.ByteRange(0, byte(accounts.AllRoles)).Draw(t, "roles"))
		c.Login = rapid.SampledFrom([]string{"ana", "", "a@b", `a"b`, "a<b", "ä", `a\b`}).Draw(t, "login")
		c.Area = rapid.SampledFrom([]string{"north", ""}).Draw(t, "area")
		c.ExpiresAt = now.Add(time.Duration(rapid.IntRange(1, 86400).Draw(t, "seconds")) * time.Second)
		signers := rapid.SampledFrom([]accounts.Keys{ks, {ks[1]}, {{ID: "a", Secret: ks[1].Secret}}, {{ID: "c", Secret: ks[0].Secret}}}).Draw(t, "keys")
		token, err := accounts.Mint(signers, c)
		if err != nil {
			t.Fatal(err)
		}
		token = damaged(t, token)
		at := now.Add(time.Duration(rapid.SampledFrom([]int{0, 0, 0, -3, -2, -1, 1, 86401, 86402, 86403}).Draw(t, "later")) * time.Second)
		want, wrong := accounts.Verify(ks, token, at)
		got, err := v.Verify(token, at)
		if diff := cmp.Diff(want, got); (err == nil) != (wrong == nil) || err != nil && err.Error() != wrong.Error() || wrong == nil && diff != "" {
			t.Fatalf("%s: %v, want %v\n%s", token, err, wrong, diff)
		}
		tally[err == nil]++
	})
	if tally[true] == 0 || tally[false] == 0 {
		t.Errorf("good and bad tokens: %v", tally)
	}
}

// damaged gives a token as it is, or with something wrong.
func damaged(t *rapid.T, token string) string {
	parts := strings.Split(token, ".")
	switch rapid.IntRange(0, 11).Draw(t, "damage") {
	case 0:
		i := rapid.IntRange(0, len(token)-1).Draw(t, "at")
		return token[:i] + string(rapid.SampledFrom([]byte("A.z-_=")).Draw(t, "byte")) + token[i+1:]
	case 1:
		return token[:rapid.IntRange(0, len(token)).Draw(t, "length")]
	case 2:
		return token + rapid.SampledFrom([]string{"=", ".", "A", "\n", strings.Repeat("A", accounts.MaxTokenBytes)}).Draw(t, "more")
	case 3:
		parts[1] = base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"nobody"}`))
	case 4:
		parts[0] = base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"a","typ":"at+jwt"}`))
	case 5:
		parts[2] = ""
	}
	return strings.Join(parts, ".")
}

func BenchmarkVerify(b *testing.B) {
	ks := keys(b, key("a", 1), key("b", 2))
	token, v := mint(b, ks, claims()), accounts.NewVerifier(ks)
	for name, verify := range map[string]func() error{
		"careful": func() error { _, err := accounts.Verify(ks, token, now); return err },
		"quick":   func() error { _, err := v.Verify(token, now); return err },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := verify(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
