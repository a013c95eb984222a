package standinsql

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	_ "github.com/go-sql-driver/mysql"
	"github.com/google/go-cmp/cmp"
	"github.com/ncruces/go-sqlite3"

	"rostrum/internal/live"
	"rostrum/store"
	"rostrum/store/storetest"
)

// TestSchemaIsMySQLs compares the two schemas: each column with its place, kind, length and whether it may be NULL, and
// each key with its columns.
func TestSchemaIsMySQLs(t *testing.T) {
	for name, server := range map[string]func(testing.TB) string{"MariaDB": live.MySQL, "MySQL": live.MySQL2} {
		t.Run(name, func(t *testing.T) {
			database, err := sql.Open("mysql", storetest.Database(t, server(t)))
			if err != nil {
				t.Fatal(err)
			}
			defer database.Close()
			theirs := append(mysqlColumns(t, database), mysqlKeys(t, database)...)
			c, err := sqlite3.Open(Memory)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := prepare(c); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(slices.Sorted(slices.Values(theirs)), slices.Sorted(slices.Values(ours(t, c)))); diff != "" {
				t.Errorf("(-%s +SQLite):\n%s", name, diff)
			}
		})
	}
}

// kinds are SQLite's names for MySQL's.
var kinds = map[string]string{"int": "INTEGER", "bigint": "INTEGER", "tinyint": "INTEGER", "varchar": "TEXT", "binary": "BLOB",
	"varbinary": "BLOB", "mediumblob": "BLOB"}

func mysqlColumns(t *testing.T, database *sql.DB) []string {
	return lines(t, database, `SELECT table_name, column_name, data_type, COALESCE(character_maximum_length, 0), is_nullable
		FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name NOT LIKE 'goose%'`, func(row []string) string {
		length := row[3]
		if row[2] == "mediumblob" {
			length = "0"
		}
		return fmt.Sprintf("%s.%s %s(%s) null=%s", row[0], row[1], kinds[row[2]], length, row[4])
	})
}

func mysqlKeys(t *testing.T, database *sql.DB) []string {
	return lines(t, database, `SELECT table_name, index_name, 1 - non_unique, GROUP_CONCAT(column_name ORDER BY seq_in_index)
		FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name NOT LIKE 'goose%'
		GROUP BY table_name, index_name, non_unique`, func(row []string) string {
		return "key " + strings.Join(row, " ")
	})
}

func lines(t *testing.T, database *sql.DB, query string, line func([]string) string) []string {
	t.Helper()
	rows, err := database.QueryContext(context.Background(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		row, into := [5]string{}, make([]any, 5)
		for i := range into {
			into[i] = &row[i]
		}
		columns, err := rows.Columns()
		if err != nil {
			t.Fatal(err)
		}
		if err := rows.Scan(into[:len(columns)]...); err != nil {
			t.Fatal(err)
		}
		all = append(all, line(row[:len(columns)]))
	}
	if len(all) == 0 {
		t.Fatal("nothing there to compare with")
	}
	return all
}

// ours describes SQLite's schema in the same words. A length stands in a column's check.
func ours(t *testing.T, c *sqlite3.Conn) []string {
	t.Helper()
	all := column(t, c, `SELECT t.name || '.' || x.name || ' ' || x.type || '(0) null=' || iif(x."notnull", 'NO', 'YES')
		FROM sqlite_schema AS t, pragma_table_info(t.name) AS x WHERE t.type = 'table' AND t.name NOT LIKE 'goose%'`)
	for _, table := range column(t, c, `SELECT sql FROM sqlite_schema WHERE type = 'table'`) {
		name, _, _ := strings.Cut(strings.TrimPrefix(table, "CREATE TABLE "), " ")
		for _, m := range lengths.FindAllStringSubmatch(table, -1) {
			for i, line := range all {
				if strings.HasPrefix(line, name+"."+m[1]+" ") {
					all[i] = strings.Replace(line, "(0)", "("+m[2]+")", 1)
				}
			}
		}
	}
	return append(all, column(t, c, `SELECT 'key ' || t.name || ' ' || iif(l.origin = 'pk', 'PRIMARY', l.name) || ' ' || l."unique" || ' ' ||
		(SELECT group_concat(i.name, ',') FROM pragma_index_info(l.name) AS i)
		FROM sqlite_schema AS t, pragma_index_list(t.name) AS l WHERE t.type = 'table' AND t.name NOT LIKE 'goose%'`)...)
}

var lengths = regexp.MustCompile(`CHECK \(length\((\w+)\) <?= (\d+)\)`)

func column(t *testing.T, c *sqlite3.Conn, query string) []string {
	t.Helper()
	all, err := texts(c, query)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestSameNumberOfSteps: the stand-in's schema has one file for each migration, of the same name.
func TestSameNumberOfSteps(t *testing.T) {
	files, err := schema.ReadDir("schema")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != int(store.SchemaVersion()) {
		t.Errorf("%d files for %d migrations", len(files), store.SchemaVersion())
	}
}
