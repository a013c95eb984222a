-- rules.lua: what a bid is refused for, by its lot and itself. Stands before decide.lua; the port of auction.Book's rules.

-- closed_to gives the check of the lot alone that fails.
local function closed_to(lot, now)
  if lot.state == 'withdrawn' then return 'withdrawn' end
  if lot.state == 'closed' then return 'ended' end
  if lot.state ~= 'open' then return 'paused' end
  if now < lot.opens then return 'not_started' end
  if now >= lot.closes then return 'ended' end
  return nil
end

-- earlier answers a bid id that was admitted before. What an older epoch admitted and this one knows was rebuilt from MySQL.
local function earlier(bid, epoch)
  local of, content = string.match(bid.receipt, '^%S+ %S+ %S+ %S+ (%S+) %S+ %S+ (.*)$')
  if content ~= bid.content then return 'id_reused - -1 ' end
  return 'admitted ' .. (of == epoch and 'repeat' or 'settled') .. ' -1 ' .. bid.receipt
end

-- other says whether a bid names another price than the lot's.
local function other(lot, price)
  if price == '0 0 ' then return false end
  local amount, seen, currency = string.match(price, '^(%S+) (%S+) (.*)$')
  return seen ~= '0' and seen ~= lot.price or amount ~= '0' and amount ~= lot.price or currency ~= '' and currency ~= lot.currency
end

-- beyond gives the check of limit and price that fails.
local function beyond(lot, bid, held)
  if held > 0 and lot.per_buyer == 1 then return 'already_bought' end
  if held + bid.quantity > lot.per_buyer then return 'limit_reached' end
  if other(lot, bid.price) then return 'price_mismatch' end
  return nil
end
