package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

func (c *cli) preheatCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "preheat [SESSION]",
		Short: "Write a session's lots into gate and shelf now; without an id every session that is due",
		Long: "Writes a published session's lots into the gate and onto the shelf. It may be done twice and at any time before the start;\n" +
			"lots that are open are never written over. The role closer does the same by itself, preheat.ahead before the start.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			session := uuid.Nil
			if len(args) == 1 {
				var err error
				if session, err = uuid.Parse(args[0]); err != nil {
					return usage("%q is not the id of a session", args[0])
				}
			}
			return c.with(needRoad, func(p platform) error { return c.preheat(cmd.Context(), p, session) })
		},
	}
}

func (c *cli) preheat(ctx context.Context, p platform, session uuid.UUID) error {
	step, end := c.progress("lots")
	reports, err := p.Preheat(ctx, session, step)
	end()
	if err != nil {
		return err
	}
	missing, rows := 0, [][]string{}
	for _, r := range reports {
		missing += max(0, r.Lots-r.Verified)
		rows = append(rows, []string{r.Session.String(), strconv.Itoa(r.Lots), strconv.Itoa(r.Written), strconv.Itoa(r.Open), strconv.Itoa(r.Closed), strconv.Itoa(r.Verified)})
	}
	err = c.show(reports, func(w io.Writer) {
		if len(rows) == 0 {
			_, _ = fmt.Fprintln(w, "no session is due")
			return
		}
		table(w, []string{"SESSION", "LOTS", "WRITTEN", "OPEN", "OVER", "VERIFIED"}, rows)
	})
	if err == nil && missing > 0 {
		return wrongError{fmt.Sprintf("%d lots were not found after writing", missing)}
	}
	return err
}
