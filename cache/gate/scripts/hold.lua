-- hold.lua: takes a lease or lock, or renews it for its owner.
--
-- KEYS[1] lease
-- ARGV[1] owner
-- ARGV[2] ttl, ms
-- ARGV[3] mode: take, or renew only what is still held
-- returns {version, status}; status ok | taken | ended

local lease, owner, ttl, mode = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local held = redis.call('GET', lease)
if held and held ~= owner then return { REPLY, 'taken' } end
if not held and mode == 'renew' then return { REPLY, 'ended' } end
redis.call('SET', lease, owner, 'PX', ttl)
return { REPLY, 'ok' }
