-- decide.lua: decides bids of one shard, each completely before the next. The port of auction.Book.Decide.
--
-- KEYS[1] head
-- KEYS[2] journal
-- KEYS[3] lots
-- KEYS[+] lot, lock, bids                      for each lot
-- KEYS[+] stock, units 1 … per_buyer           for each bid: the stock by the code that was sent
-- ARGV[1] journal_max: longer, and only repeats are answered
-- ARGV[2] number of lots
-- ARGV[3] number of bids
-- ARGV[+] id, session, per_buyer               for each lot: what the caller made the keys from
-- ARGV[+] lot (1 …), bid, buyer, order, area, code, quantity, amount, seen, currency, content, trace    for each bid
-- returns {version, now, answer …}; an answer is {verdict, mark, opens, closes, price, left, currency, receipt}
--   verdict  as in auction; 'again': the lot is not what the keys were made from, ask anew
--   mark     first | repeat (with receipt) | unvouched | full | lost | '' (none)
--   left     units left, -1 where stock was not looked at
--   receipt  order nths price version epoch seq time content

local head, journal, lots = KEYS[1], KEYS[2], KEYS[3]
local journal_max, n_lots, n_bids = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local LOT_KEYS, LOT_ARGS, BID_ARGS = 3, 3, 12
local shard = open(head)
local full -- whether the journal is; looked at once, when first needed

local function answer(verdict, mark, lot, left, receipt)
  return { verdict, mark or '', lot and lot.opens or '0', lot and lot.closes or '0', lot and lot.price or '0',
    left and int(left) or '-1', lot and lot.currency or '', receipt or '' }
end

local known = {} -- lots read so far; what is written is written to Redis at once and here

-- read gives lot i as it stands; .missing where there is none.
local function read(i)
  if known[i] then return known[i] end
  local k, a = 3 + (i - 1) * LOT_KEYS, 3 + (i - 1) * LOT_ARGS
  local h = redis.call('HMGET', KEYS[k + 1], 'session', 'seller', 'area', 'price', 'currency', 'per_buyer', 'code', 'opens',
    'closes', 'state', 'version')
  known[i] = { id = ARGV[a + 1], key = KEYS[k + 1], lock = KEYS[k + 2], bids = KEYS[k + 3], missing = not h[1],
    moved = h[1] and (h[1] ~= ARGV[a + 2] or h[6] ~= ARGV[a + 3]), seller = h[2], area = h[3], price = h[4], currency = h[5],
    per_buyer = tonumber(h[6] or '0'), code = h[7], opens = h[8], closes = h[9], state = h[10], version = tonumber(h[11] or '0') }
  return known[i]
end

-- earlier answers a bid id that was admitted before.
local function earlier(lot, bid)
  local receipt = redis.call('HGET', lot.bids, bid.buyer .. ':' .. bid.id)
  if not receipt then return nil end
  local content = string.match(receipt, '^%S+ %S+ %S+ %S+ %S+ %S+ %S+ (.*)$')
  if content ~= bid.content then return answer('id_reused', '', lot) end
  return answer('admitted', 'repeat', lot, nil, receipt)
end

-- closed_to gives the first check that fails before units are counted.
local function closed_to(lot, bid)
  if lot.state == 'withdrawn' then return 'withdrawn' end
  if lot.state == 'closed' then return 'ended' end
  if lot.state ~= 'open' then return 'paused' end
  if shard.now < tonumber(lot.opens) then return 'not_started' end
  if shard.now >= tonumber(lot.closes) then return 'ended' end
  if bid.area ~= lot.area then return 'wrong_area' end
  if bid.buyer == lot.seller then return 'own_lot' end
  if redis.call('EXISTS', lot.lock) == 1 then return 'busy' end
  if bid.code ~= lot.code then return 'bad_code' end
  return nil
end

