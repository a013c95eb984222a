-- name: InsertOrder :exec
INSERT INTO orders (shard, id, lot_id, session_id, item_id, title, seller_id, buyer_id, bid_id, quantity, nth, price, total, currency, state, reason, express, epoch, seq, admitted_us, pay_by_us, paid_us, changed_us, released_us, trace, rev, void_seq) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: InsertUnit :exec
INSERT INTO order_units (shard, lot_id, buyer_id, nth, order_id) VALUES (?, ?, ?, ?, ?);

-- name: DeleteUnits :execrows
DELETE FROM order_units WHERE shard = ? AND lot_id = ? AND buyer_id = ? AND order_id = ?;

-- name: GetOrder :one
SELECT shard, id, lot_id, session_id, item_id, title, seller_id, buyer_id, bid_id, quantity, nth, price, total, currency, state, reason, express, epoch, seq, admitted_us, pay_by_us, paid_us, changed_us, released_us, trace, rev, void_seq FROM orders WHERE id = ?;

-- name: LockOrder :one
SELECT shard, id, lot_id, session_id, item_id, title, seller_id, buyer_id, bid_id, quantity, nth, price, total, currency, state, reason, express, epoch, seq, admitted_us, pay_by_us, paid_us, changed_us, released_us, trace, rev, void_seq FROM orders WHERE shard = ? AND id = ? FOR UPDATE;

-- name: ReleaseOrder :execrows
UPDATE orders SET state = ?, nth = ?, released_us = ?, changed_us = ?, rev = rev + 1 WHERE shard = ? AND id = ? AND released_us = 0;

-- name: ListOrders :many
SELECT shard, id, lot_id, session_id, item_id, title, seller_id, buyer_id, bid_id, quantity, nth, price, total, currency, state, reason, express, epoch, seq, admitted_us, pay_by_us, paid_us, changed_us, released_us, trace, rev, void_seq FROM orders /* by any index */
WHERE (sqlc.arg(any_buyer) = 1 OR buyer_id = sqlc.arg(buyer_id))
  AND (sqlc.arg(any_seller) = 1 OR seller_id = sqlc.arg(seller_id))
  AND (sqlc.arg(any_lot) = 1 OR (shard = sqlc.arg(shard) AND lot_id = sqlc.arg(lot_id)))
  AND (sqlc.arg(any_session) = 1 OR session_id = sqlc.arg(session_id))
  AND (sqlc.arg(any_state) = 1 OR state = sqlc.arg(state))
  AND (sqlc.arg(from_front) = 1 OR id < sqlc.arg(before))
ORDER BY id DESC
LIMIT ?;

-- name: OrdersToRelease :many
SELECT shard, id, lot_id, session_id, item_id, title, seller_id, buyer_id, bid_id, quantity, nth, price, total, currency, state, reason, express, epoch, seq, admitted_us, pay_by_us, paid_us, changed_us, released_us, trace, rev, void_seq FROM orders
WHERE state IN (10001, 20000, 20001) AND released_us = 0
ORDER BY changed_us, id
LIMIT ?;

-- name: MoveOrder :execrows
UPDATE orders SET state = ?, reason = ?, express = ?, paid_us = ?, changed_us = ?, rev = rev + 1 WHERE shard = ? AND id = ? AND rev = ?;

-- name: InsertEvent :exec
INSERT INTO outbox (id, shard, kind, at_us, order_id, lot_id, session_id, state, reason, express, published_at_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL);

-- name: EventsWaiting :many
SELECT id, shard, kind, at_us, order_id, lot_id, session_id, state, reason, express FROM outbox WHERE published_at_us IS NULL ORDER BY id LIMIT ?;

-- name: MarkPublished :execrows
UPDATE outbox SET published_at_us = ? WHERE published_at_us IS NULL AND id IN (?);
