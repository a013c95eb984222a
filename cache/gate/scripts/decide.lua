-- decide.lua: decides bids of one shard, in their order. The port of auction.Book.Decide, behind rules.lua.
-- Everything is read and decided before anything is written, and the first write is the one that can fail: a script that
-- goes wrong has changed nothing. A buyer has one bid on a lot here, so no bid changes what another one's checks have read
-- but the stock, which is counted as it goes. What many bids have in common is a wish: it is sent, read and judged once.
--
-- KEYS[1] head
-- KEYS[2] journal
-- KEYS[3] lots
-- KEYS[+] lot, lock, bids, stock               for each lot: the stock by the code that the caller knows
-- KEYS[+] units 1 … per_buyer                  for each bid
-- ARGV[1] journal_max, records: what would make it longer is paused; once it is full, only repeats are answered
-- ARGV[2] how old the durable mark may be, µs: older, and only repeats are answered; 0: there is no mark
-- ARGV[3] number of lots
-- ARGV[4] number of wishes
-- ARGV[5] number of bids
-- ARGV[+] id, session, per_buyer, code         for each lot: what the caller made the keys from
-- ARGV[+] lot (1 …), area, code, quantity, price, content    for each wish; price: amount seen currency
-- ARGV[+] wish (1 …), ids, buyer:bid, order, trace    for each bid; ids: buyer, bid, order, 16 bytes each; trace: ' r' before it
-- returns {version, now, epoch, seq, lot …, answer …}
--   seq      of the shard before the first of these
--   lot      opens closes price currency version left; as they were before; left is - where no stock was read. '' for no lot
--   answer   verdict mark left and behind first: nths, behind repeat and settled: the receipt
--   verdict  as in auction; 'again': the lot is not what the keys were made from, ask anew
--   mark     first | repeat | settled (a repeat that is in MySQL) | unvouched | full | stale | lost | - (none)
--   left     units left, -1 where stock was not looked at; behind first it is -1, too: each takes from its lot's, in order
--   receipt  order (16 bytes) nths price version epoch seq time content

local KEYS, ARGV = KEYS, ARGV
local call, sub = redis.call, string.sub
local head, journal, lots = KEYS[1], KEYS[2], KEYS[3]
local mark_age, n_lots, n_wishes, n_bids = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local LOT_KEYS, LOT_ARGS, WISH_ARGS, BID_ARGS = 4, 4, 6, 5
local WISH, IDS, BOTH, ORDER, TRACE = 1, 2, 3, 4, 5
local BUYER_END, FIELD_END, BID_START, ORDER_START = 36, 32, 17, 33 -- of buyer:bid; of ids, whose first 32 name the receipt
local shard = open(head)
local now, epoch = int(shard.now), shard.epoch
local room = tonumber(ARGV[1]) - (shard.valid and call('XLEN', journal) or 0) -- in the journal, records
local halted = halted_by(shard, room, mark_age)

-- read gives lot i as it stands. barred: the answer to every bid on it, admitted before or not.
local function read(i)
  local k, a = 3 + (i - 1) * LOT_KEYS, 5 + (i - 1) * LOT_ARGS
  local id, h = ARGV[a + 1], call('HMGET', KEYS[k + 1], 'session', 'seller', 'area', 'price', 'currency', 'per_buyer', 'code',
    'opens', 'closes', 'state', 'version')
  local barred
  if not shard.valid then
    barred = halted
  elseif not h[1] then
    barred = call('SISMEMBER', lots, id) == 1 and 'paused lost -1 ' or 'not_found - -1 '
  elseif h[1] ~= ARGV[a + 2] or h[6] ~= ARGV[a + 3] or h[7] ~= ARGV[a + 4] then
    barred = 'again - -1 '
  end
  return { id = id, key = KEYS[k + 1], lock = KEYS[k + 2], bids = KEYS[k + 3], stock = KEYS[k + 4], barred = barred, seller = h[2],
    area = h[3], price = h[4], currency = h[5], per_buyer = tonumber(ARGV[a + 3]), code = h[7], opens = tonumber(h[8] or '0'),
    closes = tonumber(h[9] or '0'), state = h[10], version = tonumber(h[11] or '0'), taken = 0, asked = {}, fields = {},
    written = {}, told = h[1] and h[8] .. ' ' .. h[9] .. ' ' .. h[4] .. ' ' .. h[5] .. ' ' .. h[11] or '',
    priced = ' ' .. (h[4] or '') .. ' ', named = ' ' .. (h[4] or '') .. ' ' .. (h[5] or '') .. ' ' }
end

local known, reply = {}, { REPLY, now, epoch, int(shard.seq) }
for i = 1, n_lots do known[i] = read(i) end

local WISHES = 5 + n_lots * LOT_ARGS
local BIDS = WISHES + n_wishes * WISH_ARGS
local wishes = {} -- by number, as it is sent
for i = 1, n_wishes do
  local a = WISHES + (i - 1) * WISH_ARGS
  local lot = known[tonumber(ARGV[a + 1])]
  wishes[int(i)] = { lot = lot, area = ARGV[a + 2], code = ARGV[a + 3], quantity = tonumber(ARGV[a + 4]), content = ARGV[a + 6],
    other = not lot.barred and other(lot, ARGV[a + 5]) }
end

