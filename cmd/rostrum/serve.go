package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"rostrum/internal/app"
	"rostrum/internal/observe"
)

func (c *cli) serveCommand() *cobra.Command {
	var roles []string
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run roles of the platform until told to stop (SIGTERM drains, within http.shutdown_timeout)",
		Args:  cobra.NoArgs,
	}
	cmd.Flags().StringSliceVar(&roles, "roles", nil, "api, relay, worker, closer; empty: those of the configuration")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		var set []string
		if len(roles) > 0 {
			set = []string{"roles=" + strings.Join(roles, ",")}
		}
		settings, err := c.load(nil, set...)
		if err != nil {
			return err
		}
		log, err := observe.NewLogger(c.err, settings.Log.Level, settings.Log.Format)
		if err != nil {
			return fmt.Errorf("set up the log: %w", err)
		}
		for _, warning := range settings.Warnings() {
			log.Warn(warning)
		}
		percent := app.CollectSeldom(os.Getenv)
		log.Info("starting", "version", readBuild().Version, "gc_percent", percent, "config", settings)
		p, err := c.open(settings, log)
		if err != nil {
			return err
		}
		defer p.Close()
		return p.Serve(cmd.Context())
	}
	return cmd
}
