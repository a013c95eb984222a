package edge

import (
	"encoding/binary"
	"testing"

	"github.com/google/uuid"

	"rostrum/accounts"
	"rostrum/auction"
	"rostrum/orders"
)

// What a node remembers has a limit: beyond it all is forgotten, which only costs asking the gate.
func TestWhatIsRememberedIsBounded(t *testing.T) {
	o := newOver()
	id := func(n int) (u uuid.UUID) { binary.BigEndian.PutUint64(u[:], uint64(n)); return u }
	soldOut := auction.Answer{Verdict: auction.SoldOut}
	for n := range maxRemembered {
		o.note(id(n), soldOut, 0)
	}
	if len(o.soldOut) != maxRemembered || !o.isSoldOut(id(0), soldOutForUS-1) || o.isSoldOut(id(0), soldOutForUS) {
		t.Fatalf("%d remembered", len(o.soldOut))
	}
	if o.note(id(maxRemembered), soldOut, 0); len(o.soldOut) != 1 || !o.isSoldOut(id(maxRemembered), 1) {
		t.Errorf("%d remembered past the limit", len(o.soldOut))
	}
	if o.note(id(7), auction.Answer{Verdict: auction.Ended}, 0); o.isSoldOut(id(7), 1) {
		t.Error("another refusal is remembered as sold out")
	}
}

func TestParty(t *testing.T) {
	buyer, seller, other := uuid.New(), uuid.New(), uuid.New()
	o := orders.Order{Buyer: buyer, Seller: seller}
	for _, tc := range []struct {
		user  uuid.UUID
		roles accounts.Roles
		act   orders.Action
		want  orders.Party
	}{
		{buyer, accounts.Bidder, orders.Pay, orders.Buyer},
		{buyer, accounts.Bidder, orders.Ship, orders.Buyer},
		{seller, accounts.Seller, orders.Ship, orders.Seller},
		{seller, accounts.Seller | accounts.Bidder, orders.Pay, orders.Seller},
		{seller, accounts.Seller | accounts.Operator, orders.Cancel, orders.Operator},
		{other, accounts.Operator, orders.Cancel, orders.Operator},
		{other, accounts.Analyst | accounts.Bidder, orders.Pay, "onlooker"},
		{uuid.Nil, accounts.Bidder, orders.Pay, "onlooker"},
	} {
		if got := party(accounts.Claims{User: tc.user, Roles: tc.roles}, o, tc.act); got != tc.want {
			t.Errorf("%s of %v with %s acts as %s, want %s", tc.act, tc.user, tc.roles, got, tc.want)
		}
	}
}

func TestMadeAt(t *testing.T) {
	id := uuid.MustParse("01a204a1-2780-7000-8000-000000000001")
	if got := madeAtMS(id); got != 0x01a204a12780 {
		t.Errorf("%d", got)
	}
	if got := madeAtMS(uuid.New()); got != 0 {
		t.Errorf("a random id was made at %d", got)
	}
}

// A secret made for one purpose is of no use for another.
func TestKeysArePerPurpose(t *testing.T) {
	e := New(Ports{}, Options{Secret: []byte("0123456789abcdef")})
	if string(e.Key("cursor")) == string(e.Key("form")) || len(e.Key("form")) != 32 {
		t.Error("two purposes have one key")
	}
}
