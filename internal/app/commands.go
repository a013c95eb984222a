package app

import (
	"context"
	"errors"

	"rostrum/auction"
	"rostrum/cache/shelf"
	"rostrum/store"
	"rostrum/web/edge"
)

// Road gives the way from the gate to MySQL, as the API shows it.
func (a *App) Road(ctx context.Context) (edge.PipelineState, error) { return road{a}.State(ctx) }

// MigrateUp brings the database to this program's schema. It needs no other part open.
func (a *App) MigrateUp(ctx context.Context, progress store.Progress) error {
	database, err := a.Database()
	if err != nil {
		return err
	}
	return await(ctx, a.Log, "MySQL", a.Config.Start.WaitForDependencies, func(ctx context.Context) error {
		return store.Migrate(ctx, database, progress)
	})
}

// MigrateDown takes the newest migration back, with what is in its tables.
func (a *App) MigrateDown(ctx context.Context) error {
	database, err := a.Database()
	if err != nil {
		return err
	}
	return store.MigrateDown(ctx, database, nil)
}

// Migrations says which are applied.
func (a *App) Migrations(ctx context.Context) ([]store.MigrationState, error) {
	database, err := a.Database()
	if err != nil {
		return nil, err
	}
	return store.MigrationStatus(ctx, database)
}

// PreheatDue preheats every session that the closer would, now, and gives a report of each that could be.
func (a *App) PreheatDue(ctx context.Context, nowUS int64, progress func(done, total int)) ([]shelf.Report, error) {
	var reports []shelf.Report
	var failed []error
	for p := (auction.Page{Limit: jobSessions}); ; {
		due, err := a.Store.DueToPreheat(ctx, nowUS, nowUS+a.Config.Preheat.Ahead.Microseconds(), p)
		failed = append(failed, err)
		for _, session := range due {
			report, err := a.Preheat(ctx, session.ID, progress)
			if failed = append(failed, err); err == nil {
				reports = append(reports, report)
			}
		}
		if p = auction.NextPage(p, due, sessionPlace); p.Key == 0 {
			return reports, errors.Join(failed...)
		}
	}
}
