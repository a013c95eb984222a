package main

import "github.com/spf13/cobra"

// commands are all there are. Each file has one of them.
func (c *cli) commands() []*cobra.Command {
	return []*cobra.Command{
		c.serveCommand(), c.migrateCommand(), c.topicsCommand(), c.preheatCommand(), c.lagCommand(), c.doctorCommand(),
		c.configCommand(), c.areaCommand(), c.userCommand(), c.reconcileCommand(), c.shardCommand(), c.simulateCommand(), c.versionCommand(),
	}
}
