-- decide.lua: decides bids of one shard, in their order. The port of auction.Book.Decide, behind rules.lua.
-- Everything is read and decided before anything is written, and the first write is the one that can fail: a script that
-- goes wrong has changed nothing. A buyer has one bid on a lot here, so no bid changes what another one's checks have read
-- but the stock, which is counted as it goes.
--
-- KEYS[1] head
-- KEYS[2] journal
-- KEYS[3] lots
-- KEYS[+] lot, lock, bids, stock               for each lot: the stock by the code that the caller knows
-- KEYS[+] units 1 … per_buyer                  for each bid
-- ARGV[1] journal_max: longer, and only repeats are answered
-- ARGV[2] number of lots
-- ARGV[3] number of bids
-- ARGV[4] how old the durable mark may be, µs: older, and only repeats are answered; 0: there is no mark
-- ARGV[+] id, session, per_buyer, code         for each lot: what the caller made the keys from
-- ARGV[+] lot (1 …), bid, buyer, order, area, code, quantity, price, content, trace    for each bid; price: amount seen currency
-- returns {version, now, lot …, answer …}
--   lot      opens closes price currency; '' where there is none
--   answer   verdict mark left receipt
--   verdict  as in auction; 'again': ask anew, the lot is not what the keys were made from, or the buyer is in it twice
--   mark     first | repeat | settled (a repeat that is in MySQL) | unvouched | full | stale | lost | - (none)
--   left     units left, -1 where stock was not looked at
--   receipt  order nths price version epoch seq time content; '' where there is none

local head, journal, lots = KEYS[1], KEYS[2], KEYS[3]
local journal_max, n_lots, n_bids, mark_age = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local LOT_KEYS, LOT_ARGS, BID_ARGS = 4, 4, 10
local shard = open(head)
local now = int(shard.now)
local full -- whether the journal is; looked at once, when first needed

local function is_full()
  if full == nil then full = redis.call('XLEN', journal) >= journal_max end
  return full
end

-- read gives lot i as it stands; .missing where there is none.
local function read(i)
  local k, a = 3 + (i - 1) * LOT_KEYS, 4 + (i - 1) * LOT_ARGS
  local h = redis.call('HMGET', KEYS[k + 1], 'session', 'seller', 'area', 'price', 'currency', 'per_buyer', 'code', 'opens',
    'closes', 'state', 'version')
  return { id = ARGV[a + 1], key = KEYS[k + 1], lock = KEYS[k + 2], bids = KEYS[k + 3], stock = KEYS[k + 4], missing = not h[1],
    moved = h[1] and (h[1] ~= ARGV[a + 2] or h[6] ~= ARGV[a + 3] or h[7] ~= ARGV[a + 4]), seller = h[2], area = h[3],
    price = h[4], currency = h[5], per_buyer = tonumber(ARGV[a + 3]), code = h[7], opens = tonumber(h[8] or '0'),
    closes = tonumber(h[9] or '0'), state = h[10], version = tonumber(h[11] or '0'), taken = 0, asked = {}, fields = {},
    buyers = {}, written = {},
    told = h[1] and table.concat({ h[8], h[9], h[4], h[5] }, ' ') or '' }
end

-- left gives the units that are left; nil: the stock is not there.
local function left(lot) return lot.stocked and lot.stocked - lot.taken end

-- before gives the answer to a bid that is decided without its markers; nil: they are needed.
local function before(lot, bid)
  if not shard.valid then return 'paused unvouched -1 ' end
  if lot.missing then
    if redis.call('SISMEMBER', lots, lot.id) == 1 then return 'paused lost -1 ' end
    return 'not_found - -1 '
  end
  if lot.moved or bid.twice then return 'again - -1 ' end
  if bid.receipt then return earlier(bid, shard.epoch) end
  if is_full() then return 'paused full -1 ' end
  if mark_age > 0 and shard.now - shard.acked_at > mark_age then return 'paused stale -1 ' end
  local refused = closed_to(lot, shard.now)
  if not refused then
    if bid.area ~= lot.area then refused = 'wrong_area'
    elseif bid.buyer == lot.seller then refused = 'own_lot'
    elseif lot.locked then refused = 'busy'
    elseif bid.code ~= lot.code then refused = 'bad_code' end
  end
  return refused and refused .. ' - -1 '
end

local admitted = {} -- bids to be written, in order

