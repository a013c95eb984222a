-- load.lua: begins and ends the loading of a shard. In between its head holds nothing but the loader's token, so that it
-- cannot be vouched for.
--
-- KEYS[1] head
-- ARGV[1] step: begin | end
-- ARGV[2] token of this loading
-- ARGV[3] epoch
-- ARGV[4] seq
-- ARGV[5] last time used, µs
-- returns {version, status}; status ok | vouched | interrupted (another loading began since)

local head = KEYS[1]
local step, token, epoch, seq, last = unpack(ARGV)
if step == 'begin' then
  if open(head).valid then return { REPLY, 'vouched' } end
  redis.call('DEL', head)
  redis.call('HSET', head, 'loading', token)
  return { REPLY, 'ok' }
end
if redis.call('HGET', head, 'loading') ~= token then return { REPLY, 'interrupted' } end
redis.call('HSET', head, 'epoch', epoch, 'seq', seq, 'last', last)
redis.call('HDEL', head, 'loading')
return { REPLY, 'ok' }
