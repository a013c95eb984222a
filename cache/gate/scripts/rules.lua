-- rules.lua: what a bid is refused for, by its lot and itself. Stands before decide.lua; the port of auction.Book's rules.

-- refusal is the answer to a bid that a check refuses, where no stock was looked at; nil for nil.
local function refusal(check) return check and check .. ' - -1 ' end

local FULL = 'paused full -1 ' -- the answer to what the journal has no room for

-- halted_by gives the answer to every bid that was not admitted before, whatever it wants; nil: bids are decided.
local function halted_by(shard, room, mark_age)
  if not shard.valid then return 'paused unvouched -1 ' end
  if room <= 0 then return FULL end
  if mark_age > 0 and shard.now - shard.acked_at > mark_age then return 'paused stale -1 ' end
  return nil
end

-- closed_to gives the check of the lot and the buyer's area that fails.
local function closed_to(lot, area, now)
  if lot.state == 'withdrawn' then return 'withdrawn' end
  if lot.state == 'closed' then return 'ended' end
  if lot.state ~= 'open' then return 'paused' end
  if now < lot.opens then return 'not_started' end
  if now >= lot.closes then return 'ended' end
  if area ~= lot.area then return 'wrong_area' end
  return nil
end

-- shut_by gives the check of lock and code that fails.
local function shut_by(lot, code)
  if lot.locked then return 'busy' end
  if code ~= lot.code then return 'bad_code' end
  return nil
end

-- earlier answers a bid id that was admitted before. What an older epoch admitted and this one knows was rebuilt from MySQL.
local function earlier(receipt, content, epoch)
  local of, admitted = string.match(receipt, '^ %S+ %S+ %S+ (%S+) %S+ %S+ (.*)$', 17) -- behind the order
  if admitted ~= content then return 'id_reused - -1 ' end
  return 'admitted ' .. (of == epoch and 'repeat' or 'settled') .. ' -1 ' .. receipt
end

-- other says whether a bid names another price than the lot's.
local function other(lot, price)
  if price == '0 0 ' then return false end
  local amount, seen, currency = string.match(price, '^(%S+) (%S+) (.*)$')
  return seen ~= '0' and seen ~= lot.price or amount ~= '0' and amount ~= lot.price or currency ~= '' and currency ~= lot.currency
end

-- beyond gives the check of limit and price that fails.
local function beyond(lot, wish, held)
  if held > 0 and lot.per_buyer == 1 then return 'already_bought' end
  if held + wish.quantity > lot.per_buyer then return 'limit_reached' end
  if wish.other then return 'price_mismatch' end
  return nil
end
