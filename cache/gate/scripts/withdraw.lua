-- withdraw.lua: takes a lot out of the sale for good, once. The port of auction.Book.Withdraw.
--
-- KEYS[1] head
-- KEYS[2] journal
-- KEYS[3] lots
-- KEYS[4] lot
-- ARGV[1] id
-- ARGV[2] reason
-- returns {version, status}; status done | before | missing | unvouched | lost

local head, journal, lots, lot = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local id, reason = ARGV[1], ARGV[2]
local shard = open(head)

local function withdraw()
  if not shard.valid then return 'unvouched' end
  local h = redis.call('HMGET', lot, 'state', 'version')
  if not h[1] then return redis.call('SISMEMBER', lots, id) == 1 and 'lost' or 'missing' end
  if h[1] == 'closed' or h[1] == 'withdrawn' then return 'before' end
  local version = int(tonumber(h[2]) + 1)
  append(shard, journal, 'withdrawn', id, version, { 'y', reason })
  redis.call('HSET', lot, 'state', 'withdrawn', 'version', version)
  return 'done'
end

local status = withdraw()
if shard.valid then keep(shard) end
return { REPLY, status }
