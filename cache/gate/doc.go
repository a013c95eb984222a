// Package gate decides. It is the port of auction.Book to Redis: what the book does to a lot in memory, a script does here
// in one atomic step, and the same script appends the record to the shard's journal.
//
//	Decide ──▶ lots.go: what the lot's keys are made from ──▶ decide.lua ──▶ answers
//	                                                              │
//	                    journal.go ◀── relay reads ◀── stream ◀───┘
//	recovery ──▶ load.go (state and journal, only while nobody vouches) ──▶ vouch.go ──▶ decisions go on
//
// Each script begins with two preludes, lineage() and clock(), and with scripts/common.lua; its header numbers its KEYS,
// ARGV and what it returns, and a test counts them. Every key that a script touches is declared and lies in the shard's
// slot, so the same code runs on one Redis and on a Redis Cluster. Every reply is an array of strings, its version first.
//
// Scripts may run twice (a client that retries, a bidder who asks again): the receipt, the markers and the state of the
// lot make the second run answer what the first one did.
package gate
