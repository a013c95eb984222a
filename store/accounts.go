package store

import (
	"cmp"
	"context"
	"slices"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/internal/fault"
	"rostrum/store/db"
)

var (
	_ accounts.Users = (*Store)(nil)
	_ accounts.Audit = (*Store)(nil)
)

// User gives one user by id.
func (s *Store) User(ctx context.Context, id uuid.UUID) (accounts.User, error) {
	return s.user(ctx, func(ctx context.Context, q tx) (db.User, error) { return q.GetUser(ctx, db.ID(id)) })
}

// UserByLogin gives one user by login.
func (s *Store) UserByLogin(ctx context.Context, login string) (accounts.User, error) {
	return s.user(ctx, func(ctx context.Context, q tx) (db.User, error) { return q.GetUserByLogin(ctx, login) })
}

// user runs a statement that gives one user.
func (s *Store) user(ctx context.Context, f func(ctx context.Context, q tx) (db.User, error)) (accounts.User, error) {
	var user accounts.User
	err := s.read(ctx, "user", func(ctx context.Context, q tx) error {
		row, err := f(ctx, q)
		user = userOf(row)
		return missing(err, accounts.CodeUserNotFound, "user")
	})
	if err != nil {
		return accounts.User{}, err
	}
	return user, nil
}

// UsersByLogins gives those that exist, ordered by login.
func (s *Store) UsersByLogins(ctx context.Context, logins []string) ([]accounts.User, error) {
	var users []accounts.User
	err := s.read(ctx, "users by logins", func(ctx context.Context, q tx) error {
		rows, err := collect(q.conn, logins, func(q *db.Queries) ([]db.User, error) { return q.UsersByLogins(ctx, "") })
		users = mapped(rows, userOf)
		return err
	})
	// Lists are read in pieces, and a login may be asked for twice.
	slices.SortFunc(users, func(a, b accounts.User) int { return cmp.Compare(a.Login, b.Login) })
	return slices.CompactFunc(users, func(a, b accounts.User) bool { return a.ID == b.ID }), err
}

// CreateUser stores a new user.
func (s *Store) CreateUser(ctx context.Context, user accounts.User) error {
	return s.CreateUsers(ctx, []accounts.User{user})
}

// CreateUsers stores new users, all or none.
func (s *Store) CreateUsers(ctx context.Context, users []accounts.User) error {
	if len(users) > accounts.MaxBatch {
		return fault.New(fault.Invalid, "too_many_users", "at most 1000 users are made at once")
	}
	// In many rows: a load test makes a hundred thousand of them.
	var args []any
	for _, u := range users {
		args = append(args, db.ID(u.ID), u.Login, u.Name, u.Area, int(u.Roles), u.PasswordHash, int(u.State), u.CreatedUS, cmp.Or(u.Rev, 1))
	}
	return s.write(ctx, "create users", func(ctx context.Context, t tx) error {
		err := insertUsers.insert(ctx, t.conn, args)
		if key, ok := duplicate(err); ok && key == "uk_users_login" {
			return fault.New(fault.Conflict, accounts.CodeLoginTaken, "the login is taken")
		}
		return err
	})
}

// UpdatePassword replaces the hash where the row's rev is rev.
func (s *Store) UpdatePassword(ctx context.Context, id uuid.UUID, rev int64, hash string) error {
	return s.write(ctx, "update password", func(ctx context.Context, t tx) error {
		rows, err := t.UpdatePassword(ctx, db.UpdatePasswordParams{PasswordHash: hash, ID: db.ID(id), Rev: rev})
		if err != nil || rows == 1 {
			return err
		}
		if _, err := t.GetUser(ctx, db.ID(id)); err != nil {
			return missing(err, accounts.CodeUserNotFound, "user")
		}
		return fault.New(fault.Stale, accounts.CodeUserChanged, "the user was changed by somebody else")
	})
}

// StartLogin stores a new log-in session.
func (s *Store) StartLogin(ctx context.Context, l accounts.LoginSession) error {
	return s.write(ctx, "start login", func(ctx context.Context, t tx) error {
		if _, err := t.GetUser(ctx, db.ID(l.User)); err != nil {
			return missing(err, accounts.CodeUserNotFound, "user")
		}
		return t.InsertLogin(ctx, db.InsertLoginParams{ID: db.ID(l.ID), UserID: db.ID(l.User), RefreshHash: l.RefreshHash[:],
			CreatedUs: l.CreatedUS, UsedUs: l.UsedUS, ExpiresUs: l.ExpiresUS, RevokedUs: l.RevokedUS})
	})
}

