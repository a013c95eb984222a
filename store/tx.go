package store

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"rostrum/store/db"
)

// tx is a transaction that is open: the compiled statements, and the connection for the forms made from them.
type tx struct {
	*db.Queries
	conn db.DBTX
}

// read runs f outside any transaction, within one statement's time. what names it in errors.
func (s *Store) read(ctx context.Context, what string, f func(ctx context.Context, q tx) error) error {
	return s.readFor(ctx, what, s.options.Timeout, f)
}

// readFor is read with a time of its own, for what is many statements.
func (s *Store) readFor(ctx context.Context, what string, timeout time.Duration, f func(ctx context.Context, q tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return classify(what, f(ctx, tx{s.q, s.db}))
}

// write runs f in one transaction, again as a whole where the engine rolled it back for a passing reason. f must not
// keep anything of a run that failed.
func (s *Store) write(ctx context.Context, what string, f func(ctx context.Context, t tx) error) error {
	return s.writeFor(ctx, what, s.options.Timeout, f)
}

// writeFor is write with a time of its own, for what is many statements.
func (s *Store) writeFor(ctx context.Context, what string, timeout time.Duration, f func(ctx context.Context, t tx) error) error {
	for attempt := 1; ; attempt++ {
		err := s.once(ctx, timeout, f)
		if err == nil || attempt == maxTries || !slices.Contains(passing, number(err)) || !wait(ctx, s.options.Backoff(attempt)) {
			return classify(what, err)
		}
	}
}

// once runs f in one transaction, once.
func (s *Store) once(ctx context.Context, timeout time.Duration, f func(ctx context.Context, t tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, timeout+lockWait)
	defer cancel()
	t, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := f(ctx, tx{s.q.WithTx(t), t}); err != nil {
		_ = t.Rollback() // the cause is in err; a connection that cannot roll back is thrown away by the pool
		return err
	}
	if err := t.Commit(); err != nil {
		return errCommit{err}
	}
	return nil
}

// wait gives false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// one makes "no row was found" of an update into err.
func one(rows int64, dbErr, err error) error {
	if dbErr != nil {
		return dbErr
	}
	if rows != 1 {
		return err
	}
	return nil
}

var _ db.DBTX = (*sql.Tx)(nil)
