package webtest

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/accounts/accountstest"
	"rostrum/auction"
	"rostrum/auction/auctiontest"
	"rostrum/goods"
	"rostrum/web/edge"
)

// Now is when a world begins.
var Now = time.Date(2026, 11, 22, 19, 0, 0, 0, time.UTC)

// AnHour is long for a token.
const AnHour = time.Hour

// Password is everybody's.
const Password = "correct horse battery"

// ID gives a fixed id; the examples of the API's description name the same.
func ID(n int) uuid.UUID { return uuid.MustParse(fmt.Sprintf("0198c0de-0000-7000-8000-%012d", n)) }

// What is in a world by name.
var (
	ItemFree   = ID(12) // Sam's, in no session
	ItemDraft  = ID(13) // Sam's, in the draft
	ItemLive   = ID(14) // Sam's, in the live session
	ItemBea    = ID(15) // Bea's own, in the live session
	ItemSoon   = ID(16) // Sam's, in the scheduled session
	ItemFar    = ID(17) // Sam's, sold in the live session of another area
	ItemOne    = ID(18) // Sam's, one unit a buyer, in the live session
	ItemLost   = ID(19) // Sam's, in a lot that the gate has lost
	Live       = ID(21)
	Draft      = ID(22)
	Soon       = ID(23)
	Ended      = ID(24)
	LiveFar    = ID(25)
	LotLive    = ID(31) // 100 units, 2 a buyer
	LotOne     = ID(32) // 2 units, 1 a buyer
	LotBea     = ID(33) // Bea's own
	LotDraft   = ID(34)
	LotSoon    = ID(35)
	LotFar     = ID(36)
	LotEnded   = ID(37) // closed
	LotMissing = ID(38) // published, live, and not in the gate
	Bea        = ID(61) // bidder and seller, area eu
	Ben        = ID(62) // bidder, area eu
	Sam        = ID(63) // seller, area eu
	Olga       = ID(64) // operator
	Anna       = ID(65) // analyst
	Adam       = ID(66) // admin
	Dora       = ID(67) // bidder, disabled
)

// World is the edge's ports in memory, with something in them.
type World struct {
	Clock    *Clock
	Goods    *Goods
	Sessions *Sessions
	Shelf    *Shelf
	Orders   *Orders
	Gate     *auctiontest.Gate
	Users    *accountstest.Memory
	Service  *accounts.Service
	Limit    *Limit
	Counters *Counters
	Pipeline *Pipeline
	Stored   *Stored

	PreheatFail error // what preheating gives, where set

	mu  sync.Mutex
	ids uint32
}

// Clock is a clock that stands still until it is moved.
type Clock struct {
	mu sync.Mutex
	at time.Time
}

// Now gives its time.
func (c *Clock) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.at }

// Move moves it.
func (c *Clock) Move(d time.Duration) { c.mu.Lock(); defer c.mu.Unlock(); c.at = c.at.Add(d) }

// Set makes it be some time, earlier or later.
func (c *Clock) Set(at time.Time) { c.mu.Lock(); defer c.mu.Unlock(); c.at = at }

// Bidder gives a user of whom nothing is stored: a token of theirs is good all the same.
func Bidder(id uuid.UUID) accounts.User {
	return accounts.User{ID: id, Login: "bidder-" + id.String()[30:], Area: "eu", Roles: accounts.Bidder}
}

var hashed = sync.OnceValues(func() (string, error) {
	return accounts.NewHasher(1, 1).Hash(context.Background(), Password)
})

