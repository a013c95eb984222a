// Package auction says who gets what. It is the story of a session: an operator plans it, sellers put their items into
// it as lots, publishing freezes the rules, bids are decided in order, the close ends it, and every decision leaves a
// Record.
//
//	draft ── publish ──▶ scheduled ── opens ──▶ live ── last lot closed ──▶ ended ── orders final ──▶ settled
//	  └──────────── cancel ──────────┘
//
// The rules are pure: Book decides a bid from what it holds and the time it is given, and writes down what it decided
// as records; replaying those records (Rebuild) gives the same Book again. The scripts of cache/gate are a port of
// Book, held to it on random histories; the journal, Kafka and MySQL carry the records; Sift is the arithmetic by
// which the last of them applies each record exactly once. Nothing here reads a clock, a network or a database.
package auction
