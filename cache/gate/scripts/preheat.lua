-- preheat.lua: writes lots of one shard before they open.
--
-- KEYS[1] head
-- KEYS[2] lots
-- KEYS[+] lot, stock     for each lot, and behind its own the old stock where an old code is given
-- ARGV[1] number of lots
-- ARGV[2] number of fields in which all of them agree
-- ARGV[3] number of fields that each has of its own
-- ARGV[+] field, value     for each in which they agree
-- ARGV[+] field            for each of their own
-- ARGV[+] id, old code, left, value …     for each lot: the values of its own fields; '' for an old code: there is no lot, or one of this code
-- returns {version, status, result …}; status ok | unvouched; a result is
--   written | open | closed | again (the lot has another code than the old one: ask anew)
-- What the gate holds at a higher version than is written here is newer: it is kept, and counts as written.

local head, lots = KEYS[1], KEYS[2]
local n_lots, n_agreed, n_own = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local shard = open(head)
if not shard.valid then return { REPLY, 'unvouched' } end

local fields, at, a = {}, {}, 4 -- at: where a field's value stands
for i = 1, n_agreed do
  fields[2 * i - 1], fields[2 * i], at[ARGV[a]] = ARGV[a], ARGV[a + 1], 2 * i
  a = a + 2
end
for i = n_agreed + 1, n_agreed + n_own do
  fields[2 * i - 1], at[ARGV[a]] = ARGV[a], 2 * i
  a = a + 1
end
local function terms(first) -- the fields of the lot whose own values begin there
  for i = 1, n_own do fields[2 * (n_agreed + i)] = ARGV[first + i - 1] end
end
local function value(name) return tonumber(fields[at[name]]) end

local function judge(lot, old_code) -- the result, and whether something stands there
  local h = redis.call('HMGET', lot, 'code', 'state', 'version', 'opens')
  if h[2] == 'closed' or h[2] == 'withdrawn' then return 'closed' end
  if shard.now >= value('opens') or h[4] and shard.now >= tonumber(h[4]) then return 'open' end
  if h[1] and h[1] ~= (old_code ~= '' and old_code or fields[at.code]) then return 'again' end
  if h[3] and tonumber(h[3]) > value('version') then return 'written' end
  return 'written', h[1] and 'over' or 'new'
end

local reply, ids, stocks, found, k = { REPLY, 'ok' }, {}, {}, {}, 3
for i = 1, n_lots do
  local id, old_code, left = ARGV[a], ARGV[a + 1], ARGV[a + 2]
  terms(a + 3)
  local result, way = judge(KEYS[k], old_code)
  reply[2 + i] = result
  if way then
    ids[#ids + 1] = id
    stocks[#stocks + 1], stocks[#stocks + 2] = KEYS[k + 1], left
    found[#found + 1] = { lot = KEYS[k], own = a + 3, over = way == 'over', old = old_code ~= '' and KEYS[k + 2] }
  end
  a, k = a + 3 + n_own, k + (old_code ~= '' and 3 or 2)
end
if #ids > 0 then
  redis.call('SADD', lots, unpack(ids)) -- first: a lot that is named and not there is a loss that shows
  for _, one in ipairs(found) do
    terms(one.own)
    if one.old then redis.call('DEL', one.old) end
    if one.over then redis.call('DEL', one.lot) end
    redis.call('HSET', one.lot, unpack(fields))
  end
  redis.call('MSET', unpack(stocks))
end
keep(shard)
return reply
