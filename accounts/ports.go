package accounts

import (
	"context"

	"github.com/google/uuid"
)

// State says whether a user may log in. The numbers are stored.
type State uint8

// The states of a user.
const (
	Active   State = 1
	Disabled State = 2 // may not log in or refresh; an access token that is out runs on to its end
)

// MaxBatch is the most users that one call of CreateUsers or UsersByLogin carries.
const MaxBatch = 1000

// User is somebody who can act. Times are microseconds UTC.
type User struct {
	ID           uuid.UUID // UUIDv7
	Login        string    // unique, lower case, 3 … 64 of a-z 0-9 . _ - @
	Name         string    // shown to people, 1 … 100 characters
	Area         string    // code of the sales area: bids count only in sessions of the same area
	Roles        Roles
	PasswordHash string // PHC string of argon2id; empty: nobody can log in as this one by password
	State        State
	CreatedUS    int64
	Rev          int64 // 1 when made, one more with every change
}

// LoginSession is what a log-in opened: it lives through its refreshes and ends by log-out, theft or time.
type LoginSession struct {
	ID          uuid.UUID // UUIDv7, the claim "sid" of the access tokens
	User        uuid.UUID
	RefreshHash [32]byte // SHA-256 of the one refresh secret that is good now
	CreatedUS   int64
	UsedUS      int64 // last log-in or refresh
	ExpiresUS   int64
	RevokedUS   int64 // 0 while it is not revoked
}

// Users stores users and their log-in sessions. Every error is a fault.Error; Unavailable where the store is away.
// A login is compared as it is given: the caller has normalised it.
type Users interface {
	// User gives one by id. NotFound user_not_found.
	User(ctx context.Context, id uuid.UUID) (User, error)
	// UserByLogin gives one by login, whatever its state. NotFound user_not_found.
	UserByLogin(ctx context.Context, login string) (User, error)
	// UsersByLogins gives those of at most MaxBatch logins that exist, ordered by login; empty for none.
	UsersByLogins(ctx context.Context, logins []string) ([]User, error)
	// CreateUser stores a new one. Conflict login_taken.
	CreateUser(ctx context.Context, user User) error
	// CreateUsers stores at most MaxBatch new ones, all or none. Conflict login_taken.
	CreateUsers(ctx context.Context, users []User) error
	// UpdatePassword replaces the hash and adds one to the revision, if it still is rev.
	// Stale user_changed, NotFound user_not_found.
	UpdatePassword(ctx context.Context, id uuid.UUID, rev int64, hash string) error

	// StartLogin stores a new log-in session. NotFound user_not_found.
	StartLogin(ctx context.Context, login LoginSession) error
	// Login gives a log-in session, whatever its state. NotFound login_not_found.
	Login(ctx context.Context, id uuid.UUID) (LoginSession, error)
	// RotateLogin replaces the refresh hash old by next, sets UsedUS to nowUS and ExpiresUS to expiresUS, in one step: of
	// two callers with the same old hash one wins. All its refusals are Unauthenticated and checked in this order:
	// login_not_found; login_revoked (RevokedUS is set); login_expired (ExpiresUS ≤ nowUS); login_reused (the hash in
	// the store is not old: the session has been revoked by this very call, with RevokedUS = nowUS).
	RotateLogin(ctx context.Context, id uuid.UUID, old, next [32]byte, nowUS, expiresUS int64) error
	// EndLogin revokes a session; one that is over or unknown is no error, and the first RevokedUS stays.
	EndLogin(ctx context.Context, id uuid.UUID, nowUS int64) error
}

// AuditEntry is one line of the log of who did what with special rights. It is never changed or deleted.
type AuditEntry struct {
	ID      uuid.UUID // UUIDv7
	AtUS    int64     // microseconds UTC
	Actor   uuid.UUID // uuid.Nil: the command line on a machine that holds the secrets
	Action  string    // an Action, or the name of a command, at most 64 bytes
	Subject string    // what it was done to: an id or a login, at most 128 bytes
	Detail  string    // one sentence, at most 500 characters, no secrets
}

// Audit stores entries. An action that must be audited is refused when its entry cannot be written.
type Audit interface {
	// Audit appends one entry; a second with the same id is no error and changes nothing.
	Audit(ctx context.Context, entry AuditEntry) error
}

// The codes of this package's faults.
const (
	CodeLoginTaken   = "login_taken"    // Conflict
	CodeUserNotFound = "user_not_found" // NotFound
	CodeUserChanged  = "user_changed"   // Stale
	CodeUserDisabled = "user_disabled"  // Forbidden

	CodeLoginNotFound = "login_not_found" // Unauthenticated from RotateLogin, NotFound from Login
	CodeLoginRevoked  = "login_revoked"   // Unauthenticated
	CodeLoginExpired  = "login_expired"   // Unauthenticated
	CodeLoginReused   = "login_reused"    // Unauthenticated: the session is revoked now
	CodeBadLogin      = "bad_credentials" // Unauthenticated: login or password are wrong, it is not said which
	CodeHasherBusy    = "log_ins_busy"    // TooMany
	CodeTokenInvalid  = "token_invalid"   // Unauthenticated
	CodeTokenExpired  = "token_expired"   // Unauthenticated
)