-- admit takes the units: the lowest that the buyer does not hold.
local function admit(lot, bid, markers)
  local nths = {}
  for nth = 1, lot.per_buyer do
    if not markers[bid.from + nth] and #nths < bid.quantity then nths[#nths + 1] = nth end
  end
  shard.seq, lot.version, lot.taken = shard.seq + 1, lot.version + 1, lot.taken + bid.quantity
  bid.nths, bid.taken, bid.seq, bid.version = nths, table.concat(nths, ','), int(shard.seq), int(lot.version)
  bid.receipt = table.concat({ bid.order, bid.taken, lot.price, bid.version, shard.epoch, bid.seq, now, bid.content }, ' ')
  admitted[#admitted + 1] = bid
  return 'admitted first ' .. int(left(lot)) .. ' ' .. bid.receipt
end

-- after answers a bid by its markers and the stock.
local function after(lot, bid, markers)
  local held = 0
  for nth = 1, lot.per_buyer do
    if markers[bid.from + nth] then held = held + 1 end
  end
  local refused = beyond(lot, bid, held)
  if refused then return refused .. ' - -1 ' end
  local there = left(lot)
  if not there then return 'paused lost -1 ' end -- the code is right and its stock is not there
  if there < bid.quantity then return 'sold_out - ' .. int(there) .. ' ' end
  return admit(lot, bid, markers)
end

-- write writes an admission: the journal first, where an id that does not follow is an error.
local function write(bid)
  local lot, seq = bid.lot, bid.seq
  local fields = { 'XADD', journal, shard.epoch .. '-' .. seq, 'k', 'bid', 'l', lot.id, 'v', bid.version, 't', now, 'b', bid.id,
    'u', bid.buyer, 'o', bid.order, 'n', bid.taken, 'p', lot.price, 'c', lot.currency, 'x', bid.content }
  if bid.trace ~= '' then fields[#fields + 1], fields[#fields + 2] = 'r', bid.trace end
  redis.call(unpack(fields))
  for _, nth in ipairs(bid.nths) do
    redis.call('SET', KEYS[bid.keys + nth], bid.id .. ' ' .. bid.order .. ' ' .. shard.epoch .. ' ' .. seq, 'NX')
  end
  local written = lot.written
  written[#written + 1], written[#written + 2] = bid.field, bid.receipt
end

local known, bids, reply = {}, {}, { REPLY, now }
for i = 1, n_lots do
  known[i] = read(i)
  reply[2 + i] = known[i].told
end

local k, a = 3 + n_lots * LOT_KEYS, 4 + n_lots * LOT_ARGS
for i = 1, n_bids do
  local lot = known[tonumber(ARGV[a + 1])]
  local bid = { lot = lot, id = ARGV[a + 2], buyer = ARGV[a + 3], order = ARGV[a + 4], area = ARGV[a + 5], code = ARGV[a + 6],
    quantity = tonumber(ARGV[a + 7]), price = ARGV[a + 8], content = ARGV[a + 9], trace = ARGV[a + 10], keys = k,
    twice = lot.buyers[ARGV[a + 3]] }
  bid.field = bid.buyer .. ':' .. bid.id
  lot.buyers[bid.buyer] = true
  lot.asked[#lot.asked + 1], lot.fields[#lot.fields + 1] = bid, bid.field
  bids[i], k, a = bid, k + lot.per_buyer, a + BID_ARGS
end

for i = 1, n_lots do
  local lot = known[i]
  if shard.valid and not lot.missing and lot.fields[1] then
    local receipts = redis.call('HMGET', lot.bids, unpack(lot.fields))
    for n, bid in ipairs(lot.asked) do bid.receipt = receipts[n] end
  end
end

-- Locks, stocks and markers are texts, and are read by one command.
local names = {}
for _, lot in ipairs(known) do
  names[#names + 1], names[#names + 2] = lot.lock, lot.stock
end
for _, bid in ipairs(bids) do
  bid.from = #names
  for nth = 1, bid.lot.per_buyer do names[bid.from + nth] = KEYS[bid.keys + nth] end
end
local texts = shard.valid and redis.call('MGET', unpack(names)) or {}
for i, lot in ipairs(known) do
  lot.locked, lot.stocked = texts[2 * i - 1], tonumber(texts[2 * i] or false)
end
for i, bid in ipairs(bids) do
  reply[2 + n_lots + i] = before(bid.lot, bid) or after(bid.lot, bid, texts)
end

for _, bid in ipairs(admitted) do write(bid) end
for i = 1, n_lots do
  local lot = known[i]
  if lot.taken > 0 then
    redis.call('HSET', lot.bids, unpack(lot.written))
    redis.call('DECRBY', lot.stock, int(lot.taken))
    redis.call('HSET', lot.key, 'version', int(lot.version))
  end
end
if admitted[1] then
  redis.call('HSET', head, 'seq', int(shard.seq), 'last', now)
elseif shard.valid then
  keep(shard)
end
return reply