// NewWorld makes a world.
func NewWorld(t testing.TB) *World {
	t.Helper()
	w := &World{Clock: &Clock{at: Now}, Goods: &Goods{}, Sessions: &Sessions{}, Orders: &Orders{}, Users: &accountstest.Memory{},
		Limit: &Limit{}, Counters: &Counters{}, Pipeline: &Pipeline{}}
	w.Shelf = &Shelf{Sessions: w.Sessions}
	w.Goods.offered = w.Sessions.offered
	w.Gate = &auctiontest.Gate{Clock: w.Clock.Now, Deployment: ID(1)}
	w.Stored = &Stored{Gate: w.Gate}
	keys, err := accounts.NewKeys(accounts.Key{ID: "test", Secret: []byte("a secret of tests, 32 bytes long")})
	if err != nil {
		t.Fatal(err)
	}
	w.Service = &accounts.Service{Users: w.Users, Audit: w.Users, Keys: keys, Hasher: accounts.NewHasher(2, 8), Clock: w.Clock.Now,
		Random: rand.Reader, AccessTTL: 15 * time.Minute, RefreshTTL: 24 * time.Hour, KnownArea: w.Goods.known}
	w.people(t)
	w.things(t)
	return w
}

// NewID makes ids in order, of the world's time.
func (w *World) NewID() uuid.UUID {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ids++
	id := uuid.UUID{6: 0x70, 8: 0x80}
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(w.Clock.Now().UnixMilli()))
	copy(id[:6], ms[2:])
	binary.BigEndian.PutUint32(id[12:], w.ids)
	return id
}

// Ports gives the world as the edge's ports.
func (w *World) Ports() edge.Ports {
	return edge.Ports{Items: w.Goods, Sessions: w.Sessions, Gate: w.Gate, Orders: w.Orders, Accounts: w.Service, Keys: w.Service.Keys, Shelf: w.Shelf,
		Stored: w.Stored, Limit: w.Limit, Pipeline: w.Pipeline, Preheat: preheat{w}, Counters: w.Counters, Clock: w.Clock.Now, NewID: w.NewID, Random: rand.Reader}
}

func (w *World) people(t testing.TB) {
	t.Helper()
	hash, err := hashed()
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []accounts.User{
		{ID: Bea, Login: "bea@example.org", Name: "Bea", Roles: accounts.Bidder | accounts.Seller},
		{ID: Ben, Login: "ben@example.org", Name: "Ben", Roles: accounts.Bidder},
		{ID: Sam, Login: "sam@example.org", Name: "Sam", Roles: accounts.Seller},
		{ID: Olga, Login: "olga@example.org", Name: "Olga", Roles: accounts.Operator},
		{ID: Anna, Login: "anna@example.org", Name: "Anna", Roles: accounts.Analyst},
		{ID: Adam, Login: "adam@example.org", Name: "Adam", Roles: accounts.Admin},
		{ID: Dora, Login: "dora@example.org", Name: "Dora", Roles: accounts.Bidder, State: accounts.Disabled},
	} {
		u.Area, u.PasswordHash, u.CreatedUS, u.Rev = "eu", hash, Now.UnixMicro(), 1
		if u.State == 0 {
			u.State = accounts.Active
		}
		if err := w.Users.CreateUser(t.Context(), u); err != nil {
			t.Fatal(err)
		}
	}
}

