// Package app joins the adapters: it is the only place where Redis, Kafka, MySQL and HTTP meet. It opens them (open.go),
// starts the roles of a process in one order with its reasons and stops them in reverse (start.go, sequence.go), keeps the
// shards vouched for (keeper.go), does what is due (jobs.go), and gives the commands what they show: the road (road.go),
// the invariants (reconcile.go), the state of everything (doctor.go).
//
// A start, from top to bottom, and a stop, from bottom to top, of the roles that a process has; steps in start.go makes the
// list, and each step is logged with its reason at level debug:
//
//	metrics     all      what the roles do is seen from the first moment
//	ops         all      a process that does not come up or down is seen from outside
//	consumer    worker   writes what the relay sends; recovery needs it
//	publisher   worker   tells the public topics what MySQL holds
//	relay       relay    carries the journals to Kafka
//	shards      relay    no bid is decided by a Redis that nobody vouched for
//	marks       relay    the gate knows what is carried: under durability kafka it takes no bid whose record nobody carries
//	preheat     closer   lots are in Redis before their session starts
//	closing     closer   a lot that is over is closed, once, in its own order
//	releasing   closer   units of cancelled orders go back to sale
//	sessions    closer   sessions end, settle and come again
//	sweeping    closer   the gate's Redis holds no sale for ever
//	shelf       api      knows which lots there are
//	api         api      the door opens last and closes first
//	ready       all      work is sent here when all of it runs, and no more once it stops
package app
