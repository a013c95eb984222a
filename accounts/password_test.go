package accounts_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/alexedwards/argon2id"

	"rostrum/accounts"
	"rostrum/internal/fault"
)

const goodPassword = "correct horse, батарейка 🐎"

func hash(t *testing.T, password string, change func(*argon2id.Params)) string {
	t.Helper()
	params := argon2id.Params{Memory: accounts.MemoryPerHash, Iterations: 2, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	change(&params)
	h, err := argon2id.CreateHash(password, &params)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestCheckPassword(t *testing.T) {
	t.Parallel()
	hasher := accounts.NewHasher(2, 8)
	ours, err := hasher.Hash(t.Context(), goodPassword)
	if err != nil || !strings.HasPrefix(ours, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Fatal(ours, err)
	}
	again, _ := hasher.Hash(t.Context(), goodPassword)
	if again == ours {
		t.Error("two hashes of one password are the same: there is no salt")
	}
	for _, c := range []struct {
		name, password, hash string
		match, stale         bool
	}{
		{"right", goodPassword, ours, true, false},
		{"wrong", goodPassword + " ", ours, false, false},
		{"empty", "", ours, false, false},
		{"weaker parameters of old", goodPassword, hash(t, goodPassword, func(p *argon2id.Params) { p.Memory = 1024 }), true, true},
		{"fewer passes", goodPassword, hash(t, goodPassword, func(p *argon2id.Params) { p.Iterations = 1 }), true, true},
		{"a user without a password", goodPassword, "", false, false},
		{"the empty password of a user without one", "", "", false, false},
	} {
		match, stale, err := hasher.Check(t.Context(), c.password, c.hash)
		if err != nil || match != c.match || match && stale != c.stale {
			t.Errorf("%s: %v, %v, %v", c.name, match, stale, err)
		}
	}
}

func TestDamagedHashes(t *testing.T) {
	t.Parallel()
	hasher := accounts.NewHasher(1, 0)
	for _, stored := range []string{
		"x", "$argon2i$v=19$m=8,t=1,p=1$c2FsdA$aGFzaA", "$argon2id$v=16$m=8,t=1,p=1$c2FsdA$aGFzaA",
		"$argon2id$v=19$m=4194304,t=1,p=1$c2FsdHNhbHRzYWx0$aGFzaA", // four gibibytes
	} {
		if match, _, err := hasher.Check(t.Context(), goodPassword, stored); err == nil || match || strings.Contains(err.Error(), "c2FsdA") {
			t.Errorf("%s: %v, %v", stored, match, err)
		}
	}
	if _, _, err := hasher.Check(t.Context(), goodPassword, ""); err != nil {
		t.Errorf("errors took the place for ever: %v", err)
	}
}

// A storm waits in a queue of known length; who comes after it is sent away at once, and it is over when it is over.
func TestHasherIsBounded(t *testing.T) {
	t.Parallel()
	hasher := accounts.NewHasher(1, 1)
	leave, waiting := accounts.Occupy(t, hasher), make(chan error, 1)
	go func() {
		_, err := hasher.Hash(t.Context(), goodPassword)
		waiting <- err
	}()
	accounts.AwaitWaiting(t, hasher, 1)

	_, err := hasher.Hash(t.Context(), goodPassword)
	if fault.ClassOf(err) != fault.TooMany || fault.CodeOf(err) != accounts.CodeHasherBusy || fault.As(err).RetryAfter <= 0 {
		t.Errorf("one too many: %v", err)
	}
	leave()
	if err := <-waiting; err != nil {
		t.Errorf("the one that waited: %v", err)
	}
	if _, err := hasher.Hash(t.Context(), goodPassword); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestWaitingEndsWithTheRequest(t *testing.T) {
	t.Parallel()
	hasher := accounts.NewHasher(1, 1)
	leave := accounts.Occupy(t, hasher)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := hasher.Check(ctx, goodPassword, "")
	if fault.ClassOf(err) != fault.Unavailable || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	leave()
	if _, err := hasher.Hash(t.Context(), goodPassword); err != nil {
		t.Errorf("it kept its place: %v", err)
	}
}
