package store

import (
	"context"
	"database/sql"
	"strings"

	"rostrum/store/db"
)

// The few texts that sqlc does not compile.
const (
	savepointText = "SAVEPOINT batch"
	rollbackText  = "ROLLBACK TO SAVEPOINT batch"
	schemaText    = "SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version"
	versionText   = "SELECT VERSION()"
	settingsText  = "SHOW VARIABLES WHERE Variable_name IN ('innodb_flush_log_at_trx_commit', 'log_bin', 'sync_binlog', 'max_allowed_packet', 'transaction_isolation', 'tx_isolation')"
)

// Statements gives every text that a Store sends, each once: what a stand-in must know, and what a test prepares on each
// engine.
func Statements() []string {
	r := &recorder{}
	_, _ = db.Prepare(context.Background(), r) // a recorder refuses nothing
	all := append(r.texts, savepointText, rollbackText, schemaText, versionText, settingsText)
	for _, f := range []form{insertRecords, insertOrders, insertUnits, insertEvents, insertUsers, insertItems, insertLots, replaceLots} {
		all = append(all, f.texts[:]...)
	}
	for _, text := range r.texts {
		all = append(all, everyIndex(text)...)
		for _, n := range sizes[:len(sizes)-1] {
			if strings.Contains(text, inOne) {
				all = append(all, widened(text, n))
			}
		}
	}
	return all
}

// recorder notes the texts it is asked to prepare.
type recorder struct {
	db.DBTX
	texts []string
}

func (r *recorder) PrepareContext(_ context.Context, text string) (*sql.Stmt, error) {
	r.texts = append(r.texts, text)
	return &sql.Stmt{}, nil
}
