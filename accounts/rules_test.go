package accounts_test

import (
	"fmt"
	"strings"
	"testing"

	"rostrum/accounts"
)

func newUser() accounts.NewUser {
	return accounts.NewUser{Login: "ana@example.com", Password: goodPassword, Name: "Ana Šimić", Area: "north-1", Roles: accounts.Bidder}
}

func TestWhatPeopleChoose(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		field string // that is wrong; empty: none
		set   func(*accounts.NewUser)
	}{
		{"", func(*accounts.NewUser) {}},
		{"", func(n *accounts.NewUser) { n.Login = "  AnA.B_c-9@X " }},
		{"", func(n *accounts.NewUser) { n.Login = "a1b" }},
		{"", func(n *accounts.NewUser) { n.Login = strings.Repeat("a", 64) }},
		{"login", func(n *accounts.NewUser) { n.Login = "" }},
		{"login", func(n *accounts.NewUser) { n.Login = "ab" }},
		{"login", func(n *accounts.NewUser) { n.Login = strings.Repeat("a", 65) }},
		{"login", func(n *accounts.NewUser) { n.Login = "-ana" }},
		{"login", func(n *accounts.NewUser) { n.Login = "an a" }},
		{"login", func(n *accounts.NewUser) { n.Login = "аna" }}, // a Cyrillic letter
		{"login", func(n *accounts.NewUser) { n.Login = "ana\x00" }},
		{"login", func(n *accounts.NewUser) { n.Login = "' or 1=1 --" }},
		{"login", func(n *accounts.NewUser) { n.Login = "Load.north.00001" }},
		{"", func(n *accounts.NewUser) { n.Password = strings.Repeat("x", 12) }},
		{"", func(n *accounts.NewUser) { n.Password = strings.Repeat("🐎", 128) }},
		{"password", func(n *accounts.NewUser) { n.Password = "" }},
		{"password", func(n *accounts.NewUser) { n.Password = "elevenchars" }},
		{"password", func(n *accounts.NewUser) { n.Password = strings.Repeat("x", 129) }},
		{"password", func(n *accounts.NewUser) { n.Password = goodPassword + "\xff" }},
		{"password", func(n *accounts.NewUser) { n.Password = strings.ToUpper(n.Login) }},
		{"", func(n *accounts.NewUser) { n.Name = "<b>x</b>'; drop table users; -- שלום" }},
		{"name", func(n *accounts.NewUser) { n.Name = "" }},
		{"name", func(n *accounts.NewUser) { n.Name = " Ana" }},
		{"name", func(n *accounts.NewUser) { n.Name = "A\nna" }},
		{"name", func(n *accounts.NewUser) { n.Name = strings.Repeat("ж", 101) }},
		{"name", func(n *accounts.NewUser) { n.Name = "\xc3\x28" }},
		{"", func(n *accounts.NewUser) { n.Area = "zz" }},
		{"area", func(n *accounts.NewUser) { n.Area = "" }},
		{"area", func(n *accounts.NewUser) { n.Area = "z" }},
		{"area", func(n *accounts.NewUser) { n.Area = "-zz" }},
		{"area", func(n *accounts.NewUser) { n.Area = "North" }},
		{"area", func(n *accounts.NewUser) { n.Area = strings.Repeat("a", 33) }},
		{"roles", func(n *accounts.NewUser) { n.Roles = 0 }},
		{"roles", func(n *accounts.NewUser) { n.Roles = 64 }},
	} {
		n := newUser()
		c.set(&n)
		wrong := n.Check()
		if c.field == "" && len(wrong) > 0 || c.field != "" && (len(wrong) != 1 || wrong[0].Name != c.field || wrong[0].Remedy == "") {
			t.Errorf("%q: %v, want %q", n, wrong, c.field)
		}
		if n.Password != "" && strings.Contains(fmt.Sprintf("%v %+v %#v %v", n, n, n, wrong), n.Password) && n.Password != strings.ToUpper(n.Login) {
			t.Errorf("the password of %s is printed", n.Login)
		}
	}
	if wrong := (accounts.NewUser{}).Check(); len(wrong) != 5 {
		t.Errorf("of an empty one not everything is said at once: %v", wrong)
	}
}