-- Receipts are fields of their lots; locks, stocks and markers are texts, and are read by one command.
local of, keys, receipts, names, from = {}, {}, {}, {}, {}
local k = 3 + n_lots * LOT_KEYS
for i = 1, n_lots do names[2 * i - 1], names[2 * i] = known[i].lock, known[i].stock end
local count = 2 * n_lots
for i = 1, n_bids do
  local a = BIDS + (i - 1) * BID_ARGS
  local wish = wishes[ARGV[a + WISH]]
  local lot = wish.lot
  of[i], keys[i], from[i] = wish, k, count
  local n = #lot.asked + 1
  lot.asked[n], lot.fields[n] = i, sub(ARGV[a + IDS], 1, FIELD_END)
  for nth = 1, lot.per_buyer do names[count + nth] = KEYS[k + nth] end
  k, count = k + lot.per_buyer, count + lot.per_buyer
end

local texts = shard.valid and call('MGET', unpack(names)) or {}
for i = 1, n_lots do
  local lot = known[i]
  lot.locked, lot.stocked = texts[2 * i - 1], tonumber(texts[2 * i] or false)
  reply[4 + i] = lot.told == '' and '' or lot.told .. ' ' .. (texts[2 * i] or '-')
  if not lot.barred and lot.asked[1] then
    for n, found in ipairs(call('HMGET', lot.bids, unpack(lot.fields))) do receipts[lot.asked[n]] = found end
  end
end

-- What refuses every bid of a wish, before and after it is asked who bids.
for _, wish in pairs(wishes) do
  if not wish.lot.barred then
    wish.before = halted or refusal(closed_to(wish.lot, wish.area, shard.now))
    wish.behind = refusal(shut_by(wish.lot, wish.code))
  end
end

-- What is to be written, in order: ids and entries of the journal, markers and stocks by key; receipts wait with their lots.
local ids, entries, markers, stocks, taken, by_epoch, at_time = {}, {}, {}, {}, 0, ' ' .. epoch .. ' ', ' ' .. now .. ' '

-- free gives the lowest units that the buyer does not hold, and notes their marker.
local function free(lot, quantity, at, key, marker)
  local nths, n, m = {}, 0, #markers
  if lot.per_buyer == 1 then
    markers[m + 1], markers[m + 2] = KEYS[key + 1], marker
    return '1'
  end
  for nth = 1, lot.per_buyer do
    if n < quantity and not texts[at + nth] then
      n = n + 1
      nths[n] = nth
      markers[m + 2 * n - 1], markers[m + 2 * n] = KEYS[key + nth], marker
    end
  end
  return table.concat(nths, ',')
end

-- admit takes a bid's units, and notes what is to be written of it.
local function admit(wish, lot, i, a)
  taken = taken + 1
  lot.version, lot.taken = lot.version + 1, lot.taken + wish.quantity
  local seq, version, named = int(shard.seq + taken), int(lot.version), ARGV[a + IDS]
  local nths = free(lot, wish.quantity, from[i], keys[i], sub(named, BID_START) .. by_epoch .. seq)
  ids[taken] = epoch .. '-' .. seq
  entries[taken] = lot.id .. ' ' .. version .. at_time .. ARGV[a + BOTH] .. ' ' .. ARGV[a + ORDER] .. ' ' .. nths .. lot.named .. wish.content .. ARGV[a + TRACE]
  local w = #lot.written
  lot.written[w + 1], lot.written[w + 2] = sub(named, 1, FIELD_END),
    sub(named, ORDER_START) .. ' ' .. nths .. lot.priced .. version .. by_epoch .. seq .. at_time .. wish.content
  return 'admitted first -1 ' .. nths
end

-- answer decides bid i, whose arguments begin behind a.
local function answer(i, a)
  local wish = of[i]
  local lot = wish.lot
  if lot.barred then return lot.barred end
  if receipts[i] then return earlier(receipts[i], wish.content, epoch) end
  if wish.before then return wish.before end
  if sub(ARGV[a + BOTH], 1, BUYER_END) == lot.seller then return 'own_lot - -1 ' end
  if wish.behind then return wish.behind end
  local held = 0
  for nth = 1, lot.per_buyer do
    if texts[from[i] + nth] then held = held + 1 end
  end
  local refused = beyond(lot, wish, held)
  if refused then return refusal(refused) end
  if not lot.stocked then return 'paused lost -1 ' end -- the code is right and its stock is not there
  local left = lot.stocked - lot.taken
  if left < wish.quantity then return 'sold_out - ' .. int(left) .. ' ' end
  return taken < room and admit(wish, lot, i, a) or FULL
end

for i = 1, n_bids do reply[4 + n_lots + i] = answer(i, BIDS + (i - 1) * BID_ARGS) end

for n = 1, taken do call('XADD', journal, ids[n], 'bid', entries[n]) end
several('MSETNX', markers)
for i = 1, n_lots do
  local lot, s = known[i], #stocks
  if lot.taken > 0 then
    call('HSET', lot.bids, unpack(lot.written))
    call('HSET', lot.key, 'version', int(lot.version))
    stocks[s + 1], stocks[s + 2] = lot.stock, int(lot.stocked - lot.taken)
  end
end
several('MSET', stocks)
if taken > 0 then
  call('HSET', head, 'seq', int(shard.seq + taken), 'last', now)
elseif shard.valid then
  keep(shard)
end
return reply
