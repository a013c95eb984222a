-- unlock.lua: gives a fill lock back if it is still the caller's.
--
-- KEYS[1] lock
-- ARGV[1] token
-- returns 1 given back, 0 not held

local lock, token = KEYS[1], ARGV[1]
if redis.call('GET', lock) ~= token then return 0 end
return redis.call('DEL', lock)
