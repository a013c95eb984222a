-- name: InsertSession :exec
INSERT INTO auctions (id, area, name, currency, starts_us, ends_us, recurrence, zone, parent_id, state, creator_id, created_us, rev) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: GetSession :one
SELECT a.id, a.area, a.name, a.currency, a.starts_us, a.ends_us, a.recurrence, a.zone, a.parent_id, a.state, a.creator_id, a.created_us, a.rev FROM auctions AS a WHERE a.id = ?;

-- name: LockSession :one
SELECT state, rev FROM auctions WHERE id = ? FOR UPDATE;

-- name: UpdateSession :execrows
UPDATE auctions SET area = ?, name = ?, currency = ?, starts_us = ?, ends_us = ?, recurrence = ?, zone = ?, rev = rev + 1 WHERE id = ? AND rev = ?;

-- name: SetSessionState :execrows
UPDATE auctions SET state = ?, rev = rev + 1 WHERE id = ? AND rev = ?;

-- name: ListSessions :many
SELECT a.id, a.area, a.name, a.currency, a.starts_us, a.ends_us, a.recurrence, a.zone, a.parent_id, a.state, a.creator_id, a.created_us, a.rev FROM auctions AS a
WHERE a.starts_us >= sqlc.arg(from_us) AND a.starts_us < sqlc.arg(to_us)
  AND (sqlc.arg(any_area) = 1 OR a.area = sqlc.arg(area))
  AND (sqlc.arg(drafts) = 1 OR a.state <> 'draft')
  AND (sqlc.arg(any_state) = 1 OR CASE WHEN a.state = 'scheduled' AND a.ends_us <= sqlc.arg(now_us) THEN 'ended' WHEN a.state = 'scheduled' AND a.starts_us <= sqlc.arg(now_us) THEN 'live' ELSE a.state END = sqlc.arg(state))
  AND (a.starts_us > sqlc.arg(after_us) OR (a.starts_us = sqlc.arg(after_us) AND a.id > sqlc.arg(after_id)))
ORDER BY a.starts_us, a.id
LIMIT ?;

-- name: SessionsToPreheat :many
SELECT a.id, a.area, a.name, a.currency, a.starts_us, a.ends_us, a.recurrence, a.zone, a.parent_id, a.state, a.creator_id, a.created_us, a.rev FROM auctions AS a
WHERE a.state = 'scheduled' AND a.starts_us <= sqlc.arg(until_us) AND a.ends_us > sqlc.arg(now_us)
  AND (a.starts_us > sqlc.arg(after_us) OR (a.starts_us = sqlc.arg(after_us) AND a.id > sqlc.arg(after_id)))
ORDER BY a.starts_us, a.id
LIMIT ?;

-- name: SessionsToEnd :many
SELECT a.id FROM auctions AS a
WHERE a.state = 'scheduled' AND a.starts_us <= sqlc.arg(now_us)
  AND NOT EXISTS (SELECT 1 FROM lots AS l WHERE l.session_id = a.id AND l.state IN ('open', 'paused'))
ORDER BY a.starts_us, a.id
LIMIT 100;

-- name: SessionsToSettle :many
SELECT a.id FROM auctions AS a
WHERE a.state = 'ended'
  AND NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.session_id = a.id AND o.state NOT IN (20000, 20001, 20002, 50000, 60000))
  AND NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.session_id = a.id AND o.state IN (20000, 20001) AND o.released_us = 0)
ORDER BY a.starts_us, a.id
LIMIT 100;

-- name: MoveSession :execrows
UPDATE auctions SET state = sqlc.arg(state), rev = rev + 1 WHERE id = sqlc.arg(id) AND state = sqlc.arg(was);

-- name: ProlongSession :execrows
UPDATE auctions SET ends_us = sqlc.arg(ends_us) WHERE id = sqlc.arg(id) AND ends_us < sqlc.arg(ends_us);

-- name: SessionsToRepeat :many
SELECT a.id, a.area, a.name, a.currency, a.starts_us, a.ends_us, a.recurrence, a.zone, a.parent_id, a.state, a.creator_id, a.created_us, a.rev FROM auctions AS a
WHERE a.recurrence = 'daily' AND a.starts_us <= sqlc.arg(now_us)
  AND NOT EXISTS (SELECT 1 FROM auctions AS n WHERE n.parent_id = a.id)
ORDER BY a.starts_us, a.id
LIMIT 100;

-- name: InsertLot :exec
INSERT INTO lots (shard, id, group_id, session_id, item_id, seller_id, area, title, format, price, currency, stock, per_buyer, code, salt, opens_us, closes_us, state, version, sold, rev, slices, slice, slice_of) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: GetLot :one
SELECT shard, id, group_id, session_id, item_id, seller_id, area, title, format, price, currency, stock, per_buyer, code, salt, opens_us, closes_us, state, version, sold, rev, slices, slice, slice_of FROM lots WHERE id = ?;

