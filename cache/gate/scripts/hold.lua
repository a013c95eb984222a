-- hold.lua: takes a lease or lock, or renews it for its owner.
--
-- KEYS[1] lease
-- ARGV[1] owner
-- ARGV[2] ttl, ms
-- returns {version, status}; status ok | taken

local lease, owner, ttl = KEYS[1], ARGV[1], ARGV[2]
local held = redis.call('GET', lease)
if held and held ~= owner then return { REPLY, 'taken' } end
redis.call('SET', lease, owner, 'PX', ttl)
return { REPLY, 'ok' }
