package accounts

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/alexedwards/argon2id"

	"rostrum/internal/fault"
)

// MemoryPerHash is what one argon2id computation holds while it runs, in KiB: 19 MiB, OWASP's minimum for two passes.
const MemoryPerHash = 19 * 1024

const (
	hashPasses    = 2
	hashLanes     = 1
	saltBytes     = 16
	hashBytes     = 32
	maxHashMemory = 256 * 1024 // KiB; a stored hash that asks for more is damage, not a password
)

// nobody is a well-formed hash that no password has: what an unknown login is compared with, so that it takes as long.
var nobody = fmt.Sprintf("$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s",
	MemoryPerHash, hashPasses, hashLanes, strings.Repeat("A", 22), strings.Repeat("A", 43))

// Hasher computes and checks password hashes, a few at a time: each takes 19 MiB and some 20 ms of a core, and a storm of
// log-ins at the start of a sale must not take the machine from the bids. It is safe for many goroutines. Salts come
// from the system's random source, inside the library.
type Hasher struct {
	params argon2id.Params
	slots  chan struct{} // held while computing
	places chan struct{} // held while waiting or computing
}

// NewHasher allows so many computations at once and so many more to wait for one. Both are at least 1 and 0.
func NewHasher(concurrency, waiting int) *Hasher {
	concurrency, waiting = max(concurrency, 1), max(waiting, 0)
	return &Hasher{
		params: argon2id.Params{
			Memory: MemoryPerHash, Iterations: hashPasses, Parallelism: hashLanes, SaltLength: saltBytes, KeyLength: hashBytes,
		},
		slots:  make(chan struct{}, concurrency),
		places: make(chan struct{}, concurrency+waiting),
	}
}

// Hash gives the PHC string for a password. TooMany log_ins_busy when too many wait, Unavailable log_ins_busy when ctx
// ends first.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return "", err
	}
	defer leave()
	hash, err := argon2id.CreateHash(password, &h.params)
	if err != nil {
		return "", fmt.Errorf("hash a password: %w", err)
	}
	return hash, nil
}

// Check says whether password is the one of hash, and whether hash was made with other parameters than ours and should
// be made anew. An empty hash matches nothing and takes as long as any other. Errors as in Hash.
func (h *Hasher) Check(ctx context.Context, password, hash string) (match, stale bool, err error) {
	leave, err := h.enter(ctx)
	if err != nil {
		return false, false, err
	}
	defer leave()
	if hash == "" {
		_, _, err = argon2id.CheckHash(password, nobody)
		return false, false, err
	}
	stored, _, _, err := argon2id.DecodeHash(hash)
	if err != nil {
		return false, false, fmt.Errorf("a stored password hash cannot be read: %w", err)
	}
	if stored.Memory > maxHashMemory {
		return false, false, fmt.Errorf("a stored password hash asks for %d KiB", stored.Memory)
	}
	match, params, err := argon2id.CheckHash(password, hash)
	if err != nil {
		return false, false, fmt.Errorf("check a password: %w", err)
	}
	return match, *params != h.params, nil
}

// enter takes a place or fails at once, then waits for a slot.
func (h *Hasher) enter(ctx context.Context) (leave func(), err error) {
	select {
	case h.places <- struct{}{}:
	default:
		return nil, busyHasher(fault.TooMany, nil)
	}
	select {
	case h.slots <- struct{}{}:
		return func() { <-h.slots; <-h.places }, nil
	case <-ctx.Done():
		<-h.places
		return nil, busyHasher(fault.Unavailable, ctx.Err())
	}
}

func busyHasher(class fault.Class, cause error) error {
	e := fault.Wrap(class, CodeHasherBusy, "too many log-ins at this moment: try again", cause)
	e.RetryAfter = time.Second
	return e
}