-- free gives the lowest unit numbers that the buyer does not hold, as many as wanted, and how many are held.
local function free(lot, bid)
  local nths, held = {}, 0
  for nth, marker in ipairs(redis.call('MGET', unpack(bid.units))) do
    if marker then
      held = held + 1
    elseif #nths < bid.quantity then
      nths[#nths + 1] = nth
    end
  end
  return nths, held
end

local function beyond(lot, bid, held)
  if held > 0 and lot.per_buyer == 1 then return 'already_bought' end
  if held + bid.quantity > lot.per_buyer then return 'limit_reached' end
  if bid.seen ~= '0' and bid.seen ~= lot.price or bid.amount ~= '0' and bid.amount ~= lot.price
    or bid.currency ~= '' and bid.currency ~= lot.currency then return 'price_mismatch' end
  return nil
end

-- admit writes everything of an admission, after all checks.
local function admit(lot, bid, nths, left)
  local taken, version = table.concat(nths, ','), int(lot.version + 1)
  local fields = { 'b', bid.id, 'u', bid.buyer, 'o', bid.order, 'n', taken, 'p', lot.price, 'c', lot.currency, 'x', bid.content }
  if bid.trace ~= '' then fields[#fields + 1], fields[#fields + 2] = 'r', bid.trace end
  local seq = append(shard, journal, 'bid', lot.id, version, fields)
  for _, nth in ipairs(nths) do
    redis.call('SET', bid.units[nth], bid.id .. ' ' .. bid.order .. ' ' .. shard.epoch .. ' ' .. seq, 'NX')
  end
  redis.call('DECRBY', bid.stock, int(bid.quantity))
  redis.call('HSET', lot.key, 'version', version)
  local receipt = table.concat({ bid.order, taken, lot.price, version, shard.epoch, seq, int(shard.now), bid.content }, ' ')
  redis.call('HSET', lot.bids, bid.buyer .. ':' .. bid.id, receipt)
  lot.version = lot.version + 1
  return answer('admitted', 'first', lot, left - bid.quantity, receipt)
end

local function is_full()
  if full == nil then full = redis.call('XLEN', journal) >= journal_max end
  return full
end

local function decide(bid)
  if not shard.valid then return answer('paused', 'unvouched') end
  local lot = read(bid.lot)
  if lot.missing then
    if redis.call('SISMEMBER', lots, lot.id) == 1 then return answer('paused', 'lost') end
    return answer('not_found')
  end
  if lot.moved then return answer('again') end
  local first = earlier(lot, bid)
  if first then return first end
  if is_full() then return answer('paused', 'full', lot) end
  local refused = closed_to(lot, bid)
  if refused then return answer(refused, '', lot) end
  local nths, held = free(lot, bid)
  refused = beyond(lot, bid, held)
  if refused then return answer(refused, '', lot) end
  local left = tonumber(redis.call('GET', bid.stock) or '-1')
  if left < 0 then return answer('paused', 'lost', lot) end -- the code is right and its stock is not there
  if left < bid.quantity then return answer('sold_out', '', lot, left) end
  return admit(lot, bid, nths, left)
end

local reply = { REPLY, int(shard.now) }
local k, a = 3 + n_lots * LOT_KEYS, 3 + n_lots * LOT_ARGS
for i = 1, n_bids do
  local lot = tonumber(ARGV[a + 1])
  local bid = { lot = lot, id = ARGV[a + 2], buyer = ARGV[a + 3], order = ARGV[a + 4], area = ARGV[a + 5], code = ARGV[a + 6],
    quantity = tonumber(ARGV[a + 7]), amount = ARGV[a + 8], seen = ARGV[a + 9], currency = ARGV[a + 10],
    content = ARGV[a + 11], trace = ARGV[a + 12], stock = KEYS[k + 1], units = {} }
  local per_buyer = tonumber(ARGV[3 + lot * LOT_ARGS])
  for nth = 1, per_buyer do bid.units[nth] = KEYS[k + 1 + nth] end
  reply[2 + i] = decide(bid)
  k, a = k + 1 + per_buyer, a + BID_ARGS
end
if shard.valid then keep(shard) end
return reply
