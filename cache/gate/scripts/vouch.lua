-- vouch.lua: makes this process the one that decides for the shard, in the epoch that was loaded.
--
-- KEYS[1] head
-- ARGV[1] epoch
-- returns {version, status}; status ok | not_loaded (in that epoch, or somebody is loading it anew)

local head, epoch = KEYS[1], ARGV[1]
local h = redis.call('HMGET', head, 'epoch', 'loading')
if h[1] ~= epoch or h[2] then return { REPLY, 'not_loaded' } end
local run, repl = lineage()
redis.call('HSET', head, 'run', run, 'repl', repl, 'vouched', FORM .. ':' .. epoch)
return { REPLY, 'ok' }
