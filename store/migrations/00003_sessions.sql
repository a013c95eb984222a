-- Timed sessions and their lots. Every key of a lot that the sale uses leads with its shard.

-- +goose Up
-- parent_id is NULL for a session that follows none: an occurrence has one next occurrence at most.
CREATE TABLE IF NOT EXISTS auctions (
  id         BINARY(16) NOT NULL,
  area       VARCHAR(32) NOT NULL,
  name       VARCHAR(200) NOT NULL,
  currency   VARCHAR(3) NOT NULL,
  starts_us  BIGINT NOT NULL,
  ends_us    BIGINT NOT NULL,
  recurrence VARCHAR(16) NOT NULL,
  zone       VARCHAR(64) NOT NULL,
  parent_id  VARBINARY(16) NULL,
  state      VARCHAR(16) NOT NULL,
  creator_id BINARY(16) NOT NULL,
  created_us BIGINT NOT NULL,
  rev        BIGINT NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY uk_auctions_parent (parent_id),
  KEY ix_auctions_start (starts_us, id),
  KEY ix_auctions_area (area, starts_us, id),
  KEY ix_auctions_state (state, starts_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS lots (
  shard      INT NOT NULL,
  id         BINARY(16) NOT NULL,
  group_id   BINARY(16) NOT NULL,
  session_id BINARY(16) NOT NULL,
  item_id    BINARY(16) NOT NULL,
  seller_id  BINARY(16) NOT NULL,
  area       VARCHAR(32) NOT NULL,
  title      VARCHAR(200) NOT NULL,
  format     VARCHAR(16) NOT NULL,
  price      BIGINT NOT NULL,
  currency   VARCHAR(3) NOT NULL,
  stock      BIGINT NOT NULL,
  per_buyer  INT NOT NULL,
  code       VARCHAR(22) NOT NULL,
  salt       VARBINARY(16) NOT NULL,
  opens_us   BIGINT NOT NULL,
  closes_us  BIGINT NOT NULL,
  state      VARCHAR(16) NOT NULL,
  version    BIGINT NOT NULL,
  sold       BIGINT NOT NULL,
  rev        BIGINT NOT NULL,
  PRIMARY KEY (shard, id),
  KEY ix_lots_id (id),
  KEY ix_lots_session (session_id, id),
  KEY ix_lots_item (item_id),
  KEY ix_lots_close (state, closes_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS lots;
DROP TABLE IF EXISTS auctions;