-- name: ItemsInSession :many
SELECT item_id FROM lots WHERE session_id = ? AND item_id IN (?);

-- name: LotsOfSession :many
SELECT shard, id, group_id, session_id, item_id, seller_id, area, title, format, price, currency, stock, per_buyer, code, salt, opens_us, closes_us, state, version, sold, rev, slices, slice, slice_of FROM lots WHERE session_id = ? AND id > ? ORDER BY id LIMIT ?;

-- name: LotIDs :many
SELECT id FROM lots WHERE id > ? AND state <> 'draft' ORDER BY id LIMIT ?;

-- name: LotsToLoad :many
SELECT l.shard, l.id, l.group_id, l.session_id, l.item_id, l.seller_id, l.area, l.title, l.format, l.price, l.currency, l.stock, l.per_buyer, l.code, l.salt, l.opens_us, l.closes_us, l.state, l.version, l.sold, l.rev, l.slices, l.slice, l.slice_of
FROM lots AS l JOIN auctions AS a ON a.id = l.session_id
WHERE l.shard = ? AND l.id > ? AND l.state <> 'draft' AND a.state NOT IN ('draft', 'settled', 'cancelled')
ORDER BY l.id
LIMIT ?;

-- name: LotsToSweep :many
SELECT l.id FROM lots AS l JOIN auctions AS a ON a.id = l.session_id
WHERE l.shard = ? AND a.ends_us <= ?
  AND (a.state = 'settled' OR a.state = 'cancelled' AND NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.shard = l.shard AND o.lot_id = l.id AND o.released_us = 0 AND o.state NOT IN (20002, 50000, 60000)))
  AND NOT EXISTS (SELECT 1 FROM records AS r WHERE r.shard = l.shard AND r.lot_id = l.id AND r.seq >= ?)
  AND l.id IN (?);

-- name: LotsToClose :many
SELECT shard, id, group_id, session_id, item_id, seller_id, area, title, format, price, currency, stock, per_buyer, code, salt, opens_us, closes_us, state, version, sold, rev, slices, slice, slice_of FROM lots
WHERE state = 'open' AND closes_us <= sqlc.arg(until_us)
  AND (closes_us > sqlc.arg(after_us) OR (closes_us = sqlc.arg(after_us) AND id > sqlc.arg(after_id)))
ORDER BY closes_us, id
LIMIT ?;

-- name: LotsByID :many
SELECT shard, id, group_id, session_id, item_id, seller_id, area, title, format, price, currency, stock, per_buyer, code, salt, opens_us, closes_us, state, version, sold, rev, slices, slice, slice_of FROM lots WHERE shard = ? AND id IN (?);

-- name: UpdateLot :execrows
UPDATE lots SET title = ?, format = ?, price = ?, currency = ?, stock = ?, per_buyer = ?, slices = ?, rev = rev + 1 WHERE shard = ? AND id = ? AND rev = ? AND state = 'draft';

-- name: DeleteLot :execrows
DELETE FROM lots WHERE shard = ? AND id = ? AND rev = ? AND state = 'draft';

-- name: ReplaceLot :exec
REPLACE INTO lots (shard, id, group_id, session_id, item_id, seller_id, area, title, format, price, currency, stock, per_buyer, code, salt, opens_us, closes_us, state, version, sold, rev, slices, slice, slice_of) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: CountLots :many
SELECT session_id, COUNT(*) AS lots FROM lots WHERE session_id IN (?) GROUP BY session_id;

-- name: LotSalts :many
SELECT id, salt FROM lots WHERE shard = ? AND id IN (?);

-- name: ApplyToLot :execrows
UPDATE lots SET sold = sold + sqlc.arg(delta), version = sqlc.arg(version), state = sqlc.arg(state), closes_us = sqlc.arg(closes_us), stock = stock + sqlc.arg(added)
WHERE shard = sqlc.arg(shard) AND id = sqlc.arg(id) AND sold + sqlc.arg(delta) <= stock + sqlc.arg(added) AND sold + sqlc.arg(delta) >= 0;

-- name: SessionsToCancel :many
SELECT a.id FROM auctions AS a WHERE a.state = 'scheduled'
AND EXISTS (SELECT 1 FROM lots AS w WHERE w.session_id = a.id AND w.state = 'withdrawn')
AND NOT EXISTS (SELECT 1 FROM lots AS l WHERE l.session_id = a.id AND l.state <> 'withdrawn')
AND NOT EXISTS (SELECT 1 FROM orders AS o WHERE o.session_id = a.id)
ORDER BY a.id LIMIT 100;
