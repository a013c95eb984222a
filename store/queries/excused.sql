-- Seqs that were decided and have no effect.

-- name: ListGaps :many
SELECT from_seq, to_seq FROM gaps WHERE shard = ? ORDER BY from_seq;

-- name: ListVoidSeqs :many
SELECT seq FROM orders WHERE shard = ? AND state = 20002 ORDER BY seq;

-- name: ListParkedSeqs :many
SELECT seq FROM parked WHERE shard = ? AND seq > 0 ORDER BY seq;
