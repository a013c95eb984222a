-- close.lua: closes a lot whose time is over, once. The port of auction.Book.Close.
--
-- KEYS[1] head
-- KEYS[2] journal
-- KEYS[3] lots
-- KEYS[4] lot
-- KEYS[5] stock: by the code that the caller believes
-- ARGV[1] id
-- ARGV[2] code
-- returns {version, status}; status done | before | not_over | missing | again | unvouched | lost

local head, journal, lots, lot, stock = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local id, code = ARGV[1], ARGV[2]
local shard = open(head)

local function close()
  if not shard.valid then return 'unvouched' end
  local h = redis.call('HMGET', lot, 'code', 'state', 'closes', 'version')
  if not h[1] then return redis.call('SISMEMBER', lots, id) == 1 and 'lost' or 'missing' end
  if h[2] == 'closed' or h[2] == 'withdrawn' then return 'before' end
  if h[2] == 'paused' or shard.now < tonumber(h[3]) then return 'not_over' end
  if h[1] ~= code then return 'again' end
  local left = redis.call('GET', stock)
  if not left then return 'lost' end
  local version = int(tonumber(h[4]) + 1)
  local fields = { 'y', 'time' }
  if left ~= '0' then fields = { 'f', left, 'y', 'time' } end
  append(shard, journal, 'closed', id, version, fields)
  redis.call('HSET', lot, 'state', 'closed', 'version', version)
  return 'done'
end

local status = close()
if shard.valid then keep(shard) end
return { REPLY, status }
