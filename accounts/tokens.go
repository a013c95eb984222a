package accounts

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"rostrum/internal/fault"
)

// Limits of access tokens and of the keys that sign them.
const (
	MinSecretBytes = 32             // a shorter one is weaker than the HMAC-SHA256 that it keys
	MaxKeys        = 8              // more than a rotation ever needs
	MaxTokenLife   = 24 * time.Hour // nothing signs or accepts a longer one
	MaxTokenBytes  = 2048           // of the whole token; one with every role and the longest login has 800
	maxHeaderBytes = 256            // of its first part, base64: ours has 80

	issuer      = "rostrum"
	audience    = "rostrum-api"
	tokenType   = "at+jwt" // RFC 9068: nothing else that is ever signed by these keys passes for an access token
	clockLeeway = 2 * time.Second
)

// Key is a secret with the name under which tokens mention it.
type Key struct {
	ID     string // 1 … 32 of a-z A-Z 0-9 . _ -
	Secret []byte
}

// String hides the secret, in whatever way a key may come to be printed.
func (k Key) String() string { return k.ID + ":(secret)" }

// GoString hides the secret too.
func (k Key) GoString() string { return k.String() }

// Keys are the keys of a deployment: the first signs, all of them verify. To rotate, put the new one second on every
// node, then first, then take the old one away after MaxTokenLife.
type Keys []Key

var keyID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}$`)

// NewKeys checks keys: 1 … MaxKeys of them, names in form and used once, secrets of at least MinSecretBytes.
func NewKeys(keys ...Key) (Keys, error) {
	if len(keys) == 0 || len(keys) > MaxKeys {
		return nil, fmt.Errorf("%d token keys: have 1 to %d", len(keys), MaxKeys)
	}
	seen := map[string]bool{}
	for _, k := range keys {
		switch {
		case !keyID.MatchString(k.ID):
			return nil, fmt.Errorf("token key with a name that is not 1 to 32 of a-z A-Z 0-9 . _ -")
		case seen[k.ID]:
			return nil, fmt.Errorf("token key %s is there twice", k.ID)
		case len(k.Secret) < MinSecretBytes:
			return nil, fmt.Errorf("token key %s has a secret of %d bytes, at least %d are needed", k.ID, len(k.Secret), MinSecretBytes)
		}
		seen[k.ID] = true
	}
	return Keys(keys), nil
}

// ParseKey reads a key as the configuration spells it, "name:base64 of the secret". No error shows a secret.
func ParseKey(spelled string) (Key, error) {
	id, encoded, found := strings.Cut(spelled, ":")
	secret, err := base64.StdEncoding.DecodeString(encoded)
	if !found || err != nil {
		return Key{}, errors.New("a token key is not name:base64")
	}
	return Key{id, secret}, nil
}

func (ks Keys) secret(id string) ([]byte, bool) {
	for _, k := range ks {
		if k.ID == id {
			return k.Secret, true
		}
	}
	return nil, false
}

// Claims is what an access token says about who carries it. Times are whole seconds once they have been in a token.
type Claims struct {
	User      uuid.UUID
	Login     string
	Area      string
	Roles     Roles
	Session   uuid.UUID // the login session; uuid.Nil for a token minted without one
	IssuedAt  time.Time
	ExpiresAt time.Time
}

type wireClaims struct {
	jwt.RegisteredClaims
	Login   string    `json:"login"`
	Area    string    `json:"area"`
	Roles   Roles     `json:"roles"`
	Session uuid.UUID `json:"sid"`
}

// Mint signs claims with the first key. It fails without a key, without a user, and for a life over MaxTokenLife.
func Mint(keys Keys, claims Claims) (string, error) {
	if len(keys) == 0 {
		return "", errors.New("mint: no token key")
	}
	life := claims.ExpiresAt.Sub(claims.IssuedAt)
	if claims.User == uuid.Nil || life <= 0 || life > MaxTokenLife {
		return "", fmt.Errorf("mint: a token needs a user and a life of up to %s, not %s", MaxTokenLife, life)
	}
	issued := jwt.NewNumericDate(claims.IssuedAt)
	token := jwt.NewWithClaims(jwt.SigningMethodHS256, wireClaims{
		RegisteredClaims: jwt.RegisteredClaims{
			Issuer: issuer, Subject: claims.User.String(), Audience: jwt.ClaimStrings{audience},
			IssuedAt: issued, NotBefore: issued, ExpiresAt: jwt.NewNumericDate(claims.ExpiresAt),
		},
		Login: claims.Login, Area: claims.Area, Roles: claims.Roles, Session: claims.Session,
	})
	token.Header["kid"], token.Header["typ"] = keys[0].ID, tokenType
	signed, err := token.SignedString(keys[0].Secret)
	if err != nil {
		return "", fmt.Errorf("mint: %w", err)
	}
	return signed, nil
}

// Verify gives the claims of a token that is good now: signed by one of keys with HMAC-SHA256, made by us for this API,
// not expired, not from the future (2 s of leeway for nodes whose clocks differ). Everything else is Unauthenticated,
// token_expired or token_invalid; the cause is for the log, and nothing of the token's text is in it.
func Verify(keys Keys, token string, now time.Time) (Claims, error) {
	if header, _, found := strings.Cut(token, "."); len(token) > MaxTokenBytes || !found || len(header) > maxHeaderBytes {
		return Claims{}, invalidToken(errors.New("its size or form"))
	}
	var wire wireClaims
	_, err := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithIssuer(issuer), jwt.WithAudience(audience),
		jwt.WithExpirationRequired(), jwt.WithNotBeforeRequired(), jwt.WithIssuedAt(),
		jwt.WithLeeway(clockLeeway), jwt.WithStrictDecoding(),
		jwt.WithTimeFunc(func() time.Time { return now }),
	).ParseWithClaims(token, &wire, keys.find)
	if errors.Is(err, jwt.ErrTokenExpired) {
		return Claims{}, fault.Wrap(fault.Unauthenticated, CodeTokenExpired, "the access token has expired: refresh it", err)
	}
	if err != nil {
		return Claims{}, invalidToken(err)
	}
	return wire.claims()
}

func (ks Keys) find(token *jwt.Token) (any, error) {
	if token.Header["typ"] != tokenType {
		return nil, errors.New("the type is not of an access token")
	}
	id, _ := token.Header["kid"].(string)
	secret, found := ks.secret(id)
	if !found {
		return nil, errors.New("the key is not one of ours")
	}
	return secret, nil
}

// claims checks what the library does not: that there is an issue time, a life in bounds, and a user.
func (w wireClaims) claims() (Claims, error) {
	user, err := uuid.Parse(w.Subject)
	if err != nil || user == uuid.Nil || w.IssuedAt == nil {
		return Claims{}, invalidToken(errors.New("no user or no time of issue"))
	}
	if w.ExpiresAt.Sub(w.IssuedAt.Time) > MaxTokenLife {
		return Claims{}, invalidToken(errors.New("lives too long"))
	}
	return Claims{
		User: user, Login: w.Login, Area: w.Area, Roles: w.Roles, Session: w.Session,
		IssuedAt: w.IssuedAt.UTC(), ExpiresAt: w.ExpiresAt.UTC(),
	}, nil
}

func invalidToken(cause error) error {
	return fault.Wrap(fault.Unauthenticated, CodeTokenInvalid, "the access token is not valid: log in again", cause)
}
