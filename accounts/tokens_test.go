package accounts_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"rostrum/accounts"
	"rostrum/internal/fault"
)

var now = time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)

func key(id string, fill byte) accounts.Key {
	return accounts.Key{ID: id, Secret: bytes.Repeat([]byte{fill}, 32)}
}

func keys(t testing.TB, ks ...accounts.Key) accounts.Keys {
	t.Helper()
	got, err := accounts.NewKeys(ks...)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func claims() accounts.Claims {
	return accounts.Claims{
		User: uuid.MustParse("0197b1f0-0000-7000-8000-000000000001"), Login: "ana", Area: "north",
		Roles: accounts.Bidder | accounts.Seller, Session: uuid.MustParse("0197b1f0-0000-7000-8000-000000000002"),
		IssuedAt: now, ExpiresAt: now.Add(15 * time.Minute),
	}
}

func mint(t testing.TB, ks accounts.Keys, c accounts.Claims) string {
	t.Helper()
	token, err := accounts.Mint(ks, c)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestTokenRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := claims()
		c.Roles = accounts.Roles(rapid.ByteRange(0, byte(accounts.AllRoles)).Draw(t, "roles"))
		c.Login = rapid.StringMatching(`[a-z0-9][a-z0-9._@-]{2,63}`).Draw(t, "login")
		c.ExpiresAt = now.Add(time.Duration(rapid.IntRange(1, 86400).Draw(t, "seconds")) * time.Second)
		ks, err := accounts.NewKeys(key("a", 1), key("b", 2))
		if err != nil {
			t.Fatal(err)
		}
		token, err := accounts.Mint(ks, c)
		if err != nil {
			t.Fatal(err)
		}
		if len(token) > accounts.MaxTokenBytes {
			t.Fatalf("a token of %d bytes", len(token))
		}
		got, err := accounts.Verify(ks, token, now)
		if diff := cmp.Diff(c, got); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
	})
}

func TestTokenInTime(t *testing.T) {
	t.Parallel()
	ks := keys(t, key("a", 1))
	token := mint(t, ks, claims())
	for _, c := range []struct {
		after time.Duration
		code  string
	}{
		{-time.Hour, accounts.CodeTokenInvalid},
		{-3 * time.Second, accounts.CodeTokenInvalid},
		{-2 * time.Second, ""}, // a node whose clock is behind
		{0, ""},
		{15*time.Minute - time.Second, ""},
		{15*time.Minute + time.Second, ""},
		{15*time.Minute + 2*time.Second, accounts.CodeTokenExpired},
		{24 * time.Hour, accounts.CodeTokenExpired},
	} {
		_, err := accounts.Verify(ks, token, now.Add(c.after))
		if c.code == "" && err != nil || c.code != "" && (fault.CodeOf(err) != c.code || fault.ClassOf(err) != fault.Unauthenticated) {
			t.Errorf("%s after its issue: %v, want %q", c.after, err, c.code)
		}
	}
}

