// Package app joins the adapters: it is the only place where Redis, Kafka, MySQL and HTTP meet. It opens them (open.go),
// starts the roles of a process in one order with its reasons and stops them in reverse (start.go, sequence.go), keeps the
// shards vouched for (keeper.go), does what is due (jobs.go), and gives the commands what they show: the road (road.go),
// the invariants (reconcile.go), the state of everything (doctor.go).
package app
