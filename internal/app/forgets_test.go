package app

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"rostrum/auction"
	"rostrum/internal/config"
	"rostrum/internal/crowd"
	"rostrum/internal/live"
	"rostrum/orders"
	"rostrum/store"
	"rostrum/store/storetest"
)

// rows are all rows of a database by table, as one moment saw them.
type rows map[string][][]any

// database opens the installation's MySQL past the installation.
func (i *installation) database() *sql.DB {
	i.t.Helper()
	var as config.Config
	i.on.set(&as)
	db, err := store.OpenDB(storetest.Options(as.MySQL.DSN.Reveal()))
	must(i.t, err)
	i.t.Cleanup(func() { db.Close() })
	return db
}

// dump reads everything in one snapshot, as a backup does.
func dump(t *testing.T, db *sql.DB) rows {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	must(t, err)
	defer tx.Rollback()
	all := rows{}
	for _, table := range query(t, tx, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()") {
		if name := string(table[0].([]byte)); !strings.HasPrefix(name, "goose_") {
			all[name] = query(t, tx, "SELECT * FROM "+name)
		}
	}
	return all
}

func query(t *testing.T, tx *sql.Tx, text string) (all [][]any) {
	t.Helper()
	found, err := tx.QueryContext(t.Context(), text)
	must(t, err)
	defer found.Close()
	names, err := found.Columns()
	must(t, err)
	for found.Next() {
		row, into := make([]any, len(names)), make([]any, len(names))
		for n := range row {
			into[n] = &row[n]
		}
		must(t, found.Scan(into...))
		all = append(all, row)
	}
	must(t, found.Err())
	return all
}

// putBack has a database forget what was committed since the dump, at once: a server that fails over to a copy which knows
// less, or was restored, shows its clients nothing in between.
func putBack(t *testing.T, db *sql.DB, was rows) {
	t.Helper()
	live.Eventually(t, 30*time.Second, "the old rows to be back", func() (bool, error) { // of two that lock each other out one goes
		tx, err := db.BeginTx(t.Context(), nil)
		must(t, err)
		defer tx.Rollback()
		for _, table := range slices.Sorted(maps.Keys(was)) {
			if err := refill(t.Context(), tx, table, was[table]); err != nil {
				return false, err
			}
		}
		err = tx.Commit()
		return err == nil, err
	})
}

func refill(ctx context.Context, tx *sql.Tx, table string, list [][]any) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM "+table); err != nil {
		return err
	}
	for _, row := range list {
		text := "INSERT INTO " + table + " VALUES (?" + strings.Repeat(",?", len(row)-1) + ")"
		if _, err := tx.ExecContext(ctx, text, row...); err != nil {
			return err
		}
	}
	return nil
}

// position gives where MySQL stands with a shard.
func (i *installation) position(shard int) auction.Position {
	i.t.Helper()
	p, err := i.app.Store.Position(i.t.Context(), shard)
	must(i.t, err)
	return p
}

// giveBack cancels orders and waits until their units are back.
func (i *installation) giveBack(ids ...uuid.UUID) {
	i.t.Helper()
	for _, id := range ids {
		o, err := i.app.Store.Order(i.t.Context(), id)
		must(i.t, err)
		after, event, err := o.Move(orders.Cancel, orders.Buyer, orders.Details{Reason: "changed my mind"}, newID(), time.Now().UnixMicro())
		must(i.t, err)
		must(i.t, i.app.Store.SaveMove(i.t.Context(), o, after, event))
	}
	for _, id := range ids {
		live.Eventually(i.t, 20*time.Second, "the unit's return", func() (bool, error) {
			o, err := i.app.Store.Order(i.t.Context(), id)
			return o.ReleasedUS > 0, err
		})
	}
}

// newest gives an order of the sale.
func (i *installation) newest() uuid.UUID {
	i.t.Helper()
	list, err := i.app.Store.ListOrders(i.t.Context(), orders.Filter{Session: i.session.ID}, orders.Page{Limit: 1})
	must(i.t, err)
	return list[0].ID
}

// MySQL forgets commits: bids, cancelled orders and the units that came back from them, and the cut of a recovery. Position
// and offset went back with the data, so Kafka tells all of it again: to a consumer that runs, to one that starts, and to one
// that a recovery waits for.
func TestMySQLForgetsCommits(t *testing.T) {
	engines := worlds()
	delete(engines, "standins") // a file does not fail over
	for name, on := range engines {
		for how, around := range map[string]func(i *installation, members []crowd.Member, forget func()){
			"in mid-sale": func(i *installation, members []crowd.Member, forget func()) {
				before := i.crowd.Admitted.Load()
				wait := i.rush(members)
				i.until(before + 5)
				forget()
				wait()
			},
			"before a start":    func(i *installation, _ []crowd.Member, forget func()) { i.stop(); forget(); i.start() },
			"before a recovery": func(i *installation, _ []crowd.Member, forget func()) { forget(); i.recovers(i.lots[0].Shard) },
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				i := install(t, on(t))
				i.terms = i.inTurn
				i.openSale(5*time.Minute, 1, 40, 40)
				db, members, shard := i.database(), i.members(200), i.lots[0].Shard
				i.crowd.Rush(t.Context(), i.session.ID, members[:20])
				i.settle()
				early, old, was := i.newest(), i.position(shard), dump(t, db)

				i.crowd.Rush(t.Context(), i.session.ID, members[20:40])
				i.settle()
				late := i.newest()
				i.giveBack(early, late)
				i.recovers(shard)
				i.crowd.Rush(t.Context(), i.session.ID, members[40:60])
				i.settle()
				if now := i.position(shard); now.Epoch == old.Epoch || now.Seq < old.Seq+10 {
					t.Fatalf("from %+v to %+v there is little to forget", old, now)
				}

				around(i, members[60:80], func() { putBack(t, db, was) })
				i.crowd.Rush(t.Context(), i.session.ID, members[60:])
				if sold := i.counted(); sold != 82 {
					t.Errorf("%d orders, want those of 80 units and the two that were cancelled, told %v", sold, i.crowd.Told())
				}
				for _, id := range []uuid.UUID{early, late} {
					if o, err := i.app.Store.Order(t.Context(), id); err != nil || o.State != orders.Cancelled || o.ReleasedUS == 0 {
						t.Errorf("an order that was cancelled: %+v, %v", o, err)
					}
				}
			})
		}
	}
}

// recovers gives a shard to recovery and waits until it decides again.
func (i *installation) recovers(shard int) {
	i.t.Helper()
	v, err := i.app.Gate.Vouched(i.t.Context(), shard)
	must(i.t, err)
	must(i.t, i.app.Gate.Disown(i.t.Context(), shard))
	i.vouchedSince(shard, v.Epoch)
}
