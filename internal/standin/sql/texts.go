package standinsql

import (
	"fmt"

	"rostrum/store"
	"rostrum/store/db"
)

// differs has the texts that SQLite does not take, and what it runs in their place. A transaction that writes has the
// whole database to itself here, so a row needs no lock of its own.
var differs = map[string]string{
	db.LockItem:     `SELECT rev, withdrawn_us FROM goods WHERE id = ?`,
	db.LockLogin:    `SELECT id, user_id, refresh_hash, created_us, used_us, expires_us, revoked_us FROM login_sessions WHERE id = ?`,
	db.LockSession:  `SELECT state, rev FROM auctions WHERE id = ?`,
	db.LockPosition: `SELECT shard, epoch, seq, base_seq, next_offset, ahead_seq, halted, gap_seq, gap_since_us FROM journal_positions WHERE shard = ?`,
	db.LockOrder:    `SELECT shard, id, lot_id, session_id, item_id, title, seller_id, buyer_id, bid_id, quantity, nth, price, total, currency, state, reason, express, epoch, seq, admitted_us, pay_by_us, paid_us, changed_us, released_us, trace, rev, void_seq FROM orders WHERE shard = ? AND id = ?`,

	"SHOW VARIABLES WHERE Variable_name IN ('innodb_flush_log_at_trx_commit', 'log_bin', 'sync_binlog', 'max_allowed_packet', 'transaction_isolation', 'tx_isolation')": `SELECT '' AS Variable_name, '' AS Value WHERE FALSE`,

	"SELECT VERSION()": `SELECT 'SQLite ' || sqlite_version()`,
}

// known gives the text that SQLite runs for each text of the store.
func known() map[string]string {
	texts := map[string]string{}
	for _, text := range store.Statements() {
		texts[text] = text
	}
	for mysqlText, ours := range differs {
		texts[mysqlText] = ours
	}
	return texts
}

func unknown(text string) error {
	return fmt.Errorf("standinsql: this text is none of the store's: %q", text)
}
