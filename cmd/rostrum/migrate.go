package main

import (
	"context"
	"io"
	"strconv"

	"github.com/spf13/cobra"
)

func (c *cli) migrateCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "migrate", Short: "Bring the database's tables to what this binary needs"}
	status := &cobra.Command{
		Use: "status", Short: "Say which migrations are applied; exit status 1 if some are not", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(needMySQL, func(p platform) error { return c.migrations(cmd.Context(), p, true) })
		},
	}
	up := &cobra.Command{
		Use: "up", Short: "Apply all that are not; two that run at once wait for each other", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(needMySQL, func(p platform) error {
				step, end := c.progress("migrations")
				err := p.MigrateUp(cmd.Context(), step)
				end()
				if err != nil {
					return err
				}
				return c.migrations(cmd.Context(), p, false)
			})
		},
	}
	sure := false
	down := &cobra.Command{
		Use: "down", Short: "Take the newest one back, with everything that is in its tables", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !sure {
				return usage("migrate down deletes what is in the tables it takes back: add --sure")
			}
			return c.with(needMySQL, func(p platform) error {
				if err := p.MigrateDown(cmd.Context()); err != nil {
					return err
				}
				return c.migrations(cmd.Context(), p, false)
			})
		},
	}
	down.Flags().BoolVar(&sure, "sure", false, "that the data may be lost")
	cmd.AddCommand(up, down, status)
	return cmd
}

// migrations shows them; with strict it is wrong if one is not applied.
func (c *cli) migrations(ctx context.Context, p platform, strict bool) error {
	list, err := p.Migrations(ctx)
	if err != nil {
		return err
	}
	pending, rows := 0, [][]string{}
	for _, m := range list {
		if !m.Applied {
			pending++
		}
		rows = append(rows, []string{strconv.FormatInt(m.Version, 10), m.Name, yes(m.Applied)})
	}
	err = c.show(list, func(w io.Writer) { table(w, []string{"VERSION", "NAME", "APPLIED"}, rows) })
	if err == nil && strict && pending > 0 {
		return wrongError{strconv.Itoa(pending) + " migrations are not applied: rostrum migrate up"}
	}
	return err
}
