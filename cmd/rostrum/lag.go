package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

const (
	leastWatch  = 200 * time.Millisecond
	clearScreen = "\x1b[H\x1b[2J"
)

func (c *cli) lagCommand() *cobra.Command {
	watch, every := false, time.Second
	cmd := &cobra.Command{
		Use:   "lag",
		Short: "Show the way from the gate to MySQL: lag, positions, journals; exit status 1 if a shard is halted or cannot be read",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if every < leastWatch {
				return usage("--every is %s: write %s or more", every, leastWatch)
			}
			return c.with(needRoad, func(p platform) error {
				if watch {
					return c.watchLag(cmd.Context(), p, every)
				}
				return c.lag(cmd.Context(), p)
			})
		},
	}
	cmd.Flags().BoolVar(&watch, "watch", false, "go on until interrupted; with --output json one line a look")
	cmd.Flags().DurationVar(&every, "every", every, "time between two looks")
	return cmd
}

func (c *cli) lag(ctx context.Context, p platform) error {
	r, err := p.Road(ctx)
	if err != nil {
		return err
	}
	if err := c.show(r, func(w io.Writer) { printRoad(w, r) }); err != nil {
		return err
	}
	return r.wrong()
}

// watchLag goes on through everything but its end: an operator looks at it because something is wrong.
func (c *cli) watchLag(ctx context.Context, p platform, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		r, err := p.Road(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			c.printError(err)
		default:
			if err := c.show(r, func(w io.Writer) { c.repaint(w, r) }); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (c *cli) repaint(w io.Writer, r road) {
	if c.outTerminal {
		_, _ = io.WriteString(w, clearScreen)
	}
	printRoad(w, r)
}

func printRoad(w io.Writer, r road) {
	var rows [][]string
	n := func(i int64) string { return strconv.FormatInt(i, 10) }
	lag, journal := int64(0), int64(0)
	for _, s := range r.Shards {
		lag, journal = lag+s.Lag, journal+s.Journal
		rows = append(rows, []string{strconv.Itoa(s.Shard), s.State, n(s.Epoch), n(s.End), n(s.Committed), n(s.Lag), n(s.Seq), n(s.Next),
			n(s.Journal), (time.Duration(s.OldestMS) * time.Millisecond).String(), s.Trouble})
	}
	_, _ = fmt.Fprintf(w, "%s  topic %s  group %s  lag %d  journal %d\n", r.At.UTC().Format(time.RFC3339), r.Topic, r.Group, lag, journal)
	table(w, []string{"SHARD", "STATE", "EPOCH", "END", "COMMITTED", "LAG", "MYSQL SEQ", "MYSQL NEXT", "JOURNAL", "OLDEST", "TROUBLE"}, rows)
}

// wrong says whether somebody must look at a shard.
func (r road) wrong() error {
	bad := 0
	for _, s := range r.Shards {
		if s.State == stateHalted || s.State == stateUnreadable {
			bad++
		}
	}
	if bad > 0 {
		return wrongError{fmt.Sprintf("%d shards are halted or cannot be read", bad)}
	}
	return nil
}
