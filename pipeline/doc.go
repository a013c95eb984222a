// Package pipeline is everything that happens in Kafka, and nothing else does. It is the road from what was decided to
// what is known:
//
//	journal ──▶ relay ──▶ rostrum.journal.v1 ──▶ consumer ──▶ ledger ──▶ publisher ──▶ rostrum.bids.v1
//	(Redis)     owner     partition = shard      group        (MySQL)    by position   rostrum.orders.v1
//	   ▲        of a      order kept                            │
//	   └────────shard◀──────── position, gaps ──────────────────┘
//
// Nothing here makes a record unique. The relay may send one twice, two relays may own a shard for a moment, a group's
// offsets may be set anywhere: the ledger's position is the authority, and what is sent again is skipped there. So each
// part keeps one promise only: the relay never leaves a record out, the consumer never reorders a partition, and whoever
// cannot go on says so and waits instead of passing over.
//
// The package knows its neighbours by ports (ports.go); internal/app joins them with the gate and the store.
package pipeline
