package accounts

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Roles is a set of roles. The bits are stored and travel in tokens: a role keeps its bit for ever, new ones are added at
// the end. The zero value is somebody without any role: an anonymous visitor.
type Roles uint8

// The roles.
const (
	Bidder   Roles = 1 << iota // bids, and has orders
	Seller                     // lists items, ships what was sold
	Operator                   // runs sessions and watches the pipeline
	Analyst                    // reads sessions, bids and the pipeline, changes nothing
	Admin                      // makes users and tokens
)

// AllRoles is the set of every role there is.
const AllRoles = Bidder | Seller | Operator | Analyst | Admin

var roleNames = []struct {
	role Roles
	name string
}{{Bidder, "bidder"}, {Seller, "seller"}, {Operator, "operator"}, {Analyst, "analyst"}, {Admin, "admin"}}

// Has says whether any of the roles in other is in r.
func (r Roles) Has(other Roles) bool { return r&other != 0 }

// List gives the names in the order of the constants; empty, never nil, for nobody.
func (r Roles) List() []string {
	names := make([]string, 0, len(roleNames))
	for _, n := range roleNames {
		if r.Has(n.role) {
			names = append(names, n.name)
		}
	}
	return names
}

// String gives the names with commas between.
func (r Roles) String() string { return strings.Join(r.List(), ",") }

// ParseRoles reads names; an unknown one is an error that says which exist.
func ParseRoles(names []string) (Roles, error) {
	var roles Roles
	for _, name := range names {
		role := roleNamed(name)
		if role == 0 {
			return 0, fmt.Errorf("role %q is not one of %s", name, AllRoles)
		}
		roles |= role
	}
	return roles, nil
}

func roleNamed(name string) Roles {
	for _, n := range roleNames {
		if n.name == name {
			return n.role
		}
	}
	return 0
}

// MarshalJSON writes a list of names.
func (r Roles) MarshalJSON() ([]byte, error) { return json.Marshal(r.List()) }

// UnmarshalJSON reads a list of names.
func (r *Roles) UnmarshalJSON(data []byte) error {
	var names []string
	if err := json.Unmarshal(data, &names); err != nil {
		return fmt.Errorf("roles: %w", err)
	}
	roles, err := ParseRoles(names)
	if err != nil {
		return err
	}
	*r = roles
	return nil
}
