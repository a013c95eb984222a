package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rostrum/internal/config"
	"rostrum/internal/observe"
)

// world is all that the commands touch outside of the installation itself.
type world struct {
	args    []string
	environ []string
	in      io.Reader
	out     io.Writer
	err     io.Writer

	outTerminal, errTerminal bool // whether somebody looks at them

	// open makes the platform of a configuration; what a command needs of it is connected when it asks.
	open func(c config.Config, log *slog.Logger) (platform, error)
}

// cli is one run: the world and the flags that every command has.
type cli struct {
	world
	file   string
	set    []string
	output string
	quiet  bool
}

func (w world) run(ctx context.Context) int {
	c := &cli{world: w}
	root := c.root()
	root.SetArgs(w.args)
	root.SetIn(w.in)
	root.SetOut(w.out)
	root.SetErr(w.err)
	err := root.ExecuteContext(ctx)
	if err != nil {
		c.printError(err)
	}
	return status(ctx, err)
}

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "rostrum",
		Short:         "Flash sales and auctions",
		Long:          "rostrum runs flash sales and auctions. Start with: rostrum config check, rostrum doctor.\n\n" + statusHelp,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if c.output != "text" && c.output != "json" {
				return usage("--output is %q: write text or json", c.output)
			}
			return nil
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVar(&c.file, "config", c.variable("ROSTRUM_CONFIG"), "file with the configuration (YAML); also ROSTRUM_CONFIG")
	flags.StringArrayVar(&c.set, "set", nil, "one key of the configuration, as section.key=value; may be repeated")
	flags.StringVar(&c.output, "output", "text", "text for people or json for programs")
	flags.BoolVar(&c.quiet, "quiet", false, "no progress")
	root.AddCommand(c.commands()...)
	onlyKnown(root)
	return root
}

// onlyKnown makes a wrong argument an error of usage, and a command that only has others below it show them.
func onlyKnown(cmd *cobra.Command) {
	if check := cmd.Args; check != nil {
		cmd.Args = func(cmd *cobra.Command, args []string) error {
			if err := check(cmd, args); err != nil {
				return usageError{err}
			}
			return nil
		}
	}
	if cmd.RunE == nil && cmd.Run == nil {
		cmd.RunE = func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("%s has no command %q", cmd.CommandPath(), args[0])
			}
			return cmd.Help()
		}
		cmd.Args = cobra.ArbitraryArgs
	}
	for _, sub := range cmd.Commands() {
		onlyKnown(sub)
	}
}

func (c *cli) variable(name string) string {
	for _, entry := range c.environ {
		if value, found := strings.CutPrefix(entry, name+"="); found {
			return value
		}
	}
	return ""
}

// load reads the configuration. need names the parts that the command uses; nil: all.
func (c *cli) load(need []string, set ...string) (config.Config, error) {
	return config.Load(config.Options{
		File: c.file, Environ: c.environ, Set: append(c.set, set...), Need: need, ReadFile: os.ReadFile,
	})
}

// with does something with the platform, of which need names the parts that must be configured, and closes it.
func (c *cli) with(need []string, do func(p platform) error, set ...string) error {
	settings, err := c.load(need, set...)
	if err != nil {
		return err
	}
	// A command is there to answer: of the log it shows warnings only.
	log, err := observe.NewLogger(c.err, "warn", settings.Log.Format)
	if err != nil {
		return fmt.Errorf("set up the log: %w", err)
	}
	p, err := c.open(settings, log)
	if err != nil {
		return err
	}
	defer p.Close()
	return do(p)
}
