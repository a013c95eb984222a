-- The stand-in's side of store/migrations/00002_accounts.sql: the same tables, columns and keys.

CREATE TABLE users (
  id BLOB NOT NULL CHECK (length(id) = 16),
  login TEXT COLLATE RTRIM NOT NULL CHECK (length(login) <= 64),
  name TEXT COLLATE RTRIM NOT NULL CHECK (length(name) <= 100),
  area TEXT COLLATE RTRIM NOT NULL CHECK (length(area) <= 32),
  roles INTEGER NOT NULL,
  password_hash TEXT COLLATE RTRIM NOT NULL CHECK (length(password_hash) <= 255),
  state INTEGER NOT NULL,
  created_us INTEGER NOT NULL,
  rev INTEGER NOT NULL,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX uk_users_login ON users (login);

CREATE TABLE login_sessions (
  id BLOB NOT NULL CHECK (length(id) = 16),
  user_id BLOB NOT NULL CHECK (length(user_id) = 16),
  refresh_hash BLOB NOT NULL CHECK (length(refresh_hash) <= 32),
  created_us INTEGER NOT NULL,
  used_us INTEGER NOT NULL,
  expires_us INTEGER NOT NULL,
  revoked_us INTEGER NOT NULL,
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_login_sessions_user ON login_sessions (user_id, id);

CREATE TABLE audit (
  id BLOB NOT NULL CHECK (length(id) = 16),
  at_us INTEGER NOT NULL,
  actor_id BLOB NOT NULL CHECK (length(actor_id) = 16),
  action TEXT COLLATE RTRIM NOT NULL CHECK (length(action) <= 64),
  subject TEXT COLLATE RTRIM NOT NULL CHECK (length(subject) <= 128),
  detail TEXT COLLATE RTRIM NOT NULL CHECK (length(detail) <= 500),
  PRIMARY KEY (id)
) STRICT, WITHOUT ROWID;
CREATE INDEX ix_audit_at ON audit (at_us);
