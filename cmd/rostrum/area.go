package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"rostrum/goods"
)

func (c *cli) areaCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "area", Short: "Make and list sales areas: a new installation needs one before its first user"}
	cmd.AddCommand(
		&cobra.Command{
			Use: "put CODE NAME", Short: "Make an area, or give it another name. Audited", Args: cobra.ExactArgs(2),
			RunE: func(cmd *cobra.Command, args []string) error {
				return c.with(needUsers, func(p platform) error {
					if err := p.PutArea(cmd.Context(), goods.Area{Code: args[0], Name: args[1]}); err != nil {
						return err
					}
					return c.areas(cmd.Context(), p)
				})
			},
		},
		&cobra.Command{
			Use: "list", Short: "List them", Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return c.with(needUsers, func(p platform) error { return c.areas(cmd.Context(), p) })
			},
		},
	)
	return cmd
}

func (c *cli) areas(ctx context.Context, p platform) error {
	list, err := p.Areas(ctx)
	if err != nil {
		return err
	}
	return c.show(list, func(w io.Writer) {
		var rows [][]string
		for _, area := range list {
			rows = append(rows, []string{area.Code, area.Name})
		}
		table(w, []string{"CODE", "NAME"}, rows)
	})
}
