package accounts_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/internal/fault"
)

func TestMintTokens(t *testing.T) {
	t.Parallel()
	w, actor := newWorld(t), uuid.New()
	var progress []int
	minted, err := w.MintTokens(t.Context(), actor, accounts.MintRequest{
		Area: "north-1", Count: 2500, TTL: time.Hour, Progress: func(done int) { progress = append(progress, done) },
	})
	if err != nil || len(minted) != 2500 || !slices.Equal(progress, []int{1000, 2000, 2500}) {
		t.Fatal(len(minted), progress, err)
	}
	users := map[uuid.UUID]bool{}
	for _, m := range minted {
		claims, err := accounts.Verify(w.Keys, m.Token, now.Add(59*time.Minute))
		if err != nil || claims.User != m.User || claims.Login != m.Login || claims.Area != "north-1" || claims.Roles != accounts.Bidder || claims.Session != uuid.Nil {
			t.Fatalf("%+v, %v", claims, err)
		}
		users[m.User] = true
	}
	if len(users) != 2500 || minted[1234].Login != "load.north-1.01234" {
		t.Errorf("%d users, number 1234 is %s", len(users), minted[1234].Login)
	}
	entries := w.memory.Entries()
	if len(entries) != 1 || entries[0].Actor != actor || entries[0].Action != "tokens.mint" || entries[0].Detail != "2500 tokens for 1h0m0s" {
		t.Errorf("audit log: %+v", entries)
	}

	more, err := w.MintTokens(t.Context(), actor, accounts.MintRequest{Area: "north-1", Count: 2600})
	if err != nil || len(more) != 2600 || more[2499].User != minted[2499].User {
		t.Errorf("the second time it is not the same users and more: %d, %v", len(more), err)
	}
	if _, err := w.LogIn(t.Context(), minted[0].Login, ""); fault.CodeOf(err) != accounts.CodeBadLogin {
		t.Errorf("a synthetic user logs in: %v", err)
	}
}

func TestMintTokensRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, r := range map[string]accounts.MintRequest{
		"none":         {Area: "north-1"},
		"too many":     {Area: "north-1", Count: accounts.MaxMint + 1},
		"too long":     {Area: "north-1", Count: 1, TTL: accounts.MaxTokenLife + 1},
		"negative":     {Area: "north-1", Count: 1, TTL: -time.Hour},
		"nowhere":      {Area: "south", Count: 1},
		"no area code": {Area: "N", Count: 1},
	} {
		_, err := w.MintTokens(t.Context(), uuid.Nil, r)
		if e := fault.As(err); e == nil || e.Class != fault.Invalid || len(e.Fields) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
	if entries := w.memory.Entries(); len(entries) != 0 {
		t.Errorf("refusals are in the audit log: %v", entries)
	}
}

// A token for a real person's account must not come out of here, whoever gave it such a login.
func TestMintTokensForNobodyReal(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*accounts.User){
		"with a password": func(u *accounts.User) { u.PasswordHash = "x" },
		"with a role":     func(u *accounts.User) { u.Roles |= accounts.Admin },
		"disabled":        func(u *accounts.User) { u.State = accounts.Disabled },
		"elsewhere":       func(u *accounts.User) { u.Area = "south" },
	} {
		w := newWorld(t)
		user := accounts.User{ID: uuid.New(), Login: "load.north-1.00001", Name: "x", Area: "north-1", Roles: accounts.Bidder, State: accounts.Active, Rev: 1}
		change(&user)
		if err := w.memory.CreateUser(t.Context(), user); err != nil {
			t.Fatal(err)
		}
		minted, err := w.MintTokens(t.Context(), uuid.Nil, accounts.MintRequest{Area: "north-1", Count: 2})
		if fault.CodeOf(err) != accounts.CodeLoginTaken || minted != nil || !strings.Contains(err.Error(), user.Login) {
			t.Errorf("%s: %v, %v", name, minted, err)
		}
	}
}
