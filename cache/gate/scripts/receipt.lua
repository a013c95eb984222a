-- receipt.lua: gives the admission of a bid.
--
-- KEYS[1] head
-- KEYS[2] lot
-- KEYS[3] bids
-- ARGV[1] buyer and bid, 16 bytes each
-- returns {version, now, status, opens, closes, price, currency, receipt}; status ok | settled (it is in MySQL) | none | unvouched

local head, lot, bids = KEYS[1], KEYS[2], KEYS[3]
local field = ARGV[1]
local shard = open(head)

local function none(status) return { REPLY, int(shard.now), status, '0', '0', '0', '', '' } end

if not shard.valid then return none('unvouched') end
local receipt = redis.call('HGET', bids, field)
if not receipt then return none('none') end
local h = redis.call('HMGET', lot, 'opens', 'closes', 'price', 'currency')
local epoch = string.match(receipt, '^ %S+ %S+ %S+ (%S+) ', 17) -- behind the order
return { REPLY, int(shard.now), epoch == shard.epoch and 'ok' or 'settled', h[1] or '0', h[2] or '0', h[3] or '0', h[4] or '', receipt }
