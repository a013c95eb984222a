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
				return c.with(cmd.Context(), needKafka, func(p platform) error { return c.topics(cmd.Context(), p, sub.apply) })
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
	err = c.show(changes, func(w io.Writer) {
		var rows [][]string
		for _, change := range changes {
			rows = append(rows, []string{change.Topic, change.What, change.Have, change.Want})
		}
		if rows == nil {
			_, _ = fmt.Fprintln(w, "the topics are as they should be")
			return
		}
		table(w, []string{"TOPIC", "WHAT", "WAS", "SHOULD BE"}, rows)
	})
	if err == nil && !apply && len(changes) > 0 {
		return wrongError{fmt.Sprintf("%d differences: rostrum topics apply", len(changes))}
	}
	return err
}
