-- preheat.lua: writes lots of one shard before they open.
--
-- KEYS[1] head
-- KEYS[2] lots
-- KEYS[+] lot     for each lot
-- KEYS[+] stock     for each lot
-- KEYS[+] old stock     for each lot that has another code
-- ARGV[1] number of lots
-- ARGV[2] number of fields in which all of them agree
-- ARGV[3] number of fields that each has of its own
-- ARGV[4] number of lots that have another code
-- ARGV[+] field, value     for each in which they agree
-- ARGV[+] field            for each of their own
-- ARGV[+] id     for each lot
-- ARGV[+] left     for each lot
-- ARGV[+] value …     for each lot: of its own fields
-- ARGV[+] place, old code     for each lot that has another code: where it stands among the lots (1 …)
-- returns {version, status, result …}; status ok | unvouched; a result is
--   written | open | missed (it has opened and is not held) | closed | again (the lot has another code than the old
--   one: ask anew)
-- What the gate holds at a higher version than is written here is newer: it is kept, and counts as written.

local head, lots = KEYS[1], KEYS[2]
local call = redis.call
local n_lots, n_agreed, n_own, n_old = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local LOT, STOCK, OLD_STOCK = 2, 2 + n_lots, 2 + 2 * n_lots -- behind these keys the lots' begin
local AGREED, NAME = 4, 4 + 2 * n_agreed
local ID, LEFT, OWN = NAME + n_own, NAME + n_own + n_lots, NAME + n_own + 2 * n_lots
local OLD = OWN + n_lots * n_own
local shard = open(head)
if not shard.valid then return { REPLY, 'unvouched' } end

local fields, at = {}, {} -- at: where a field's value stands. A lot's own come first, where the engine finds them soonest
local function field(f, name, value) fields[2 * f - 1], fields[2 * f], at[name] = name, value, 2 * f end
for f = 1, n_own do field(f, ARGV[NAME + f], '') end
for f = 1, n_agreed do field(n_own + f, ARGV[AGREED + 2 * f - 1], ARGV[AGREED + 2 * f]) end
local function terms(i) -- makes the fields those of lot i
  for f = 1, n_own do fields[2 * f] = ARGV[OWN + (i - 1) * n_own + f] end
end
local function value(name) return tonumber(fields[at[name]]) end

local old_codes, old_stocks = {}, {}
for o = 1, n_old do
  local i = tonumber(ARGV[OLD + 2 * o - 1])
  old_codes[i], old_stocks[i] = ARGV[OLD + 2 * o], KEYS[OLD_STOCK + o]
end

local NOTHING = {}
local there = call('EXISTS', unpack(KEYS, LOT + 1, LOT + n_lots)) > 0 -- of most runs nothing is
local function judge(i) -- the result for lot i, whose terms the fields are, and whether to write it
  local h = there and call('HMGET', KEYS[LOT + i], 'code', 'state', 'version', 'opens') or NOTHING
  if h[2] == 'closed' or h[2] == 'withdrawn' then return 'closed' end
  if shard.now >= value('opens') or h[4] and shard.now >= tonumber(h[4]) then return h[1] and 'open' or 'missed' end
  if h[1] and h[1] ~= (old_codes[i] or fields[at.code]) then return 'again' end
  return 'written', not h[3] or tonumber(h[3]) <= value('version')
end

local reply, chosen, ids, stocks = { REPLY, 'ok' }, {}, {}, {}
for i = 1, n_lots do
  terms(i)
  local result, write = judge(i)
  reply[2 + i] = result
  if write then
    local c = #chosen + 1
    chosen[c], ids[c], stocks[2 * c - 1], stocks[2 * c] = i, ARGV[ID + i], KEYS[STOCK + i], ARGV[LEFT + i]
  end
end

local first -- the lot that was written field by field
local function write(i)
  local lot = KEYS[LOT + i]
  terms(i)
  if old_stocks[i] then call('DEL', old_stocks[i]) end
  if there then call('DEL', lot) end
  if not first then
    first = lot
    call('HSET', lot, unpack(fields))
    return
  end
  -- A copy costs half of what setting all the fields does.
  call('COPY', first, lot)
  if n_own > 0 then call('HSET', lot, unpack(fields, 1, 2 * n_own)) end
end

if chosen[1] then
  call('SADD', lots, unpack(ids)) -- before all: a lot that is named and not there is a loss that shows
  for c = 1, #chosen do write(chosen[c]) end
  call('MSET', unpack(stocks))
end
keep(shard)
return reply
