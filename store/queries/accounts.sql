-- name: InsertUser :exec
INSERT INTO users (id, login, name, area, roles, password_hash, state, created_us, rev) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: GetUser :one
SELECT id, login, name, area, roles, password_hash, state, created_us, rev FROM users WHERE id = ?;

-- name: GetUserByLogin :one
SELECT id, login, name, area, roles, password_hash, state, created_us, rev FROM users WHERE login = ?;

-- name: UsersByLogins :many
SELECT id, login, name, area, roles, password_hash, state, created_us, rev FROM users WHERE login IN (?);

-- name: UpdatePassword :execrows
UPDATE users SET password_hash = ?, rev = rev + 1 WHERE id = ? AND rev = ?;

-- name: InsertLogin :exec
INSERT INTO login_sessions (id, user_id, refresh_hash, created_us, used_us, expires_us, revoked_us) VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: GetLogin :one
SELECT id, user_id, refresh_hash, created_us, used_us, expires_us, revoked_us FROM login_sessions WHERE id = ?;

-- name: LockLogin :one
SELECT id, user_id, refresh_hash, created_us, used_us, expires_us, revoked_us FROM login_sessions WHERE id = ? FOR UPDATE;

-- name: RotateLogin :execrows
UPDATE login_sessions SET refresh_hash = ?, used_us = ?, expires_us = ? WHERE id = ?;

-- name: RevokeLogin :execrows
UPDATE login_sessions SET revoked_us = ? WHERE id = ? AND revoked_us = 0;

-- name: InsertAudit :exec
INSERT INTO audit (id, at_us, actor_id, action, subject, detail) VALUES (?, ?, ?, ?, ?, ?);

-- name: AuditSince :many
SELECT id, at_us, actor_id, action, subject, detail FROM audit WHERE at_us >= ? ORDER BY at_us, id LIMIT ?;
