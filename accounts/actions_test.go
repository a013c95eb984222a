package accounts_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"rostrum/accounts"
)

// expected is the table once more, written as the rows that a person reads: action, then who may. Both must be changed to
// change a right.
const expected = `
areas.list            everyone
areas.put             operator admin
auth.log_in           everyone
auth.log_out          bidder seller operator analyst admin
auth.refresh          everyone
auth.register         everyone
auth.who_am_i         bidder seller operator analyst admin
bids.list             operator analyst admin
bids.place            bidder
bids.read_own         bidder
items.create          seller
items.edit            seller operator
items.list            seller operator analyst admin
items.read            seller operator analyst admin
items.withdraw        seller operator
lots.add              seller operator
lots.edit             seller operator
lots.list             everyone
lots.read             everyone
lots.remove           seller operator
ops.pipeline          operator analyst admin
ops.preheat           operator
ops.reconcile         operator
ops.shards            operator
orders.cancel         bidder operator
orders.complete       bidder operator
orders.list_own       bidder
orders.list_sold      seller
orders.pay            bidder
orders.read_any       operator analyst admin
orders.read_own       bidder seller
orders.ship           seller operator
sessions.cancel       operator
sessions.create       operator
sessions.drafts       seller operator analyst admin
sessions.edit         operator
sessions.list         everyone
sessions.publish      operator
sessions.read         everyone
site.read             everyone
tokens.mint           admin
users.create          admin
users.read            admin
`

func TestEveryActionForEveryRole(t *testing.T) {
	t.Parallel()
	var listed []accounts.Action
	for line := range strings.Lines(strings.TrimSpace(expected)) {
		fields := strings.Fields(line)
		action, who := accounts.Action(fields[0]), fields[1:]
		listed = append(listed, action)
		everyone := slices.Equal(who, []string{"everyone"})
		if got := accounts.Public(action); got != everyone {
			t.Errorf("%s is public: %v, want %v", action, got, everyone)
		}
		if got := accounts.Allowed(action, 0); got != everyone {
			t.Errorf("%s for an anonymous visitor: %v, want %v", action, got, everyone)
		}
		for _, name := range accounts.AllRoles.List() {
			role, _ := accounts.ParseRoles([]string{name})
			want := everyone || slices.Contains(who, name)
			if got := accounts.Allowed(action, role); got != want {
				t.Errorf("%s for %s: %v, want %v", action, name, got, want)
			}
		}
	}
	if !slices.Equal(listed, accounts.Actions()) {
		t.Errorf("the table has %v\nexpected has %v", accounts.Actions(), listed)
	}
}

func TestRightsAddUp(t *testing.T) {
	t.Parallel()
	both := accounts.Bidder | accounts.Seller
	if !accounts.Allowed(accounts.BidsPlace, both) || !accounts.Allowed(accounts.ItemsCreate, both) {
		t.Error("somebody with two roles has the rights of one only")
	}
	if accounts.Allowed(accounts.TokensMint, both) {
		t.Error("bidder and seller together may mint tokens")
	}
	if accounts.Allowed("no.such_action", accounts.AllRoles) || accounts.Public("no.such_action") {
		t.Error("an action that is not in the table is allowed")
	}
	if got := accounts.RolesFor(accounts.OrdersReadOwn); got != both {
		t.Errorf("orders.read_own is for %s", got)
	}
}

func TestRolesAsJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		json  string
		roles accounts.Roles
	}{
		{`[]`, 0},
		{`["bidder"]`, accounts.Bidder},
		{`["seller","admin"]`, accounts.Seller | accounts.Admin},
		{`["bidder","seller","operator","analyst","admin"]`, accounts.AllRoles},
	} {
		written, err := json.Marshal(c.roles)
		if err != nil || string(written) != c.json {
			t.Errorf("%d is written %s (%v), want %s", c.roles, written, err, c.json)
		}
		var read accounts.Roles
		if err := json.Unmarshal([]byte(c.json), &read); err != nil || read != c.roles {
			t.Errorf("%s is read as %d (%v), want %d", c.json, read, err, c.roles)
		}
	}
	for _, bad := range []string{`["root"]`, `"bidder"`, `[1]`, `["Bidder"]`, `[""]`} {
		roles := accounts.Seller
		if err := json.Unmarshal([]byte(bad), &roles); err == nil || roles != accounts.Seller {
			t.Errorf("%s is read as %s (%v)", bad, roles, err)
		}
	}
}

// The bits are in databases: moving one would hand its rights to others.
func TestRoleBitsNeverMove(t *testing.T) {
	t.Parallel()
	for role, bit := range map[accounts.Roles]uint8{
		accounts.Bidder: 1, accounts.Seller: 2, accounts.Operator: 4, accounts.Analyst: 8, accounts.Admin: 16,
	} {
		if uint8(role) != bit {
			t.Errorf("%s has bit %d, stored as %d", role, role, bit)
		}
	}
}
