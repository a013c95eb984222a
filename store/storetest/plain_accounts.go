package storetest

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/internal/fault"
	"rostrum/store"
)

func aUser(n int) accounts.User {
	return accounts.User{ID: ID(n), Login: fmt.Sprintf("user%d", n), Name: fmt.Sprint("Zoë 🪔 ", n), Area: "north",
		Roles: accounts.Bidder | accounts.Admin, PasswordHash: "$argon2id$v=19$x", State: accounts.Active, CreatedUS: 5, Rev: 1}
}

func users(t *testing.T, s *store.Store) {
	ctx, want := t.Context(), aUser(1)
	must(t, s.CreateUser(ctx, want))
	for name, get := range map[string]func() (accounts.User, error){
		"by id":    func() (accounts.User, error) { return s.User(ctx, want.ID) },
		"by login": func() (accounts.User, error) { return s.UserByLogin(ctx, want.Login) },
	} {
		got, err := get()
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	_, err := s.User(ctx, ID(2))
	wantCode(t, err, fault.NotFound, accounts.CodeUserNotFound)
	_, err = s.UserByLogin(ctx, "USER1")
	wantCode(t, err, fault.NotFound, accounts.CodeUserNotFound)
	taken := aUser(2)
	taken.Login = want.Login
	wantCode(t, s.CreateUser(ctx, taken), fault.Conflict, accounts.CodeLoginTaken)

	must(t, s.UpdatePassword(ctx, want.ID, 1, "$next"))
	wantCode(t, s.UpdatePassword(ctx, want.ID, 1, "$again"), fault.Stale, accounts.CodeUserChanged)
	wantCode(t, s.UpdatePassword(ctx, ID(3), 1, "$next"), fault.NotFound, accounts.CodeUserNotFound)
	got, err := s.User(ctx, want.ID)
	must(t, err)
	want.PasswordHash, want.Rev = "$next", 2
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("after a new password (-want +got):\n%s", diff)
	}
}

func manyUsers(t *testing.T, s *store.Store) {
	var list []accounts.User
	var logins []string
	for n := range accounts.MaxBatch {
		list = append(list, aUser(n))
		logins = append(logins, aUser(accounts.MaxBatch-1-n).Login)
	}
	must(t, s.CreateUsers(t.Context(), list))
	for _, n := range []int{0, 1, 2, 99, 100, 101, 1000} {
		got, err := s.UsersByLogins(t.Context(), append(logins[:n:n], "nobody"))
		must(t, err)
		if len(got) != n {
			t.Errorf("%d of %d were found", len(got), n)
		}
		for i := range got[:max(0, len(got)-1)] {
			if got[i].Login >= got[i+1].Login {
				t.Errorf("%s before %s", got[i].Login, got[i+1].Login)
			}
		}
	}
	// All or none: the last is taken.
	more := []accounts.User{aUser(5000), aUser(5001), aUser(3)}
	more[2].ID = ID(5002)
	wantCode(t, s.CreateUsers(t.Context(), more), fault.Conflict, accounts.CodeLoginTaken)
	_, err := s.User(t.Context(), ID(5000))
	wantCode(t, err, fault.NotFound, accounts.CodeUserNotFound)
	wantCode(t, s.CreateUsers(t.Context(), append(list, aUser(9999))), fault.Invalid, "too_many_users")
}

func logins(t *testing.T, s *store.Store) {
	ctx := t.Context()
	must(t, s.CreateUser(ctx, aUser(1)))
	want := accounts.LoginSession{ID: ID(10), User: ID(1), RefreshHash: [32]byte{1, 0, 0xff}, CreatedUS: 5, UsedUS: 6, ExpiresUS: 100}
	must(t, s.StartLogin(ctx, want))
	got, err := s.Login(ctx, want.ID)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	_, err = s.Login(ctx, ID(11))
	wantCode(t, err, fault.NotFound, accounts.CodeLoginNotFound)
	orphan := want
	orphan.ID, orphan.User = ID(11), ID(2)
	wantCode(t, s.StartLogin(ctx, orphan), fault.NotFound, accounts.CodeUserNotFound)

	old, next := want.RefreshHash, [32]byte{2}
	wantCode(t, s.RotateLogin(ctx, ID(12), old, next, 50, 200), fault.Unauthenticated, accounts.CodeLoginNotFound)
	wantCode(t, s.RotateLogin(ctx, want.ID, old, next, 100, 200), fault.Unauthenticated, accounts.CodeLoginExpired)
	must(t, s.RotateLogin(ctx, want.ID, old, next, 50, 200))
	wantCode(t, s.RotateLogin(ctx, want.ID, old, next, 60, 300), fault.Unauthenticated, accounts.CodeLoginReused)
	wantCode(t, s.RotateLogin(ctx, want.ID, next, old, 61, 300), fault.Unauthenticated, accounts.CodeLoginRevoked)
	want.RefreshHash, want.UsedUS, want.ExpiresUS, want.RevokedUS = next, 50, 200, 60
	must(t, s.EndLogin(ctx, want.ID, 70)) // the first time stays
	must(t, s.EndLogin(ctx, ID(12), 70))
	got, err = s.Login(ctx, want.ID)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("in the end (-want +got):\n%s", diff)
	}
}

// refreshedAtOnce: of two that show the same refresh token, one wins, and the session is over.
func refreshedAtOnce(t *testing.T, s *store.Store) {
	must(t, s.CreateUser(t.Context(), aUser(1)))
	l := accounts.LoginSession{ID: ID(10), User: ID(1), RefreshHash: [32]byte{1}, ExpiresUS: 100}
	must(t, s.StartLogin(t.Context(), l))
	results := make([]error, 2)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() { results[i] = s.RotateLogin(t.Context(), l.ID, l.RefreshHash, [32]byte{byte(2 + i)}, 50, 200) })
	}
	wg.Wait()
	if (results[0] == nil) == (results[1] == nil) {
		t.Errorf("results %v", results)
	}
	got, err := s.Login(t.Context(), l.ID)
	must(t, err)
	if got.RevokedUS != 50 {
		t.Errorf("revoked at %d", got.RevokedUS)
	}
}

func audit(t *testing.T, s *store.Store) {
	want := accounts.AuditEntry{ID: ID(1), AtUS: 7, Actor: ID(2), Action: "tokens.mint", Subject: "user1", Detail: "made 🪔 tokens"}
	changed := want
	changed.Detail = "another story"
	must(t, s.Audit(t.Context(), want))
	must(t, s.Audit(t.Context(), changed)) // never changed
	must(t, s.Audit(t.Context(), accounts.AuditEntry{ID: ID(3), AtUS: 6, Actor: uuid.Nil, Action: "a"}))
	got, err := s.AuditSince(t.Context(), 7, 10)
	must(t, err)
	if diff := cmp.Diff([]accounts.AuditEntry{want}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
