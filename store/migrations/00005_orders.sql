-- Orders and their units, and what has been told to the world.

-- +goose Up
-- nth is a byte a unit, empty once they are released. void_seq is 0 for an order that counts: a bid that the last guard
-- refused has its own row beside the one it collided with.
CREATE TABLE IF NOT EXISTS orders (
  shard       INT NOT NULL,
  id          BINARY(16) NOT NULL,
  lot_id      BINARY(16) NOT NULL,
  session_id  BINARY(16) NOT NULL,
  item_id     BINARY(16) NOT NULL,
  title       VARCHAR(200) NOT NULL,
  seller_id   BINARY(16) NOT NULL,
  buyer_id    BINARY(16) NOT NULL,
  bid_id      BINARY(16) NOT NULL,
  quantity    BIGINT NOT NULL,
  nth         VARBINARY(64) NOT NULL,
  price       BIGINT NOT NULL,
  total       BIGINT NOT NULL,
  currency    VARCHAR(3) NOT NULL,
  state       INT NOT NULL,
  reason      VARCHAR(200) NOT NULL,
  express     VARCHAR(64) NOT NULL,
  epoch       BIGINT NOT NULL,
  seq         BIGINT NOT NULL,
  admitted_us BIGINT NOT NULL,
  pay_by_us   BIGINT NOT NULL,
  paid_us     BIGINT NOT NULL,
  changed_us  BIGINT NOT NULL,
  released_us BIGINT NOT NULL,
  trace       VARCHAR(64) NOT NULL,
  rev         BIGINT NOT NULL,
  void_seq    BIGINT NOT NULL,
  PRIMARY KEY (shard, id),
  UNIQUE KEY uk_orders_bid (shard, lot_id, buyer_id, bid_id, void_seq),
  KEY ix_orders_id (id),
  KEY ix_orders_buyer (buyer_id, id),
  KEY ix_orders_seller (seller_id, id),
  KEY ix_orders_session (session_id, id),
  KEY ix_orders_state (state, released_us, changed_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS order_units (
  shard    INT NOT NULL,
  lot_id   BINARY(16) NOT NULL,
  buyer_id BINARY(16) NOT NULL,
  nth      INT NOT NULL,
  order_id BINARY(16) NOT NULL,
  PRIMARY KEY (shard, lot_id, buyer_id, nth)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS published (
  topic VARCHAR(64) NOT NULL,
  shard INT NOT NULL,
  seq   BIGINT NOT NULL,
  PRIMARY KEY (topic, shard)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- Only what the database itself decides. published_at_us is NULL until it has been told.
CREATE TABLE IF NOT EXISTS outbox (
  id              BINARY(16) NOT NULL,
  shard           INT NOT NULL,
  kind            VARCHAR(32) NOT NULL,
  at_us           BIGINT NOT NULL,
  order_id        BINARY(16) NOT NULL,
  lot_id          BINARY(16) NOT NULL,
  session_id      BINARY(16) NOT NULL,
  state           INT NOT NULL,
  reason          VARCHAR(200) NOT NULL,
  express         VARCHAR(64) NOT NULL,
  published_at_us BIGINT NULL,
  PRIMARY KEY (id),
  KEY ix_outbox_waiting (published_at_us, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS outbox;
DROP TABLE IF EXISTS published;
DROP TABLE IF EXISTS order_units;
DROP TABLE IF EXISTS orders;
