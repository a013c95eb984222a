package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/fault"
	"rostrum/internal/live"
	"rostrum/store"
	"rostrum/store/storetest"
)

// engines are the real servers, by name.
var engines = map[string]func(testing.TB) string{"MariaDB": live.MySQL, "MySQL": live.MySQL2}

func TestEveryStatementPreparesOnTheRealEngines(t *testing.T) {
	for name, server := range engines {
		t.Run(name, func(t *testing.T) {
			s := storetest.MySQL(t, server(t))(t)
			for _, text := range store.Statements() {
				prepared, err := s.DB().PrepareContext(t.Context(), text)
				if number := mysqlNumber(err); number == 1295 || number == 1064 && strings.Contains(text, "SAVEPOINT") {
					_, err = s.DB().ExecContext(t.Context(), text) // not every engine prepares these
					if number := mysqlNumber(err); number == 1305 {
						err = nil // ROLLBACK TO outside a transaction: the text itself was understood
					}
				}
				if err != nil {
					t.Errorf("%v\n%s", err, text)
				}
				if prepared != nil {
					prepared.Close()
				}
			}
		})
	}
}

func TestMigrations(t *testing.T) {
	for name, server := range engines {
		t.Run(name, func(t *testing.T) {
			dsn := storetest.Database(t, server(t))
			database, err := store.OpenDB(storetest.Options(dsn))
			if err != nil {
				t.Fatal(err)
			}
			defer database.Close()
			s, last := store.New(database, storetest.Options(dsn)), store.SchemaVersion()
			check := func(code string) {
				t.Helper()
				if err := s.CheckSchema(t.Context()); code == "" && err != nil || code != "" && fault.CodeOf(err) != code {
					t.Errorf("schema: %v, want %q", err, code)
				}
			}
			check("")
			for step := range last {
				if err := store.MigrateDown(t.Context(), database, nil); err != nil {
					t.Fatalf("down %d: %v", step, err)
				}
				check("schema_older")
			}
			if err := store.MigrateDown(t.Context(), database, nil); err != nil {
				t.Errorf("down below the first: %v", err)
			}
			var told []int
			err = store.Migrate(t.Context(), database, func(done, total int, name string) {
				if told = append(told, done); int64(total) != last || !strings.HasSuffix(name, ".sql") {
					t.Errorf("told %d of %d, %q", done, total, name)
				}
			})
			if err != nil || int64(len(told)) != last || !slices.IsSorted(told) {
				t.Errorf("up again: %v, told %v", err, told)
			}
			check("")
			states, err := store.MigrationStatus(t.Context(), database)
			if err != nil || int64(len(states)) != last || !states[last-1].Applied {
				t.Errorf("status %+v, %v", states, err)
			}
			if _, err := database.Exec("INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, 1)", last+1); err != nil {
				t.Fatal(err)
			}
			check("schema_newer")
			if err := store.Migrate(t.Context(), database, nil); fault.CodeOf(err) != "schema_newer" {
				t.Errorf("migrating a newer database: %v", err)
			}
		})
	}
}

