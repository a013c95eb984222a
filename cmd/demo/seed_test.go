package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/goods"
)

// opened is a demo's stand-ins and its connected platform, none of whose roles runs.
func opened(t *testing.T, data string) *world {
	t.Helper()
	w := &world{}
	if err := w.start(t.Context(), small(data)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.end)
	return w
}

func (w *world) sellers() *sellers {
	return &sellers{items: w.app.Store, sessions: w.app.Store, accounts: w.app.Accounts, shards: w.app.Deployment.Shards, now: time.Now,
		screen: screen{out: io.Discard}}
}

func TestSeed(t *testing.T) {
	w := opened(t, "")
	if err := w.sellers().seed(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.seeded(t)
}

// seeded wants the whole seed, each thing of it once.
func (w *world) seeded(t *testing.T) {
	t.Helper()
	w.seededPeople(t)
	w.seededItems(t)
	w.seededSessions(t)
}

func (w *world) seededPeople(t *testing.T) {
	t.Helper()
	var roles accounts.Roles
	logins := make([]string, 0, passwordBidders+len(people))
	for n := range passwordBidders {
		logins = append(logins, fmt.Sprintf("bidder%02d", n+1))
	}
	for _, p := range people {
		logins = append(logins, p.login)
	}
	found, err := w.app.Store.UsersByLogins(t.Context(), logins)
	for _, u := range found {
		roles |= u.Roles
	}
	if err != nil || len(found) != len(logins) || roles != accounts.AllRoles {
		t.Errorf("%d of %d people, together %s, error %v", len(found), len(logins), roles, err)
	}
}

func (w *world) seededItems(t *testing.T) {
	t.Helper()
	seller, err := w.app.Store.UserByLogin(t.Context(), "seller")
	if err != nil {
		t.Fatal(err)
	}
	in, numbers := map[string]int{}, map[string]bool{}
	for p := (goods.Page{Limit: 50}); ; {
		page, err := w.app.Store.ListItems(t.Context(), goods.Filter{Withdrawn: true}, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range page {
			in[i.Area]++
			numbers[i.Number] = true
			if i.Owner != seller.ID || i.State != goods.Tradable || !i.Auctionable {
				t.Errorf("item %+v", i)
			}
		}
		if len(page) < p.Limit {
			break
		}
		p.After = page[len(page)-1].ID
	}
	if len(numbers) != 200 || in["lisbon"] != 67 || in["nairobi"] != 67 || in["osaka"] != 66 {
		t.Errorf("%d numbers, items by area %v; want 200 items over three areas", len(numbers), in)
	}
}

func (w *world) seededSessions(t *testing.T) {
	t.Helper()
	areas, err := w.app.Store.Areas(t.Context())
	if err != nil || len(areas) != 3 {
		t.Fatalf("areas %v, error %v", areas, err)
	}
	for _, a := range areas {
		sessions, err := w.app.Store.ListSessions(t.Context(), auction.SessionFilter{Area: a.Code, Drafts: true}, auction.Page{Limit: 100})
		if err != nil {
			t.Fatal(err)
		}
		var states []auction.SessionState
		for _, s := range sessions {
			states = append(states, s.StateAt(time.Now().UnixMicro()))
			lots, err := w.app.Store.Lots(t.Context(), s.ID, uuid.Nil, 100)
			if err != nil || len(lots) != 8 || s.Lots != 8 {
				t.Errorf("%s in %s has %d lots and says %d, error %v", s.Name, a.Code, len(lots), s.Lots, err)
			}
		}
		if want := []auction.SessionState{auction.SessionEnded, auction.SessionLive, auction.SessionScheduled}; !slices.Equal(states, want) {
			t.Errorf("sessions in %s are %v, want %v", a.Code, states, want)
		}
	}
}

// killed lets a start write so many things, as one that is killed then; it counts which it was killed before.
type killed struct {
	left   int
	before map[string]int
}

var errKilled = errors.New("killed")

func (k *killed) writes(what string) error {
	if k.left == 0 {
		k.before[what]++
		return errKilled
	}
	k.left--
	return nil
}

type killedItems struct {
	goods.Items
	*killed
}

func (k killedItems) PutArea(ctx context.Context, a goods.Area) error {
	if err := k.writes("area"); err != nil {
		return err
	}
	return k.Items.PutArea(ctx, a)
}

func (k killedItems) CreateItem(ctx context.Context, i goods.Item) error {
	if err := k.writes("item"); err != nil {
		return err
	}
	return k.Items.CreateItem(ctx, i)
}

type killedUsers struct {
	accounts.Users
	*killed
}

func (k killedUsers) CreateUser(ctx context.Context, u accounts.User) error {
	if err := k.writes("user"); err != nil {
		return err
	}
	return k.Users.CreateUser(ctx, u)
}

type killedSessions struct {
	auction.Sessions
	*killed
}

func (k killedSessions) CreateSession(ctx context.Context, s auction.Session) error {
	if err := k.writes("session"); err != nil {
		return err
	}
	return k.Sessions.CreateSession(ctx, s)
}

func (k killedSessions) AddLot(ctx context.Context, l auction.Lot) error {
	if err := k.writes("lot"); err != nil {
		return err
	}
	return k.Sessions.AddLot(ctx, l)
}

func (k killedSessions) Publish(ctx context.Context, s auction.Session, lots []auction.Lot) error {
	if err := k.writes("publication"); err != nil {
		return err
	}
	return k.Sessions.Publish(ctx, s, lots)
}

// A first start that was killed while it seeded left a folder that no later start could use. However often and wherever
// starts are killed, the next one goes on, and in the end everything is there once.
func TestSeedGoesOnAfterAnyEnd(t *testing.T) {
	w := opened(t, "")
	k := &killed{before: map[string]int{}}
	s, service := w.sellers(), *w.app.Accounts
	service.Users = killedUsers{service.Users, k}
	s.accounts, s.items, s.sessions = &service, killedItems{s.items, k}, killedSessions{s.sessions, k}
	err := errKilled
	for start := 0; err != nil; start++ {
		if k.left = (5*start + 2) % 13; start > 400 || !errors.Is(err, errKilled) {
			t.Fatalf("start %d: %v", start, err)
		}
		err = s.seed(t.Context())
	}
	for _, what := range []string{"area", "user", "item", "session", "lot", "publication"} {
		if k.before[what] == 0 {
			t.Errorf("no start was killed before it made a %s: %v", what, k.before)
		}
	}
	w.seeded(t)
	k.left = 0
	if err := s.seed(t.Context()); err != nil {
		t.Errorf("a seeded installation is written to again: %v", err)
	}
}
