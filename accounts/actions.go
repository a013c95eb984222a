package accounts

import "slices"

// Action is something that can be asked of the platform. The name stands in the audit log and in the API's description.
type Action string

// The actions. Where a row says "own", the domain checks whose thing it is: the table only says who may try.
const (
	AuthRegister Action = "auth.register"
	AuthLogIn    Action = "auth.log_in"
	AuthRefresh  Action = "auth.refresh"
	AuthLogOut   Action = "auth.log_out"
	AuthWhoAmI   Action = "auth.who_am_i"

	AreasList Action = "areas.list"
	AreasPut  Action = "areas.put"

	ItemsCreate   Action = "items.create"
	ItemsList     Action = "items.list"     // a seller: own
	ItemsRead     Action = "items.read"     // a seller: own
	ItemsEdit     Action = "items.edit"     // a seller: own
	ItemsWithdraw Action = "items.withdraw" // a seller: own

	SessionsList    Action = "sessions.list"
	SessionsRead    Action = "sessions.read"
	SessionsDrafts  Action = "sessions.drafts" // see sessions that are not published
	SessionsCreate  Action = "sessions.create"
	SessionsEdit    Action = "sessions.edit"
	SessionsPublish Action = "sessions.publish" // and its dry run
	SessionsCancel  Action = "sessions.cancel"

	LotsList   Action = "lots.list" // the goods page
	LotsRead   Action = "lots.read"
	LotsAdd    Action = "lots.add"    // a seller: own item, into a draft
	LotsEdit   Action = "lots.edit"   // a seller: own
	LotsRemove Action = "lots.remove" // a seller: own

	BidsPlace   Action = "bids.place"
	BidsReadOwn Action = "bids.read_own" // with its receipt
	BidsList    Action = "bids.list"     // of everybody

	OrdersListOwn  Action = "orders.list_own"
	OrdersReadOwn  Action = "orders.read_own" // as its buyer or its seller
	OrdersPay      Action = "orders.pay"      // own
	OrdersCancel   Action = "orders.cancel"   // a bidder: own
	OrdersComplete Action = "orders.complete" // a bidder: own
	OrdersListSold Action = "orders.list_sold"
	OrdersShip     Action = "orders.ship" // a seller: of own items
	OrdersReadAny  Action = "orders.read_any"

	OpsPipeline  Action = "ops.pipeline"
	OpsPreheat   Action = "ops.preheat"
	OpsReconcile Action = "ops.reconcile"
	OpsShards    Action = "ops.shards" // rewind a shard, accept a gap

	UsersCreate Action = "users.create"
	UsersRead   Action = "users.read"
	TokensMint  Action = "tokens.mint"

	SiteRead Action = "site.read" // the description of the API, its page, static files, probes
)

// who is a row's right side: the roles that may, or everybody with or without a log-in.
type who struct {
	roles    Roles
	everyone bool
}

var (
	everyone  = who{AllRoles, true}
	loggedIn  = who{AllRoles, false}
	bidders   = who{Bidder, false}
	sellers   = who{Seller, false}
	operators = who{Operator, false}
	admins    = who{Admin, false}
	staff     = who{Operator | Analyst | Admin, false} // who may look at everything
)

// table is the whole of authorisation. Operators do not bid or sell and admins do not operate, unless they have that role
// too: nobody gets a right by being important. They help where people do not come on by themselves: with goods, lots, and
// orders that nobody pays, ships or receives (package orders says which moves are whose).
var table = map[Action]who{
	AuthRegister: everyone, AuthLogIn: everyone, AuthRefresh: everyone,
	AuthLogOut: loggedIn, AuthWhoAmI: loggedIn,

	AreasList: everyone, AreasPut: {Operator | Admin, false},

	ItemsCreate:   sellers,
	ItemsList:     {Seller | Operator | Analyst | Admin, false},
	ItemsRead:     {Seller | Operator | Analyst | Admin, false},
	ItemsEdit:     {Seller | Operator, false},
	ItemsWithdraw: {Seller | Operator, false},

	SessionsList: everyone, SessionsRead: everyone, SessionsDrafts: {Seller | Operator | Analyst | Admin, false},
	SessionsCreate: operators, SessionsEdit: operators, SessionsPublish: operators, SessionsCancel: operators,

	LotsList: everyone, LotsRead: everyone,
	LotsAdd: {Seller | Operator, false}, LotsEdit: {Seller | Operator, false}, LotsRemove: {Seller | Operator, false},

	BidsPlace: bidders, BidsReadOwn: bidders, BidsList: staff,

	OrdersListOwn: bidders, OrdersPay: bidders,
	OrdersCancel: {Bidder | Operator, false}, OrdersComplete: {Bidder | Operator, false},
	OrdersReadOwn:  {Bidder | Seller, false},
	OrdersListSold: sellers, OrdersShip: {Seller | Operator, false},
	OrdersReadAny: staff,

	OpsPipeline: staff, OpsPreheat: operators, OpsReconcile: operators, OpsShards: operators,

	UsersCreate: admins, UsersRead: admins, TokensMint: admins,

	SiteRead: everyone,
}

// Allowed says whether somebody with these roles may try the action; no roles is an anonymous visitor. An action that is
// not in the table is allowed to nobody.
func Allowed(action Action, roles Roles) bool {
	row, known := table[action]
	return known && (row.everyone || row.roles.Has(roles))
}

// Public says whether the action needs no log-in.
func Public(action Action) bool { return table[action].everyone }

// RolesFor gives the roles that may try an action, for its description; none for an unknown one.
func RolesFor(action Action) Roles { return table[action].roles }

// Actions gives all there are, sorted.
func Actions() []Action {
	actions := make([]Action, 0, len(table))
	for action := range table {
		actions = append(actions, action)
	}
	slices.Sort(actions)
	return actions
}
