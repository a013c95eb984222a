-- limit.lua: lets a caller pass at a steady rate with bursts (GCRA). The state is one time: when the next would arrive if
-- all came at the steady rate.
--
-- KEYS[1] rate
-- ARGV[1] interval between two, µs
-- ARGV[2] burst: how many may come at once
-- returns {version, passed (1 | 0), µs to wait}

local rate, interval, burst = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local next = math.max(tonumber(redis.call('GET', rate) or '0'), now) + interval
local wait = next - burst * interval - now
if wait > 0 then return { '1', '0', string.format('%.0f', wait) } end
redis.call('SET', rate, string.format('%.0f', next), 'PX', string.format('%.0f', math.ceil((next - now) / 1000)))
return { '1', '1', '0' }
