package standinsql

import (
	"testing"

	"github.com/ncruces/go-sqlite3"
)

// rawConn is what a test may do past the table of texts.
type rawConn interface {
	Prepare(text string) (*sqlite3.Stmt, string, error)
}

func (c *conn) unwrap() rawConn { return c.Conn.Raw() }

// rawExec runs any text on a file, as another program would.
func rawExec(t testing.TB, path, text string) {
	t.Helper()
	c, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Exec(text); err != nil {
		t.Fatal(err)
	}
}
