-- decide.lua: decides bids of one shard, in their order. The port of auction.Book.Decide, behind rules.lua.
-- Everything is read and decided before anything is written, and the first write is the one that can fail: a script that
-- goes wrong has changed nothing. A buyer has one bid on a lot here, so no bid changes what another one's checks have read
-- but the stock, which is counted as it goes. Bids have no tables of their own: making them would cost as much as deciding.
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
-- ARGV[+] lot (1 …), buyer:bid, bid, buyer, order, area, code, quantity, price, content, trace    for each bid; price: amount seen currency
-- returns {version, now, epoch, lot …, answer …}
--   lot      opens closes price currency; '' where there is none
--   answer   verdict mark left and behind first: nths version seq, behind repeat and settled: the receipt
--   verdict  as in auction; 'again': the lot is not what the keys were made from, ask anew
--   mark     first | repeat | settled (a repeat that is in MySQL) | unvouched | full | stale | lost | - (none)
--   left     units left, -1 where stock was not looked at
--   receipt  order nths price version epoch seq time content

local KEYS, ARGV = KEYS, ARGV
local head, journal, lots = KEYS[1], KEYS[2], KEYS[3]
local call = redis.call
local journal_max, n_lots, n_bids, mark_age = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local LOT_KEYS, LOT_ARGS, BID_ARGS = 4, 4, 11
local LOT, FIELD, BID, BUYER, ORDER, AREA, CODE, QUANTITY, PRICE, CONTENT, TRACE = 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
local shard = open(head)
local now, epoch = int(shard.now), shard.epoch
local full -- whether the journal is; looked at once, when first needed

local function is_full()
  if full == nil then full = call('XLEN', journal) >= journal_max end
  return full
end

-- read gives lot i as it stands; .missing where there is none.
local function read(i)
  local k, a = 3 + (i - 1) * LOT_KEYS, 4 + (i - 1) * LOT_ARGS
  local h = call('HMGET', KEYS[k + 1], 'session', 'seller', 'area', 'price', 'currency', 'per_buyer', 'code', 'opens', 'closes',
    'state', 'version')
  return { id = ARGV[a + 1], key = KEYS[k + 1], lock = KEYS[k + 2], bids = KEYS[k + 3], stock = KEYS[k + 4], missing = not h[1],
    moved = h[1] and (h[1] ~= ARGV[a + 2] or h[6] ~= ARGV[a + 3] or h[7] ~= ARGV[a + 4]), seller = h[2], area = h[3],
    price = h[4], currency = h[5], per_buyer = tonumber(ARGV[a + 3]), code = h[7], opens = tonumber(h[8] or '0'),
    closes = tonumber(h[9] or '0'), state = h[10], version = tonumber(h[11] or '0'), taken = 0, asked = {}, fields = {},
    written = {}, told = h[1] and h[8] .. ' ' .. h[9] .. ' ' .. h[4] .. ' ' .. h[5] or '' }
end

-- before gives the answer to a bid that is decided without its markers; nil: they are needed.
local function before(lot, a, receipt)
  if not shard.valid then return 'paused unvouched -1 ' end
  if lot.missing then
    if call('SISMEMBER', lots, lot.id) == 1 then return 'paused lost -1 ' end
    return 'not_found - -1 '
  end
  if lot.moved then return 'again - -1 ' end
  if receipt then return earlier(receipt, ARGV[a + CONTENT], epoch) end
  if is_full() then return 'paused full -1 ' end
  if mark_age > 0 and shard.now - shard.acked_at > mark_age then return 'paused stale -1 ' end
  local refused = closed_to(lot, shard.now) or not_for(lot, ARGV[a + AREA], ARGV[a + BUYER], ARGV[a + CODE])
  return refused and refused .. ' - -1 '
end

-- What is admitted, in order: place among the bids, units, version of the lot. Its seq follows the shard's by its number.
local admitted, units, versions = {}, {}, {}
local ONE = { 1 }

-- free gives the lowest units that the buyer does not hold.
local function free(lot, quantity, markers, from)
  if lot.per_buyer == 1 then return ONE end
  local nths = {}
  for nth = 1, lot.per_buyer do
    if not markers[from + nth] and #nths < quantity then nths[#nths + 1] = nth end
  end
  return nths
end

