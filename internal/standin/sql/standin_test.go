package standinsql

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-sql-driver/mysql"

	"rostrum/store"
	"rostrum/store/db"
)

func open(t testing.TB, path string) *sql.DB {
	t.Helper()
	database, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { database.Close() })
	return database
}

func TestEveryStatementPrepares(t *testing.T) {
	database := open(t, Memory)
	for _, text := range store.Statements() {
		s, err := database.PrepareContext(t.Context(), text)
		if err != nil {
			t.Errorf("%v\n%s", err, text)
			continue
		}
		s.Close()
	}
}

// TestTheTableHoldsOnlyWhatDiffers keeps texts.go honest: each entry is a text of the store, and needed.
func TestTheTableHoldsOnlyWhatDiffers(t *testing.T) {
	database := open(t, Memory)
	all := map[string]bool{}
	for _, text := range store.Statements() {
		all[text] = true
	}
	conn, err := database.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for text := range differs {
		if !all[text] {
			t.Errorf("the store has no such text:\n%s", text)
		}
		err := conn.Raw(func(raw any) error {
			s, _, err := raw.(interface{ unwrap() rawConn }).unwrap().Prepare(text)
			if err == nil {
				s.Close()
			}
			return err
		})
		if err == nil {
			t.Errorf("SQLite takes this text as it is:\n%s", text)
		}
	}
}

func TestUnknownTextIsRefused(t *testing.T) {
	database := open(t, Memory)
	for _, text := range []string{"SELECT 1", "SELECT id, salt FROM lots", db.GetLot + " "} {
		if _, err := database.QueryContext(t.Context(), text); err == nil || !strings.Contains(err.Error(), "none of the store's") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// area inserts an area with statements the store knows.
func area(ctx context.Context, database interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
}, code, name string) error {
	_, err := database.ExecContext(ctx, db.InsertArea, code, name)
	return err
}

func TestErrorsAreMySQLs(t *testing.T) {
	database := open(t, Memory)
	ctx := t.Context()
	var id db.ID
	item := func(n byte, number string) []any {
		return []any{db.ID{n}, number, id, id, "n", "", 1, "EUR", "x1", true, 0, 0, 0, 0, 1, ""}
	}
	for _, c := range []struct {
		name   string
		text   string
		args   []any
		number uint16
		words  string
	}{
		{"first", db.InsertItem, item(1, "a"), 0, ""},
		{"primary key", db.InsertItem, item(1, "b"), 1062, "for key 'goods.PRIMARY'"},
		{"unique key of two columns", db.InsertItem, item(2, "a"), 1062, "for key 'goods.uk_goods_number'"},
		{"a trailing space is none", db.InsertItem, item(2, "a "), 1062, "for key 'goods.uk_goods_number'"},
		{"null", db.InsertArea, []any{nil, "n"}, 1048, ""},
		{"too long", db.InsertArea, []any{strings.Repeat("a", 33), "n"}, 1406, ""},
		{"emoji are one character", db.InsertArea, []any{"a1", strings.Repeat("🪔", 200)}, 0, ""},
		{"wrong type", db.InsertArea, []any{[]byte{1}, "n"}, 1366, ""},
	} {
		_, err := database.ExecContext(ctx, c.text, c.args...)
		var e *mysql.MySQLError
		errors.As(err, &e)
		switch {
		case c.number == 0 && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.number != 0 && (e == nil || e.Number != c.number || !strings.Contains(e.Message, c.words)):
			t.Errorf("%s: %v, want %d %s", c.name, err, c.number, c.words)
		}
	}
}

func TestFileOutlivesItsConnections(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a folder with spaces & ?", "rostrum.db")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	first := open(t, path)
	if err := area(t.Context(), first, "north", "Север"); err != nil {
		t.Fatal(err)
	}
	first.Close()
	var name string
	if err := open(t, path).QueryRowContext(t.Context(), db.ListAreas).Scan(new(string), &name); err != nil || name != "Север" {
		t.Errorf("%q, %v", name, err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the file is not where it was asked for: %v", err)
	}
}

func TestWhatCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	newer, other := filepath.Join(dir, "newer.db"), filepath.Join(dir, "other.db")
	rawExec(t, newer, `CREATE TABLE goose_db_version (version_id INTEGER PRIMARY KEY); INSERT INTO goose_db_version VALUES (999)`)
	rawExec(t, other, `CREATE TABLE recipes (id INTEGER)`)
	for _, c := range []struct{ path, says string }{
		{newer, "start a newer program"},
		{other, "holds something else (recipes"},
		{write("text.db", strings.Repeat("no database ", 100)), "no SQLite database"},
		{filepath.Join(write("file", ""), "below.db"), "cannot be written"},
		{filepath.Join(dir, "no", "such", "folder.db"), "cannot be written"},
	} {
		database, err := Open(c.path)
		if err == nil {
			database.Close()
			t.Errorf("%s was opened", c.path)
		} else if !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), c.path) {
			t.Errorf("%s: %v; want its path and %q", c.path, err, c.says)
		}
	}
}

func TestOlderDataIsBroughtUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "old.db")
	text, err := schema.ReadFile("schema/00001_goods.sql")
	if err != nil {
		t.Fatal(err)
	}
	rawExec(t, path, string(text)+`; INSERT INTO areas VALUES ('north', 'North');
		CREATE TABLE goose_db_version (version_id INTEGER PRIMARY KEY); INSERT INTO goose_db_version VALUES (0), (1)`)
	database := open(t, path)
	s := store.New(database, store.Options{})
	if err := s.CheckSchema(t.Context()); err != nil {
		t.Error(err)
	}
	if areas, err := s.Areas(t.Context()); err != nil || len(areas) != 1 {
		t.Errorf("areas %v, %v", areas, err)
	}
}

// TestWritersComeOneAfterTheOther: many transactions that read and then write lose nothing, and readers go on meanwhile.
func TestWritersComeOneAfterTheOther(t *testing.T) {
	database := open(t, filepath.Join(t.TempDir(), "many.db"))
	ctx := t.Context()
	if _, err := database.ExecContext(ctx, db.InsertPosition, 7, 0, 0, 0, 0, 0, "", 0, 0); err != nil {
		t.Fatal(err)
	}
	const writers, each = 8, 25
	var wg sync.WaitGroup
	failed := make(chan error, writers)
	for range writers {
		wg.Go(func() {
			for range each {
				if err := increment(ctx, database); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	p, err := store.New(database, store.Options{}).Position(ctx, 7)
	if err != nil || p.Seq != writers*each {
		t.Errorf("seq %d, %v; want %d", p.Seq, err, writers*each)
	}
}

func increment(ctx context.Context, database *sql.DB) error {
	t, err := database.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	q := db.New(t)
	p, err := q.LockPosition(ctx, 7)
	if err == nil {
		_, err = q.UpdatePosition(ctx, db.UpdatePositionParams{Seq: p.Seq + 1, Shard: 7})
	}
	if err != nil {
		return errors.Join(err, t.Rollback())
	}
	return t.Commit()
}

func TestAWriterWaitsNoLongerThanItsContext(t *testing.T) {
	database := open(t, filepath.Join(t.TempDir(), "wait.db"))
	held, err := database.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Rollback()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := database.BeginTx(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a second writer: %v", err)
	}
}
