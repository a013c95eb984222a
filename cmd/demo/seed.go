package main

import (
	"context"
	"crypto/rand"
	"fmt"
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

// people lists who the demo makes besides its bidders.
var people = []struct {
	login, name string
	roles       accounts.Roles
}{
	{"admin", "Ada Admin", accounts.Admin},
	{"operator", "Omar Operator", accounts.Operator},
	{"analyst", "Ana Analyst", accounts.Analyst},
	{"seller", "Sofia Seller", accounts.Seller | accounts.Bidder},
	{"seller2", "Sven Seller", accounts.Seller},
}

// seed fills an empty installation: areas, people, items, and sessions that are over, live and still to come. One that
// is seeded is left as it is.
func (s *sellers) seed(ctx context.Context) error {
	if _, err := s.accounts.Users.UserByLogin(ctx, "analyst"); fault.ClassOf(err) != fault.NotFound {
		return err
	}
	for _, a := range areas {
		if err := s.items.PutArea(ctx, goods.Area{Code: a.code, Name: a.name}); err != nil {
			return err
		}
	}
	owner, err := s.people(ctx)
	if err != nil {
		return err
	}
	items, err := s.stock(ctx, owner)
	if err != nil {
		return err
	}
	return s.calendar(ctx, owner, items)
}

// people makes everybody who logs in with a password, and gives the seller.
func (s *sellers) people(ctx context.Context) (seller uuid.UUID, err error) {
	add := func(login, name string, roles accounts.Roles) (uuid.UUID, error) {
		u, err := s.accounts.AddUser(ctx, uuid.Nil, accounts.NewUser{Login: login, Password: password, Name: name,
			Area: areas[0].code, Roles: roles})
		return u.ID, err
	}
	for n := range passwordBidders {
		if _, err := add(bidderLogin(n), fmt.Sprintf("Bidder %d", n+1), accounts.Bidder); err != nil {
			return seller, err
		}
	}
	for _, p := range people {
		id, err := add(p.login, p.name, p.roles)
		if err != nil {
			return seller, err
		}
		if p.login == "seller" {
			seller = id
		}
	}
	return seller, nil
}

func bidderLogin(n int) string { return fmt.Sprintf("bidder%02d", n+1) }

// things are what the demo's items are made of.
var things = []string{"Wool blanket", "Desk lamp", "Espresso cups", "Field camera", "Oak stool", "Chess set", "Rain jacket",
	"Fountain pen", "Record player", "Tea tin 茶", "Bicycle bell", "Linen shirt", "Globe 🌍", "Copper pan"}

// stock lists the seller's items, spread over the areas.
func (s *sellers) stock(ctx context.Context, owner uuid.UUID) ([]goods.Item, error) {
	items := make([]goods.Item, seedItems)
	for n := range items {
		a := areas[n%len(areas)]
		items[n] = goods.Item{ID: newID(), Number: fmt.Sprintf("D-%04d", n+1), Owner: owner, Creator: owner,
			Name: fmt.Sprintf("%s no. %d", things[n%len(things)], n+1), Description: "Made up for the demo.",
			PriceMinor: int64(500 + 137*n), Currency: a.currency, Area: a.code, Auctionable: true, State: goods.Tradable,
			CreatedUS: s.now().UnixMicro(), Rev: 1}
		if err := s.items.CreateItem(ctx, items[n]); err != nil {
			return nil, err
		}
	}
	return items, nil
}

// calendar plans three sessions an area: one that is over, a live one, and tomorrow's.
func (s *sellers) calendar(ctx context.Context, owner uuid.UUID, items []goods.Item) error {
	now := s.now()
	for _, a := range areas {
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
			if err := s.plan(ctx, session, of[8*i:8*i+8], []int64{3}, plan.starts.Add(-time.Hour)); err != nil {
				return fmt.Errorf("%s in %s: %w", plan.name, a.name, err)
			}
		}
	}
	return nil
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

// plan makes a draft, puts items into it as lots of the given stocks, and publishes it as of a moment.
func (s *sellers) plan(ctx context.Context, session auction.Session, items []goods.Item, stocks []int64, asOf time.Time) error {
	if err := s.sessions.CreateSession(ctx, session); err != nil {
		return err
	}
	byID := map[uuid.UUID]goods.Item{}
	var lots []auction.Lot
	for n, i := range items {
		l := auction.Lot{ID: newID(), Session: session.ID, Item: i.ID, Seller: i.Owner, Area: session.Area, Title: i.Name,
			Format: auction.Flash, PriceMinor: i.PriceMinor, Currency: session.Currency, Stock: stocks[n%len(stocks)], PerBuyer: 1,
			State: auction.LotDraft, Rev: 1}
		l.Shard = auction.ShardOf(l.ID, uuid.Nil, s.shards)
		if err := s.sessions.AddLot(ctx, l); err != nil {
			return err
		}
		byID[i.ID], lots = i, append(lots, l)
	}
	session, err := s.sessions.Session(ctx, session.ID)
	if err != nil {
		return err
	}
	published, open, wrong, err := auction.Publish(session, lots, byID, asOf.UnixMicro(), rand.Reader)
	if err != nil || len(wrong) > 0 {
		return fmt.Errorf("publish: %v %w", wrong, err)
	}
	return s.sessions.Publish(ctx, published, open)
}

func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }
