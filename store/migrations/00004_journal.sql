-- The stored journal, and how far each shard has come in it.

-- +goose Up
-- record holds the bytes that were decided, never rewritten. buyer_id, bid_id and version are zero where the kind has none.
CREATE TABLE IF NOT EXISTS records (
  shard        INT NOT NULL,
  seq          BIGINT NOT NULL,
  epoch        BIGINT NOT NULL,
  kind         VARCHAR(16) NOT NULL,
  lot_id       BINARY(16) NOT NULL,
  buyer_id     BINARY(16) NOT NULL,
  bid_id       BINARY(16) NOT NULL,
  version      BIGINT NOT NULL,
  time_us      BIGINT NOT NULL,
  kafka_offset BIGINT NOT NULL,
  record       VARBINARY(4096) NOT NULL,
  PRIMARY KEY (shard, seq),
  KEY ix_records_lot (shard, lot_id, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS journal_positions (
  shard        INT NOT NULL,
  epoch        BIGINT NOT NULL,
  seq          BIGINT NOT NULL,
  base_seq     BIGINT NOT NULL,
  next_offset  BIGINT NOT NULL,
  ahead_seq    BIGINT NOT NULL,
  halted       VARCHAR(500) NOT NULL,
  gap_seq      BIGINT NOT NULL,
  gap_since_us BIGINT NOT NULL,
  PRIMARY KEY (shard)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Beside the positions, so that a note a second waits for no transaction that applies.
CREATE TABLE IF NOT EXISTS shard_alive (
  shard    INT NOT NULL,
  alive_us BIGINT NOT NULL,
  PRIMARY KEY (shard)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Records of an epoch that a cut has ended. digest is SHA-256 of record: the same orphan is noted once.
CREATE TABLE IF NOT EXISTS orphans (
  shard        INT NOT NULL,
  epoch        BIGINT NOT NULL,
  seq          BIGINT NOT NULL,
  digest       VARBINARY(32) NOT NULL,
  kafka_offset BIGINT NOT NULL,
  kind         VARCHAR(16) NOT NULL,
  lot_id       BINARY(16) NOT NULL,
  buyer_id     BINARY(16) NOT NULL,
  bid_id       BINARY(16) NOT NULL,
  noted_us     BIGINT NOT NULL,
  record       VARBINARY(4096) NOT NULL,
  PRIMARY KEY (shard, epoch, seq, digest)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- What could not be applied. seq, lot_id, buyer_id and quantity are zero where the bytes are no record.
CREATE TABLE IF NOT EXISTS parked (
  shard        INT NOT NULL,
  kafka_offset BIGINT NOT NULL,
  seq          BIGINT NOT NULL,
  lot_id       BINARY(16) NOT NULL,
  buyer_id     BINARY(16) NOT NULL,
  quantity     BIGINT NOT NULL,
  reason       VARCHAR(500) NOT NULL,
  parked_us    BIGINT NOT NULL,
  raw          MEDIUMBLOB NOT NULL,
  PRIMARY KEY (shard, kafka_offset)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Seqs that an operator has given up, from from_seq up to and without to_seq.
CREATE TABLE IF NOT EXISTS gaps (
  shard       INT NOT NULL,
  from_seq    BIGINT NOT NULL,
  to_seq      BIGINT NOT NULL,
  accepted_us BIGINT NOT NULL,
  PRIMARY KEY (shard, from_seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS gaps;
DROP TABLE IF EXISTS parked;
DROP TABLE IF EXISTS orphans;
DROP TABLE IF EXISTS shard_alive;
DROP TABLE IF EXISTS journal_positions;
DROP TABLE IF EXISTS records;
