-- vouched.lua: says what a shard's lineage looks like.
--
-- KEYS[1] head
-- KEYS[2] lots
-- returns {version, valid (1 | 0), epoch, seq, run, repl, number of lots}

local head, lots = KEYS[1], KEYS[2]
local shard = open(head)
return { REPLY, shard.valid and '1' or '0', shard.epoch, int(shard.seq), shard.run, shard.repl, int(redis.call('SCARD', lots)) }
