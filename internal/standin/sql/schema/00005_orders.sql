-- The stand-in's side of store/migrations/00005_orders.sql: the same tables, columns and keys.

CREATE TABLE orders (
  shard INTEGER NOT NULL,
  id BLOB NOT NULL CHECK (length(id) = 16),
  lot_id BLOB NOT NULL CHECK (length(lot_id) = 16),
  session_id BLOB NOT NULL CHECK (length(session_id) = 16),
  item_id BLOB NOT NULL CHECK (length(item_id) = 16),
  title TEXT COLLATE RTRIM NOT NULL CHECK (length(title) <= 200),
  seller_id BLOB NOT NULL CHECK (length(seller_id) = 16),
  buyer_id BLOB NOT NULL CHECK (length(buyer_id) = 16),
  bid_id BLOB NOT NULL CHECK (length(bid_id) = 16),
  quantity INTEGER NOT NULL,
  nth BLOB NOT NULL CHECK (length(nth) <= 64),
  price INTEGER NOT NULL,
  total INTEGER NOT NULL,
  currency TEXT COLLATE RTRIM NOT NULL CHECK (length(currency) <= 3),
  state INTEGER NOT NULL,
  reason TEXT COLLATE RTRIM NOT NULL CHECK (length(reason) <= 200),
  express TEXT COLLATE RTRIM NOT NULL CHECK (length(express) <= 64),
  epoch INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  admitted_us INTEGER NOT NULL,
  pay_by_us INTEGER NOT NULL,
  paid_us INTEGER NOT NULL,
  changed_us INTEGER NOT NULL,
  released_us INTEGER NOT NULL,
  trace TEXT COLLATE RTRIM NOT NULL CHECK (length(trace) <= 64),
  rev INTEGER NOT NULL,
  void_seq INTEGER NOT NULL,
  PRIMARY KEY (shard, id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX uk_orders_bid ON orders (shard, lot_id, buyer_id, bid_id, void_seq);
CREATE INDEX ix_orders_id ON orders (id);
CREATE INDEX ix_orders_buyer ON orders (buyer_id, id);
CREATE INDEX ix_orders_seller ON orders (seller_id, id);
CREATE INDEX ix_orders_session ON orders (session_id, id);
CREATE INDEX ix_orders_state ON orders (state, released_us, changed_us);

CREATE TABLE order_units (
  shard INTEGER NOT NULL,
  lot_id BLOB NOT NULL CHECK (length(lot_id) = 16),
  buyer_id BLOB NOT NULL CHECK (length(buyer_id) = 16),
  nth INTEGER NOT NULL,
  order_id BLOB NOT NULL CHECK (length(order_id) = 16),
  PRIMARY KEY (shard, lot_id, buyer_id, nth)
) STRICT, WITHOUT ROWID;

CREATE TABLE published (
  topic TEXT COLLATE RTRIM NOT NULL CHECK (length(topic) <= 64),
  shard INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  PRIMARY KEY (topic, shard)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
  id BLOB NOT NULL CHECK (length(id) = 16),
  shard INTEGER NOT NULL,
  kind TEXT COLLATE RTRIM NOT NULL CHECK (length(kind) <= 32),
  at_us INTEGER NOT NULL,
  order_id BLOB NOT NULL CHECK (length(order_id) = 16),
  lot_id BLOB NOT NULL CHECK (length(lot_id) = 16),
  session_id BLOB NOT NULL CHECK (length(session_id) = 16),
  state INTEGER NOT NULL,
  reason TEXT COLLATE RTRIM NOT NULL CHECK (length(reason) <= 200),
  express TEXT COLLATE RTRIM NOT NULL CHECK (length(express) <= 64),
  published_at_us INTEGER NULL,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_outbox_waiting ON outbox (published_at_us, id);
