-- release.lua: gives an order's units back, once. The port of auction.Book.Release.
--
-- KEYS[1] head
-- KEYS[2] journal
-- KEYS[3] lots
-- KEYS[4] lot
-- KEYS[5] stock: by the code that the caller believes
-- KEYS[+] units to give back
-- ARGV[1] id
-- ARGV[2] code
-- ARGV[3] session: what the units' keys were made from
-- ARGV[4] buyer
-- ARGV[5] bid
-- ARGV[6] order
-- ARGV[7] nths, ascending, by comma
-- ARGV[8] reason
-- ARGV[9] order, 16 bytes
-- returns {version, status}; status done | not_held | again | unvouched | lost

local head, journal, lots, lot, stock = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, code, session, buyer, bid, order, nths, reason, named = unpack(ARGV)
local FIRST_UNIT = 6
local shard = open(head)

-- all_held says whether each marker names the order: only then do the units belong to it.
local function all_held()
  for k = FIRST_UNIT, #KEYS do
    local marker = redis.call('GET', KEYS[k])
    if not marker or string.sub(marker, 17, 32) ~= named then return false end
  end
  return #KEYS >= FIRST_UNIT
end

local function release()
  if not shard.valid then return 'unvouched' end
  local h = redis.call('HMGET', lot, 'code', 'session', 'version')
  if not h[1] then return redis.call('SISMEMBER', lots, id) == 1 and 'lost' or 'not_held' end
  if h[1] ~= code or h[2] ~= session then return 'again' end
  if not all_held() then return 'not_held' end
  if redis.call('EXISTS', stock) == 0 then return 'lost' end
  local version = int(tonumber(h[3]) + 1)
  append(shard, journal, 'released', id, version, { 'b', bid, 'u', buyer, 'o', order, 'n', nths, 'y', reason })
  for k = FIRST_UNIT, #KEYS do redis.call('DEL', KEYS[k]) end
  redis.call('INCRBY', stock, #KEYS - FIRST_UNIT + 1)
  redis.call('HSET', lot, 'version', version)
  return 'done'
end

local status = release()
if shard.valid then keep(shard) end
return { REPLY, status }
