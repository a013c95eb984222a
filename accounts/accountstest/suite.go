package accountstest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/internal/fault"
)

// Ports is what an implementation offers for a test; it begins empty.
type Ports interface {
	accounts.Users
	accounts.Audit
}

// Run holds an implementation to the contract of the ports. open gives a fresh one, or the same one again: the suite
// makes its own ids and logins every time.
func Run(t *testing.T, open func(t *testing.T) Ports) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, Ports)
	}{
		{"a user comes back as it went in", userComesBack},
		{"a login is taken once", loginTakenOnce},
		{"a batch is stored whole or not at all", batchIsWhole},
		{"logins are found in order", loginsInOrder},
		{"a password is replaced only at its revision", passwordAtRevision},
		{"a log-in session comes back as it went in", loginComesBack},
		{"a refresh rotates and an old secret revokes", rotation},
		{"of two with the same secret one wins", rotationRace},
		{"an expired session does not rotate", expired},
		{"an ended session does not rotate", ended},
		{"an audit entry is written once", auditOnce},
	} {
		t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
	}
}

const startUS = 1_800_000_000_123_456

// NewUser makes a user that no test has made yet.
func NewUser() accounts.User {
	id := uuid.Must(uuid.NewV7())
	return accounts.User{
		ID: id, Login: "u-" + id.String(), Name: "Ünal 测试 🎈 <b>'; --", Area: "north-1",
		Roles: accounts.Bidder | accounts.Analyst, PasswordHash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
		State: accounts.Active, CreatedUS: startUS, Rev: 1,
	}
}

// must stops the test on an error of a step that is not its subject.
func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantFault(t *testing.T, err error, class fault.Class, code string) {
	t.Helper()
	if fault.ClassOf(err) != class || fault.CodeOf(err) != code {
		t.Fatalf("got %v, want %s of class %d", err, code, class)
	}
}

func same(t *testing.T, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
}

func userComesBack(t *testing.T, p Ports) {
	ctx := context.Background()
	user, bare := NewUser(), NewUser()
	bare.PasswordHash, bare.State, bare.Roles = "", accounts.Disabled, accounts.AllRoles
	for _, want := range []accounts.User{user, bare} {
		ok(t, p.CreateUser(ctx, want))
		same(t, must[accounts.User](t)(p.User(ctx, want.ID)), want)
		same(t, must[accounts.User](t)(p.UserByLogin(ctx, want.Login)), want)
	}
	_, err := p.User(ctx, uuid.Must(uuid.NewV7()))
	wantFault(t, err, fault.NotFound, accounts.CodeUserNotFound)
	_, err = p.UserByLogin(ctx, "nobody-of-that-login")
	wantFault(t, err, fault.NotFound, accounts.CodeUserNotFound)
}

func loginTakenOnce(t *testing.T, p Ports) {
	ctx := context.Background()
	first, second := NewUser(), NewUser()
	second.Login = first.Login
	ok(t, p.CreateUser(ctx, first))
	wantFault(t, p.CreateUser(ctx, second), fault.Conflict, accounts.CodeLoginTaken)
	same(t, must[accounts.User](t)(p.UserByLogin(ctx, first.Login)), first)
}

func batchIsWhole(t *testing.T, p Ports) {
	ctx := context.Background()
	users := make([]accounts.User, accounts.MaxBatch)
	for i := range users {
		users[i] = NewUser()
	}
	ok(t, p.CreateUsers(ctx, users))
	same(t, must[accounts.User](t)(p.User(ctx, users[len(users)-1].ID)), users[len(users)-1])

	fresh, taken := NewUser(), NewUser()
	taken.Login = users[7].Login
	wantFault(t, p.CreateUsers(ctx, []accounts.User{fresh, taken}), fault.Conflict, accounts.CodeLoginTaken)
	_, err := p.User(ctx, fresh.ID)
	wantFault(t, err, fault.NotFound, accounts.CodeUserNotFound)
	ok(t, p.CreateUsers(ctx, nil))
}

func loginsInOrder(t *testing.T, p Ports) {
	ctx := context.Background()
	unique := uuid.NewString()
	var logins []string
	for _, n := range []int{2, 0, 1} {
		user := NewUser()
		user.Login = fmt.Sprintf("%s.%d", unique, n)
		ok(t, p.CreateUser(ctx, user))
		logins = append(logins, user.Login)
	}
	var got []string
	for _, user := range must[[]accounts.User](t)(p.UsersByLogins(ctx, append(logins, unique+".none"))) {
		got = append(got, user.Login)
	}
	same(t, got, []string{unique + ".0", unique + ".1", unique + ".2"})
	if none := must[[]accounts.User](t)(p.UsersByLogins(ctx, nil)); len(none) != 0 {
		t.Fatalf("no logins gave %d users", len(none))
	}
}

