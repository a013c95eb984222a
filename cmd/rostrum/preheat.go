package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
)

func (c *cli) preheatCommand() *cobra.Command {
	var at string
	command := &cobra.Command{
		Use:   "preheat [SESSION]",
		Short: "Write a session's lots into gate and shelf now; without an id every session that is due",
		Long: "Writes a published session's lots into the gate and onto the shelf. It may be done twice and at any time before the start;\n" +
			"lots that are open are never written over. It goes on where a run that was interrupted stopped. The role closer does the same by\n" +
			"itself, preheat.ahead before the start. With --at it waits until then, at most a day.",
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			session := uuid.Nil
			if len(args) == 1 {
				var err error
				if session, err = uuid.Parse(args[0]); err != nil {
					return usage("%q is not the id of a session", args[0])
				}
			}
			wait, err := until(at, time.Now())
			if err != nil {
				return err
			}
			return c.with(needRoad, func(p platform) error {
				if err := pause(cmd.Context(), wait); err != nil {
					return err
				}
				return c.preheat(cmd.Context(), p, session)
			})
		},
	}
	command.Flags().StringVar(&at, "at", "", "when to begin, e.g. 2027-01-15T09:00:00Z; now by default")
	return command
}

// maxWait bounds --at: who plans further ahead has a scheduler.
const maxWait = 24 * time.Hour

// until gives how long it is until a time as it was typed; 0 for none, and for one that has passed.
func until(at string, now time.Time) (time.Duration, error) {
	if at == "" {
		return 0, nil
	}
	then, err := time.Parse(time.RFC3339, at)
	if err != nil {
		return 0, usage("--at is %q: write a time such as %s", at, now.UTC().Add(time.Hour).Format(time.RFC3339))
	}
	wait := then.Sub(now)
	if wait > maxWait {
		return 0, usage("--at is %s away: write a time within a day, or set preheat.ahead", wait.Round(time.Minute))
	}
	return max(wait, 0), nil
}

func pause(ctx context.Context, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
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
		for _, r := range reports {
			if r.Lots == 0 {
				_, _ = fmt.Fprintf(w, "session %s has no lots: there was nothing to write\n", r.Session)
			}
		}
	})
	if err == nil && missing > 0 {
		return wrongError{fmt.Sprintf("%d lots were not found after writing", missing)}
	}
	return err
}
