package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/goods"
	"rostrum/internal/fault"
)

// password is everybody's in the demo, which listens on loopback only and whose data is made up.
const password = "come-and-bid-2026"

// bidders who log in with their password; the others carry tokens that an admin has minted.
const passwordBidders = 20

const seedItems = 200

// sellers is what the seed and the sale need: the production stores and the production account service.
type sellers struct {
	screen   screen
	items    goods.Items
	sessions auction.Sessions
	accounts *accounts.Service
	shards   int
	now      func() time.Time
}

// areas with the currency each sells in, and where its clocks are.
var areas = []struct{ code, name, currency, zone string }{
	{"lisbon", "Lisbon", "EUR", "Europe/Lisbon"},
	{"nairobi", "Nairobi", "USD", "Africa/Nairobi"},
	{"osaka", "Osaka · 大阪", "JPY", "Asia/Tokyo"},
}

// person is somebody who logs in with a password.
type person struct {
	login, name string
	roles       accounts.Roles
}

// people lists who the demo makes besides its bidders. The last is made when everything else is there: who finds that one
// finds all of the seed.
var people = []person{
	{"admin", "Ada Admin", accounts.Admin},
	{"operator", "Omar Operator", accounts.Operator},
	{"seller", "Sofia Seller", accounts.Seller | accounts.Bidder},
	{"seller2", "Sven Seller", accounts.Seller},
	{"analyst", "Ana Analyst", accounts.Analyst},
}

// seed fills an installation: areas, people, items, and sessions that are over, live and still to come. Where a start was
// ended in the middle of it, the next makes what is missing. One that is seeded is left as it is.
func (s *sellers) seed(ctx context.Context) error {
	last := people[len(people)-1]
	if _, err := s.accounts.Users.UserByLogin(ctx, last.login); fault.ClassOf(err) != fault.NotFound {
		return err
	}
	defer s.screen.still()
	s.screen.move("Seeding: %d areas, %d people", len(areas), passwordBidders+len(people))
	for _, a := range areas {
		if err := s.items.PutArea(ctx, goods.Area{Code: a.code, Name: a.name}); err != nil {
			return err
		}
	}
	owner, err := s.people(ctx)
	if err != nil {
		return err
	}
	s.screen.move("Seeding: %d items", seedItems)
	items, err := s.stock(ctx, owner)
	if err != nil {
		return err
	}
	s.screen.move("Seeding: sessions that are over, live and still to come")
	if err := s.calendar(ctx, owner, items); err != nil {
		return err
	}
	_, err = s.person(ctx, last)
	return err
}

// people makes everybody but the last of the list, and gives the seller.
func (s *sellers) people(ctx context.Context) (seller uuid.UUID, err error) {
	all := people[: len(people)-1 : len(people)-1]
	for n := range passwordBidders {
		all = append(all, person{bidderLogin(n), fmt.Sprintf("Bidder %d", n+1), accounts.Bidder})
	}
	for _, p := range all {
		id, err := s.person(ctx, p)
		if err != nil {
			return seller, err
		}
		if p.login == "seller" {
			seller = id
		}
	}
	return seller, nil
}

// person makes somebody who is not there yet.
func (s *sellers) person(ctx context.Context, p person) (uuid.UUID, error) {
	u, err := s.accounts.Users.UserByLogin(ctx, p.login)
	if fault.ClassOf(err) == fault.NotFound {
		u, err = s.accounts.AddUser(ctx, uuid.Nil, accounts.NewUser{Login: p.login, Password: password, Name: p.name,
			Area: areas[0].code, Roles: p.roles})
	}
	return u.ID, err
}

func bidderLogin(n int) string { return fmt.Sprintf("bidder%02d", n+1) }

// things are what the demo's items are made of.
var things = []string{"Wool blanket", "Desk lamp", "Espresso cups", "Field camera", "Oak stool", "Chess set", "Rain jacket",
	"Fountain pen", "Record player", "Tea tin 茶", "Bicycle bell", "Linen shirt", "Globe 🌍", "Copper pan"}

