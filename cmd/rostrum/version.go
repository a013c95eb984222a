package main

import (
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"
)

type build struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Time     string `json:"time"`
	Modified bool   `json:"modified"` // built from a tree with changes
	Go       string `json:"go"`
}

// readBuild gives what the toolchain wrote into the binary; "unknown" and empty where it wrote nothing.
func readBuild() build {
	info, found := debug.ReadBuildInfo()
	if !found {
		return build{Version: "unknown"}
	}
	b := build{Version: info.Main.Version, Go: info.GoVersion}
	if b.Version == "" {
		b.Version = "unknown"
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.time":
			b.Time = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

func (c *cli) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print what this binary was built from", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			b := readBuild()
			return c.show(b, func(w io.Writer) {
				_, _ = fmt.Fprintf(w, "rostrum %s\nrevision %s %s, modified: %s\n%s\n", b.Version, b.Revision, b.Time, yes(b.Modified), b.Go)
			})
		},
	}
}
