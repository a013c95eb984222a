// Package cache is everything that happens in Redis. It has two rooms, and this page is the door with the key cabinet:
//
//   - gate decides. It is the authority on a live lot while it is live: its scripts admit bids and write the journal.
//   - shelf remembers. It is a cache of what MySQL knows; losing it costs a slow minute and never a wrong answer.
//
// The two may be one server or two; nothing here tells them apart but the keys. Every key is spelled in keys.go:
//
//	key                                         type    what it holds                                      ends
//	--- gate: a shard's keys share the hash tag {T} of the shard, so that a script touches one slot ---
//	P:{T}:head                                  hash    vouch (run, repl, vouched), epoch, seq, last time, acked  never
//	P:{T}:journal                               stream  the shard's records, ids <epoch>-<seq>             trimmed behind MySQL
//	P:{T}:lots                                  set     ids of the lots that the shard holds               sweep
//	P:{T}:lot:<lot>                             hash    a lot's frozen terms, state, version               sweep
//	P:{T}:stock:<lot>:<code>                    string  units left; the random code is part of its name    sweep
//	P:{T}:bids:<lot>                            hash    buyer and bid → the admission's receipt            sweep
//	P:{T}:unit:<session>:<lot>:<buyer>:<nth>    string  purchase marker: bid, order, epoch, seq            release, sweep
//	P:{T}:lock:<lot>                            string  random-code lock: its holder's token               its TTL, unlock
//	P:lease:<name>                              string  the lease's owner                                  its TTL, leave
//	P:deployment                                string  JSON of auction.Deployment                         never
//	--- shelf ---
//	P:shelf:lot:<lot>                           string  a lot's card; "-": there is no such lot            end + grace + jitter; seconds
//	P:shelf:{S}:order                           zset    lot ids by their place in the session              end + grace + jitter; unfinished: grace + jitter
//	P:shelf:{S}:session                         string  a session's card, JSON                             minutes
//	P:shelf:{S}:preheated                       hash    how far preheating has come                        grace + jitter
//	P:shelf:sessions:<area>                     string  live and coming sessions of an area, JSON          minutes
//	P:shelf:ids                                 stream  ids of lots as they are published                  capped
//	P:shelf:fill:<what>                         string  who fills it now                                   seconds
//	P:shelf:lead:<session>                      string  who preheats it now                                seconds, renewed
//	P:shelf:rate:<who>                          string  a limiter's theoretical arrival time               its own burst
//
// P is the prefix (`rostrum` unless set), T the tag of a shard (see Keys.Tag), S the session's id. Ids are UUIDs in
// canonical text in names, and 16 bytes in receipts and markers. Decision keys carry no TTL: what a rule reads must not vanish by itself.
package cache