func TestKeyRotation(t *testing.T) {
	t.Parallel()
	first, second := key("2027-01", 1), key("2027-02", 2)
	before, during, after := keys(t, first), keys(t, second, first), keys(t, second)
	old, fresh := mint(t, before, claims()), mint(t, during, claims())
	for _, c := range []struct {
		name  string
		keys  accounts.Keys
		token string
		good  bool
	}{
		{"old token before", before, old, true},
		{"old token during", during, old, true},
		{"old token after", after, old, false},
		{"fresh token during", during, fresh, true},
		{"fresh token after", after, fresh, true},
		{"fresh token on a node that was forgotten", before, fresh, false},
		{"key of the same name with another secret", keys(t, key("2027-01", 9)), old, false},
	} {
		if _, err := accounts.Verify(c.keys, c.token, now); (err == nil) != c.good {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// forge signs what Mint would never sign.
func forge(t *testing.T, method jwt.SigningMethod, secret any, header, body map[string]any) string {
	t.Helper()
	good := jwt.MapClaims{
		"iss": "rostrum", "aud": "rostrum-api", "sub": claims().User.String(), "iat": now.Unix(), "nbf": now.Unix(),
		"exp": now.Add(time.Minute).Unix(), "roles": []string{"bidder"}, "login": "ana", "area": "north", "sid": uuid.Nil.String(),
	}
	token := jwt.NewWithClaims(method, good)
	token.Header["kid"], token.Header["typ"] = "a", "at+jwt"
	for target, changes := range map[*map[string]any]map[string]any{&token.Header: header, (*map[string]any)(&good): body} {
		for name, value := range changes {
			if value == nil {
				delete(*target, name)
				continue
			}
			(*target)[name] = value
		}
	}
	signed, err := token.SignedString(secret)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

type set = map[string]any

func TestForgedTokens(t *testing.T) {
	t.Parallel()
	k := key("a", 1)
	ks := keys(t, k)
	if _, err := accounts.Verify(ks, forge(t, jwt.SigningMethodHS256, k.Secret, nil, nil), now); err != nil {
		t.Fatalf("the unchanged one must be good, or the others prove nothing: %v", err)
	}
	for name, token := range map[string]string{
		"unsigned":              forge(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, nil),
		"other method":          forge(t, jwt.SigningMethodHS512, k.Secret, nil, nil),
		"no key name":           forge(t, jwt.SigningMethodHS256, k.Secret, set{"kid": nil}, nil),
		"key name not a string": forge(t, jwt.SigningMethodHS256, k.Secret, set{"kid": 7}, nil),
		"unknown key":           forge(t, jwt.SigningMethodHS256, k.Secret, set{"kid": "b"}, nil),
		"other secret":          forge(t, jwt.SigningMethodHS256, key("a", 2).Secret, nil, nil),
		"other type":            forge(t, jwt.SigningMethodHS256, k.Secret, set{"typ": "JWT"}, nil),
		"no type":               forge(t, jwt.SigningMethodHS256, k.Secret, set{"typ": nil}, nil),
		"long header":           forge(t, jwt.SigningMethodHS256, k.Secret, set{"x": strings.Repeat("x", 300)}, nil),
		"other issuer":          forge(t, jwt.SigningMethodHS256, k.Secret, nil, set{"iss": "others"}),
		"no issuer":             forge(t, jwt.SigningMethodHS256, k.Secret, nil, set{"iss": nil}),
		"other audience":        forge(t, jwt.SigningMethodHS256, k.Secret, nil, set{"aud": "shop"}),
		"no audience":           forge(t, jwt.SigningMethodHS256, k.Secret, nil, set{"aud": nil}),
		"no expiry":             forge(t, jwt.SigningMethodHS256, k.Secret, nil, set{"exp": nil}),
		"no not-before":         forge(t, jwt.SigningMethodHS256, k.Secret, nil, set{"nbf": nil}),
		"no time of issue":      forge(t, jwt.SigningMethodHS256, k.Secret, nil, set{"iat": nil}),
		"issued later":          forge(t, jwt.SigningMethodHS256, k.Secret, nil, set{"iat": now.Add(time.Minute).Unix()}),
		"for two days":          forge(t, jwt.SigningMethodHS256, k.Secret, nil, set{"exp": now.Add(48 * time.Hour).Unix()}),
		"no user":               forge(t, jwt.SigningMethodHS256, k.Secret, nil, set{"sub": nil}),
		"nobody":                forge(t, jwt.SigningMethodHS256, k.Secret, nil, set{"sub": uuid.Nil.String()}),
		"unknown role":          forge(t, jwt.SigningMethodHS256, k.Secret, nil, set{"roles": []string{"root"}}),
		"very long":             forge(t, jwt.SigningMethodHS256, k.Secret, nil, set{"login": strings.Repeat("x", 3000)}),
		"empty":                 "",
		"one part":              "abc",
		"four parts":            mint(t, ks, claims()) + ".x",
		"dots":                  strings.Repeat(".", 2000),
	} {
		if _, err := accounts.Verify(ks, token, now); fault.CodeOf(err) != accounts.CodeTokenInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whoever changes any one character of a token has no token.
func TestEveryCharacterCounts(t *testing.T) {
	t.Parallel()
	ks := keys(t, key("a", 1))
	token := mint(t, ks, claims())
	for i := range token {
		for _, other := range []byte{'A', 'z', '.', '-'} {
			changed := token[:i] + string(other) + token[i+1:]
			if _, err := accounts.Verify(ks, changed, now); changed != token && err == nil {
				t.Fatalf("character %d can be %q", i, other)
			}
		}
	}
}

func TestVerifyErrorsShowNothing(t *testing.T) {
	t.Parallel()
	ks := keys(t, key("a", 1))
	token := mint(t, keys(t, key("b", 2)), claims())
	_, err := accounts.Verify(ks, token, now)
	for part := range strings.SplitSeq(token, ".") {
		if strings.Contains(fmt.Sprintf("%+v", err), part) {
			t.Errorf("%v has a part of the token in it", err)
		}
	}
}

func TestMintRefuses(t *testing.T) {
	t.Parallel()
	ks := keys(t, key("a", 1))
	for name, change := range map[string]func(*accounts.Claims){
		"nobody":   func(c *accounts.Claims) { c.User = uuid.Nil },
		"no life":  func(c *accounts.Claims) { c.ExpiresAt = c.IssuedAt },
		"too long": func(c *accounts.Claims) { c.ExpiresAt = c.IssuedAt.Add(accounts.MaxTokenLife + 1) },
	} {
		c := claims()
		change(&c)
		if token, err := accounts.Mint(ks, c); err == nil {
			t.Errorf("%s: %s", name, token)
		}
	}
	if _, err := accounts.Mint(nil, claims()); err == nil {
		t.Error("minted without a key")
	}
}

// parseKeys does what a start does with the configuration's list.
func parseKeys(spelled []string) (accounts.Keys, error) {
	var parsed []accounts.Key
	for _, text := range spelled {
		k, err := accounts.ParseKey(text)
		if err != nil {
			return nil, err
		}
		parsed = append(parsed, k)
	}
	return accounts.NewKeys(parsed...)
}

func TestParseKeys(t *testing.T) {
	t.Parallel()
	secret := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xfe}, 32))
	got, err := parseKeys([]string{"a:" + secret, "b:" + secret})
	if err != nil || len(got) != 2 || got[0].ID != "a" || len(got[0].Secret) != 32 {
		t.Fatal(got, err)
	}
	printed, _ := json.Marshal(fmt.Sprintf("%v %+v %#v %s", got, got, got[0], got[1]))
	if strings.Contains(string(printed), "254") || strings.Contains(string(printed), secret[:20]) {
		t.Errorf("a key prints as %s", printed)
	}
	for name, spelled := range map[string][]string{
		"none":       nil,
		"no colon":   {"justthis" + secret},
		"not base64": {"a:" + secret[:42] + "!"},
		"short":      {"a:" + base64.StdEncoding.EncodeToString(make([]byte, 31))},
		"twice":      {"a:" + secret, "a:" + secret},
		"bad name":   {"a b:" + secret},
		"no name":    {":" + secret},
		"too many":   {"1:" + secret, "2:" + secret, "3:" + secret, "4:" + secret, "5:" + secret, "6:" + secret, "7:" + secret, "8:" + secret, "9:" + secret},
	} {
		if _, err := parseKeys(spelled); err == nil || strings.Contains(err.Error(), secret[:20]) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
