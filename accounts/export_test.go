package accounts

import (
	"runtime"
	"testing"
	"time"
)

// Occupy takes the hasher's slot, so that others wait until leave is called.
func Occupy(t *testing.T, h *Hasher) (leave func()) {
	t.Helper()
	leave, err := h.enter(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return leave
}

// AwaitWaiting returns when n callers wait for a slot.
func AwaitWaiting(t *testing.T, h *Hasher, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); len(h.places) < len(h.slots)+n; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%d callers in the hasher, waiting for %d", len(h.places), n)
		}
	}
}
