package store

import (
	"context"
	"database/sql"
	"strings"

	"rostrum/store/db"
)

// byIndex names the index by which a statement that leaves it open reads its table. Lists need it: an engine that chooses
// takes an index for what is filtered alone, begins each page at the newest row, and reads up to where the page begins.
type byIndex struct {
	db.DBTX
	index string // one of indexes
}

// anyIndex stands behind the table of a statement that leaves the index open.
const anyIndex = "/* by any index */"

// indexes are those that are named, by table.
var indexes = map[string][]string{
	"goods":  {"ix_goods_owner", "ix_goods_area", "PRIMARY"},
	"orders": {"ix_orders_buyer", "ix_orders_session", "ix_orders_seller", "ix_orders_id"},
}

// named names it, in a comment that MySQL and MariaDB read and SQLite does not.
func named(text, index string) string {
	return strings.Replace(text, anyIndex, "/*! FORCE INDEX ("+index+") */", 1)
}

// everyIndex gives the texts of a statement that leaves the index open; none of one that does not.
func everyIndex(text string) (texts []string) {
	for table, names := range indexes {
		if !strings.Contains(text, table+" "+anyIndex) {
			continue
		}
		for _, index := range names {
			texts = append(texts, named(text, index))
		}
	}
	return texts
}

func (b byIndex) QueryContext(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	return b.DBTX.QueryContext(ctx, named(text, b.index), args...)
}
