// Package accountstest has what tests of accounts need: a memory twin of its ports, and the suite that every
// implementation of them must pass.
package accountstest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/internal/fault"
)

// Memory keeps users, log-in sessions and the audit log in maps. The zero value is empty and ready.
type Memory struct {
	mu      sync.Mutex
	users   map[uuid.UUID]accounts.User
	logins  map[uuid.UUID]accounts.LoginSession
	entries []accounts.AuditEntry
}

var (
	_ accounts.Users = (*Memory)(nil)
	_ accounts.Audit = (*Memory)(nil)
)

func noUser() error {
	return fault.New(fault.NotFound, accounts.CodeUserNotFound, "there is no such user")
}

// User implements accounts.Users.
func (m *Memory) User(_ context.Context, id uuid.UUID) (accounts.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if user, found := m.users[id]; found {
		return user, nil
	}
	return accounts.User{}, noUser()
}

// UserByLogin implements accounts.Users.
func (m *Memory) UserByLogin(ctx context.Context, login string) (accounts.User, error) {
	users, _ := m.UsersByLogins(ctx, []string{login})
	if len(users) == 0 {
		return accounts.User{}, noUser()
	}
	return users[0], nil
}

// UsersByLogins implements accounts.Users.
func (m *Memory) UsersByLogins(_ context.Context, logins []string) ([]accounts.User, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []accounts.User
	for _, user := range m.users {
		if slices.Contains(logins, user.Login) {
			found = append(found, user)
		}
	}
	slices.SortFunc(found, func(a, b accounts.User) int { return strings.Compare(a.Login, b.Login) })
	return found, nil
}

// CreateUser implements accounts.Users.
func (m *Memory) CreateUser(ctx context.Context, user accounts.User) error {
	return m.CreateUsers(ctx, []accounts.User{user})
}

// CreateUsers implements accounts.Users.
func (m *Memory) CreateUsers(_ context.Context, users []accounts.User) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	taken := map[string]bool{}
	for _, user := range m.users {
		taken[user.Login] = true
	}
	for _, user := range users {
		if taken[user.Login] {
			return fault.New(fault.Conflict, accounts.CodeLoginTaken, "the login "+user.Login+" is taken")
		}
		taken[user.Login] = true
	}
	if m.users == nil {
		m.users = map[uuid.UUID]accounts.User{}
	}
	for _, user := range users {
		m.users[user.ID] = user
	}
	return nil
}

// UpdatePassword implements accounts.Users.
func (m *Memory) UpdatePassword(_ context.Context, id uuid.UUID, rev int64, hash string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	user, found := m.users[id]
	if !found {
		return noUser()
	}
	if user.Rev != rev {
		return fault.New(fault.Stale, accounts.CodeUserChanged, "the user was changed meanwhile")
	}
	user.PasswordHash, user.Rev = hash, rev+1
	m.users[id] = user
	return nil
}

// Disable sets a user's state, which no port does.
func (m *Memory) Disable(id uuid.UUID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	user := m.users[id]
	user.State = accounts.Disabled
	m.users[id] = user
}

// StartLogin implements accounts.Users.
func (m *Memory) StartLogin(_ context.Context, login accounts.LoginSession) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, found := m.users[login.User]; !found {
		return noUser()
	}
	if m.logins == nil {
		m.logins = map[uuid.UUID]accounts.LoginSession{}
	}
	m.logins[login.ID] = login
	return nil
}

// Login implements accounts.Users.
func (m *Memory) Login(_ context.Context, id uuid.UUID) (accounts.LoginSession, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if login, found := m.logins[id]; found {
		return login, nil
	}
	return accounts.LoginSession{}, fault.New(fault.NotFound, accounts.CodeLoginNotFound, "there is no such log-in session")
}

// RotateLogin implements accounts.Users.
func (m *Memory) RotateLogin(_ context.Context, id uuid.UUID, old, next [32]byte, nowUS, expiresUS int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	login, found := m.logins[id]
	refuse := func(code string) error { return fault.New(fault.Unauthenticated, code, "log in again") }
	switch {
	case !found:
		return refuse(accounts.CodeLoginNotFound)
	case login.RevokedUS != 0:
		return refuse(accounts.CodeLoginRevoked)
	case login.ExpiresUS <= nowUS:
		return refuse(accounts.CodeLoginExpired)
	case login.RefreshHash != old:
		login.RevokedUS = nowUS
		m.logins[id] = login
		return refuse(accounts.CodeLoginReused)
	}
	login.RefreshHash, login.UsedUS, login.ExpiresUS = next, nowUS, expiresUS
	m.logins[id] = login
	return nil
}

// EndLogin implements accounts.Users.
func (m *Memory) EndLogin(_ context.Context, id uuid.UUID, nowUS int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if login, found := m.logins[id]; found && login.RevokedUS == 0 {
		login.RevokedUS = nowUS
		m.logins[id] = login
	}
	return nil
}

// Audit implements accounts.Audit.
func (m *Memory) Audit(_ context.Context, entry accounts.AuditEntry) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.ContainsFunc(m.entries, func(e accounts.AuditEntry) bool { return e.ID == entry.ID }) {
		m.entries = append(m.entries, entry)
	}
	return nil
}

// Entries gives the audit log so far.
func (m *Memory) Entries() []accounts.AuditEntry {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.entries)
}

// Dump gives everything, in order.
func (m *Memory) Dump() any {
	m.mu.Lock()
	defer m.mu.Unlock()
	byID := func(x, y uuid.UUID) int { return slices.Compare(x[:], y[:]) }
	var all []any
	for _, id := range slices.SortedFunc(maps.Keys(m.users), byID) {
		all = append(all, m.users[id])
	}
	for _, id := range slices.SortedFunc(maps.Keys(m.logins), byID) {
		all = append(all, m.logins[id])
	}
	return append(all, slices.Clone(m.entries))
}
