package main

import (
	"context"
	"fmt"
	"io"
	"slices"
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
		Short: "Show the way from the gate to MySQL: lag, positions, journals; exit status 1 if a shard is halted or a part of it cannot be read",
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
	journal := int64(0)
	for _, s := range r.Shards {
		journal += s.Journal
		gate, kafka, mysql := s.reader("gate"), s.reader("kafka"), s.reader("mysql")
		committed, lag := kafka(s.Committed), kafka(s.Lag)
		if s.Committed < 0 && committed != notRead {
			committed, lag = "-", "-" // as Kafka's own tools print it
		}
		oldest := notRead
		if gate(0) != notRead {
			oldest = (time.Duration(s.OldestMS) * time.Millisecond).String()
		}
		rows = append(rows, []string{strconv.Itoa(s.Shard), s.State, gate(s.Epoch), kafka(s.End), committed, lag, mysql(s.Seq), mysql(s.Next),
			gate(s.Journal), oldest, s.Trouble})
	}
	_, _ = fmt.Fprintf(w, "%s  topic %s  group %s  lag %d  journal %d\n", r.At.UTC().Format(time.RFC3339), r.Topic, r.Group, r.Lag, journal)
	table(w, []string{"SHARD", "STATE", "EPOCH", "END", "COMMITTED", "LAG", "MYSQL SEQ", "MYSQL NEXT", "JOURNAL", "OLDEST", "TROUBLE"}, rows)
}

const notRead = "?"

// reader writes the numbers of a part.
func (s shardRoad) reader(part string) func(int64) string {
	if slices.Contains(s.Unread, part) {
		return func(int64) string { return notRead }
	}
	return func(n int64) string { return strconv.FormatInt(n, 10) }
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