-- after answers a bid by its markers, which begin behind from, and the stock.
local function after(lot, i, a, markers, from)
  local held, quantity = 0, tonumber(ARGV[a + QUANTITY])
  for nth = 1, lot.per_buyer do
    if markers[from + nth] then held = held + 1 end
  end
  local refused = beyond(lot, quantity, ARGV[a + PRICE], held)
  if refused then return refused .. ' - -1 ' end
  if not lot.stocked then return 'paused lost -1 ' end -- the code is right and its stock is not there
  local left = lot.stocked - lot.taken
  if left < quantity then return 'sold_out - ' .. int(left) .. ' ' end
  local nths, n = free(lot, quantity, markers, from), #admitted + 1
  lot.version, lot.taken = lot.version + 1, lot.taken + quantity
  admitted[n], units[n], versions[n] = i, nths, int(lot.version)
  return 'admitted first ' .. int(left - quantity) .. ' ' .. table.concat(nths, ',') .. ' ' .. versions[n] .. ' ' .. int(shard.seq + n)
end

-- write writes the nth admission of a lot: the journal first, where an id that does not follow is an error. Its receipt
-- waits for the lot's others.
local function write(n, lot, a, keys)
  local seq, version, order, nths = int(shard.seq + n), versions[n], ARGV[a + ORDER], units[n]
  local taken, content, trace = table.concat(nths, ','), ARGV[a + CONTENT], ARGV[a + TRACE]
  if trace == '' then
    call('XADD', journal, epoch .. '-' .. seq, 'k', 'bid', 'l', lot.id, 'v', version, 't', now, 'b', ARGV[a + BID], 'u', ARGV[a + BUYER],
      'o', order, 'n', taken, 'p', lot.price, 'c', lot.currency, 'x', content)
  else
    call('XADD', journal, epoch .. '-' .. seq, 'k', 'bid', 'l', lot.id, 'v', version, 't', now, 'b', ARGV[a + BID], 'u', ARGV[a + BUYER],
      'o', order, 'n', taken, 'p', lot.price, 'c', lot.currency, 'x', content, 'r', trace)
  end
  local marker = ARGV[a + BID] .. ' ' .. order .. ' ' .. epoch .. ' ' .. seq
  for i = 1, #nths do call('SET', KEYS[keys + nths[i]], marker, 'NX') end
  local written = lot.written
  local w = #written
  written[w + 1] = ARGV[a + FIELD]
  written[w + 2] = order .. ' ' .. taken .. ' ' .. lot.price .. ' ' .. version .. ' ' .. epoch .. ' ' .. seq .. ' ' .. now .. ' ' .. content
end

local known, of, keys, receipts, reply = {}, {}, {}, {}, { REPLY, now, epoch }
for i = 1, n_lots do
  known[i] = read(i)
  reply[3 + i] = known[i].told
end

-- args gives where bid i's arguments begin.
local ARGS = 4 + n_lots * LOT_ARGS
local function args(i) return ARGS + (i - 1) * BID_ARGS end

local k = 3 + n_lots * LOT_KEYS
for i = 1, n_bids do
  local a = args(i)
  local lot = known[tonumber(ARGV[a + LOT])]
  of[i], keys[i] = lot, k
  k = k + lot.per_buyer
  local n = #lot.asked + 1
  lot.asked[n], lot.fields[n] = i, ARGV[a + FIELD]
end

for i = 1, n_lots do
  local lot = known[i]
  if shard.valid and not lot.missing and lot.asked[1] then
    local found = call('HMGET', lot.bids, unpack(lot.fields))
    for n = 1, #lot.asked do receipts[lot.asked[n]] = found[n] end
  end
end

-- Locks, stocks and markers are texts, and are read by one command.
local names, from = {}, {}
for i = 1, n_lots do names[2 * i - 1], names[2 * i] = known[i].lock, known[i].stock end
for i = 1, n_bids do
  from[i] = #names
  for nth = 1, of[i].per_buyer do names[from[i] + nth] = KEYS[keys[i] + nth] end
end
local texts = shard.valid and call('MGET', unpack(names)) or {}
for i = 1, n_lots do known[i].locked, known[i].stocked = texts[2 * i - 1], tonumber(texts[2 * i] or false) end

for i = 1, n_bids do
  local a = args(i)
  reply[3 + n_lots + i] = before(of[i], a, receipts[i]) or after(of[i], i, a, texts, from[i])
end

for n = 1, #admitted do
  local i = admitted[n]
  write(n, of[i], args(i), keys[i])
end
for i = 1, n_lots do
  local lot = known[i]
  if lot.taken > 0 then
    call('HSET', lot.bids, unpack(lot.written))
    call('DECRBY', lot.stock, int(lot.taken))
    call('HSET', lot.key, 'version', int(lot.version))
  end
end
if admitted[1] then
  call('HSET', head, 'seq', int(shard.seq + #admitted), 'last', now)
elseif shard.valid then
  keep(shard)
end
return reply
