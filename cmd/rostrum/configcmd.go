package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"rostrum/internal/config"
)

func (c *cli) configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check, print and explain the configuration"}
	cmd.AddCommand(
		&cobra.Command{
			Use: "check", Short: "Say everything that is wrong with the configuration; connect to nothing", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return c.configCheck() },
		},
		&cobra.Command{
			Use: "print", Short: "Print what is set, and from where; secrets stay hidden", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error { return c.configPrint() },
		},
		&cobra.Command{
			Use: "reference", Short: "Print the page of all keys (Markdown, or JSON)", Args: cobra.NoArgs,
			RunE: func(*cobra.Command, []string) error {
				return c.show(config.Sections(), func(w io.Writer) { _, _ = io.WriteString(w, config.Reference()) })
			},
		},
	)
	return cmd
}

func (c *cli) configCheck() error {
	settings, err := c.load(nil)
	if err != nil {
		return err
	}
	type answer struct {
		Good     bool     `json:"good"`
		Mode     string   `json:"mode"`
		Warnings []string `json:"warnings"`
	}
	a := answer{true, settings.Mode, append([]string{}, settings.Warnings()...)}
	return c.show(a, func(w io.Writer) {
		for _, warning := range a.Warnings {
			_, _ = fmt.Fprintln(w, "warning:", warning)
		}
		_, _ = fmt.Fprintf(w, "the configuration can be used (%s, %d warnings)\n", a.Mode, len(a.Warnings))
	})
}

// configPrint prints also what lacks the keys that a start would need: that is when people want to see it.
func (c *cli) configPrint() error {
	settings, err := c.load([]string{})
	if err != nil {
		return err
	}
	return c.show(settings.Values(), func(w io.Writer) { _, _ = io.WriteString(w, settings.Print()) })
}
