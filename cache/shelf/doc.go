// Package shelf remembers what MySQL knows, so that people can read while a sale runs: lots' cards, goods pages, lists of
// sessions, which ids exist at all, and who asks too often. It decides nothing. Any key may vanish at any time, and any
// call may find the shelf's Redis gone: then answers come from the Source, slower and just as right.
//
//	Card ──▶ known.go: may this id exist? ──▶ this node's memory ──▶ the shelf ──▶ fill.go ──▶ Source
//	Page ──▶ order of the session (one script) ──▶ its cards (one MGET) ──▶ without the user's own goods
//
// Three things bring a cache down, and each has its guard here, with a counter:
//
//	penetration   asking for what does not exist        Bloom filter in each node, short negative entries
//	breakdown     one hot key ends under a crowd        one flight a node, one filler over all nodes, stale while it fills
//	avalanche     many keys end at one moment           jitter on every time to live
package shelf