// stock lists those of the seller's items that are not there yet, spread over the areas, and gives all.
func (s *sellers) stock(ctx context.Context, owner uuid.UUID) ([]goods.Item, error) {
	there, err := s.listed(ctx, owner)
	if err != nil {
		return nil, err
	}
	items := make([]goods.Item, seedItems)
	for n := range items {
		a, number := areas[n%len(areas)], fmt.Sprintf("D-%04d", n+1)
		if i, found := there[number]; found {
			items[n] = i
			continue
		}
		items[n] = goods.Item{ID: newID(), Number: number, Owner: owner, Creator: owner,
			Name: fmt.Sprintf("%s no. %d", things[n%len(things)], n+1), Description: "Made up for the demo.",
			PriceMinor: int64(500 + 137*n), Currency: a.currency, Area: a.code, Auctionable: true, State: goods.Tradable,
			CreatedUS: s.now().UnixMicro(), Rev: 1}
		if err := s.items.CreateItem(ctx, items[n]); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// listed gives the seller's items by number.
func (s *sellers) listed(ctx context.Context, owner uuid.UUID) (map[string]goods.Item, error) {
	items := map[string]goods.Item{}
	for p := (goods.Page{Limit: 100}); ; {
		page, err := s.items.ListItems(ctx, goods.Filter{Owner: owner}, p)
		if err != nil {
			return nil, err
		}
		for _, i := range page {
			items[i.Number] = i
		}
		if len(page) < p.Limit {
			return items, nil
		}
		p.After = page[len(page)-1].ID
	}
}

// calendar plans three sessions an area: one that is over, a live one, and tomorrow's.
func (s *sellers) calendar(ctx context.Context, owner uuid.UUID, items []goods.Item) error {
	now := s.now()
	for _, a := range areas {
		planned, err := s.sessions.ListSessions(ctx, auction.SessionFilter{Area: a.code, Drafts: true}, auction.Page{Limit: 100})
		if err != nil {
			return err
		}
		of := inArea(items, a.code)
		for i, plan := range []struct {
			name       string
			starts     time.Time
			length     time.Duration
			recurrence auction.Recurrence
		}{
			{"Yesterday's sale", now.Add(-26 * time.Hour), 2 * time.Hour, auction.Once},
			{"Open house", now.Add(-10 * time.Minute), 2 * time.Hour, auction.Once},
			{"Ten o'clock sale", tomorrow(now, a.zone), time.Hour, auction.Daily},
		} {
			session := auction.Session{ID: newID(), Area: a.code, Name: plan.name, Currency: a.currency, Zone: a.zone,
				StartsUS: plan.starts.UnixMicro(), EndsUS: plan.starts.Add(plan.length).UnixMicro(), Recurrence: plan.recurrence,
				State: auction.SessionDraft, Creator: owner, CreatedUS: now.UnixMicro(), Rev: 1}
			if err := s.planOnce(ctx, session, planned, of[8*i:8*i+8], plan.starts.Add(-time.Hour)); err != nil {
				return fmt.Errorf("%s in %s: %w", plan.name, a.name, err)
			}
		}
	}
	return nil
}

// planOnce plans a session unless one of its name is published. A draft of its name, left by a start that was ended, is
// taken up with the times of this one.
func (s *sellers) planOnce(ctx context.Context, session auction.Session, planned []auction.Session, items []goods.Item, asOf time.Time) error {
	for _, p := range planned {
		switch {
		case p.Name != session.Name:
		case p.State != auction.SessionDraft:
			return nil
		default:
			session.ID, session.Rev = p.ID, p.Rev
			if _, err := s.sessions.ChangeSession(ctx, session); err != nil {
				return err
			}
			return s.publish(ctx, session, items, []int64{3}, asOf)
		}
	}
	return s.plan(ctx, session, items, []int64{3}, asOf)
}

func inArea(items []goods.Item, area string) (of []goods.Item) {
	for _, i := range items {
		if i.Area == area {
			of = append(of, i)
		}
	}
	return of
}

// tomorrow gives ten in the morning of the next day in a zone.
func tomorrow(now time.Time, zone string) time.Time {
	z, err := time.LoadLocation(zone)
	if err != nil {
		z = time.UTC
	}
	year, month, day := now.In(z).Date()
	return time.Date(year, month, day+1, 10, 0, 0, 0, z)
}

// plan makes a draft and publishes it, as publish does.
func (s *sellers) plan(ctx context.Context, session auction.Session, items []goods.Item, stocks []int64, asOf time.Time) error {
	if err := s.sessions.CreateSession(ctx, session); err != nil {
		return err
	}
	return s.publish(ctx, session, items, stocks, asOf)
}

// publish puts those items into a draft that are not in it yet, as lots of the given stocks, and publishes it as of a moment.
func (s *sellers) publish(ctx context.Context, session auction.Session, items []goods.Item, stocks []int64, asOf time.Time) error {
	lots, err := s.sessions.Lots(ctx, session.ID, uuid.Nil, len(items))
	if err != nil {
		return err
	}
	byID := map[uuid.UUID]goods.Item{}
	for n, i := range items {
		byID[i.ID] = i
		if slices.ContainsFunc(lots, func(l auction.Lot) bool { return l.Item == i.ID }) {
			continue
		}
		l := auction.Lot{ID: newID(), Session: session.ID, Item: i.ID, Seller: i.Owner, Area: session.Area, Title: i.Name,
			Format: auction.Flash, PriceMinor: i.PriceMinor, Currency: session.Currency, Stock: stocks[n%len(stocks)], PerBuyer: 1,
			State: auction.LotDraft, Rev: 1}
		l.Shard = auction.ShardOf(l.ID, uuid.Nil, s.shards)
		if err := s.sessions.AddLot(ctx, l); err != nil {
			return err
		}
		lots = append(lots, l)
	}
	if session, err = s.sessions.Session(ctx, session.ID); err != nil {
		return err
	}
	published, open, wrong, err := auction.Publish(session, lots, byID, s.shards, asOf.UnixMicro(), rand.Reader)
	if err == nil {
		err = fault.Invalids(wrong)
	}
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return s.sessions.Publish(ctx, published, open)
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
