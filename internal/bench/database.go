package bench

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// onMySQL makes databases on the server of a DSN without one. The driver is the one that package store registers.
func onMySQL(server string) func(ctx context.Context, name string) (Database, error) {
	return func(ctx context.Context, name string) (Database, error) {
		if err := onServer(ctx, server, "CREATE DATABASE "+name); err != nil {
			return Database{}, err
		}
		return Database{DSN: named(server, name), Drop: func(ctx context.Context) error {
			return onServer(ctx, server, "DROP DATABASE "+name)
		}}, nil
	}
}

func onServer(ctx context.Context, server, statement string) (err error) {
	admin, err := sql.Open("mysql", server)
	if err != nil {
		return fmt.Errorf("mysql: %w", err)
	}
	defer func() { err = errors.Join(err, admin.Close()) }()
	if _, err = admin.ExecContext(ctx, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// named puts a database's name into a DSN that has none: before its parameters, where it has some.
func named(server, name string) string {
	before, parameters, has := strings.Cut(server, "?")
	if has {
		return before + name + "?" + parameters
	}
	return server + name
}
