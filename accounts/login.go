package accounts

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"rostrum/internal/fault"
)

const refreshSecretBytes = 32

// Tokens is what a log-in or a refresh gives.
type Tokens struct {
	User           User
	Access         string
	AccessExpires  time.Time
	Refresh        string // "<login session>.<secret>", good once
	RefreshExpires time.Time
}

// String leaves both tokens out.
func (t Tokens) String() string { return "tokens of " + t.User.Login }

// GoString leaves both tokens out too.
func (t Tokens) GoString() string { return t.String() }

// LogIn opens a log-in session. Unauthenticated bad_credentials for an unknown login and a wrong password alike, after the
// same time; Forbidden user_disabled only to who knows the password; the errors of Hasher.Check.
func (s *Service) LogIn(ctx context.Context, login, password string) (Tokens, error) {
	if len(password) > maxPasswordBytes {
		return Tokens{}, badCredentials()
	}
	user, err := s.find(ctx, NormalLogin(login))
	if err != nil {
		return Tokens{}, err
	}
	match, stale, err := s.Hasher.Check(ctx, password, user.PasswordHash)
	if err != nil {
		return Tokens{}, err
	}
	if !match {
		return Tokens{}, badCredentials()
	}
	if user.State != Active {
		return Tokens{}, disabled()
	}
	if stale {
		s.rehash(ctx, user, password)
	}
	return s.open(ctx, user)
}

// find gives the zero User for a login that nobody has: its empty hash matches nothing and takes as long to check.
func (s *Service) find(ctx context.Context, login string) (User, error) {
	if !loginFits(login) {
		return User{}, nil
	}
	user, err := s.Users.UserByLogin(ctx, login)
	if fault.CodeOf(err) == CodeUserNotFound {
		return User{}, nil
	}
	return user, err
}

// rehash stores the password under today's parameters. Its failure is not the user's business: the next log-in tries
// again.
func (s *Service) rehash(ctx context.Context, user User, password string) {
	if hash, err := s.Hasher.Hash(ctx, password); err == nil {
		_ = s.Users.UpdatePassword(ctx, user.ID, user.Rev, hash)
	}
}

func (s *Service) open(ctx context.Context, user User) (Tokens, error) {
	id, err := s.newID()
	if err != nil {
		return Tokens{}, err
	}
	tokens, hash, err := s.tokens(user, id)
	if err != nil {
		return Tokens{}, err
	}
	now := s.Clock().UnixMicro()
	err = s.Users.StartLogin(ctx, LoginSession{
		ID: id, User: user.ID, RefreshHash: hash, CreatedUS: now, UsedUS: now, ExpiresUS: tokens.RefreshExpires.UnixMicro(),
	})
	if err != nil {
		return Tokens{}, err
	}
	return tokens, nil
}

// Refresh gives new tokens for a refresh token, which is used up by it. Unauthenticated login_not_found (also for one
// that is no refresh token), login_revoked, login_expired, login_reused (this secret was used before, so two parties
// hold it: the session is revoked); Forbidden user_disabled. The roles and area are those of now.
func (s *Service) Refresh(ctx context.Context, refresh string) (Tokens, error) {
	id, old, ok := parseRefresh(refresh)
	if !ok {
		return Tokens{}, noLogin()
	}
	login, err := s.Users.Login(ctx, id)
	if fault.CodeOf(err) == CodeLoginNotFound {
		return Tokens{}, noLogin()
	}
	if err != nil {
		return Tokens{}, err
	}
	user, err := s.Users.User(ctx, login.User)
	if fault.CodeOf(err) == CodeUserNotFound {
		return Tokens{}, noLogin()
	}
	if err != nil {
		return Tokens{}, err
	}
	if user.State != Active {
		return Tokens{}, disabled()
	}
	tokens, next, err := s.tokens(user, id)
	if err != nil {
		return Tokens{}, err
	}
	// Last, so that nothing can fail after the old secret is gone.
	err = s.Users.RotateLogin(ctx, id, old, next, s.Clock().UnixMicro(), tokens.RefreshExpires.UnixMicro())
	if err != nil {
		return Tokens{}, err
	}
	return tokens, nil
}

// LogOut ends a login session (Claims.Session). One that is over, unknown or uuid.Nil is no error. Access tokens that are
// out run on to their end.
func (s *Service) LogOut(ctx context.Context, session uuid.UUID) error {
	if session == uuid.Nil {
		return nil
	}
	return s.Users.EndLogin(ctx, session, s.Clock().UnixMicro())
}

func (s *Service) tokens(user User, session uuid.UUID) (Tokens, [32]byte, error) {
	var secret [refreshSecretBytes]byte
	if _, err := io.ReadFull(s.Random, secret[:]); err != nil {
		return Tokens{}, [32]byte{}, fmt.Errorf("random bytes for a refresh token: %w", err)
	}
	claims := s.claims(user, session, s.AccessTTL)
	access, err := Mint(s.Keys, claims)
	if err != nil {
		return Tokens{}, [32]byte{}, err
	}
	return Tokens{
		User: user, Access: access, AccessExpires: claims.ExpiresAt.Truncate(time.Second),
		Refresh:        session.String() + "." + base64.RawURLEncoding.EncodeToString(secret[:]),
		RefreshExpires: claims.IssuedAt.Add(s.RefreshTTL),
	}, sha256.Sum256(secret[:]), nil
}

func (s *Service) claims(user User, session uuid.UUID, ttl time.Duration) Claims {
	now := s.Clock().UTC()
	return Claims{
		User: user.ID, Login: user.Login, Area: user.Area, Roles: user.Roles, Session: session,
		IssuedAt: now, ExpiresAt: now.Add(ttl),
	}
}

func parseRefresh(refresh string) (id uuid.UUID, hash [32]byte, ok bool) {
	session, encoded, _ := strings.Cut(refresh, ".")
	id, err := uuid.Parse(session)
	if err != nil || len(session) != 36 || len(encoded) != base64.RawURLEncoding.EncodedLen(refreshSecretBytes) {
		return uuid.Nil, hash, false
	}
	secret, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	return id, sha256.Sum256(secret), err == nil
}

func badCredentials() error {
	return fault.New(fault.Unauthenticated, CodeBadLogin, "the login or the password is wrong")
}

func noLogin() error {
	return fault.New(fault.Unauthenticated, CodeLoginNotFound, "the refresh token is not known: log in again")
}

func disabled() error {
	return fault.New(fault.Forbidden, CodeUserDisabled, "this user may not log in: ask an operator")
}
