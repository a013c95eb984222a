// Command rostrum is the one binary of the platform: "rostrum serve" runs any of its roles, the other commands prepare an
// installation and look into it.
//
// Every command takes --config, --set and --output. Answers go to standard output, logs, progress and errors to standard
// error. The exit status says who can do something about it:
//
//	0  done, and nothing is wrong
//	1  done, and something is wrong: a difference, a missed check, a count that does not hold
//	2  the command line or the configuration cannot be used
//	3  a server is away, or the outcome is not known: ask again
//	4  refused: there is no such thing, or it is in another state than was asked for
//	5  a mistake of ours; the log has more
//	130  interrupted
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() { os.Exit(start()) }

// start is apart from main so that what it defers is done before the exit.
func start() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	w := world{
		args: os.Args[1:], environ: os.Environ(), in: os.Stdin, out: os.Stdout, err: os.Stderr,
		outTerminal: isTerminal(os.Stdout), errTerminal: isTerminal(os.Stderr), open: openPlatform,
	}
	return w.run(ctx)
}

// isTerminal says whether somebody looks at f; only then is anything drawn that moves.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}
