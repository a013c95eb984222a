package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
)

// doctorWait is how long the doctor waits for a server; a start waits longer, but here somebody sits in front of it.
const doctorWait = 3 * time.Second

func (c *cli) doctorCommand() *cobra.Command {
	wait := doctorWait
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at every server, its version and the settings that matter; exit status 1 if one is not right",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(needAll, func(p platform) error {
				return c.findings(p.Doctor(cmd.Context()))
			}, "start.wait_for_dependencies="+wait.String())
		},
	}
	cmd.Flags().DurationVar(&wait, "wait", wait, "for a server that does not answer")
	return cmd
}

func (c *cli) findings(findings []finding) error {
	bad, rows := 0, [][]string{}
	for _, f := range findings {
		mark, says := "ok", f.Says
		if !f.OK {
			bad++
			mark = "WRONG"
			says += " -> " + f.Remedy
		}
		rows = append(rows, []string{mark, f.Part, says})
	}
	if err := c.show(findings, func(w io.Writer) { table(w, []string{"", "PART", "FOUND"}, rows) }); err != nil {
		return err
	}
	if bad > 0 {
		return wrongError{fmt.Sprintf("%d of %d are not right", bad, len(findings))}
	}
	return nil
}
