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

-- not_for gives the check of who bids that fails.
local function not_for(lot, area, buyer, code)
  if area ~= lot.area then return 'wrong_area' end
  if buyer == lot.seller then return 'own_lot' end
  if lot.locked then return 'busy' end
  if code ~= lot.code then return 'bad_code' end
  return nil
end

-- earlier answers a bid id that was admitted before. What an older epoch admitted and this one knows was rebuilt from MySQL.
local function earlier(receipt, content, epoch)
  local of, admitted = string.match(receipt, '^%S+ %S+ %S+ %S+ (%S+) %S+ %S+ (.*)$')
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
local function beyond(lot, quantity, price, held)
  if held > 0 and lot.per_buyer == 1 then return 'already_bought' end
  if held + quantity > lot.per_buyer then return 'limit_reached' end
  if other(lot, price) then return 'price_mismatch' end
  return nil
end
