-- page.lua: gives the lots of a session that come after a place, in the order of (score, id).
--
-- KEYS[1] order: lot ids by the time they open; complete when it has the member '-'
-- ARGV[1] score of the place
-- ARGV[2] id of the place; '' for the front
-- ARGV[3] most
-- returns {version, complete (1 | 0), id, score, id, score …}; scores in plain digits
-- An id that is not in the order is put there for a moment: equal scores are ordered by id, and only the order knows where.

local order, score, id, most = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[3])
if not redis.call('ZSCORE', order, '-') then return { '1', '0' } end
local first = 1 -- behind the mark
if id ~= '' then
  local placed = redis.call('ZADD', order, 'NX', score, id)
  first = redis.call('ZRANK', order, id)
  if placed == 1 then
    redis.call('ZREM', order, id)
  else
    first = first + 1
  end
end
local reply = { '1', '1' }
local found = redis.call('ZRANGE', order, first, first + most - 1, 'WITHSCORES')
for i = 1, #found, 2 do
  reply[#reply + 1] = found[i]
  reply[#reply + 1] = string.format('%.0f', tonumber(found[i + 1]))
end
return reply
