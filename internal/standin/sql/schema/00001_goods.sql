-- The stand-in's side of store/migrations/00001_goods.sql: the same tables, columns and keys.

CREATE TABLE deployment (
  one INTEGER NOT NULL,
  id BLOB NOT NULL CHECK (length(id) = 16),
  shards INTEGER NOT NULL,
  PRIMARY KEY (one)
) STRICT, WITHOUT ROWID;

CREATE TABLE areas (
  code TEXT COLLATE RTRIM NOT NULL CHECK (length(code) <= 32),
  name TEXT COLLATE RTRIM NOT NULL CHECK (length(name) <= 200),
  PRIMARY KEY (code)
) STRICT, WITHOUT ROWID;

CREATE TABLE goods (
  id BLOB NOT NULL CHECK (length(id) = 16),
  number TEXT COLLATE RTRIM NOT NULL CHECK (length(number) <= 64),
  owner_id BLOB NOT NULL CHECK (length(owner_id) = 16),
  creator_id BLOB NOT NULL CHECK (length(creator_id) = 16),
  name TEXT COLLATE RTRIM NOT NULL CHECK (length(name) <= 200),
  description TEXT COLLATE RTRIM NOT NULL CHECK (length(description) <= 4000),
  price INTEGER NOT NULL,
  currency TEXT COLLATE RTRIM NOT NULL CHECK (length(currency) <= 3),
  area TEXT COLLATE RTRIM NOT NULL CHECK (length(area) <= 32),
  auctionable INTEGER NOT NULL,
  show_from_us INTEGER NOT NULL,
  trade_from_us INTEGER NOT NULL,
  withdrawn_us INTEGER NOT NULL,
  created_us INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  folded TEXT COLLATE RTRIM NOT NULL CHECK (length(folded) <= 300),
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX uk_goods_number ON goods (owner_id, number);
CREATE INDEX ix_goods_owner ON goods (owner_id, id);
CREATE INDEX ix_goods_area ON goods (area, id);
