-- load.lua: the loading of a shard. Who begins ends all others' loading, and nobody can vouch for what was loaded before.
-- From empty to end the head holds nothing but the loader's token.
--
-- KEYS[1] head
-- ARGV[1] step: begin | look (who is the loader) | empty | end
-- ARGV[2] token of this loading
-- ARGV[3] epoch, for end
-- ARGV[4] seq, for end
-- ARGV[5] last time used, µs, for end
-- returns {version, status}; status ok | vouched | interrupted (another loading began since, or this one ended)

local head = KEYS[1]
local step, token, epoch, seq, last = unpack(ARGV)
if step == 'begin' then
  if open(head).valid then return { REPLY, 'vouched' } end
  redis.call('HDEL', head, 'run', 'repl', 'vouched')
  redis.call('HSET', head, 'loading', token)
  return { REPLY, 'ok' }
end
if redis.call('HGET', head, 'loading') ~= token then return { REPLY, 'interrupted' } end
if step == 'empty' then
  redis.call('DEL', head)
  redis.call('HSET', head, 'loading', token)
elseif step == 'end' then
  redis.call('HSET', head, 'epoch', epoch, 'seq', seq, 'last', last)
  redis.call('HDEL', head, 'loading')
end
return { REPLY, 'ok' }
