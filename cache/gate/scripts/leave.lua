-- leave.lua: gives a lease or lock back if the owner has it.
--
-- KEYS[1] lease
-- ARGV[1] owner
-- returns {version, status}; status ok | not_held

local lease, owner = KEYS[1], ARGV[1]
if redis.call('GET', lease) ~= owner then return { REPLY, 'not_held' } end
redis.call('DEL', lease)
return { REPLY, 'ok' }
