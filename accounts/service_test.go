package accounts_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/accounts/accountstest"
	"rostrum/internal/fault"
)

// world is a service over memory with a clock that the test moves.
type world struct {
	*accounts.Service
	memory *accountstest.Memory
	now    time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{memory: &accountstest.Memory{}, now: now}
	w.Service = &accounts.Service{
		Users: w.memory, Audit: w.memory, Keys: keys(t, key("a", 1)), Hasher: accounts.NewHasher(2, 64),
		Clock: func() time.Time { return w.now }, Random: rand.Reader,
		AccessTTL: 15 * time.Minute, RefreshTTL: 24 * time.Hour,
		KnownArea: func(_ context.Context, code string) (bool, error) { return code == "north-1", nil },
	}
	return w
}

func (w *world) registered(t *testing.T) accounts.User {
	t.Helper()
	user, err := w.Register(t.Context(), newUser())
	if err != nil {
		t.Fatal(err)
	}
	return user
}

func (w *world) loggedIn(t *testing.T) accounts.Tokens {
	t.Helper()
	w.registered(t)
	tokens, err := w.LogIn(t.Context(), newUser().Login, goodPassword)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

func wantCode(t *testing.T, what string, err error, class fault.Class, code string) {
	t.Helper()
	if fault.ClassOf(err) != class || fault.CodeOf(err) != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

func TestRegister(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	n := newUser()
	n.Login, n.Roles = " ANA@Example.com ", 0
	user, err := w.Register(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	want := accounts.User{
		ID: user.ID, Login: "ana@example.com", Name: n.Name, Area: n.Area, Roles: accounts.Bidder,
		PasswordHash: user.PasswordHash, State: accounts.Active, CreatedUS: now.UnixMicro(), Rev: 1,
	}
	if stored, err := w.memory.User(t.Context(), user.ID); err != nil || cmp.Diff(want, stored) != "" {
		t.Error(err, cmp.Diff(want, stored))
	}
	sec, nsec := user.ID.Time().UnixTime()
	if user.ID.Version() != 7 || user.ID.Variant() != uuid.RFC4122 || time.Unix(sec, nsec).UnixMilli() != now.UnixMilli() {
		t.Errorf("id %s is no UUIDv7 of now", user.ID)
	}
	_, err = w.Register(t.Context(), newUser())
	wantCode(t, "the same login", err, fault.Conflict, accounts.CodeLoginTaken)
}

func TestRegisterRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		set   func(*accounts.NewUser)
		field string
	}{
		"as an operator": {func(n *accounts.NewUser) { n.Roles = accounts.Bidder | accounts.Operator }, "roles"},
		"as an admin":    {func(n *accounts.NewUser) { n.Roles = accounts.Admin }, "roles"},
		"nowhere":        {func(n *accounts.NewUser) { n.Area = "south" }, "area"},
		"badly":          {func(n *accounts.NewUser) { n.Password = "short" }, "password"},
	} {
		w, n := newWorld(t), newUser()
		c.set(&n)
		_, err := w.Register(t.Context(), n)
		if e := fault.As(err); e == nil || e.Class != fault.Invalid || len(e.Fields) != 1 || e.Fields[0].Name != c.field {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := w.memory.UserByLogin(t.Context(), n.Login); err == nil {
			t.Errorf("%s: there is a user now", name)
		}
	}
}

func TestAddUserIsAudited(t *testing.T) {
	t.Parallel()
	w, actor, n := newWorld(t), uuid.New(), newUser()
	n.Roles = accounts.Operator | accounts.Admin
	user, err := w.AddUser(t.Context(), actor, n)
	if err != nil || user.Roles != n.Roles {
		t.Fatal(user, err)
	}
	entries := w.memory.Entries()
	want := []accounts.AuditEntry{{
		AtUS: now.UnixMicro(), Actor: actor, Action: "users.create", Subject: user.Login, Detail: "roles operator,admin, area north-1",
	}}
	if len(entries) == 1 {
		want[0].ID = entries[0].ID
	}
	if diff := cmp.Diff(want, entries); diff != "" {
		t.Error(diff)
	}
	for name, change := range map[string]func(*accounts.NewUser){
		"no password":  func(n *accounts.NewUser) { n.Password = "" },
		"unknown area": func(n *accounts.NewUser) { n.Area = "south" },
	} {
		refused := n
		change(&refused)
		if _, err := w.AddUser(t.Context(), actor, refused); fault.ClassOf(err) != fault.Invalid || len(w.memory.Entries()) != 1 {
			t.Errorf("%s: %v, in the audit log: %v", name, err, w.memory.Entries())
		}
	}
}

type brokenAudit struct{ error }

func (b brokenAudit) Audit(context.Context, accounts.AuditEntry) error { return b.error }

func TestNothingWithoutAudit(t *testing.T) {
	t.Parallel()
	w, away := newWorld(t), errors.New("away")
	w.Audit = brokenAudit{away}
	if _, err := w.AddUser(t.Context(), uuid.Nil, newUser()); !errors.Is(err, away) {
		t.Errorf("add a user: %v", err)
	}
	if _, err := w.MintTokens(t.Context(), uuid.Nil, accounts.MintRequest{Area: "north-1", Count: 1}); !errors.Is(err, away) {
		t.Errorf("mint: %v", err)
	}
	if users, _ := w.memory.UsersByLogins(t.Context(), []string{newUser().Login, "load.north-1.00000"}); len(users) != 0 {
		t.Errorf("made all the same: %v", users)
	}
}

func TestLogIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tokens := w.loggedIn(t)
	got, err := accounts.Verify(w.Keys, tokens.Access, w.now)
	if err != nil {
		t.Fatal(err)
	}
	want := accounts.Claims{
		User: tokens.User.ID, Login: "ana@example.com", Area: "north-1", Roles: accounts.Bidder, Session: got.Session,
		IssuedAt: now, ExpiresAt: now.Add(15 * time.Minute),
	}
	if diff := cmp.Diff(want, got); diff != "" || !tokens.AccessExpires.Equal(want.ExpiresAt) {
		t.Error(diff, tokens.AccessExpires)
	}
	if !strings.HasPrefix(tokens.Refresh, got.Session.String()+".") || !tokens.RefreshExpires.Equal(now.Add(24*time.Hour)) {
		t.Errorf("refresh %s until %s", tokens.Refresh, tokens.RefreshExpires)
	}
	login, err := w.memory.Login(t.Context(), got.Session)
	if err != nil || bytes.Contains(login.RefreshHash[:], []byte(tokens.Refresh[37:47])) {
		t.Errorf("the secret itself is stored: %v", err)
	}
	if printed := fmt.Sprintf("%v %+v %#v", tokens, tokens, tokens); strings.Contains(printed, tokens.Refresh) || strings.Contains(printed, tokens.Access) {
		t.Errorf("tokens print as %s", printed)
	}
}

func TestLogInRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.registered(t)
	for name, c := range map[string]struct{ login, password string }{
		"wrong password":    {user.Login, goodPassword + "x"},
		"unknown login":     {"nobody", goodPassword},
		"no login at all":   {"", goodPassword},
		"SQL":               {"' or ''='", goodPassword},
		"a long password":   {user.Login, strings.Repeat("x", 10_000)},
		"an empty password": {user.Login, ""},
	} {
		_, err := w.LogIn(t.Context(), c.login, c.password)
		wantCode(t, name, err, fault.Unauthenticated, accounts.CodeBadLogin)
	}
	w.memory.Disable(user.ID)
	_, err := w.LogIn(t.Context(), user.Login, goodPassword)
	wantCode(t, "disabled", err, fault.Forbidden, accounts.CodeUserDisabled)
	_, err = w.LogIn(t.Context(), user.Login, "wrong password")
	wantCode(t, "disabled and wrong", err, fault.Unauthenticated, accounts.CodeBadLogin)
}

func TestOldHashIsMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.registered(t)
	old := hash(t, goodPassword, func(p *argon2id.Params) { p.Memory = 1024 })
	if err := w.memory.UpdatePassword(t.Context(), user.ID, 1, old); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second finds nothing to do
		if _, err := w.LogIn(t.Context(), user.Login, goodPassword); err != nil {
			t.Fatal(err)
		}
	}
	after, _ := w.memory.User(t.Context(), user.ID)
	if after.Rev != 3 || !strings.Contains(after.PasswordHash, "m=19456,") {
		t.Errorf("revision %d, hash %s", after.Rev, after.PasswordHash)
	}
}

func TestRefreshRotates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.loggedIn(t)
	w.now = w.now.Add(time.Hour)
	second, err := w.Refresh(t.Context(), first.Refresh)
	if err != nil {
		t.Fatal(err)
	}
	if second.Refresh == first.Refresh || !second.RefreshExpires.Equal(w.now.Add(24*time.Hour)) {
		t.Errorf("the refresh token stays %s until %s", second.Refresh, second.RefreshExpires)
	}
	before, _ := accounts.Verify(w.Keys, first.Access, now)
	after, err := accounts.Verify(w.Keys, second.Access, w.now)
	if err != nil || after.Session != before.Session {
		t.Errorf("session %s became %s, %v", before.Session, after.Session, err)
	}

	// Whoever shows the first secret again holds a copy: nobody goes on with this session.
	_, err = w.Refresh(t.Context(), first.Refresh)
	wantCode(t, "the old token", err, fault.Unauthenticated, accounts.CodeLoginReused)
	_, err = w.Refresh(t.Context(), second.Refresh)
	wantCode(t, "the new one after a theft", err, fault.Unauthenticated, accounts.CodeLoginRevoked)
}

func TestRefreshOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tokens := w.loggedIn(t)
	errs := make(chan error, 8)
	var all sync.WaitGroup
	for range cap(errs) {
		all.Go(func() {
			_, err := w.Refresh(t.Context(), tokens.Refresh)
			errs <- err
		})
	}
	all.Wait()
	close(errs)
	won := 0
	for err := range errs {
		if err == nil {
			won++
		}
	}
	if won != 1 {
		t.Errorf("one refresh token was good %d times", won)
	}
}

func TestRefreshRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tokens := w.loggedIn(t)
	session, _, _ := strings.Cut(tokens.Refresh, ".")
	for name, refresh := range map[string]string{
		"empty": "", "an access token": tokens.Access, "no secret": session + ".", "only a session": session,
		"unknown session": uuid.NewString() + tokens.Refresh[36:], "braces": "{" + session + "}" + tokens.Refresh[36:],
		"long": tokens.Refresh + "AAAA", "padding": tokens.Refresh[:79] + "=",
	} {
		_, err := w.Refresh(t.Context(), refresh)
		wantCode(t, name, err, fault.Unauthenticated, accounts.CodeLoginNotFound)
	}
	w.now = w.now.Add(24 * time.Hour)
	_, err := w.Refresh(t.Context(), tokens.Refresh)
	wantCode(t, "a day later", err, fault.Unauthenticated, accounts.CodeLoginExpired)
	w.now = now
	w.memory.Disable(tokens.User.ID)
	_, err = w.Refresh(t.Context(), tokens.Refresh)
	wantCode(t, "disabled", err, fault.Forbidden, accounts.CodeUserDisabled)
}

func TestLogOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tokens := w.loggedIn(t)
	claims, _ := accounts.Verify(w.Keys, tokens.Access, w.now)
	for _, session := range []uuid.UUID{claims.Session, claims.Session, uuid.New(), uuid.Nil} {
		if err := w.LogOut(t.Context(), session); err != nil {
			t.Errorf("log out of %s: %v", session, err)
		}
	}
	_, err := w.Refresh(t.Context(), tokens.Refresh)
	wantCode(t, "after the log-out", err, fault.Unauthenticated, accounts.CodeLoginRevoked)
}

func TestWithoutRandomness(t *testing.T) {
	t.Parallel()
	w, dry := newWorld(t), errors.New("dry")
	tokens := w.loggedIn(t)
	w.Random = iotest.ErrReader(dry)
	_, registering := w.Register(t.Context(), accounts.NewUser{Login: "other", Password: goodPassword, Name: "O", Area: "north-1", Roles: accounts.Bidder})
	_, loggingIn := w.LogIn(t.Context(), tokens.User.Login, goodPassword)
	_, refreshing := w.Refresh(t.Context(), tokens.Refresh)
	for what, err := range map[string]error{"register": registering, "log in": loggingIn, "refresh": refreshing} {
		if !errors.Is(err, dry) {
			t.Errorf("%s: %v", what, err)
		}
	}
	w.Random = rand.Reader
	if _, err := w.Refresh(t.Context(), tokens.Refresh); err != nil {
		t.Errorf("a refresh that failed used its token up: %v", err)
	}
}
