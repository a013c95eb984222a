-- Who this database belongs to, and what is sold. Ids are the 16 bytes of a UUID, all zero where there is none; times are
-- microseconds UTC, 0 where there is none; text is compared by its code points, so case is folded before it comes here.

-- +goose Up
CREATE TABLE IF NOT EXISTS deployment (
  one        INT NOT NULL,
  id         BINARY(16) NOT NULL,
  shards     INT NOT NULL,
  PRIMARY KEY (one)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS areas (
  code       VARCHAR(32) NOT NULL,
  name       VARCHAR(200) NOT NULL,
  PRIMARY KEY (code)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- folded is number and name in lower case: what a search looks through.
CREATE TABLE IF NOT EXISTS goods (
  id            BINARY(16) NOT NULL,
  number        VARCHAR(64) NOT NULL,
  owner_id      BINARY(16) NOT NULL,
  creator_id    BINARY(16) NOT NULL,
  name          VARCHAR(200) NOT NULL,
  description   VARCHAR(4000) NOT NULL,
  price         BIGINT NOT NULL,
  currency      VARCHAR(3) NOT NULL,
  area          VARCHAR(32) NOT NULL,
  auctionable   TINYINT(1) NOT NULL,
  show_from_us  BIGINT NOT NULL,
  trade_from_us BIGINT NOT NULL,
  withdrawn_us  BIGINT NOT NULL,
  created_us    BIGINT NOT NULL,
  rev           BIGINT NOT NULL,
  folded        VARCHAR(300) NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY uk_goods_number (owner_id, number),
  KEY ix_goods_owner (owner_id, id),
  KEY ix_goods_area (area, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS goods;
DROP TABLE IF EXISTS areas;
DROP TABLE IF EXISTS deployment;
