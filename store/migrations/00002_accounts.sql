-- Who may do what, who is logged in, and who did what with special rights.

-- +goose Up
CREATE TABLE IF NOT EXISTS users (
  id            BINARY(16) NOT NULL,
  login         VARCHAR(64) NOT NULL,
  name          VARCHAR(100) NOT NULL,
  area          VARCHAR(32) NOT NULL,
  roles         INT NOT NULL,
  password_hash VARCHAR(255) NOT NULL,
  state         INT NOT NULL,
  created_us    BIGINT NOT NULL,
  rev           BIGINT NOT NULL,
  PRIMARY KEY (id),
  UNIQUE KEY uk_users_login (login)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS login_sessions (
  id           BINARY(16) NOT NULL,
  user_id      BINARY(16) NOT NULL,
  refresh_hash VARBINARY(32) NOT NULL,
  created_us   BIGINT NOT NULL,
  used_us      BIGINT NOT NULL,
  expires_us   BIGINT NOT NULL,
  revoked_us   BIGINT NOT NULL,
  PRIMARY KEY (id),
  KEY ix_login_sessions_user (user_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS audit (
  id       BINARY(16) NOT NULL,
  at_us    BIGINT NOT NULL,
  actor_id BINARY(16) NOT NULL,
  action   VARCHAR(64) NOT NULL,
  subject  VARCHAR(128) NOT NULL,
  detail   VARCHAR(500) NOT NULL,
  PRIMARY KEY (id),
  KEY ix_audit_at (at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

-- +goose Down
DROP TABLE IF EXISTS audit;
DROP TABLE IF EXISTS login_sessions;
DROP TABLE IF EXISTS users;