// Login gives a log-in session.
func (s *Store) Login(ctx context.Context, id uuid.UUID) (accounts.LoginSession, error) {
	var login accounts.LoginSession
	err := s.read(ctx, "login", func(ctx context.Context, q tx) error {
		l, err := q.GetLogin(ctx, db.ID(id))
		if err != nil {
			return missing(err, accounts.CodeLoginNotFound, "log-in")
		}
		login = accounts.LoginSession{ID: uuid.UUID(l.ID), User: uuid.UUID(l.UserID), CreatedUS: l.CreatedUs, UsedUS: l.UsedUs,
			ExpiresUS: l.ExpiresUs, RevokedUS: l.RevokedUs}
		copy(login.RefreshHash[:], l.RefreshHash)
		return nil
	})
	return login, err
}

// RotateLogin replaces the refresh hash; of two callers with the same old one, one wins and the other revokes.
func (s *Store) RotateLogin(ctx context.Context, id uuid.UUID, old, next [32]byte, nowUS, expiresUS int64) error {
	// A refusal is no error of the transaction: the revoking that goes with it has to be committed.
	var refused error
	err := s.write(ctx, "rotate login", func(ctx context.Context, t tx) error {
		row, err := t.LockLogin(ctx, db.ID(id))
		if err = missing(err, accounts.CodeLoginNotFound, "log-in"); fault.CodeOf(err) == accounts.CodeLoginNotFound {
			return unauthenticated(accounts.CodeLoginNotFound)
		}
		if err != nil {
			return err
		}
		if refused = refuseRotation(row, old, nowUS); refused == nil {
			_, err = t.RotateLogin(ctx, db.RotateLoginParams{RefreshHash: next[:], UsedUs: nowUS, ExpiresUs: expiresUS, ID: row.ID})
		} else if fault.CodeOf(refused) == accounts.CodeLoginReused {
			_, err = t.RevokeLogin(ctx, db.RevokeLoginParams{RevokedUs: nowUS, ID: row.ID}) // committed: two hold this token
		}
		return err
	})
	return cmp.Or(err, refused)
}

// refuseRotation gives the first check that fails, in the order the port names.
func refuseRotation(l db.LoginSession, old [32]byte, nowUS int64) error {
	switch {
	case l.RevokedUs != 0:
		return unauthenticated(accounts.CodeLoginRevoked)
	case l.ExpiresUs <= nowUS:
		return unauthenticated(accounts.CodeLoginExpired)
	case !slices.Equal(l.RefreshHash, old[:]):
		return unauthenticated(accounts.CodeLoginReused)
	}
	return nil
}

// unauthenticated tells every refusal in the same words: who holds a stolen token learns nothing from them.
func unauthenticated(code string) error {
	return fault.New(fault.Unauthenticated, code, "log in again")
}

// EndLogin revokes a log-in session.
func (s *Store) EndLogin(ctx context.Context, id uuid.UUID, nowUS int64) error {
	return s.write(ctx, "end login", func(ctx context.Context, t tx) error {
		_, err := t.RevokeLogin(ctx, db.RevokeLoginParams{RevokedUs: nowUS, ID: db.ID(id)})
		return err
	})
}

// Audit appends one entry; one that is there already is no error.
func (s *Store) Audit(ctx context.Context, e accounts.AuditEntry) error {
	return s.write(ctx, "audit", func(ctx context.Context, t tx) error {
		err := t.audit(ctx, e)
		if key, ok := duplicate(err); ok && key == "PRIMARY" {
			return nil
		}
		return err
	})
}

// audit writes an entry inside a transaction: what it is about is not done without it.
func (t tx) audit(ctx context.Context, e accounts.AuditEntry) error {
	return t.InsertAudit(ctx, db.InsertAuditParams{ID: db.ID(e.ID), AtUs: e.AtUS, ActorID: db.ID(e.Actor), Action: e.Action,
		Subject: e.Subject, Detail: clip(e.Detail, 500)})
}

// AuditSince gives entries in order of time, at most limit (1 … 1000) from a time on.
func (s *Store) AuditSince(ctx context.Context, fromUS int64, limit int) ([]accounts.AuditEntry, error) {
	var list []accounts.AuditEntry
	err := s.read(ctx, "audit", func(ctx context.Context, q tx) error {
		rows, err := q.AuditSince(ctx, db.AuditSinceParams{AtUs: fromUS, Limit: page(limit)})
		list = mapped(rows, func(a db.Audit) accounts.AuditEntry {
			return accounts.AuditEntry{ID: uuid.UUID(a.ID), AtUS: a.AtUs, Actor: uuid.UUID(a.ActorID), Action: a.Action,
				Subject: a.Subject, Detail: a.Detail}
		})
		return err
	})
	return list, err
}

// clip bounds a text to n characters: columns count them, and strict mode refuses one too many.
func clip(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n])
	}
	return text
}
