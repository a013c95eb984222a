package main

import (
	"context"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"
)

// mostParked are shown at a time: what is redriven makes room for the next.
const mostParked = 100

func (c *cli) shardCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "shard", Short: "Look at shards, and get a halted one going again"}
	status := c.lagCommand()
	status.Use, status.Short = "status", "The same as rostrum lag"

	rewind := &cobra.Command{
		Use:   "rewind SHARD OFFSET",
		Short: "Let MySQL read the shard's partition again from an offset; nothing is applied twice. Audited",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			shard, offset, err := shardAnd("OFFSET", args)
			if err != nil {
				return err
			}
			return c.with(needRoad, func(p platform) error {
				if err := p.Rewind(cmd.Context(), shard, offset); err != nil {
					return err
				}
				return c.lag(cmd.Context(), p)
			})
		},
	}

	sure := false
	accept := &cobra.Command{
		Use:   "accept-gap SHARD SEQ",
		Short: "Go on at record number SEQ without those missing before it: what they said is lost. Audited",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			shard, seq, err := shardAnd("SEQ", args)
			if err != nil {
				return err
			}
			if !sure {
				return usage("accept-gap gives up admissions that people have receipts for; try shard rewind first, then add --sure")
			}
			return c.with(needRoad, func(p platform) error {
				if err := p.AcceptGap(cmd.Context(), shard, seq); err != nil {
					return err
				}
				return c.lag(cmd.Context(), p)
			})
		},
	}
	accept.Flags().BoolVar(&sure, "sure", false, "that the missing records may be lost")
	cmd.AddCommand(status, rewind, accept, c.parkedCommand(), c.redriveCommand())
	return cmd
}

func (c *cli) parkedCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "parked",
		Short: "List what could not be applied and was put aside, the first hundred",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(needRoad, func(p platform) error { return c.parked(cmd.Context(), p) })
		},
	}
}

func (c *cli) redriveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "redrive SHARD OFFSET",
		Short: "Try again what is parked at an offset; it stays parked where it still cannot be applied. Audited",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			shard, offset, err := shardAnd("OFFSET", args)
			if err != nil {
				return err
			}
			return c.with(needRoad, func(p platform) error {
				if err := p.Redrive(cmd.Context(), shard, offset); err != nil {
					return err
				}
				return c.parked(cmd.Context(), p)
			})
		},
	}
}

func (c *cli) parked(ctx context.Context, p platform) error {
	list, err := p.Parked(ctx, mostParked)
	if err != nil {
		return err
	}
	var rows [][]string
	for _, m := range list {
		n := func(i int64) string { return strconv.FormatInt(i, 10) }
		rows = append(rows, []string{strconv.Itoa(m.Shard), n(m.Offset), n(m.Seq), m.At.Format(time.RFC3339), m.Lot.String(), m.Buyer.String(),
			n(m.Quantity), m.Reason})
	}
	return c.show(list, func(w io.Writer) {
		table(w, []string{"SHARD", "OFFSET", "SEQ", "AT", "LOT", "BUYER", "QUANTITY", "REASON"}, rows)
	})
}

func shardAnd(what string, args []string) (int, int64, error) {
	shard, err := strconv.ParseUint(args[0], 10, 16)
	if err != nil {
		return 0, 0, usage("SHARD is %q: write its number", args[0])
	}
	number, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil || number < 0 {
		return 0, 0, usage("%s is %q: write a whole number", what, args[1])
	}
	return int(shard), number, nil
}
