-- sweep.lua: looks whether a lot may be swept, or removes what is left of it.
--
-- KEYS[1] head
-- KEYS[2] lots
-- KEYS[3] lot
-- KEYS[4] bids
-- KEYS[5] lock
-- KEYS[6] stock: by the code that the caller believes
-- ARGV[1] id
-- ARGV[2] code
-- ARGV[3] '1' to remove, '0' to look
-- returns {version, status}; status ok | open | again | unvouched

local head, lots, lot, bids, lock, stock = unpack(KEYS)
local id, code, remove = ARGV[1], ARGV[2], ARGV[3] == '1'
local shard = open(head)
if not shard.valid then return { REPLY, 'unvouched' } end

local h = redis.call('HMGET', lot, 'state', 'opens', 'closes', 'code')
local live = h[1] == 'open' or h[1] == 'paused'
if live and shard.now >= tonumber(h[2]) and shard.now < tonumber(h[3]) then return { REPLY, 'open' } end
if (h[4] or '') ~= code then return { REPLY, 'again' } end
if remove then
  redis.call('UNLINK', lot, bids, lock, stock)
  redis.call('SREM', lots, id)
end
return { REPLY, 'ok' }