func passwordAtRevision(t *testing.T, p Ports) {
	ctx := context.Background()
	user := NewUser()
	ok(t, p.CreateUser(ctx, user))
	ok(t, p.UpdatePassword(ctx, user.ID, 1, "next"))
	wantFault(t, p.UpdatePassword(ctx, user.ID, 1, "late"), fault.Stale, accounts.CodeUserChanged)
	wantFault(t, p.UpdatePassword(ctx, uuid.Must(uuid.NewV7()), 1, "x"), fault.NotFound, accounts.CodeUserNotFound)
	user.PasswordHash, user.Rev = "next", 2
	same(t, must[accounts.User](t)(p.User(ctx, user.ID)), user)
}

// login stores a user with a session whose refresh hash begins with 1.
func login(t *testing.T, p Ports) accounts.LoginSession {
	t.Helper()
	user := NewUser()
	ok(t, p.CreateUser(context.Background(), user))
	session := accounts.LoginSession{
		ID: uuid.Must(uuid.NewV7()), User: user.ID, RefreshHash: [32]byte{1, 31: 0xff},
		CreatedUS: startUS, UsedUS: startUS, ExpiresUS: startUS + 1_000_000,
	}
	ok(t, p.StartLogin(context.Background(), session))
	return session
}

func loginComesBack(t *testing.T, p Ports) {
	ctx := context.Background()
	session := login(t, p)
	same(t, must[accounts.LoginSession](t)(p.Login(ctx, session.ID)), session)
	_, err := p.Login(ctx, uuid.Must(uuid.NewV7()))
	wantFault(t, err, fault.NotFound, accounts.CodeLoginNotFound)
	session.ID, session.User = uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7())
	wantFault(t, p.StartLogin(ctx, session), fault.NotFound, accounts.CodeUserNotFound)
}

func rotation(t *testing.T, p Ports) {
	ctx := context.Background()
	session := login(t, p)
	first, second, third := session.RefreshHash, [32]byte{2}, [32]byte{3}
	ok(t, p.RotateLogin(ctx, session.ID, first, second, startUS+10, startUS+2_000_000))
	session.RefreshHash, session.UsedUS, session.ExpiresUS = second, startUS+10, startUS+2_000_000
	same(t, must[accounts.LoginSession](t)(p.Login(ctx, session.ID)), session)

	wantFault(t, p.RotateLogin(ctx, session.ID, first, third, startUS+20, startUS+3_000_000), fault.Unauthenticated, accounts.CodeLoginReused)
	session.RevokedUS = startUS + 20
	same(t, must[accounts.LoginSession](t)(p.Login(ctx, session.ID)), session)
	wantFault(t, p.RotateLogin(ctx, session.ID, second, third, startUS+30, startUS+3_000_000), fault.Unauthenticated, accounts.CodeLoginRevoked)
	wantFault(t, p.RotateLogin(ctx, uuid.Must(uuid.NewV7()), second, third, startUS, startUS+1), fault.Unauthenticated, accounts.CodeLoginNotFound)
}

func rotationRace(t *testing.T, p Ports) {
	session := login(t, p)
	const racers = 4
	var won sync.Map
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			next := [32]byte{2, byte(i)}
			if err := p.RotateLogin(context.Background(), session.ID, session.RefreshHash, next, startUS+10, startUS+2_000_000); err == nil {
				won.Store(next, true)
			}
		})
	}
	wg.Wait()
	after := must[accounts.LoginSession](t)(p.Login(context.Background(), session.ID))
	winners := 0
	won.Range(func(any, any) bool { winners++; return true })
	if _, kept := won.Load(after.RefreshHash); winners != 1 || !kept || after.RevokedUS == 0 {
		t.Fatalf("%d won, session after it: %+v", winners, after)
	}
}

func expired(t *testing.T, p Ports) {
	session := login(t, p)
	err := p.RotateLogin(context.Background(), session.ID, session.RefreshHash, [32]byte{2}, session.ExpiresUS, session.ExpiresUS+1)
	wantFault(t, err, fault.Unauthenticated, accounts.CodeLoginExpired)
	same(t, must[accounts.LoginSession](t)(p.Login(context.Background(), session.ID)), session)
}

func ended(t *testing.T, p Ports) {
	ctx := context.Background()
	session := login(t, p)
	ok(t, p.EndLogin(ctx, session.ID, startUS+5))
	ok(t, p.EndLogin(ctx, session.ID, startUS+9))
	ok(t, p.EndLogin(ctx, uuid.Must(uuid.NewV7()), startUS))
	session.RevokedUS = startUS + 5
	same(t, must[accounts.LoginSession](t)(p.Login(ctx, session.ID)), session)
	err := p.RotateLogin(ctx, session.ID, session.RefreshHash, [32]byte{2}, startUS+10, startUS+20)
	wantFault(t, err, fault.Unauthenticated, accounts.CodeLoginRevoked)
}

func auditOnce(t *testing.T, p Ports) {
	ctx := context.Background()
	entry := accounts.AuditEntry{
		ID: uuid.Must(uuid.NewV7()), AtUS: startUS, Actor: uuid.Nil, Action: "tokens.mint", Subject: "north", Detail: "2 tokens 🎈",
	}
	ok(t, p.Audit(ctx, entry))
	ok(t, p.Audit(ctx, entry))
}
