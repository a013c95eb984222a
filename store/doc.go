// Package store is everything that happens in MySQL, and nothing else does.
//
// It keeps the plain tables of the domain (items, sessions, lots, orders, users) and, beside them, the stored journal:
// every record that was ever decided, shard by shard. Apply is the one way into it:
//
//	deliveries of a shard ─▶ position FOR UPDATE ─▶ Sift ─▶ orphans, parked
//	                                                 └────▶ records ─▶ orders + units ─▶ lots ─▶ position ─▶ COMMIT
//
// All of it is one transaction, so a batch is there completely or not at all, and the position in the same row says
// which. A batch that comes again is recognised by its bytes; another record in the same place halts the shard. What the
// unique keys and the stock refuse becomes a void order with a notice: the last guard, which no state of Redis or Kafka
// can pass.
//
// Every statement is written in queries/*.sql and compiled by sqlc; the SQL keeps to what MySQL 8 and 9, MariaDB 10.11
// and later, and the SQLite stand-in all take. DESIGN.md beside this file has the reasons.
package store
