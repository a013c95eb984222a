-- The stand-in's side of store/migrations/00004_journal.sql: the same tables, columns and keys.

CREATE TABLE records (
  shard INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  kind TEXT COLLATE RTRIM NOT NULL CHECK (length(kind) <= 16),
  lot_id BLOB NOT NULL CHECK (length(lot_id) = 16),
  buyer_id BLOB NOT NULL CHECK (length(buyer_id) = 16),
  bid_id BLOB NOT NULL CHECK (length(bid_id) = 16),
  version INTEGER NOT NULL,
  time_us INTEGER NOT NULL,
  kafka_offset INTEGER NOT NULL,
  record BLOB NOT NULL CHECK (length(record) <= 4096),
  PRIMARY KEY (shard, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_records_lot ON records (shard, lot_id, seq);

CREATE TABLE journal_positions (
  shard INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  base_seq INTEGER NOT NULL,
  next_offset INTEGER NOT NULL,
  ahead_seq INTEGER NOT NULL,
  halted TEXT COLLATE RTRIM NOT NULL CHECK (length(halted) <= 500),
  gap_seq INTEGER NOT NULL,
  gap_since_us INTEGER NOT NULL,
  PRIMARY KEY (shard)
) STRICT, WITHOUT ROWID;

CREATE TABLE shard_alive (
  shard INTEGER NOT NULL,
  alive_us INTEGER NOT NULL,
  PRIMARY KEY (shard)
) STRICT, WITHOUT ROWID;

CREATE TABLE orphans (
  shard INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  digest BLOB NOT NULL CHECK (length(digest) <= 32),
  kafka_offset INTEGER NOT NULL,
  kind TEXT COLLATE RTRIM NOT NULL CHECK (length(kind) <= 16),
  lot_id BLOB NOT NULL CHECK (length(lot_id) = 16),
  buyer_id BLOB NOT NULL CHECK (length(buyer_id) = 16),
  bid_id BLOB NOT NULL CHECK (length(bid_id) = 16),
  noted_us INTEGER NOT NULL,
  record BLOB NOT NULL CHECK (length(record) <= 4096),
  PRIMARY KEY (shard, epoch, seq, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE parked (
  shard INTEGER NOT NULL,
  kafka_offset INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  lot_id BLOB NOT NULL CHECK (length(lot_id) = 16),
  buyer_id BLOB NOT NULL CHECK (length(buyer_id) = 16),
  quantity INTEGER NOT NULL,
  reason TEXT COLLATE RTRIM NOT NULL CHECK (length(reason) <= 500),
  parked_us INTEGER NOT NULL,
  raw BLOB NOT NULL,
  PRIMARY KEY (shard, kafka_offset)
) STRICT, WITHOUT ROWID;

CREATE TABLE gaps (
  shard INTEGER NOT NULL,
  from_seq INTEGER NOT NULL,
  to_seq INTEGER NOT NULL,
  accepted_us INTEGER NOT NULL,
  PRIMARY KEY (shard, from_seq)
) STRICT, WITHOUT ROWID;
