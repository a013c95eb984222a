-- name: InsertArea :exec
INSERT INTO areas (code, name) VALUES (?, ?);

-- name: RenameArea :execrows
UPDATE areas SET name = ? WHERE code = ?;

-- name: ListAreas :many
SELECT code, name FROM areas ORDER BY code LIMIT 1000;

-- name: AreaCode :one
SELECT code FROM areas WHERE code = ?;

-- name: InsertItem :exec
INSERT INTO goods (id, number, owner_id, creator_id, name, description, price, currency, area, auctionable, show_from_us, trade_from_us, withdrawn_us, created_us, rev, folded) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: GetItem :one
SELECT id, number, owner_id, creator_id, name, description, price, currency, area, auctionable, show_from_us, trade_from_us, withdrawn_us, created_us, rev, folded FROM goods WHERE id = ?;

-- name: ItemsByID :many
SELECT id, number, owner_id, creator_id, name, description, price, currency, area, auctionable, show_from_us, trade_from_us, withdrawn_us, created_us, rev, folded FROM goods WHERE id IN (?);

-- name: LockItem :one
SELECT rev, withdrawn_us FROM goods WHERE id = ? FOR UPDATE;

-- name: UpdateItem :execrows
UPDATE goods SET number = ?, name = ?, description = ?, price = ?, currency = ?, area = ?, auctionable = ?, show_from_us = ?, trade_from_us = ?, folded = ?, rev = rev + 1 WHERE id = ? AND rev = ?;

-- name: MarkItemWithdrawn :execrows
UPDATE goods SET withdrawn_us = ?, rev = rev + 1 WHERE id = ? AND rev = ?;

-- name: OfferedOfItems :many
SELECT l.item_id, l.stock FROM lots AS l /*! FORCE INDEX (ix_lots_item) */ JOIN auctions AS a ON a.id = l.session_id WHERE a.state = 'scheduled' AND l.item_id IN (?);

-- name: ListItems :many
SELECT id, number, owner_id, creator_id, name, description, price, currency, area, auctionable, show_from_us, trade_from_us, withdrawn_us, created_us, rev, folded
FROM goods /* by any index */
WHERE (sqlc.arg(any_owner) = 1 OR owner_id = sqlc.arg(owner_id))
  AND (sqlc.arg(any_area) = 1 OR area = sqlc.arg(area))
  AND (sqlc.arg(withdrawn_too) = 1 OR withdrawn_us = 0)
  AND (sqlc.arg(any_show) = 1 OR show_from_us <= sqlc.arg(shown_at_us))
  AND price >= sqlc.arg(price_from) AND price <= sqlc.arg(price_to)
  AND (sqlc.arg(any_text) = 1 OR INSTR(folded, sqlc.arg(folded)) > 0)
  AND (sqlc.arg(from_front) = 1 OR id < sqlc.arg(before))
ORDER BY id DESC
LIMIT ?;

-- name: OrderStatesOfItems :many
SELECT l.item_id, o.id, o.state, a.state AS session_state FROM lots AS l /*! FORCE INDEX (ix_lots_item) */ JOIN orders AS o /*! FORCE INDEX (uk_orders_bid) */ ON o.shard = l.shard AND o.lot_id = l.id
JOIN auctions AS a ON a.id = l.session_id
WHERE l.stock = 1 AND o.void_seq = 0 AND l.item_id IN (?);

-- name: HoldItems :exec
UPDATE goods SET rev = rev WHERE id IN (?);
