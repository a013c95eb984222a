-- What the invariants are counted from. every = 1: of all sessions. InnoDB takes the shard for a selective key (a sampled page
-- has one), and would read a shard's records once for each of its lots: the index is named, where only MySQL and MariaDB see it.

-- name: CountStock :many
SELECT l.id, l.shard, l.title, l.stock, l.sold, l.per_buyer, l.version, l.state FROM lots AS l
WHERE l.state <> 'draft' AND (sqlc.arg(every) = 1 OR l.session_id = sqlc.arg(session_id))
ORDER BY l.id;

-- name: CountUnits :many
SELECT t.lot_id, COUNT(*) AS buyers, CAST(SUM(t.n) AS SIGNED) AS units, CAST(MAX(t.n) AS SIGNED) AS most FROM (
  SELECT u.lot_id, u.buyer_id, COUNT(*) AS n FROM order_units AS u JOIN lots AS l ON l.shard = u.shard AND l.id = u.lot_id
  WHERE sqlc.arg(every) = 1 OR l.session_id = sqlc.arg(session_id)
  GROUP BY u.lot_id, u.buyer_id) AS t
GROUP BY t.lot_id;

-- name: CountOrders :many
SELECT o.lot_id, o.state, o.released_us <> 0 AS released, COUNT(*) AS orders, CAST(SUM(o.quantity) AS SIGNED) AS units FROM orders AS o
WHERE sqlc.arg(every) = 1 OR o.session_id = sqlc.arg(session_id)
GROUP BY o.lot_id, o.state, o.released_us <> 0;

-- name: CountBids :many
SELECT t.lot_id, CAST(SUM(t.n) AS SIGNED) AS bids, COUNT(*) AS distinct_bids FROM (
  SELECT r.lot_id, r.buyer_id, r.bid_id, COUNT(*) AS n FROM lots AS l JOIN records AS r /*! FORCE INDEX (ix_records_lot) */ ON r.shard = l.shard AND r.lot_id = l.id
  WHERE r.kind = 'bid' AND (sqlc.arg(every) = 1 OR l.session_id = sqlc.arg(session_id))
  GROUP BY r.lot_id, r.buyer_id, r.bid_id) AS t
GROUP BY t.lot_id;

-- name: CountOrdersWithoutBid :many
SELECT o.lot_id, COUNT(*) AS orders FROM orders AS o
LEFT JOIN records AS r ON r.shard = o.shard AND r.seq = o.seq AND r.kind = 'bid' AND r.lot_id = o.lot_id AND r.buyer_id = o.buyer_id AND r.bid_id = o.bid_id
WHERE r.seq IS NULL AND (sqlc.arg(every) = 1 OR o.session_id = sqlc.arg(session_id))
GROUP BY o.lot_id;

-- name: CountBidsWithoutOrder :many
SELECT r.lot_id, COUNT(*) AS bids FROM lots AS l JOIN records AS r /*! FORCE INDEX (ix_records_lot) */ ON r.shard = l.shard AND r.lot_id = l.id
LEFT JOIN orders AS o ON o.shard = r.shard AND o.lot_id = r.lot_id AND o.buyer_id = r.buyer_id AND o.bid_id = r.bid_id
WHERE r.kind = 'bid' AND o.id IS NULL AND (sqlc.arg(every) = 1 OR l.session_id = sqlc.arg(session_id))
GROUP BY r.lot_id;

-- name: CountParked :many
SELECT p.lot_id, COUNT(*) AS deliveries FROM parked AS p GROUP BY p.lot_id;

-- name: CountOrphans :many
SELECT o.lot_id, COUNT(*) AS records FROM orphans AS o GROUP BY o.lot_id;