// Token gives an access token for somebody, without a log-in.
func (w *World) Token(t testing.TB, user uuid.UUID) string {
	t.Helper()
	u, err := w.Users.User(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	return w.TokenFor(t, u)
}

// TokenFor gives an access token for a user who need not exist.
func (w *World) TokenFor(t testing.TB, u accounts.User) string {
	t.Helper()
	token, err := accounts.Mint(w.Service.Keys, accounts.Claims{User: u.ID, Login: u.Login, Area: u.Area, Roles: u.Roles,
		IssuedAt: w.Clock.Now(), ExpiresAt: w.Clock.Now().Add(15 * time.Minute)})
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func (w *World) things(t testing.TB) {
	t.Helper()
	for _, a := range []goods.Area{{Code: "eu", Name: "Europe"}, {Code: "us", Name: "United States"}} {
		if err := w.Goods.PutArea(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	item := func(id, owner uuid.UUID, area, name string) {
		err := w.Goods.CreateItem(t.Context(), goods.Item{ID: id, Number: "N" + id.String()[34:], Owner: owner, Creator: owner, Name: name, PriceMinor: 4500,
			Currency: "EUR", Area: area, Auctionable: true, State: goods.Tradable, CreatedUS: Now.UnixMicro(), Rev: 1})
		if err != nil {
			t.Fatal(err)
		}
	}
	item(ItemFree, Sam, "eu", "A lamp")
	item(ItemDraft, Sam, "eu", "A draft lamp")
	item(ItemLive, Sam, "eu", "A live lamp")
	item(ItemBea, Bea, "eu", "Bea's lamp")
	item(ItemSoon, Sam, "eu", "A lamp of tomorrow")
	item(ItemFar, Sam, "us", "A far lamp")
	item(ItemOne, Sam, "eu", "A rare lamp")
	item(ItemLost, Sam, "eu", "A lost lamp")
	w.sales()
}

func (w *World) sales() {
	session := func(id uuid.UUID, area, name string, from, to time.Duration, state auction.SessionState) {
		w.Sessions.PutSession(auction.Session{ID: id, Area: area, Name: name, Currency: "EUR", StartsUS: Now.Add(from).UnixMicro(),
			EndsUS: Now.Add(to).UnixMicro(), Recurrence: auction.Once, Zone: "UTC", State: state, Creator: Olga, CreatedUS: Now.UnixMicro(), Rev: 1})
	}
	session(Live, "eu", "Live now", -time.Minute, time.Hour, auction.SessionScheduled)
	session(Draft, "eu", "Being planned", 48*time.Hour, 49*time.Hour, auction.SessionDraft)
	session(Soon, "eu", "Tomorrow", 24*time.Hour, 25*time.Hour, auction.SessionScheduled)
	session(Ended, "eu", "Yesterday", -25*time.Hour, -24*time.Hour, auction.SessionEnded)
	session(LiveFar, "us", "Live elsewhere", -time.Minute, time.Hour, auction.SessionScheduled)
	w.lot(LotLive, Live, ItemLive, Sam, 100, 2, auction.LotOpen)
	w.lot(LotOne, Live, ItemOne, Sam, 2, 1, auction.LotOpen)
	w.lot(LotBea, Live, ItemBea, Bea, 5, 1, auction.LotOpen)
	w.lot(LotDraft, Draft, ItemDraft, Sam, 10, 1, auction.LotDraft)
	w.lot(LotSoon, Soon, ItemSoon, Sam, 10, 1, auction.LotOpen)
	w.lot(LotFar, LiveFar, ItemFar, Sam, 10, 1, auction.LotOpen)
	w.lot(LotEnded, Ended, ItemLive, Sam, 10, 1, auction.LotClosed)
	w.lot(LotMissing, Live, ItemLost, Sam, 10, 1, auction.LotOpen)
}

// Code is a lot's code.
func Code(lot uuid.UUID) string { return "0000000000000000000" + lot.String()[33:] }

func (w *World) lot(id, session, item, seller uuid.UUID, stock int64, perBuyer int, state auction.LotState) {
	s, _ := w.Sessions.session(session)
	i := w.Goods.items[item]
	l := auction.Lot{ID: id, Shard: auction.ShardOf(id, uuid.Nil, auction.DefaultShards), Session: session, Item: item, Seller: seller, Area: s.Area,
		Title: i.Name, Format: auction.Flash, PriceMinor: 4500, Currency: "EUR", Stock: stock, PerBuyer: perBuyer, State: state, Rev: 1}
	if state != auction.LotDraft {
		l.Code, l.Salt, l.OpensUS, l.ClosesUS = Code(id), make([]byte, 16), s.StartsUS, s.EndsUS
	}
	w.Sessions.PutLot(l)
	if state != auction.LotDraft && id != LotMissing && id != LotSoon {
		w.Gate.Load(l)
	}
}

// Write does what the consumer does: it makes an order of every admission that has none.
func (w *World) Write(t testing.TB) {
	t.Helper()
	for _, r := range w.Gate.Records() {
		if r.Kind != auction.KindBid {
			continue
		}
		if _, err := w.Orders.Order(t.Context(), r.Order); err == nil {
			continue
		}
		l, err := w.Sessions.Lot(t.Context(), r.Lot)
		if err != nil {
			t.Fatal(err)
		}
		w.Orders.Put(OrderOf(r, l))
	}
}
