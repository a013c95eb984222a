// Package simulate puts a crowd in front of an installation and says how it did: `rostrum simulate`.
//
// It is an open loop. A schedule says when each bidder or reader comes, whatever the answers to those before: people do
// not wait for each other. Everything is counted from the moment at which somebody came, so that an API that stands
// still for a second shows in the percentiles as the second that everybody had to wait, and not as the few requests that
// happened to be under way. What could not be sent in time has waited; it is never left out.
//
//	schedule ──► dispatcher ──► connections ──► API
//	              ▲    backlog       │
//	              └── asked again ◄──┘   after Retry-After, or with `again` where nobody knows the outcome
//
// The package speaks HTTP and nothing else, as bidders do: what it needs of the installation's inside, tokens and the
// counts of gate, Kafka and MySQL, its caller brings. Its client and its bids are those of the demo's crowd too.
package simulate
