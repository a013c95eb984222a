package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"rostrum/internal/fault"
	"rostrum/store/migrations"
)

// Progress is told of each migration that was run; done of total.
type Progress func(done, total int, name string)

// MigrationState says whether one migration has been applied.
type MigrationState struct {
	Version int64  `json:"version"`
	Name    string `json:"name"`
	Applied bool   `json:"applied"`
}

// Migrate brings a MySQL database to this program's schema. Two that run at once wait for each other (a lock in a table,
// so that a proxy that mixes sessions does no harm). A database of a newer program is left as it is: fault Conflict
// `schema_newer`.
func Migrate(ctx context.Context, database *sql.DB, progress Progress) error {
	p, err := provider(database)
	if err != nil {
		return err
	}
	if err := refuseNewer(ctx, p); err != nil {
		return err
	}
	total := len(p.ListSources())
	for {
		r, err := p.UpByOne(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return nil
		}
		if err != nil {
			return classify("migrate", err)
		}
		if progress != nil {
			progress(int(r.Source.Version), total, name(r.Source))
		}
	}
}

// MigrateDown takes the newest migration back, with what is in its tables.
func MigrateDown(ctx context.Context, database *sql.DB, progress Progress) error {
	p, err := provider(database)
	if err != nil {
		return err
	}
	r, err := p.Down(ctx)
	if err == nil && progress != nil {
		progress(int(r.Source.Version)-1, len(p.ListSources()), name(r.Source))
	}
	if errors.Is(err, goose.ErrNoNextVersion) {
		return nil
	}
	return classify("migrate down", err)
}

// MigrationStatus says of each migration of this program whether it has been applied, in order.
func MigrationStatus(ctx context.Context, database *sql.DB) ([]MigrationState, error) {
	p, err := provider(database)
	if err != nil {
		return nil, err
	}
	all, err := p.Status(ctx)
	return mapped(all, func(m *goose.MigrationStatus) MigrationState {
		return MigrationState{m.Source.Version, name(m.Source), m.State == goose.StateApplied}
	}), classify("migration status", err)
}

// name is the file's, as status and progress show it.
func name(s *goose.Source) string { return s.Path }

// provider makes goose for MySQL. The lock is a row with a lease, not a session's: behind a proxy the session changes.
func provider(database *sql.DB) (*goose.Provider, error) {
	locker, err := lock.NewMySQLTableLocker(lock.WithTableLockTimeout(time.Second, 300), lock.WithTableRetryPolicy(held))
	if err != nil {
		return nil, fmt.Errorf("store: migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectMySQL, database, migrations.Files, goose.WithLocker(locker))
	if err != nil {
		return nil, fmt.Errorf("store: migrations: %w", err)
	}
	return p, nil
}

// held is the one error worth waiting for: another migrates. Any other would only be said later.
func held(err error) bool {
	return strings.Contains(err.Error(), "already held") || slices.Contains(passing, number(err))
}

// refuseNewer keeps an old program from meddling with tables it does not know.
func refuseNewer(ctx context.Context, p *goose.Provider) error {
	at, err := p.GetDBVersion(ctx)
	if err != nil {
		return classify("migrate", err)
	}
	return newer(at)
}

func newer(at int64) error {
	if at > SchemaVersion() {
		return fault.New(fault.Conflict, "schema_newer", fmt.Sprintf("the database has schema %d, this program knows %d: start a newer program", at, SchemaVersion()))
	}
	return nil
}

// SchemaVersion is the schema this program works on: the number of its newest migration.
func SchemaVersion() int64 {
	files, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil {
		panic(err) // the pattern is a constant
	}
	return int64(len(files))
}

// CheckSchema says whether the database has this program's schema. fault Conflict `schema_older` or `schema_newer`, with
// the remedy; Unavailable while the database is away.
func (s *Store) CheckSchema(ctx context.Context) error {
	var at int64
	err := s.read(ctx, "schema", func(ctx context.Context, q tx) error {
		err := q.conn.QueryRowContext(ctx, schemaText).Scan(&at)
		if number(err) == errUnknownTable {
			at, err = 0, nil
		}
		return err
	})
	if err == nil && at < SchemaVersion() {
		err = fault.New(fault.Conflict, "schema_older", fmt.Sprintf("the database has schema %d, this program needs %d: run rostrum migrate up", at, SchemaVersion()))
	}
	if err == nil {
		err = newer(at)
	}
	return err
}
