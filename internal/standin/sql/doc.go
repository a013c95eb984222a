// Package standinsql is SQLite dressed as the MySQL that package store speaks to, for the demo and for tests that need
// nothing installed. It proves convenience, not correctness: it has one writer, so row locks, deadlocks and their
// retries are not to be seen here.
//
//	store ── MySQL's text ──▶ known? ──▶ the same text, or the one that stands beside it in texts.go ──▶ SQLite (WAL)
//	store ◀── *mysql.MySQLError with MySQL's number and key name ◀── SQLite's error
//
// No statement is rewritten by pattern: store.Statements is all there is, and any other text is an error. The schema is
// written out in schema/, one file a migration; a test compares it with MySQL's column by column.
package standinsql
