package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"rostrum/internal/config"
	"rostrum/internal/fault"
)

// The exit statuses; the package's comment says what they mean.
const (
	exitGood        = 0
	exitWrong       = 1
	exitUsage       = 2
	exitAway        = 3
	exitRefused     = 4
	exitInternal    = 5
	exitInterrupted = 130
)

const statusHelp = `Exit status: 0 done; 1 something is wrong with what was looked at; 2 command line or configuration;
3 a server is away, ask again; 4 refused; 5 a mistake of ours; 130 interrupted.`

// usageError is a command line that cannot be used.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// wrongError says that a command did its work and found something that is not as it should be. It was printed already.
type wrongError struct{ what string }

func (e wrongError) Error() string { return e.what }

func status(ctx context.Context, err error) int {
	var used usageError
	var wrong wrongError
	var problems config.Problems
	switch {
	case err == nil:
		return exitGood
	case errors.As(err, &used), errors.As(err, &problems):
		return exitUsage
	case errors.As(err, &wrong):
		return exitWrong
	case ctx.Err() != nil:
		return exitInterrupted
	}
	switch fault.ClassOf(err) {
	case fault.Unavailable, fault.Unknown, fault.TooMany:
		return exitAway
	case fault.Internal:
		return exitInternal
	default:
		return exitRefused
	}
}

// problem is an error as programs read it, on standard error.
type problem struct {
	Code     string           `json:"code"`
	Detail   string           `json:"detail"`
	Fields   []fault.Field    `json:"fields,omitempty"`
	Problems []config.Problem `json:"problems,omitempty"`
}

func (c *cli) printError(err error) {
	if c.output != "json" {
		_, _ = fmt.Fprintln(c.err, "rostrum: "+err.Error())
		if e := fault.As(err); e != nil {
			for _, f := range e.Fields {
				_, _ = fmt.Fprintf(c.err, "  %s: %s\n", f.Name, f.Remedy)
			}
		}
		return
	}
	p := problem{Code: fault.CodeOf(err), Detail: err.Error()}
	var used usageError
	var wrong wrongError
	var problems config.Problems
	switch e := fault.As(err); {
	case errors.As(err, &problems):
		p.Code, p.Detail, p.Problems = "configuration", "the configuration cannot be used", problems
	case errors.As(err, &used):
		p.Code = "usage"
	case errors.As(err, &wrong):
		p.Code = "wrong"
	case e != nil:
		p.Fields = e.Fields
	}
	_ = json.NewEncoder(c.err).Encode(p) // nobody is left to be told
}
