package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (c *cli) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Look at every server the platform needs, its version and settings that matter; exit status 1 if one is not right",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), needAll, func(p platform) error {
				findings, bad := p.Doctor(cmd.Context()), 0
				for _, f := range findings {
					if !f.Good {
						bad++
					}
				}
				if err := c.show(findings, func(w io.Writer) { printFindings(w, findings) }); err != nil {
					return err
				}
				if bad > 0 {
					return wrongError{fmt.Sprintf("%d of %d checks are not good", bad, len(findings))}
				}
				return nil
			})
		},
	}
}

func printFindings(w io.Writer, findings []finding) {
	var rows [][]string
	for _, f := range findings {
		mark, detail := "ok", f.Detail
		if !f.Good {
			mark = "WRONG"
			detail += "; " + f.Remedy
		}
		rows = append(rows, []string{mark, f.What, f.Check, detail})
	}
	table(w, []string{"", "WHAT", "CHECK", "FOUND"}, rows)
}
