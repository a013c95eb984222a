-- The stand-in's side of store/migrations/00003_sessions.sql: the same tables, columns and keys.

CREATE TABLE auctions (
  id BLOB NOT NULL CHECK (length(id) = 16),
  area TEXT COLLATE RTRIM NOT NULL CHECK (length(area) <= 32),
  name TEXT COLLATE RTRIM NOT NULL CHECK (length(name) <= 200),
  currency TEXT COLLATE RTRIM NOT NULL CHECK (length(currency) <= 3),
  starts_us INTEGER NOT NULL,
  ends_us INTEGER NOT NULL,
  recurrence TEXT COLLATE RTRIM NOT NULL CHECK (length(recurrence) <= 16),
  zone TEXT COLLATE RTRIM NOT NULL CHECK (length(zone) <= 64),
  parent_id BLOB NULL CHECK (length(parent_id) <= 16),
  state TEXT COLLATE RTRIM NOT NULL CHECK (length(state) <= 16),
  creator_id BLOB NOT NULL CHECK (length(creator_id) = 16),
  created_us INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX uk_auctions_parent ON auctions (parent_id);
CREATE INDEX ix_auctions_start ON auctions (starts_us, id);
CREATE INDEX ix_auctions_area ON auctions (area, starts_us, id);
CREATE INDEX ix_auctions_state ON auctions (state, starts_us);

CREATE TABLE lots (
  shard INTEGER NOT NULL,
  id BLOB NOT NULL CHECK (length(id) = 16),
  group_id BLOB NOT NULL CHECK (length(group_id) = 16),
  session_id BLOB NOT NULL CHECK (length(session_id) = 16),
  item_id BLOB NOT NULL CHECK (length(item_id) = 16),
  seller_id BLOB NOT NULL CHECK (length(seller_id) = 16),
  area TEXT COLLATE RTRIM NOT NULL CHECK (length(area) <= 32),
  title TEXT COLLATE RTRIM NOT NULL CHECK (length(title) <= 200),
  format TEXT COLLATE RTRIM NOT NULL CHECK (length(format) <= 16),
  price INTEGER NOT NULL,
  currency TEXT COLLATE RTRIM NOT NULL CHECK (length(currency) <= 3),
  stock INTEGER NOT NULL,
  per_buyer INTEGER NOT NULL,
  code TEXT COLLATE RTRIM NOT NULL CHECK (length(code) <= 22),
  salt BLOB NOT NULL CHECK (length(salt) <= 16),
  opens_us INTEGER NOT NULL,
  closes_us INTEGER NOT NULL,
  state TEXT COLLATE RTRIM NOT NULL CHECK (length(state) <= 16),
  version INTEGER NOT NULL,
  sold INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  PRIMARY KEY (shard, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_lots_id ON lots (id);
CREATE INDEX ix_lots_session ON lots (session_id, id);
CREATE INDEX ix_lots_item ON lots (item_id);
CREATE INDEX ix_lots_close ON lots (state, closes_us);
