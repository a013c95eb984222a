// Package bench takes the figures of `make bench`: ratios between the production code and the barest thing that could
// stand in its place, on the same servers, in the same run, with the same client. A rate by itself says more about the
// machine than about the program; a ratio says what the program adds.
//
// A run has two parts. The road first: on an installation whose roles are stopped, a round decides some bids straight at
// the gate, and times how the relay carries them and how the store applies them, each beside its yardstick: the same bytes
// produced by the bare client, the same rows inserted by bare statements. Then the door: two running installations, one
// on a Redis that syncs every second, one on a Redis that syncs always, take bids over HTTP from as many connections as
// Options say; the yardstick is a Fiber handler that reads and answers as many bytes. Rounds alternate between all
// figures, so that a slow minute of the machine slows them all.
//
// Whatever a run makes has a name of its own (a database, a prefix of topics, groups and keys) and is removed at its end,
// also after an interruption. Before that the invariants are counted: a fast wrong answer is no figure.
package bench
