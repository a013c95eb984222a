-- name: GetDeployment :one
SELECT id, shards FROM deployment WHERE one = 1;

-- name: ClaimDeployment :exec
INSERT INTO deployment (one, id, shards) VALUES (1, ?, ?);

-- name: LockPosition :one
SELECT shard, epoch, seq, base_seq, next_offset, ahead_seq, halted, gap_seq, gap_since_us FROM journal_positions WHERE shard = ? FOR UPDATE;

-- name: InsertPosition :exec
INSERT INTO journal_positions (shard, epoch, seq, base_seq, next_offset, ahead_seq, halted, gap_seq, gap_since_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: UpdatePosition :execrows
UPDATE journal_positions SET epoch = ?, seq = ?, base_seq = ?, next_offset = ?, ahead_seq = ?, halted = ?, gap_seq = ?, gap_since_us = ? WHERE shard = ?;

-- name: GetPosition :one
SELECT p.shard, p.epoch, p.seq, p.next_offset, p.ahead_seq, p.halted, p.gap_seq, p.gap_since_us, COALESCE(a.alive_us, 0) AS alive_us
FROM journal_positions AS p LEFT JOIN shard_alive AS a ON a.shard = p.shard WHERE p.shard = ?;

-- name: ListPositions :many
SELECT p.shard, p.epoch, p.seq, p.next_offset, p.ahead_seq, p.halted, p.gap_seq, p.gap_since_us, COALESCE(a.alive_us, 0) AS alive_us
FROM journal_positions AS p LEFT JOIN shard_alive AS a ON a.shard = p.shard ORDER BY p.shard LIMIT 1024;

-- name: TouchAlive :execrows
UPDATE shard_alive SET alive_us = ? WHERE shard IN (?);

-- name: InsertAlive :exec
INSERT INTO shard_alive (shard, alive_us) VALUES (?, ?);

-- name: AliveShards :many
SELECT shard FROM shard_alive ORDER BY shard LIMIT 1024;

-- name: InsertRecord :exec
INSERT INTO records (shard, seq, epoch, kind, lot_id, buyer_id, bid_id, version, time_us, kafka_offset, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: StoredAt :many
SELECT seq, epoch, record FROM records WHERE shard = ? AND seq IN (?);

-- name: RecordsAfter :many
SELECT record FROM records WHERE shard = ? AND seq > ? ORDER BY seq LIMIT ?;

-- name: RecordsOfLot :many
SELECT record FROM records WHERE shard = ? AND lot_id = ? AND seq > ? ORDER BY seq LIMIT ?;

-- name: RecordOfBid :one
SELECT r.record FROM orders AS o JOIN records AS r ON r.shard = o.shard AND r.seq = o.seq
WHERE o.shard = ? AND o.lot_id = ? AND o.buyer_id = ? AND o.bid_id = ?
ORDER BY o.void_seq
LIMIT 1;

-- name: InsertOrphan :exec
INSERT INTO orphans (shard, epoch, seq, digest, kafka_offset, kind, lot_id, buyer_id, bid_id, noted_us, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: InsertParked :exec
INSERT INTO parked (shard, kafka_offset, seq, lot_id, buyer_id, quantity, reason, parked_us, raw) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: ListParked :many
SELECT shard, kafka_offset, seq, lot_id, buyer_id, quantity, reason, parked_us FROM parked ORDER BY shard, kafka_offset LIMIT ?;

-- name: GetParked :one
SELECT seq, raw FROM parked WHERE shard = ? AND kafka_offset = ?;

-- name: DeleteParked :exec
DELETE FROM parked WHERE shard = ? AND kafka_offset = ?;

-- name: InsertGap :exec
INSERT INTO gaps (shard, from_seq, to_seq, accepted_us) VALUES (?, ?, ?, ?);

-- name: GetPublished :one
SELECT seq FROM published WHERE topic = ? AND shard = ?;

-- name: InsertPublished :exec
INSERT INTO published (topic, shard, seq) VALUES (?, ?, ?);

-- name: RaisePublished :execrows
UPDATE published SET seq = sqlc.arg(seq) WHERE topic = sqlc.arg(topic) AND shard = sqlc.arg(shard) AND seq <= sqlc.arg(seq);
