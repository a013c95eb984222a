package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"
)

func (c *cli) topicsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "topics", Short: "Make Kafka's topics as they are described"}
	for _, sub := range []struct {
		use, short string
		apply      bool
	}{
		{"apply", "Make what is missing and mend what differs; a partition count is never changed", true},
		{"diff", "Say what differs; exit status 1 if anything does", false},
	} {
		cmd.AddCommand(&cobra.Command{
			Use: sub.use, Short: sub.short, Args: cobra.NoArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				return c.with(needKafka, func(p platform) error { return c.topics(cmd.Context(), p, sub.apply) })
			},
		})
	}
	return cmd
}

func (c *cli) topics(ctx context.Context, p platform, apply bool) error {
	changes, err := p.Topics(ctx, apply)
	if err != nil {
		return err
	}
	left, rows := 0, [][]string{}
	for _, change := range changes {
		if !apply || change.Manual {
			left++
		}
		rows = append(rows, []string{change.Topic, change.What, change.From, change.To, yes(apply && !change.Manual)})
	}
	err = c.show(changes, func(w io.Writer) {
		if len(rows) == 0 {
			_, _ = fmt.Fprintln(w, "the topics are as they should be")
			return
		}
		table(w, []string{"TOPIC", "WHAT", "FROM", "TO", "DONE"}, rows)
	})
	switch {
	case err != nil || left == 0:
		return err
	case apply:
		return wrongError{fmt.Sprintf("%d differences are left to Kafka's own tools", left)}
	}
	return wrongError{fmt.Sprintf("%d differences: rostrum topics apply", left)}
}
