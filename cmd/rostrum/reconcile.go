package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"
)

func (c *cli) reconcileCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "reconcile",
		Short: "Count what must hold of the sale, each side taken from another place; exit status 1 if it does not",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(needRoad, func(p platform) error {
				step, end := c.progress("sources")
				invariants, err := p.Reconcile(cmd.Context(), step)
				end()
				if err != nil {
					return err
				}
				return c.invariants(invariants)
			})
		},
	}
}

func (c *cli) invariants(invariants []invariant) error {
	broken, rows := 0, [][]string{}
	for _, i := range invariants {
		if i.Wrong > 0 {
			broken++
		}
		rows = append(rows, []string{i.Name, strconv.Itoa(i.Checked), strconv.Itoa(i.Wrong), i.Detail})
	}
	if err := c.show(invariants, func(w io.Writer) { table(w, []string{"MUST HOLD", "CHECKED", "WRONG", "DETAIL"}, rows) }); err != nil {
		return err
	}
	if broken > 0 {
		return wrongError{fmt.Sprintf("%d of %d do not hold", broken, len(invariants))}
	}
	return nil
}
