package store

import (
	"os"
	"strings"
	"testing"
)

// What sqlc is told of columns is what the migration adds.
func TestColumnsForSQLCAreThoseOfTheMigration(t *testing.T) {
	columns, err := os.ReadFile("columns.sql")
	if err != nil {
		t.Fatal(err)
	}
	migration, err := os.ReadFile("migrations/00006_slices.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, statement, _ := strings.Cut(string(columns), "\n")
	if statement = strings.TrimSuffix(strings.TrimSpace(statement), ";"); statement == "" || !strings.Contains(string(migration), "'"+statement+"'") {
		t.Errorf("%q is not in the migration", statement)
	}
}
