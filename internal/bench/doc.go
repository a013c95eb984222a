// Package bench takes the figures of `make bench`: ratios between the production code and the barest thing that could
// stand in its place, on the same servers, in the same run, with the same client. A rate by itself says more about the
// machine than about the program; a ratio says what the program adds. figures.go is the table: what each is, what it is
// held against, and what it should reach.
//
// A run has two parts. First an ordinary installation on the servers that were named. With its roles stopped, a round
// decides bids straight at the gate and times how the relay carries them and how the store applies them, each beside its
// yardstick: the same bytes produced by the bare client, the same rows inserted by bare statements. Then its API takes
// bids over HTTP, beside a Fiber handler that reads and answers the same bytes; what it admits is carried and written
// after the figures of admission, except in the one that counts until everything is told of. A second installation, on a
// Redis that syncs always, takes its figure in between.
//
// The second part asks whether size matters: a small installation and a big one, each on a Redis of its own, take the same
// number of bids in turn while the big one grows to a hundred thousand lots and a million users. Preheating, pages and
// memory are measured on the way.
//
// Figures alternate with what they are held against, and every second round goes backwards, so that a slow minute of the
// machine slows both. What processes used of the CPU is read before and after each: from that the pages say what binds.
//
// Whatever a run makes has a name of its own (a database, a prefix of topics, groups and keys) and is removed at its end,
// also after an interruption. Before that the invariants are counted: a fast wrong answer is no figure.
package bench