// TestMigrateHalfDone: MySQL commits each table by itself, so a step may have been cut off in its middle, or done and
// not been noted.
func TestMigrateHalfDone(t *testing.T) {
	dsn := storetest.Database(t, live.MySQL(t))
	database, err := store.OpenDB(storetest.Options(dsn))
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()
	for _, text := range []string{"DROP TABLE outbox", "DELETE FROM goose_db_version WHERE version_id >= 5"} {
		if _, err := database.Exec(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Migrate(t.Context(), database, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := store.New(database, store.Options{}).OutboxUnpublished(t.Context(), 1); err != nil {
		t.Error(err)
	}
}

func TestSessionsAreAsTheStoreNeedsThem(t *testing.T) {
	for name, server := range engines {
		t.Run(name, func(t *testing.T) {
			s := storetest.MySQL(t, server(t))(t)
			variable := map[string]string{"MariaDB": "tx_isolation", "MySQL": "transaction_isolation"}[name]
			var isolation, mode, collation string
			var wait, lock int
			err := s.DB().QueryRow("SELECT @@SESSION."+variable+", @@SESSION.sql_mode, @@SESSION.collation_connection, @@SESSION.wait_timeout, @@SESSION.innodb_lock_wait_timeout").
				Scan(&isolation, &mode, &collation, &wait, &lock)
			if err != nil || isolation != "READ-COMMITTED" || !strings.Contains(mode, "STRICT_ALL_TABLES") || collation != "utf8mb4_bin" || wait != 30 || lock != 5 {
				t.Errorf("%v: %s, %s, %s, %d, %d", err, isolation, mode, collation, wait, lock)
			}
			facts, err := s.Inspect(t.Context())
			if err != nil || facts.Version == "" || facts.FlushLogAtCommit == "" || facts.LogBin == "" || facts.SyncBinlog == "" ||
				facts.Isolation != "READ-COMMITTED" || facts.MaxPacket < store.MinPacket {
				t.Errorf("it says %+v, %v", facts, err)
			}
			if version, err := s.Version(t.Context()); err != nil || version == "" {
				t.Errorf("version %q, %v", version, err)
			}
			if err := s.Ping(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestALockedPositionIsUnavailable: somebody else holds the position; who waits says so in time and has done nothing.
// TestTheGuardOfManyLots: of several lots that are written together, one that does not have the units refuses all.
func TestTheGuardOfManyLots(t *testing.T) {
	for name, server := range engines {
		t.Run(name, func(t *testing.T) {
			s := storetest.MySQL(t, server(t))(t)
			sale := storetest.NewSale(t, s, 1, slices.Repeat([]storetest.Terms{{Stock: 5, PerBuyer: 5}}, 60)...)
			sold := int64(0)
			for _, c := range []struct {
				units, last int64
				ok          bool
			}{{1, 5, true}, {1, 1, false}, {1, 0, true}, {1, -6, false}, {4, 0, false}, {3, -5, true}} {
				units := map[uuid.UUID]int64{}
				for _, l := range sale.Lots {
					units[l.ID] = c.units
				}
				last := sale.Lots[len(sale.Lots)-1]
				units[last.ID] = c.last
				if err := store.SellOnLots(t.Context(), s, 0, units); (err == nil) != c.ok || err != nil && !strings.Contains(err.Error(), "oversold") {
					t.Errorf("%+v: %v", c, err)
				}
				if c.ok {
					sold += c.units
				}
				for _, l := range sale.Lots[:len(sale.Lots)-1] {
					if row, err := s.Lot(t.Context(), l.ID); err != nil || row.Sold != sold {
						t.Fatalf("%+v: a lot has sold %d, want %d: %v", c, row.Sold, sold, err)
					}
				}
			}
		})
	}
}

func TestALockedPositionIsUnavailable(t *testing.T) {
	s := storetest.MySQL(t, live.MySQL(t))(t)
	sale := storetest.NewSale(t, s, 1, storetest.Terms{Stock: 5, PerBuyer: 1})
	list := sale.Deliver(sale.Bid(sale.Lots[0], sale.ID(), 1))
	holder, err := s.DB().Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := holder.Exec("SELECT seq FROM journal_positions WHERE shard = 0 FOR UPDATE"); err != nil {
		t.Fatal(err)
	}
	if err := s.Alive(t.Context(), []int{0}, 5); err != nil {
		t.Errorf("a note a second must not wait for who applies: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := s.Apply(ctx, 0, list); fault.CodeOf(err) != "unavailable" {
		t.Errorf("%v", err)
	}
	if err := holder.Rollback(); err != nil {
		t.Fatal(err)
	}
	if done := sale.Apply(0, list...); done.Records != 1 || done.Duplicates != 0 {
		t.Errorf("afterwards: %+v", done)
	}
}

// TestCommitWhoseAnswerIsLost cuts the connection at COMMIT, before and after the server has seen it: the answer is
// "unavailable" both times, and applying the same deliveries again does it once.
func TestCommitWhoseAnswerIsLost(t *testing.T) {
	for _, c := range []struct {
		name                string
		forward             bool
		records, duplicates int
	}{{"the server never saw it", false, 1, 0}, {"the server has done it", true, 0, 1}} {
		t.Run(c.name, func(t *testing.T) {
			dsn := storetest.Database(t, live.MySQL(t))
			direct, err := store.Open(t.Context(), storetest.Options(dsn))
			if err != nil {
				t.Fatal(err)
			}
			defer direct.Close()
			sale := storetest.NewSale(t, direct, 1, storetest.Terms{Stock: 5, PerBuyer: 1})
			list := sale.Deliver(sale.Bid(sale.Lots[0], sale.ID(), 1))

			p := cutAtCommit(t, address(dsn), c.forward)
			through, err := store.Open(t.Context(), storetest.Options(strings.Replace(dsn, address(dsn), p.addr, 1)))
			if err != nil {
				t.Fatal(err)
			}
			defer through.Close()
			if _, err := through.Apply(t.Context(), 0, list); fault.CodeOf(err) != "unavailable" {
				t.Fatalf("the first time: %v", err)
			}
			if p.cuts.Load() != 1 {
				t.Fatalf("%d connections were cut", p.cuts.Load())
			}
			var done auction.Applied
			live.Eventually(t, 10*time.Second, "the server ends what was cut", func() (bool, error) {
				done, err = through.Apply(t.Context(), 0, list)
				return err == nil, err
			})
			if done.Records != c.records || done.Duplicates != c.duplicates || done.Position.Seq != 3 {
				t.Errorf("the second time: %+v", done)
			}
			if counts, err := direct.Counts(t.Context()); err != nil || counts.Bids != 1 || counts.Units != 1 || counts.Broken != nil {
				t.Errorf("counts %+v, %v", counts, err)
			}
		})
	}
}

func address(dsn string) string {
	_, rest, _ := strings.Cut(dsn, "tcp(")
	addr, _, _ := strings.Cut(rest, ")")
	return addr
}

// proxy passes connections on, and cuts the first one that sends COMMIT.
type proxy struct {
	addr    string
	forward bool // the COMMIT itself still reaches the server
	cuts    atomic.Int32
	wg      sync.WaitGroup
}

func cutAtCommit(t *testing.T, server string, forward bool) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{addr: l.Addr().String(), forward: forward}
	t.Cleanup(func() { l.Close(); p.wg.Wait() })
	p.wg.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.pass(client, server) })
		}
	})
	return p
}

func (p *proxy) pass(client net.Conn, server string) {
	defer client.Close()
	upstream, err := net.Dial("tcp", server)
	if err != nil {
		return
	}
	defer upstream.Close()
	p.wg.Go(func() { _, _ = io.Copy(client, upstream); client.Close() })
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		if bytes.HasSuffix(buffer[:n], []byte("\x03COMMIT")) && p.cuts.CompareAndSwap(0, 1) {
			client.Close() // first, so that the answer finds nobody
			if p.forward {
				_, _ = upstream.Write(buffer[:n])
				// The server closes when it has done it and finds the client gone.
				if c, ok := upstream.(*net.TCPConn); ok {
					_ = c.CloseWrite()
				}
				_, _ = io.Copy(io.Discard, upstream)
			}
			return
		}
		if _, err := upstream.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func mysqlNumber(err error) uint16 {
	var e *mysql.MySQLError
	if errors.As(err, &e) {
		return e.Number
	}
	return 0
}
