-- preheat.lua: writes lots of one shard before they open.
--
-- KEYS[1] head
-- KEYS[2] lots
-- KEYS[+] lot, stock, old stock                for each lot: the old stock by the code that the lot had
-- ARGV[1] number of lots
-- ARGV[+] id, old code, left, number of fields and values, field, value …    for each lot
-- returns {version, status, result …}; status ok | unvouched; a result is
--   written | open | closed | again (the lot's code is not the old one any more: ask anew)
-- What the gate holds at a higher version than is written here is newer: it is kept, and counts as written.

local head, lots = KEYS[1], KEYS[2]
local n_lots = tonumber(ARGV[1])
local LOT_KEYS = 3
local shard = open(head)
if not shard.valid then return { REPLY, 'unvouched' } end

local function value(fields, name)
  for i = 1, #fields, 2 do
    if fields[i] == name then return tonumber(fields[i + 1]) end
  end
end

local function write(id, old_code, left, fields, lot, stock, old_stock)
  local h = redis.call('HMGET', lot, 'code', 'state', 'version', 'opens')
  if h[2] == 'closed' or h[2] == 'withdrawn' then return 'closed' end
  if shard.now >= value(fields, 'opens') or h[4] and shard.now >= tonumber(h[4]) then return 'open' end
  if (h[1] or '') ~= old_code then return 'again' end
  if h[3] and tonumber(h[3]) > value(fields, 'version') then return 'written' end
  redis.call('SADD', lots, id) -- first: a lot that is named and not there is a loss that shows
  if old_stock ~= stock then redis.call('DEL', old_stock) end
  redis.call('DEL', lot)
  redis.call('HSET', lot, unpack(fields))
  redis.call('SET', stock, left)
  return 'written'
end

local reply, a = { REPLY, 'ok' }, 1
for i = 1, n_lots do
  local fields, n = {}, tonumber(ARGV[a + 4])
  for f = 1, n do fields[f] = ARGV[a + 4 + f] end
  local k = 2 + (i - 1) * LOT_KEYS
  reply[2 + i] = write(ARGV[a + 1], ARGV[a + 2], ARGV[a + 3], fields, KEYS[k + 1], KEYS[k + 2], KEYS[k + 3])
  a = a + 4 + n
end
keep(shard)
return reply
